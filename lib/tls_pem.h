/* tls_pem.h - certificates and private keys as PEM files hold them: of a certificate as little as is needed to choose it and
 * to hand it out, since there may be thousands. */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "base.h"
#include "arena.h"
#include "err.h"
#include "view.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define TLS_ID_SIZE 32

struct tls_cert {
	const char *path;		/* of its file */
	gnutls_datum_t der;
	unsigned char id[TLS_ID_SIZE];	/* SHA-256 of the public key: the same as that of its private key */
	struct view subject, issuer;	/* distinguished names in DER */
	gnutls_pk_algorithm_t algorithm;
	bool is_ca;
	bool must_staple;		/* it says that clients should not take it without an OCSP response (RFC 7633) */
	time_t from, until;
	size_t name_count;
	const char **names;		/* host names it is for, canonical, "*.example.com" included */
	struct tls_cert *next;		/* in the same file */
};

struct tls_key {
	const char *path;
	unsigned char id[TLS_ID_SIZE];
	gnutls_x509_privkey_t x509;	/* ends with the arena; NULL: */
	uintptr_t remote;		/* it is in a key process, which calls it so (tls_key.c) */
	struct tls_key *next;
};

/* Reads all certificates and keys of the file PATH, in their order, behind what *CERTS and *KEYS hold; either may be NULL: those are
 * passed over. What is neither is passed over, a file without any PEM too. Memory is A's. False with ERR, which names the
 * file, when it cannot be read or one of them is broken, or a key is encrypted. */
bool tls_pem_read(const char *path, struct arena *a, struct tls_cert **certs, struct tls_key **keys, struct err *err) MUST_CHECK;

#endif
