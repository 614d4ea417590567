/* tls_binding.c - channel bindings (RFC 5929, RFC 9266), by which an authentication is tied to its TLS connection. */
#include "tls_internal.h"

/* Without the extended master secret two sessions can be given the same one (RFC 7627 1), and what is made from it binds nothing. */
static bool is_unique(const struct tls_session *s)
{
	return gnutls_protocol_get_version(s->gnutls) >= GNUTLS_TLS1_3 || gnutls_session_ext_master_secret_status(s->gnutls);
}

size_t tls_binding(const struct tls_session *s, const char *name, char *out, size_t size)
{
	static const struct { const char *name; gnutls_channel_binding_t type; bool of_session, tls12; } bindings[] = {
		{ "tls-exporter", GNUTLS_CB_TLS_EXPORTER, true, false },		/* RFC 9266 */
		{ "tls-unique", GNUTLS_CB_TLS_UNIQUE, true, true },			/* RFC 5929 3; there is none in TLS 1.3 */
		{ "tls-server-end-point", GNUTLS_CB_TLS_SERVER_END_POINT, false, false },	/* RFC 5929 4 */
	};
	gnutls_datum_t data = { NULL, 0 };
	size_t len = 0;

	for (size_t i = 0; i < COUNT_OF(bindings); i++) {
		if (strcmp(name, bindings[i].name) != 0 || (bindings[i].of_session && !is_unique(s)) ||
		    (bindings[i].tls12 && gnutls_protocol_get_version(s->gnutls) >= GNUTLS_TLS1_3) ||
		    gnutls_session_channel_binding(s->gnutls, bindings[i].type, &data) != 0)
			continue;
		len = data.size <= size ? data.size : 0;
		memcpy(out, data.data, len);
		gnutls_free(data.data);
	}
	return len;
}

bool tls_can_bind(const struct tls_session *s)
{
	char data[64];

	return tls_binding(s, "tls-exporter", data, sizeof(data)) || tls_binding(s, "tls-server-end-point", data, sizeof(data));
}
