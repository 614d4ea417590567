/* tls_internal.h - what the files of TLS share: contexts and sessions from the inside. For lib/tls*.c alone. */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include "tls.h"
#include "arena.h"
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
	gnutls_dh_params_t dh;		/* NULL: the groups of RFC 7919 */
	gnutls_certificate_credentials_t credentials;	/* with no certificate: a client without one */
	size_t file_count;
	const char **files;
	uint64_t fingerprint;
	gnutls_datum_t ticket_key;	/* server: one for all workers, made before the fork */
};

struct tls_session {
	struct tls_context *context;
	gnutls_session_t gnutls;
	int fd;
	bool established, said_bye, own_fault;
	unsigned warnings;
	char version[16], cipher[64], sni[256];
	size_t ahead_at, ahead_end;
	char ahead[TLS_READ_AHEAD];
};

/* Always false: "WHAT: words of GnuTLS for CODE". */
bool tls_fail(struct err *err, const char *what, int code);
/* The key of tickets: made at random; ended. A negative code of GnuTLS when it fails. */
int tls_ticket_key(struct tls_context *ctx);
void tls_ticket_end(struct tls_context *ctx);
/* After the handshake: what there is to say about it. */
void tls_note_facts(struct tls_session *s);

#endif
