/* tls_certs.h - the certificates of one process: pairs of a chain and its key, and which of them are for what name. All is loaded
 * before workers are forked, who share it copy-on-write; to find a name's costs one or two look-ups in a hash. */
#ifndef TLS_CERTS_H
#define TLS_CERTS_H

#include "base.h"
#include "err.h"
#include "tls_pem.h"

#define TLS_CHAIN_MAX 10

struct tls_certs;

struct tls_certs *tls_certs_new(void);
void tls_certs_free(struct tls_certs **c);
/* A pair from two files (or one that holds both); the first ones added are the default, one for each kind of key. False with
 * ERR, naming files, when they do not fit together. */
bool tls_certs_add(struct tls_certs *c, const char *cert, const char *key, struct err *err) MUST_CHECK;
/* All pairs in the directory PATH and below, in whatever files they are: a key is that of the certificate with the same public
 * key, wherever it is. STRICT: one that is broken or incomplete makes it fail, with ERR; else it is logged and left out. A
 * directory that does not exist is an empty one. */
bool tls_certs_add_directory(struct tls_certs *c, const char *path, bool strict, struct err *err) MUST_CHECK;
/* Nothing is added any more: makes what is handed out. When no files were added, those for the host ME are the default, else the
 * first of the directory. DH: parameters for Diffie-Hellman, kept; NULL: groups of RFC 7919. False with ERR when there are none. */
bool tls_certs_finish(struct tls_certs *c, const char *me, gnutls_dh_params_t dh, struct err *err) MUST_CHECK;

/* Before tls_certs_finish: OCSP responses are stapled from the files in DIR (kept by pointer), where certificates name a
 * responder; NULL: from nowhere. Warns of certificates that cannot do without. */
void tls_certs_staple(struct tls_certs *c, const char *dir);
bool tls_certs_staples(const struct tls_certs *c);
/* Fetches what is due with the program FETCH; logs each. False when one could not be had. Blocks. */
bool tls_certs_refresh(const struct tls_certs *c, const char *fetch);

/* What to offer a client that asks for NAME ("" or unknown: the default): all kinds of keys there are for it, GnuTLS takes the
 * first that the client can work with. NULL when there are no certificates. */
gnutls_certificate_credentials_t tls_certs_find(const struct tls_certs *c, const char *name);
/* Whether it makes a difference what name is asked for. */
bool tls_certs_by_name(const struct tls_certs *c);

/* Tells of each certificate that is of use until when it is valid; WORRY when that is over, soon over, or has not begun. */
typedef void tls_certs_report(void *arg, bool worry, const char *text);
void tls_certs_each(const struct tls_certs *c, tls_certs_report *each, void *arg);

/* ---- for tls_directory.c ---- */

/* In the order in which a client is offered them: what is cheap first. */
enum tls_kind { TLS_ECDSA, TLS_EDDSA, TLS_RSA, TLS_KIND_COUNT };

struct tls_pair {
	enum tls_kind kind;
	size_t chain_len;
	struct tls_cert *chain[TLS_CHAIN_MAX];	/* ours first */
	struct tls_key *key;
	struct tls_ocsp *ocsp;		/* NULL: nothing is stapled */
	struct tls_pair *next;
};

struct arena *tls_certs_arena(struct tls_certs *c);
/* LEAF with KEY, and above it what certifies it among the list AMONG (NULL: nothing), whatever the order there. NULL with ERR when
 * its kind of key is not for TLS. */
struct tls_pair *tls_pair_make(struct tls_certs *c, struct tls_cert *leaf, struct tls_key *key, struct tls_cert *among, struct err *err);
/* Adds to the top of the chain what certifies it among the list AMONG. */
void tls_pair_extend(struct tls_pair *p, struct tls_cert *among);
void tls_pair_add(struct tls_certs *c, struct tls_pair *p);

#endif
