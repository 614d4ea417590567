/* tls_resume.c - the client's side of sessions that are taken up again. A session is used more than once if the server agrees: that its
 * connections can be told to be ours is nothing new to a server that we deliver to. */
#include "tls_internal.h"

void tls_resume_begin(struct tls_session *s, const char *key)
{
	const gnutls_datum_t *data;

	if (!key || !*key || !s->context->cache || !(s->key = strdup(key)))
		return;
	data = tls_cache_get(s->context->cache, key);
	if (!data)
		return;
	s->took_up = gnutls_session_set_data(s->gnutls, data->data, data->size) >= 0;
	if (!s->took_up)		/* too old */
		tls_cache_drop(s->context->cache, key);
}

void tls_resume_keep(struct tls_session *s)
{
	gnutls_datum_t data = { NULL, 0 };

	if (!s->key || s->kept || !s->established)
		return;
	/* without one GnuTLS would wait for it */
	if (gnutls_protocol_get_version(s->gnutls) >= GNUTLS_TLS1_3 && !(gnutls_session_get_flags(s->gnutls) & GNUTLS_SFLAGS_SESSION_TICKET))
		return;
	s->kept = true;
	if (gnutls_session_get_data2(s->gnutls, &data) < 0)
		return;
	tls_cache_put(s->context->cache, s->key, &data);
	gnutls_memset(data.data, 0, data.size);
	gnutls_free(data.data);
}

void tls_resume_failed(struct tls_session *s)
{
	if (s->took_up)
		tls_cache_drop(s->context->cache, s->key);
}

bool tls_took_up(const struct tls_session *s)
{
	return s->took_up;
}
