/* tls_context.c - contexts of TLS: what the settings and certificates come to, made once a process, for all its sessions. */
#include "tls_internal.h"
#include "log.h"
#include "tls_priority.h"
#include "watch.h"
#include <sys/stat.h>

#define TLS_CERT "tls_cert.pem"		/* the preset of `cert` */
#define TLS_DIRECTORY "tls"
#define DH_BITS 2048

bool tls_fail(struct err *err, const char *what, int code)
{
	return err_set(err, "%s: %s", what, gnutls_strerror(code));
}

static struct tls_context *context_new(const struct tls_settings *t, bool server, struct err *err)
{
	struct arena *a = arena_new(2048);
	struct tls_context *ctx = arena_alloc(a, sizeof(*ctx));
	struct buf text;

	ctx->arena = a;
	ctx->server = server;
	if (tls_priority_text(t, server, &text, err))
		ctx->priority = tls_priority_make(buf_text(&text), err);
	/* A certificate is looked at again when its session is taken up again, so what is demanded of it is no part of this. */
	ctx->terms = arena_strdup(a, buf_text(&text));
	buf_free(&text);
	if (!ctx->priority)
		tls_context_free(&ctx);
	return ctx;
}

/* Whoever has a certificate directory need not have the files that are looked for when tls.conf names none. */
static bool only_directory(const struct settings *s, const struct tls_settings *t)
{
	return !t->cert[0] || (strcmp(t->cert[0], TLS_CERT) == 0 && !t->cert[1] && access(settings_path(s, TLS_DIRECTORY), F_OK) == 0 &&
			       access(settings_path(s, t->cert[0]), F_OK) < 0 && access(settings_path(s, t->key[0]), F_OK) < 0);
}

static int import_dh(gnutls_dh_params_t dh, const gnutls_datum_t *pem, unsigned *bits)
{
	gnutls_datum_t prime = { NULL, 0 }, generator = { NULL, 0 };
	int code = gnutls_dh_params_import_pkcs3(dh, pem, GNUTLS_X509_FMT_PEM);

	if (code >= 0)
		code = gnutls_dh_params_export_raw(dh, &prime, &generator, NULL);
	if (code >= 0)
		*bits = 8 * (prime.size - (prime.size && prime.data[0] == 0));
	gnutls_free(prime.data);
	gnutls_free(generator.data);
	return code;
}

/* Whoever has fewer bits is better off without: clients refuse them, and logjam breaks them. */
static bool load_dh(struct tls_context *ctx, const char *path, struct err *err)
{
	gnutls_datum_t pem = { NULL, 0 };
	unsigned bits = 0;
	int code = gnutls_load_file(path, &pem);

	if (code < 0)
		return err_sys(err, "dhparam: cannot read %s", path);
	code = gnutls_dh_params_init(&ctx->dh);
	if (code >= 0)
		code = import_dh(ctx->dh, &pem, &bits);
	gnutls_free(pem.data);
	if (code < 0)
		return err_set(err, "dhparam: %s: found no parameters for Diffie-Hellman in PEM (%s)", path, gnutls_strerror(code));
	return bits >= DH_BITS || err_set(err, "dhparam: %s: found %u bits, expected at least %d", path, bits, DH_BITS);
}

/* Before anything is read, so that what changes meanwhile is noticed. */
static void note_files(struct tls_context *ctx, const struct settings *s, const struct tls_settings *t)
{
	size_t pairs = 0;

	while (t->cert[pairs])
		pairs++;
	ctx->files = arena_alloc(ctx->arena, (2 * pairs + 3) * sizeof(*ctx->files));
	for (size_t i = 0; i < pairs; i++) {
		ctx->files[ctx->file_count++] = settings_path(s, t->cert[i]);
		ctx->files[ctx->file_count++] = settings_path(s, t->key[i]);
	}
	ctx->files[ctx->file_count++] = settings_path(s, TLS_DIRECTORY);
	if (*t->dhparam)
		ctx->files[ctx->file_count++] = settings_path(s, t->dhparam);
	if (*t->ca)
		ctx->files[ctx->file_count++] = settings_path(s, t->ca);
	ctx->fingerprint = watch_fingerprint(ctx->files, ctx->file_count);
}

size_t tls_context_files(const struct tls_context *ctx, const char *const **paths, uint64_t *fingerprint)
{
	*paths = ctx->files;
	*fingerprint = ctx->fingerprint;
	return ctx->file_count;
}

