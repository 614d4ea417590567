/* scram.h - SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as messages without their transport: the caller does the base64 of
 * SMTP, the lookup of users and the channel binding. A server needs only the keys below, from which no password and no proof
 * can be made. HMAC and PBKDF2 are GnuTLS's; a SASL library would add nothing but its own idea of a session. */
#ifndef SCRAM_H
#define SCRAM_H

#include "base.h"
#include "view.h"

#define SCRAM_HASH 32			/* octets of SHA-256 */
#define SCRAM_SALT 16			/* of a salt that we make */
#define SCRAM_SALT_MAX 64		/* of one that we read */
#define SCRAM_ITERATIONS 32768		/* of keys that we make: some milliseconds; some clients take no more than 65536 */
#define SCRAM_ITERATIONS_MIN 4096	/* RFC 7677 4 */
#define SCRAM_ITERATIONS_MAX 1000000	/* a second or so: more would hold up whoever computes it */
#define SCRAM_ENTRY_SIZE 288
#define SCRAM_MESSAGE_MAX 2048		/* octets of a message, NUL included */
#define SCRAM_TEXT 1024			/* of a name or nonce in it */
#define SCRAM_NONCE_SIZE 25		/* of a nonce that we make, NUL included */

/* What a server stores for a user. */
struct scram_keys {
	uint32_t iterations;
	size_t salt_len;
	uint8_t salt[SCRAM_SALT_MAX], stored[SCRAM_HASH], server[SCRAM_HASH];
};

/* "SCRAM-SHA-256$ITERATIONS:SALT$StoredKey:ServerKey", the last three in base64 (RFC 5803, and what PostgreSQL stores), or the same
 * as Dovecot and gsasl write it, "{SCRAM-SHA-256}ITERATIONS,SALT,StoredKey,ServerKey". False for anything else, and for iterations
 * or a salt beyond the limits above. */
bool scram_keys_read(const char *entry, struct scram_keys *keys) MUST_CHECK;
/* The first of these forms. */
void scram_keys_write(const struct scram_keys *keys, char out[SCRAM_ENTRY_SIZE]);
/* Computes stored and server from PASSWORD (prepared by saslprep) with the salt and the iterations that KEYS holds, and the client's
 * own key (CLIENT may be NULL). Takes as long as the iterations say. False when GnuTLS cannot. */
bool scram_keys_make(const char *password, struct scram_keys *keys, uint8_t client[SCRAM_HASH]) MUST_CHECK;
/* A random salt, and ITERATIONS, for new keys. False when there are no random numbers. */
bool scram_keys_begin(struct scram_keys *keys, uint32_t iterations) MUST_CHECK;
/* Whether PASSWORD is the one: as much work as making the keys, and a comparison whose time says nothing. */
bool scram_keys_fit(const char *password, const struct scram_keys *keys);
/* Keys that fit nothing, for a LOGIN that there is not, which look like LIKE (RFC 5802 9: always the same salt for one login, made
 * from a SECRET). */
void scram_keys_fake(struct view secret, struct view login, const struct scram_keys *like, struct scram_keys *keys);

/* A random nonce. False when there are no random numbers. */
bool scram_nonce(char out[SCRAM_NONCE_SIZE]) MUST_CHECK;

/* ---- the server ---- */

struct scram_server {
	char binding;				/* gs2 flag: 'n' none, 'y' the client could but thinks we cannot, 'p' bound */
	char binding_name[32];			/* with 'p': "tls-exporter" */
	char login[SCRAM_TEXT];			/* as sent, without the escapes */
	char authzid[SCRAM_TEXT];		/* "": none */
	char nonce[SCRAM_TEXT];			/* the client's, then ours */
	char gs2[SCRAM_MESSAGE_MAX], first_bare[SCRAM_MESSAGE_MAX];	/* the client's first message, in two parts */
	char first[SCRAM_MESSAGE_MAX];		/* ours */
	struct scram_keys keys;
};

enum scram_result { SCRAM_GOOD, SCRAM_WRONG, SCRAM_MALFORMED };

/* Reads the client's first message: fills binding, login, authzid. SCRAM_MALFORMED for what is not in the grammar, an unknown
 * mandatory extension (RFC 5802 5.1, "m") or too long. */
enum scram_result scram_server_read(struct scram_server *s, struct view message);
/* The answer in s->first, with NONCE behind the client's. False when it would be too long. */
bool scram_server_answer(struct scram_server *s, const struct scram_keys *keys, const char *nonce) MUST_CHECK;
/* Checks the client's final message. BINDING: the data of the channel that binding_name means, empty without 'p'. SCRAM_GOOD: OUT is
 * "v=...". SCRAM_WRONG: another nonce, channel or password; the work is the same whichever it is. */
#define SCRAM_FINAL_SIZE 80
enum scram_result scram_server_check(struct scram_server *s, struct view message, struct view binding, char out[SCRAM_FINAL_SIZE]);

/* Decodes a saslname (RFC 5802 7): "=2C" is a comma, "=3D" an equals sign, no other "=" may stand there. False, too, when it is empty or
 * does not fit. */
bool scram_name(struct view coded, char *out, size_t size) MUST_CHECK;

/* ---- the client ---- */

struct scram_client {
	char gs2[64], first_bare[SCRAM_MESSAGE_MAX], nonce[SCRAM_NONCE_SIZE];
	uint8_t signature[SCRAM_HASH];		/* that the server must give */
};

/* The first message into OUT. LOGIN is prepared (saslprep), NONCE from scram_nonce; BINDING_NAME: "tls-exporter" and so on with
 * SCRAM-SHA-256-PLUS, NULL without. False when it is too long. */
bool scram_client_begin(struct scram_client *c, const char *login, const char *nonce, const char *binding_name,
			char *out, size_t size) MUST_CHECK;
/* The final message into OUT for what the server answered, which is hostile: another nonce than ours, iterations or a salt beyond the
 * limits above are refused, with the reason in *WHY. BINDING: the channel's data, empty without. */
bool scram_client_answer(struct scram_client *c, struct view message, const char *password, struct view binding,
			 char *out, size_t size, const char **why) MUST_CHECK;
/* Whether the server has shown that it knows the keys: only then is it the right one. */
bool scram_client_verify(const struct scram_client *c, struct view message) MUST_CHECK;

/* ---- for the files of SCRAM only ---- */

/* HMAC of the three texts with "," between them: the AuthMessage (RFC 5802 3). */
bool scram_sign(const uint8_t key[SCRAM_HASH], struct view first_bare, struct view server_first, struct view final_bare,
		uint8_t out[SCRAM_HASH]) MUST_CHECK;
/* Cuts "NAME=VALUE" off the front of REST. False when something else stands there, or the value is empty. */
bool scram_attribute(struct view *rest, char name, struct view *value) MUST_CHECK;
/* Printable ASCII without ",", at least one (RFC 5802 7). */
bool scram_is_nonce(struct view v);

#endif
