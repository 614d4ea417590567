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
/* Nothing is added any more: makes what is handed out. DH: parameters for Diffie-Hellman, kept; NULL: groups of RFC 7919. */
bool tls_certs_finish(struct tls_certs *c, gnutls_dh_params_t dh, struct err *err) MUST_CHECK;

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

#endif
