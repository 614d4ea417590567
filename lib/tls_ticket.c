/* tls_ticket.c - session tickets (RFC 5077, RFC 8446 2.2): the key that all workers share. GnuTLS derives the keys that it works
 * with from it by the time of day, a new one every 18 hours, and takes tickets of the one before; so nothing needs to be
 * handed round between workers. */
#include "tls_internal.h"
#include <gnutls/crypto.h>

int tls_ticket_key(struct tls_context *ctx)
{
	int code = gnutls_session_ticket_key_generate(&ctx->ticket_keys[0]);

	return code < 0 ? code : gnutls_session_ticket_key_generate(&ctx->ticket_keys[1]);
}

/* What a session that is taken up again had to satisfy when it began goes into the key: under other settings no ticket fits. */
static void derive(gnutls_datum_t *ticket_key, const void *secret, size_t len, const char *terms)
{
	unsigned char key[64];

	if (ticket_key->size == gnutls_hmac_get_len(GNUTLS_MAC_SHA512) && ticket_key->size == sizeof(key) &&
	    gnutls_hmac_fast(GNUTLS_MAC_SHA512, secret, len, terms, strlen(terms), key) >= 0)
		memcpy(ticket_key->data, key, sizeof(key));
	gnutls_memset(key, 0, sizeof(key));
}

void tls_context_secret(struct tls_context *ctx, const void *secret, size_t len)
{
	derive(&ctx->ticket_keys[0], secret, len, arena_printf(ctx->arena, "open %s", ctx->terms));
	derive(&ctx->ticket_keys[1], secret, len, arena_printf(ctx->arena, "verified %s", ctx->terms));
}

void tls_ticket_end(struct tls_context *ctx)
{
	for (int i = 0; i < 2; i++) {
		gnutls_datum_t *key = &ctx->ticket_keys[i];
		if (!key->data)
			continue;
		gnutls_memset(key->data, 0, key->size);
		gnutls_free(key->data);
		*key = (gnutls_datum_t){ NULL, 0 };
	}
}
