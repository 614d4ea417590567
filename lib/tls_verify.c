/* tls_verify.c - the other side's certificate: who has signed it, for whom it is, and whether that is enough. What it shows is
 * hostile: all of it is capped, and escaped where it is printed. */
#include "tls_internal.h"
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#define EMAILS_LOOKED_AT 100	/* alternative names of a certificate */

/* ---- who is trusted ---- */

bool tls_trust_file(struct tls_context *ctx, const char *path, struct err *err)
{
	int count = gnutls_x509_trust_list_init(&ctx->trust, 0);

	if (count >= 0)
		count = gnutls_x509_trust_list_add_trust_file(ctx->trust, path, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	if (count < 0)
		return err_set(err, "ca: cannot read %s: %s", path, gnutls_strerror(count));
	return count > 0 || err_set(err, "ca: %s: found no certificates of authorities in PEM", path);
}

void tls_trust_system(struct tls_context *ctx)
{
	if (ctx->trust || gnutls_x509_trust_list_init(&ctx->trust, 0) < 0)
		return;
	/* none: nothing is trusted, which is told of each certificate */
	gnutls_x509_trust_list_add_system_trust(ctx->trust, 0, 0);
}

/* ---- what was shown ---- */

static void copy_name(gnutls_x509_crt_t cert, int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned), char out[TLS_PEER_NAME])
{
	gnutls_datum_t text = { NULL, 0 };

	if (get(cert, &text, 0) >= 0)
		snprintf(out, TLS_PEER_NAME, "%.*s", (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
}

/* A NUL in a name is an attempt to look like another. */
static void copy_cn(gnutls_x509_crt_t cert, char out[TLS_PEER_CN])
{
	size_t size = TLS_PEER_CN, other = 0;

	if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out, &size) < 0 || strlen(out) != size ||
	    gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 1, 0, NULL, &other) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		out[0] = '\0';
}

static void copy_emails(gnutls_x509_crt_t cert, char out[TLS_PEER_EMAILS + 1])
{
	char text[TLS_PEER_EMAILS];
	size_t at = 0;

	for (unsigned i = 0; i < EMAILS_LOOKED_AT; i++) {
		size_t size = sizeof(text);
		int kind = gnutls_x509_crt_get_subject_alt_name(cert, i, text, &size, NULL);

		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return;
		if (kind != GNUTLS_SAN_RFC822NAME || !size || strlen(text) != size || at + size + 1 > TLS_PEER_EMAILS)
			continue;
		memcpy(out + at, text, size + 1);
		at += size + 1;
	}
}

static void copy_fingerprint(const gnutls_datum_t *der, char out[TLS_PEER_FINGERPRINT])
{
	unsigned char hash[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, hash) < 0)
		return;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* ---- the judgement ---- */

static bool is_for(gnutls_x509_crt_t cert, const char *name)
{
	return *name && gnutls_x509_crt_check_hostname2(cert, name, 0) != 0;
}

static void say_why(struct tls_peer *peer, unsigned status, int code)
{
	gnutls_datum_t text = { NULL, 0 };

	if (code < 0)
		snprintf(peer->status, sizeof(peer->status), "%s", gnutls_strerror(code));
	else if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0)
		snprintf(peer->status, sizeof(peer->status), "%.*s", (int)text.size, (const char *)text.data);
	else
		snprintf(peer->status, sizeof(peer->status), "not trusted");
	gnutls_free(text.data);
	for (size_t len = strlen(peer->status); len && strchr(" .", peer->status[len - 1]); len--)
		peer->status[len - 1] = '\0';
}

static void judge(struct tls_session *s, gnutls_x509_crt_t *chain, unsigned count)
{
	struct tls_peer *peer = s->peer;
	static const char client[] = GNUTLS_KP_TLS_WWW_CLIENT, server[] = GNUTLS_KP_TLS_WWW_SERVER;
	const char *purpose = s->context->server ? client : server, *name = s->domain_alone ? "" : s->name;
	gnutls_typed_vdata_st wanted = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)purpose, 0 };
	unsigned status = 0;

	tls_trust_system(s->context);
	int code = s->context->trust ? gnutls_x509_trust_list_verify_crt2(s->context->trust, chain, count, &wanted, 1, 0, &status, NULL)
				     : GNUTLS_E_MEMORY_ERROR;
	if (code < 0 || status)
		say_why(peer, status, code);
	else if (!s->context->server && !is_for(chain[0], name) && !is_for(chain[0], s->domain))
		snprintf(peer->status, sizeof(peer->status), "The certificate is not for %.100s%s%.100s", name, *name && *s->domain ? " or " : "", s->domain);
	else
		peer->verified = true;
}

static void look_at(struct tls_session *s, const gnutls_datum_t *shown, unsigned count)
{
	gnutls_x509_crt_t chain[TLS_CHAIN_MAX];
	unsigned n = 0;
	int code = 0;

	while (n < count && n < COUNT_OF(chain) && code >= 0 && (code = gnutls_x509_crt_init(&chain[n])) >= 0) {
		code = gnutls_x509_crt_import(chain[n], &shown[n], GNUTLS_X509_FMT_DER);
		n++;
	}
	if (code < 0) {
		say_why(s->peer, 0, code);
	} else {
		copy_name(chain[0], gnutls_x509_crt_get_dn3, s->peer->subject);
		copy_name(chain[0], gnutls_x509_crt_get_issuer_dn3, s->peer->issuer);
		copy_cn(chain[0], s->peer->cn);
		copy_emails(chain[0], s->peer->emails);
		copy_fingerprint(&shown[0], s->peer->fingerprint);
		judge(s, chain, n);
	}
	while (n)
		gnutls_x509_crt_deinit(chain[--n]);
}

/* Whether the session may go on. */
static bool acceptable(struct tls_session *s)
{
	unsigned count = 0;
	const gnutls_datum_t *shown = gnutls_certificate_get_peers(s->gnutls, &count);

	s->judged = true;
	if (!shown || !count)
		return !s->verify;
	if (!s->peer)
		s->peer = calloc(1, sizeof(*s->peer));
	if (!s->peer)
		return false;
	look_at(s, shown, count);
	return s->peer->verified || !s->verify;
}

int tls_verify_peer(gnutls_session_t g)
{
	return acceptable(gnutls_session_get_ptr(g)) ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

bool tls_verify_resumed(struct tls_session *s)
{
	if (s->judged || acceptable(s))
		return true;
	gnutls_alert_send(s->gnutls, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
	return false;
}

bool tls_untrusted(const struct tls_session *s)
{
	return s->verify && s->judged && !(s->peer && s->peer->verified);
}

/* ---- facts ---- */

const char *tls_peer_subject(const struct tls_session *s)
{
	return s->peer ? s->peer->subject : "";
}

const char *tls_peer_issuer(const struct tls_session *s)
{
	return s->peer ? s->peer->issuer : "";
}

const char *tls_peer_cn(const struct tls_session *s)
{
	return s->peer ? s->peer->cn : "";
}

const char *tls_peer_email(const struct tls_session *s, size_t index)
{
	const char *email = s->peer ? s->peer->emails : "";

	while (*email && index--)
		email += strlen(email) + 1;
	return email;
}

const char *tls_peer_fingerprint(const struct tls_session *s)
{
	return s->peer ? s->peer->fingerprint : "";
}

bool tls_peer_verified(const struct tls_session *s)
{
	return s->peer && s->peer->verified;
}

const char *tls_peer_status(const struct tls_session *s)
{
	if (!s->peer)
		return "";
	return s->peer->verified ? "verified" : s->peer->status;
}
