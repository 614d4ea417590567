/* hop.h - one next hop: what a plugin's word for it (struct pr_mx of postrider.h) means. */
#ifndef HOP_H
#define HOP_H

#include "../lib/base.h"
#include "../lib/dns.h"
#include "../plugins/postrider.h"
#include "access.h"
#include "targets.h"

#define HOP_LMTP_PORT 24	/* RFC 2033 has none of its own; 24 is for private mail systems */
#define HOP_SMTP_PORT 25
#define HOP_SMTPS_PORT 465	/* RFC 8314 7.3 */

struct hop {
	unsigned preference;
	bool lmtp;
	uint16_t port;
	char host[DNS_NAME_SIZE];	/* name or address; "" for a Unix socket, and for the MX hosts of a domain */
	char path[TARGET_PATH];		/* "" but for a Unix socket */
	const struct access *access;	/* held */
};

/* Reads MX; PORT is that of SMTP where it names none, SECTION that of struct access. False with *PROBLEM, a static text that says what was expected, and then
 * nothing is held. */
bool hop_read(struct hop *hop, const struct pr_mx *mx, uint16_t port, unsigned section, const char **problem) MUST_CHECK;
void hop_clear(struct hop *hop);
bool hop_by_mx(const struct hop *hop);

#endif
