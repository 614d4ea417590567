/* tls_cache.h - sessions with servers that can be taken up again (RFC 5077, RFC 8446 2.2), each under a key that says with whom it was
 * and what was demanded: whoever demands something else has another key. Bounded; what has been used least lately goes first. What
 * is held are secrets, and wiped. For lib/tls*.c alone. */
#ifndef TLS_CACHE_H
#define TLS_CACHE_H

#include "base.h"
#include <gnutls/gnutls.h>

#define TLS_CACHE_SIZE (4 * 1024 * 1024)	/* octets of all sessions together */
#define TLS_CACHE_ONE (16 * 1024)		/* octets of one; a larger one (a long chain of certificates) is not kept */

struct tls_cache;
struct tls_cache *tls_cache_new(size_t most);	/* MOST octets */
void tls_cache_free(struct tls_cache **c);
/* Keeps a copy of DATA in place of what was there. */
void tls_cache_put(struct tls_cache *c, const char *key, const gnutls_datum_t *data);
/* Valid until the next call of one of these. NULL: there is none. */
const gnutls_datum_t *tls_cache_get(struct tls_cache *c, const char *key);
void tls_cache_drop(struct tls_cache *c, const char *key);
size_t tls_cache_count(const struct tls_cache *c);

#endif
