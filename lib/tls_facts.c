/* tls_facts.c - what there is to say about a TLS connection, for Received, the log and plugins. */
#include "tls_internal.h"

void tls_note_facts(struct tls_session *s)
{
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(s->gnutls));
	const char *cipher = gnutls_ciphersuite_get(s->gnutls);
	const char *group = gnutls_group_get_name(gnutls_group_get(s->gnutls));
	size_t len = sizeof(s->sni) - 1;
	unsigned type = 0;

	s->established = true;
	snprintf(s->version, sizeof(s->version), "%s", version ? version : "TLS");
	snprintf(s->cipher, sizeof(s->cipher), "%s", cipher ? cipher : "");
	snprintf(s->group, sizeof(s->group), "%s", group ? group : "");
	s->resumed = gnutls_session_is_resumed(s->gnutls) != 0;
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

const char *tls_group(const struct tls_session *s)
{
	return s->group;
}

bool tls_resumed(const struct tls_session *s)
{
	return s->resumed;
}

static const char *enabled(const struct tls_session *s UNUSED)
{
	return "1";
}

static const char *resumed(const struct tls_session *s)
{
	return s->resumed ? "1" : "0";
}

const char *tls_fact(const struct tls_session *s, const char *name)
{
	static const struct { const char *name; const char *(*get)(const struct tls_session *); } facts[] = {
		{ "tls_enabled", enabled }, { "tls_version", tls_version }, { "tls_cipher", tls_cipher }, { "tls_group", tls_group },
		{ "tls_sni", tls_sni }, { "tls_resumed", resumed }, { "tls_peer_subject", tls_peer_subject }, { "tls_peer_issuer", tls_peer_issuer },
		{ "tls_peer_fingerprint", tls_peer_fingerprint }, { "tls_peer_status", tls_peer_status },
	};

	for (size_t i = 0; i < COUNT_OF(facts); i++)
		if (strcmp(facts[i].name, name) == 0)
			return facts[i].get(s);
	return NULL;
}
