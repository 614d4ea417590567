/* tls_facts.c - what there is to say about a TLS connection, for Received, the log and plugins. */
#include "tls_internal.h"

void tls_note_facts(struct tls_session *s)
{
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(s->gnutls));
	const char *cipher = gnutls_ciphersuite_get(s->gnutls);
	size_t len = sizeof(s->sni) - 1;
	unsigned type = 0;

	s->established = true;
	snprintf(s->version, sizeof(s->version), "%s", version ? version : "TLS");
	snprintf(s->cipher, sizeof(s->cipher), "%s", cipher ? cipher : "");
	if (gnutls_server_name_get(s->gnutls, s->sni, &len, &type, 0) < 0 || type != GNUTLS_NAME_DNS)
		s->sni[0] = '\0';
}

const char *tls_version(const struct tls_session *s)
{
	return s->version;
}

const char *tls_cipher(const struct tls_session *s)
{
	return s->cipher;
}

const char *tls_sni(const struct tls_session *s)
{
	return s->sni;
}
