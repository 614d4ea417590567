/* tls.h - the only place that uses GnuTLS for sessions. Server and client side, blocking (stream.h in workers) and
 * non-blocking (queue-runner). */
#ifndef TLS_H
#define TLS_H

#include "base.h"
#include "view.h"
#include "err.h"
#include "netaddr.h"
#include "settings.h"

struct tls_context;	/* credentials, priorities, ticket key; made before the fork, shared copy-on-write */
struct tls_session;

/* Server side. Paths are relative to the configuration directory of S, whose subdirectory "tls" is the certificate directory. Checks
 * that certificates and keys belong together; warns in the log about expired ones. Reads the keys: call it as root. STRICT:
 * nothing may be wrong in the certificate directory; else what is, is logged and left out. NULL on error, ERR names file and
 * reason. */
struct tls_context *tls_server_context(const struct settings *s, const struct tls_settings *t, bool strict, struct err *err);
/* Client side. Reads the authorities of T and, where it may be asked for, OUR_OWN certificate with its key, from files relative to the
 * configuration directory of S: call it as root. */
struct tls_context *tls_client_context(const struct settings *s, const struct tls_settings *t, bool our_own, struct err *err);
void tls_context_free(struct tls_context **ctx);
/* Server: makes the key of session tickets of this secret and of the settings, so that a client can take its session up again
 * with whoever shares both. Without it only with the processes that share CTX. */
void tls_context_secret(struct tls_context *ctx, const void *secret, size_t len);
/* The files and directories that CTX was made of, absolute, and what watch_fingerprint() said of them before they were read. */
size_t tls_context_files(const struct tls_context *ctx, const char *const **paths, uint64_t *fingerprint);
/* Tells of each certificate of CTX until when it is valid; WORRY when that is over, soon over, or has not begun. */
typedef void tls_certificate_report(void *arg, bool worry, const char *text);
void tls_context_certificates(const struct tls_context *ctx, tls_certificate_report *each, void *arg);
/* Logs the worries. Making the context does it once. */
void tls_context_warn(const struct tls_context *ctx);

/* OCSP responses are to be stapled; asks for those that are due by the program FETCH and logs: false when one could not be had.
 * Blocks: for a process of its own. */
bool tls_context_staples(const struct tls_context *ctx);
bool tls_context_refresh(const struct tls_context *ctx, const char *fetch);

/* Server: whether TLS is kept from this client (no_tls_hosts), and on this local port (no_starttls_ports). */
bool tls_context_avoids(const struct tls_context *ctx, const struct netaddr *client, uint16_t port);
/* Server: whether clients of this local port must have a valid certificate (reject_unauthorized, require_authorized). */
bool tls_context_demands(const struct tls_context *ctx, uint16_t port);

/* What a session is to be like. */
struct tls_wish {
	const char *name;		/* client: the host that is asked for (SNI), unless it is an address, and that its certificate is for; NULL
					 * or "": none */
	const char *domain;		/* client: its certificate may be for this one instead; NULL or "": no */
	const char *session;		/* client: an earlier session of the same context and of this name is taken up again, and this one kept
					 * under it; NULL or "": none is. It says all that is demanded of the server. */
	bool domain_alone;		/* client: and may not be for that host */
	bool certificate;		/* client: ours is shown when it is asked for, whoever the server says should have signed it */
	bool verify;			/* the handshake fails unless the other side has a valid certificate */
};

/* A session on the connected descriptor FD (not owned), on the side that CTX is for. Only bytes that arrive after this call reach the
 * session: the caller has dropped its buffers. NULL on error. */
struct tls_session *tls_session_new(struct tls_context *ctx, int fd, const struct tls_wish *wish, struct err *err);
void tls_session_free(struct tls_session **s);

/* Results of the three below: bytes (>0), or one of these. A rehandshake request, an alert, or a
 * truncated record is TLS_FAILED: the connection is of no further use. */
enum { TLS_END = 0 /* close_notify */, TLS_FAILED = -1, TLS_WANT_READ = -2, TLS_WANT_WRITE = -3 };
int tls_handshake(struct tls_session *s, struct err *err);	/* 1 when done */
ssize_t tls_read(struct tls_session *s, void *data, size_t len, struct err *err);
/* After TLS_WANT_WRITE call again with the same bytes: part of them may be under way. */
ssize_t tls_write(struct tls_session *s, const void *data, size_t len, struct err *err);
/* Decrypted bytes already in memory, which poll() does not show. */
bool tls_pending(const struct tls_session *s);
/* Sends close_notify once, does not wait. */
void tls_bye(struct tls_session *s);

/* Client: an earlier session was to be taken up again. When the handshake has failed that may be why; it is forgotten. */
bool tls_took_up(const struct tls_session *s);
/* A handshake failed for a reason that is none of the other side's (our key, our memory). */
bool tls_own_fault(const struct tls_session *s);

/* Facts, for Received, log and plugins. Valid while the session lives. */
const char *tls_version(const struct tls_session *s);	/* "TLS1.3" */
const char *tls_cipher(const struct tls_session *s);	/* "TLS_AES_256_GCM_SHA384" */
const char *tls_group(const struct tls_session *s);	/* of the key exchange: "SECP256R1"; "" for RSA */
const char *tls_sni(const struct tls_session *s);	/* "" if none was sent */
bool tls_resumed(const struct tls_session *s);		/* a session was taken up again */
/* Of the certificate that the other side has shown, "" when it has none (or it is a server and nobody has asked): names in the form of RFC 4514,
 * and the SHA-256 of the certificate in hexadecimal. STATUS: "verified", or why it is not. */
const char *tls_peer_subject(const struct tls_session *s);
const char *tls_peer_issuer(const struct tls_session *s);
/* Its common name; "" when there is none, or more than one, or one too long. Its mail addresses (SubjectAltName) by INDEX; "" past the end. */
const char *tls_peer_cn(const struct tls_session *s);
const char *tls_peer_email(const struct tls_session *s, size_t index);
const char *tls_peer_fingerprint(const struct tls_session *s);
const char *tls_peer_status(const struct tls_session *s);
bool tls_peer_verified(const struct tls_session *s);
/* The handshake failed because the other side has no valid certificate. */
bool tls_untrusted(const struct tls_session *s);
/* The facts by name, for notes: tls_enabled ("1"), tls_version, tls_cipher, tls_group, tls_sni, tls_resumed ("1" or "0"),
 * tls_peer_subject, tls_peer_issuer, tls_peer_fingerprint, tls_peer_status. NULL for another name. */
const char *tls_fact(const struct tls_session *s, const char *name);

/* The channel binding NAME (RFC 5929, RFC 9266: "tls-exporter", "tls-unique", "tls-server-end-point") into OUT, the same octets on both
 * sides and on no other connection. Returns their number; 0 for a name that we do not know and where the session has none that is safe. */
size_t tls_binding(const struct tls_session *s, const char *name, char *out, size_t size);
/* Whether there is any. */
bool tls_can_bind(const struct tls_session *s);

#endif