static bool load_certs(struct tls_context *ctx, const struct settings *s, const struct tls_settings *t, bool strict, struct err *err)
{
	bool ok = true, files = !only_directory(s, t);

	note_files(ctx, s, t);
	ctx->certs = tls_certs_new();
	for (size_t i = 0; ok && files && t->cert[i]; i++)
		ok = tls_certs_add(ctx->certs, settings_path(s, t->cert[i]), settings_path(s, t->key[i]), err);
	if (!ok || !tls_certs_add_directory(ctx->certs, settings_path(s, TLS_DIRECTORY), strict, err))
		return false;
	ctx->ocsp_dir = arena_printf(ctx->arena, "%s/ocsp", s->state_dir);
	tls_certs_staple(ctx->certs, t->request_ocsp ? ctx->ocsp_dir : NULL);
	if (*t->dhparam && !load_dh(ctx, settings_path(s, t->dhparam), err))
		return false;
	if (!tls_certs_finish(ctx->certs, s->me, ctx->dh, err))
		return false;
	tls_context_warn(ctx);
	return true;
}

/* Where networks and names are mixed, the names are for delivery. */
static struct netlist *networks_of(const char **hosts)
{
	struct netlist *list = netlist_new();

	for (size_t i = 0; hosts[i]; i++)
		if (!netlist_add(list, view_of(hosts[i]), NULL))
			continue;
	return list;
}

static bool load_clients(struct tls_context *ctx, const struct settings *s, const struct tls_settings *t, struct err *err)
{
	static const char *all[] = { "*", NULL };

	ctx->require_ports = t->reject_unauthorized ? all : t->require_authorized;
	ctx->request = t->request_cert || t->reject_unauthorized;
	ctx->avoided = networks_of(t->no_tls_hosts);
	ctx->closed_ports = t->no_starttls_ports;
	if (*t->ca)
		return tls_trust_file(ctx, settings_path(s, t->ca), err);
	if (ctx->request || *ctx->require_ports)
		tls_trust_system(ctx);		/* here, for all workers */
	return true;
}

static bool has_port(const char **ports, uint16_t port)
{
	for (size_t i = 0; ports[i]; i++) {
		uint64_t n;
		if (strcmp(ports[i], "*") == 0 || (view_u64(view_of(ports[i]), UINT16_MAX, &n) && n == port))
			return true;
	}
	return false;
}

bool tls_context_demands(const struct tls_context *ctx, uint16_t port)
{
	return has_port(ctx->require_ports, port);
}

bool tls_context_avoids(const struct tls_context *ctx, const struct netaddr *client, uint16_t port)
{
	return (client->family && netlist_has(ctx->avoided, client)) || has_port(ctx->closed_ports, port);
}

struct tls_context *tls_server_context(const struct settings *s, const struct tls_settings *t, bool strict, struct err *err)
{
	struct tls_context *ctx = context_new(t, true, err);
	int code = 0;

	if (!ctx)
		return NULL;
	if (!load_certs(ctx, s, t, strict, err) || !load_clients(ctx, s, t, err) || (code = tls_ticket_key(ctx)) < 0) {
		if (code < 0)
			tls_fail(err, "TLS ticket key", code);
		tls_context_free(&ctx);
	}
	return ctx;
}

static bool load_own(struct tls_context *ctx, const struct settings *s, const struct tls_settings *t, struct err *err)
{
	ctx->certs = tls_certs_new();
	for (size_t i = 0; t->cert[i]; i++)
		if (!tls_certs_add(ctx->certs, settings_path(s, t->cert[i]), settings_path(s, t->key[i]), err))
			return false;
	if (!tls_certs_finish(ctx->certs, s->me, NULL, err))
		return false;
	tls_context_warn(ctx);
	return true;
}

struct tls_context *tls_client_context(const struct settings *s, const struct tls_settings *t, bool our_own, struct err *err)
{
	struct tls_context *ctx = context_new(t, false, err);

	if (ctx)
		ctx->cache = tls_cache_new(TLS_CACHE_SIZE);
	if (ctx && *t->ca && !tls_trust_file(ctx, settings_path(s, t->ca), err))
		tls_context_free(&ctx);
	if (ctx && our_own && !load_own(ctx, s, t, err))
		tls_context_free(&ctx);
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
	struct arena *a;

	*ctxp = NULL;
	if (!ctx)
		return;
	tls_certs_free(&ctx->certs);
	tls_cache_free(&ctx->cache);
	if (ctx->trust)
		gnutls_x509_trust_list_deinit(ctx->trust, 1);
	netlist_free(&ctx->avoided);
	if (ctx->dh)
		gnutls_dh_params_deinit(ctx->dh);
	if (ctx->credentials)
		gnutls_certificate_free_credentials(ctx->credentials);
	if (ctx->priority)
		gnutls_priority_deinit(ctx->priority);
	tls_ticket_end(ctx);
	a = ctx->arena;		/* which the structure itself lives in */
	arena_free(&a);
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

static void warn_of(void *arg UNUSED, bool worry, const char *text)
{
	if (worry)
		log_warn("%s", text);
}

void tls_context_warn(const struct tls_context *ctx)
{
	tls_context_certificates(ctx, warn_of, NULL);
}
