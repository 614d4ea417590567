/* tls_context.c - contexts of TLS: what the settings and certificates come to, made once a process, for all its sessions. */
#include "tls_internal.h"
#include "log.h"
#include "tls_priority.h"
#include <sys/stat.h>

bool tls_fail(struct err *err, const char *what, int code)
{
	return err_set(err, "%s: %s", what, gnutls_strerror(code));
}

static struct tls_context *context_new(const struct tls_settings *t, bool server, struct err *err)
{
	struct tls_context *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return err_set(err, "out of memory"), NULL;
	ctx->server = server;
	ctx->priority = tls_priority_make(t, err);
	if (!ctx->priority)
		tls_context_free(&ctx);
	return ctx;
}

static void worry(void *arg UNUSED, bool worry, const char *text)
{
	if (worry)
		log_warn("%s", text);
}

static bool load_certs(struct tls_context *ctx, const struct settings *s, const struct tls_settings *t, struct err *err)
{
	bool ok = true;

	ctx->certs = tls_certs_new();
	for (size_t i = 0; ok && t->cert[i]; i++)
		ok = tls_certs_add(ctx->certs, settings_path(s, t->cert[i]), settings_path(s, t->key[i]), err);
	if (!ok)
		return false;
	ctx->ocsp_dir = arena_printf(s->arena, "%s/ocsp", s->state_dir);
	tls_certs_staple(ctx->certs, t->request_ocsp ? ctx->ocsp_dir : NULL);
	if (!tls_certs_finish(ctx->certs, NULL, err))
		return false;
	tls_certs_each(ctx->certs, worry, NULL);
	return true;
}

struct tls_context *tls_server_context(const struct settings *s, const struct tls_settings *t, struct err *err)
{
	struct tls_context *ctx = context_new(t, true, err);
	int code = 0;

	if (!ctx)
		return NULL;
	if (!load_certs(ctx, s, t, err) || (code = gnutls_session_ticket_key_generate(&ctx->ticket_key)) < 0) {
		if (code < 0)
			tls_fail(err, "TLS ticket key", code);
		tls_context_free(&ctx);
	}
	return ctx;
}

struct tls_context *tls_client_context(const struct tls_settings *t, struct err *err)
{
	struct tls_context *ctx = context_new(t, false, err);
	int code = ctx ? gnutls_certificate_allocate_credentials(&ctx->credentials) : 0;

	if (code < 0) {
		tls_fail(err, "TLS", code);
		tls_context_free(&ctx);
	}
	return ctx;
}

void tls_context_free(struct tls_context **ctxp)
{
	struct tls_context *ctx = *ctxp;

	*ctxp = NULL;
	if (!ctx)
		return;
	tls_certs_free(&ctx->certs);
	if (ctx->credentials)
		gnutls_certificate_free_credentials(ctx->credentials);
	if (ctx->priority)
		gnutls_priority_deinit(ctx->priority);
	if (ctx->ticket_key.data) {
		gnutls_memset(ctx->ticket_key.data, 0, ctx->ticket_key.size);
		gnutls_free(ctx->ticket_key.data);
	}
	free(ctx);
}

bool tls_context_staples(const struct tls_context *ctx)
{
	return ctx->certs && tls_certs_staples(ctx->certs);
}

bool tls_context_refresh(const struct tls_context *ctx, const char *fetch)
{
	if (mkdir(ctx->ocsp_dir, 0755) < 0 && errno != EEXIST) {
		log_error("%s: %s", ctx->ocsp_dir, strerror(errno));
		return false;
	}
	return tls_certs_refresh(ctx->certs, fetch);
}

void tls_context_certificates(const struct tls_context *ctx, tls_certificate_report *each, void *arg)
{
	if (ctx->certs)
		tls_certs_each(ctx->certs, each, arg);
}
