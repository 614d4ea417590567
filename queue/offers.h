/* offers.h - what a server announces in its answer to EHLO or LHLO. */
#ifndef OFFERS_H
#define OFFERS_H

#include "../lib/base.h"
#include "../lib/view.h"

enum offer {
	OFFER_PIPELINING = 1,		/* RFC 2920 */
	OFFER_8BITMIME = 2,		/* RFC 6152 */
	OFFER_SIZE = 4,			/* RFC 1870 */
	OFFER_STARTTLS = 8,		/* RFC 3207 */
	OFFER_DSN = 16,			/* RFC 3461 */
	OFFER_SMTPUTF8 = 32,		/* RFC 6531 */
	OFFER_CHUNKING = 64,		/* RFC 3030 */
	OFFER_BINARYMIME = 128,		/* RFC 3030 */
	OFFER_AUTH = 256,		/* RFC 4954 */
	OFFER_DELIVERBY = 512,		/* RFC 2852 */
	OFFER_MT_PRIORITY = 1024,	/* RFC 6710 */
	OFFER_REQUIRETLS = 2048,	/* RFC 8689 */
};

struct offers {
	unsigned set;			/* of enum offer */
	uint64_t size_max;		/* octets of a message; 0: not told */
	uint64_t by_min;		/* seconds that DELIVERBY must leave it in mode R; 0: not told */
	unsigned auth;			/* mechanisms: of sasl_set */
};

/* TEXT: the whole answer, a line each ending in '\n'; the first, a greeting, is passed over. What is unknown or malformed is
 * not offered. */
void offers_parse(struct offers *o, struct view text);
/* All of WANTED. */
bool offers_have(const struct offers *o, unsigned wanted);

#endif
