/* tls_internal.h - what the files of TLS share: contexts and sessions from the inside. For lib/tls*.c alone. */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include "tls.h"
#include "arena.h"
#include "tls_cache.h"
#include "tls_certs.h"
#include <gnutls/gnutls.h>

#define TLS_READ_AHEAD 2048

struct tls_context {
	struct arena *arena;
	bool server;
	const char *terms;		/* what a client had to agree to, as text */
	gnutls_priority_t priority;
	struct tls_certs *certs;	/* NULL: none */
	const char *ocsp_dir;		/* of the settings' arena */
	gnutls_x509_trust_list_t trust;	/* NULL: what the system trusts is not loaded yet */
	bool request;			/* server: clients are asked for a certificate */
	const char **require_ports;	/* server: on these they must have a valid one; "*": on all */
	struct netlist *avoided;	/* server: clients that are not offered TLS */
	const char **closed_ports;	/* server: where it is not offered */
	gnutls_dh_params_t dh;		/* NULL: the groups of RFC 7919 */
	struct tls_cache *cache;	/* client: sessions to be taken up again */
	gnutls_certificate_credentials_t credentials;	/* with no certificate: a client that shows none */
	size_t file_count;
	const char **files;
	uint64_t fingerprint;
	/* Server: for all workers, made before the fork. The second is for sessions that must have a certificate: one that was begun without
	 * is not taken up again where it would be refused, but begun anew. */
	gnutls_datum_t ticket_keys[2];
};

/* What the other side's certificate says, cut where it is too long. */
#define TLS_PEER_NAME 512
#define TLS_PEER_CN 256
#define TLS_PEER_EMAILS 1024		/* octets of all, each with its NUL */
#define TLS_PEER_FINGERPRINT 65		/* SHA-256 in hexadecimal */
struct tls_peer {
	char subject[TLS_PEER_NAME], issuer[TLS_PEER_NAME];	/* distinguished names as RFC 4514 writes them */
	char cn[TLS_PEER_CN];		/* whole or not at all: half of a name may be somebody else's */
	char emails[TLS_PEER_EMAILS + 1];	/* one behind the other; whole, too; an empty one is the end */
	char fingerprint[TLS_PEER_FINGERPRINT];
	char status[256];		/* why it is not verified */
	bool verified;
};

struct tls_session {
	struct tls_context *context;
	gnutls_session_t gnutls;
	int fd, error;			/* errno of the last call that failed */
	bool ticket_due;		/* server: the handshake is over but for it */
	bool established, said_bye, own_fault;
	unsigned warnings;
	bool verify;			/* the other side must have a valid certificate */
	bool judged;			/* it has been looked at */
	bool resumed;
	char *key;			/* client: in the cache; NULL: it is not kept */
	bool took_up, kept;		/* client: one from the cache was offered; this one is there */
	struct tls_peer *peer;		/* NULL: it has shown none, or nobody asks */
	char name[256], domain[256];	/* client: the certificate must be for one of them; name is asked for, too */
	bool domain_alone;		/* client: for the domain */
	char version[16], cipher[64], group[16], sni[256];
	size_t ahead_at, ahead_end;
	char ahead[TLS_READ_AHEAD];
};

/* Always false: "WHAT: words of GnuTLS for CODE". */
bool tls_fail(struct err *err, const char *what, int code);
/* Trusts the authorities in the file PATH alone; those of the system, when no others are there yet (a look at all of them: 30
 * ms and 4 MiB). */
bool tls_trust_file(struct tls_context *ctx, const char *path, struct err *err) MUST_CHECK;
void tls_trust_system(struct tls_context *ctx);
/* For GnuTLS, inside the handshake: looks at what the other side has shown. 0, or an error code that ends it. */
int tls_verify_peer(gnutls_session_t g);
/* After it: GnuTLS does not ask for a session that was taken up again, whose certificate may no longer do. */
bool tls_verify_resumed(struct tls_session *s) MUST_CHECK;
/* Client: offers the server the session under KEY, if there is one; keeps this one as soon as there is something to keep (in TLS
 * 1.3 a ticket that comes after the handshake); forgets the one that was offered. */
void tls_resume_begin(struct tls_session *s, const char *key);
void tls_resume_keep(struct tls_session *s);
void tls_resume_failed(struct tls_session *s);
/* The keys of tickets: made at random; ended. A negative code of GnuTLS when it fails. */
int tls_ticket_key(struct tls_context *ctx);
void tls_ticket_end(struct tls_context *ctx);
/* After the handshake: what there is to say about it. */
void tls_note_facts(struct tls_session *s);

#endif
