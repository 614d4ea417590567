/* auth.h - AUTH (RFC 4954). A mechanism is a row of one table and one step function, which knows nothing of a session: it takes the
 * client's answer, decoded, and says what is next. auth.c moves the answers and asks the hooks. Secrets are never logged and are
 * wiped where they were read. */
#ifndef AUTH_H
#define AUTH_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/cram_md5.h"
#include "../lib/plugin.h"
#include "../lib/scram.h"
#include "verb.h"

#define AUTH_RAW (VERB_LONG_LINE / 4 * 3 + 4)	/* octets of a decoded line */
#define AUTH_TEXT 1024				/* of a login or password, NUL included */
#define AUTH_OUT SCRAM_MESSAGE_MAX		/* of a challenge before base64, NUL included */
#define AUTH_BINDING 256			/* of a channel binding */

struct session;
struct auth;

/* What is next after a step. */
enum auth_next {
	AUTH_ASK,		/* send a->out, give the answer to the next step */
	AUTH_HOOKS,		/* ask the hooks, leave their verdict in a->verdict; the next step gets an empty answer */
	AUTH_ACCEPT,		/* a->login is who it says */
	AUTH_REFUSE,
	AUTH_REFUSE_ASK,	/* refused, and the mechanism says so in a->out first; the next step gets the answer */
	AUTH_MALFORMED,		/* not in the mechanism's grammar: a->why */
};

struct auth_mechanism {
	const char *name;
	enum hook hook;
	bool password;		/* the password is at hand: HOOK_AUTH can decide it too, and eavesdroppers could read it */
	bool tls_only;		/* makes no sense, or must never be done, in clear, whatever auth_without_tls says */
	bool bound;		/* wants a channel binding */
	bool certificate;	/* wants a certificate of the client that was found valid */
	const char *prompt;	/* the challenge that asks for the first response; NULL: the server begins, there is no initial response */
	enum auth_next (*step)(struct auth *a, struct view answer);
};

/* An exchange, zeroed before it begins. Holds a password: whoever has made it wipes it. What concerns the connection is set by auth_run. */
struct auth {
	const struct auth_mechanism *mechanism;
	unsigned turn;				/* steps done */
	enum verdict verdict;			/* of the hooks */
	const char *why;			/* AUTH_MALFORMED */
	char login[AUTH_TEXT];			/* prepared (saslprep); "" when the mechanism leaves it to the hooks */
	char password[AUTH_TEXT];		/* PLAIN, LOGIN */
	char challenge[256], response[CRAM_MD5_SIZE];	/* CRAM-MD5 */
	struct view token;			/* OAUTHBEARER, XOAUTH2; in raw */
	const char *host, *port;		/* OAUTHBEARER: what the client thinks it talks to; "" when it does not say */
	char out[AUTH_OUT];
	size_t raw_len;
	char raw[AUTH_RAW];			/* the client's last answer */

	/* SCRAM. */
	struct scram_server scram;
	struct scram_keys keys;			/* of the user, or of one who could be */
	bool keys_given;
	bool plus_offered;			/* to this connection: then "y" means that somebody has taken it out (RFC 5802 6) */
	const struct tls_session *tls;		/* NULL: none */
	const char *suspect;			/* for the log: why it looks like an attack */

	const char *me;				/* our name, for challenges */
	const struct plugin *by;		/* who said OK */
};

/* ---- for the session ---- */

/* Whether AUTH is on offer to this session now. */
bool auth_offered(const struct session *s);
/* Appends " PLAIN LOGIN": those that are on offer now. */
void auth_names(const struct session *s, struct buf *out);
/* The mechanism NAME if a plugin wants it, and the client has the certificate that it takes; NULL else. */
const struct auth_mechanism *auth_find(const struct session *s, struct view name);
/* Whether it may be used on this connection as it is now; false: not without TLS. */
bool auth_allowed(const struct session *s, const struct auth_mechanism *m);
/* The whole exchange by a->mechanism, the failures' limits and delay included. Sets s->reply unless the connection broke. True: s->auth_user is set. */
bool auth_run(struct session *s, struct auth *a, struct view initial);
/* Whether the session may use SENDER: always unless somebody is authenticated by a plugin that constrains his senders (auth_sender.c). */
bool auth_sender_allowed(const struct session *s, const struct address *sender);

/* ---- limits (auth_limit.c) ---- */

/* Whether too many have failed lately from this address, or with a->login (which is not so for an address from which that login has
 * succeeded lately). */
bool auth_limit_address(const struct session *s);
bool auth_limit_login(const struct session *s, const struct auth *a);
/* Counts a failure and a success. */
void auth_limit_failed(const struct session *s, const struct auth *a);
void auth_limit_passed(const struct session *s, const struct auth *a);
/* Waits until auth_failure_delay has passed since SINCE (clock_ms), but not beyond the session's deadline. */
void auth_limit_delay(const struct session *s, int64_t since);

/* ---- the steps of the mechanisms ---- */

enum auth_next auth_plain(struct auth *a, struct view answer);
enum auth_next auth_login(struct auth *a, struct view answer);
enum auth_next auth_external(struct auth *a, struct view answer);
enum auth_next auth_cram_md5(struct auth *a, struct view answer);
enum auth_next auth_scram(struct auth *a, struct view answer);
enum auth_next auth_oauthbearer(struct auth *a, struct view answer);
enum auth_next auth_xoauth2(struct auth *a, struct view answer);

/* For them: the name that asks to be authenticated, prepared and fit for logs. False: refuse, as if the password were wrong. */
bool auth_set_login(struct auth *a, struct view login);
/* AUTH_MALFORMED with the reason. */
enum auth_next auth_malformed(struct auth *a, const char *why);
/* What the hooks have said, for mechanisms with nothing to add. */
enum auth_next auth_verdict(const struct auth *a);

#endif
