/* sasl.h - AUTH as a client (RFC 4954): which mechanism, and what it says to each challenge. The messages of SCRAM and CRAM-MD5 are
 * lib's, shared with the server. Secrets are wiped when they are not needed any more. */
#ifndef SASL_H
#define SASL_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/tls.h"
#include "../lib/view.h"
#include "access.h"

#define SASL_NAMES 128			/* octets of a list of mechanisms in words */

struct sasl;

/* Whether NAME is a mechanism that we know. */
bool sasl_known(struct view name);
/* The set of those in NAMES, words with blanks between. */
unsigned sasl_set(struct view names);
/* An exchange for A's user: by the mechanism that A names, else by the best of OFFERED. TLS: the session that it is bound to where
 * that can be, or NULL. NULL when OFFERED has none. */
struct sasl *sasl_new(const struct access *a, unsigned offered, const struct tls_session *tls);
void sasl_free(struct sasl **s);
const char *sasl_name(const struct sasl *s);
/* Appends what stands behind AUTH: the mechanism, and its initial response where it has one. False with *WHY, a static text. */
bool sasl_begin(struct sasl *s, struct buf *out, const char **why) MUST_CHECK;
/* Appends the answer to CHALLENGE, both in base64. False with *WHY when it is none that belongs here. */
bool sasl_answer(struct sasl *s, struct view challenge, struct buf *out, const char **why) MUST_CHECK;
/* Whether a yes may be believed: the exchange has come to its end, and the server has shown that it knows the secret where the mechanism
 * has it do so. */
bool sasl_complete(const struct sasl *s);

#endif
