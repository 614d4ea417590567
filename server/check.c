/* check.c - the steps of a start that can fail for reasons of configuration. */
#include "check.h"
#include "../lib/dns.h"
#include "../lib/drop.h"
#include "../queue/bounce.h"
#include "../queue/shaping.h"
#include "listen.h"
#include <event2/event.h>
#include <unbound.h>

static bool load_tls(const struct settings *s, const struct plugin_list *plugins, struct tls_context **tls, struct keyholder *keys,
		     const struct role_args *args, struct err *err)
{
	const struct tls_settings *t = plugin_tls(plugins);

	*tls = NULL;
	if (t == NULL)
		return true;
	if (keys && s->tls_key_process && !keyholder_start(keys, args, KEYHOLDER_MAX, err))
		return false;
	*tls = tls_server_context(s, t, !args || args->replaces, err);
	return *tls != NULL && (!keys || !keys->count || keyholder_seal(keys, err));
}

bool check_load(const struct settings *s, struct plugin_list **plugins, struct tls_context **tls, struct store **store, struct keyholder *keys,
		const struct role_args *args, struct err *err)
{
	struct drop_target target;

	if (!drop_lookup(s->user, s->group, &target, err))
		return false;
	*plugins = plugin_load(s, err);
	if (*plugins == NULL || !plugin_before_drop(*plugins, err) || !load_tls(s, *plugins, tls, keys, args, err))
		return false;
	*store = store_new(s, err);
	return *store != NULL && drop_root(&target, err) && plugin_init(*plugins, err);
}

bool check_listener(const struct settings *s, enum listener_role role, bool proxy, const struct tls_context *tls, struct err *err)
{
	if (proxy && *s->proxy_networks == NULL)
		return err_set(err, "%s/postrider.conf: a listener takes PROXY headers, but proxy_networks is empty: expected the networks of the proxies", s->dir);
	if (role == LISTENER_SMTPS && tls == NULL)
		return err_set(err, "there is an smtps listener, but no plugin has switched TLS on: add \"tls\" to the file plugins, or listen with --port");
	return true;
}

static bool check_dns(const struct settings *s, struct err *err)
{
	struct event_base *base = event_base_new();
	struct ub_ctx *ctx = base != NULL ? dns_context(base, s, err) : NULL;

	ub_ctx_delete(ctx);
	if (base == NULL)
		return err_set(err, "cannot make an event loop");
	event_base_free(base);
	return ctx != NULL;
}

static void check_store(struct store *store)
{
	char text[STORE_DESCRIPTION];
	struct err err = { "" };

	if (store_describe(store, text, &err))
		printf("store: %s\n", text);
	else
		printf("warning: store: %s\n", err.text);
}

/* What the queue-runner reads: conf/destinations, the texts of notices. */
static bool check_queue(const struct settings *s, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct bounce_config bounce = { .me = s->me };
	bool ok = shaping_read(s, a, err) != NULL && bounce_read_texts(s->dir, a, &bounce, err);

	arena_free(&a);
	return ok;
}

bool check_run(const struct settings *s, const struct cmdline *c, struct err *err)
{
	static struct listen_spec specs[LISTEN_MAX];
	struct plugin_list *plugins = NULL;
	struct tls_context *tls = NULL;
	struct store *store = NULL;
	size_t count = 0;
	bool ok = (c == NULL || listen_plan(c, s, specs, &count, err)) && check_load(s, &plugins, &tls, &store, NULL, NULL, err) && check_dns(s, err) &&
		check_queue(s, err);

	for (size_t i = 0; ok && i < count; i++)
		ok = check_listener(s, specs[i].role, specs[i].proxy, tls, err);
	if (ok)
		check_store(store);
	store_free(&store);
	plugin_list_free(&plugins);
	tls_context_free(&tls);
	return ok;
}
