/* tls_ticket.c - session tickets (RFC 5077, RFC 8446 2.2): the key that all workers share. GnuTLS derives the keys that it works
 * with from it by the time of day, a new one every 18 hours, and takes tickets of the one before; so nothing needs to be
 * handed round between workers. */
#include "tls_internal.h"
#include <gnutls/crypto.h>

int tls_ticket_key(struct tls_context *ctx)
{
	return gnutls_session_ticket_key_generate(&ctx->ticket_key);
}

/* What a session that is taken up again had to satisfy when it began goes into the key: under other settings no ticket fits. */
void tls_context_secret(struct tls_context *ctx, const void *secret, size_t len)
{
	unsigned char key[64];

	if (ctx->ticket_key.size == gnutls_hmac_get_len(GNUTLS_MAC_SHA512) && ctx->ticket_key.size == sizeof(key) &&
	    gnutls_hmac_fast(GNUTLS_MAC_SHA512, secret, len, ctx->terms, strlen(ctx->terms), key) >= 0)
		memcpy(ctx->ticket_key.data, key, sizeof(key));
	gnutls_memset(key, 0, sizeof(key));
}

void tls_ticket_end(struct tls_context *ctx)
{
	if (!ctx->ticket_key.data)
		return;
	gnutls_memset(ctx->ticket_key.data, 0, ctx->ticket_key.size);
	gnutls_free(ctx->ticket_key.data);
	ctx->ticket_key = (gnutls_datum_t){ NULL, 0 };
}
