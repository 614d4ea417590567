/* auth.h - the SASL exchange of AUTH (RFC 4954): mechanisms, and what the auth hooks may ask about while they run. */
#ifndef AUTH_H
#define AUTH_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/plugin.h"
#include "verb.h"

#define AUTH_RAW (VERB_LONG_LINE / 4 * 3 + 4)	/* octets of a decoded line */
#define AUTH_TEXT 1024				/* of a login or password, NUL included */

struct session;
struct auth_mechanism;

/* Holds a password: lives on one stack and is wiped before it is left. */
struct auth {
	const struct auth_mechanism *mechanism;
	char login[AUTH_TEXT], password[AUTH_TEXT];
	char challenge[256], response[AUTH_TEXT];	/* CRAM-MD5 */
	char raw[AUTH_RAW];
	size_t raw_len;
};

/* Whether AUTH is on offer to this session now. */
bool auth_offered(const struct session *s);
/* The mechanism NAME if a plugin wants it; NULL else. */
const struct auth_mechanism *auth_find(const struct session *s, struct view name);
const char *auth_mechanism_name(const struct auth_mechanism *m);
/* Appends " PLAIN LOGIN": those that a plugin wants. */
void auth_names(const struct session *s, struct buf *out);
/* The exchange: fills login and secrets. False: s->reply is set (501), or the connection broke. */
bool auth_exchange(struct session *s, struct auth *a, const struct auth_mechanism *m, struct view initial);
/* Asks the hooks; sets s->reply. True: authenticated. */
bool auth_decide(struct session *s, struct auth *a);

#endif
