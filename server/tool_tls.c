/* tool_tls.c - `postrider tls`: the hosts whose TLS has failed, with whom it is done without for a while (tls_nogo.h). */
#include "tool_store.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/tls_nogo.h"

#include <getopt.h>
#include <inttypes.h>

/* One entry of either memory. */
struct nogo { bool server; struct view address, port, host, why; int64_t when, left; };

static bool parse(const char *space, const struct store_entry *e, struct nogo *n)
{
	struct view key = e->key;

	*n = (struct nogo){ .server = strcmp(space, TLS_NOGO_SERVERS) == 0, .left = (e->left + 999) / 1000 };
	n->address = view_cut(&key, ' ');
	n->port = view_cut(&key, ' ');
	n->host = key;
	return tls_nogo_value(e->value, &n->when, &n->why);
}

/* ---- list ---- */

static void print_entry(void *arg, bool lasting UNUSED, const struct store_entry *e)
{
	char date[CLOCK_DATE_SIZE], left[TOOL_NUMBER_SIZE];
	struct nogo n;

	if (!parse(arg, e, &n))
		return;
	printf("%s\t", n.server ? "server" : "client");
	tool_store_print(stdout, n.address, 64);
	if (n.server) {
		putchar(':');
		tool_store_print(stdout, n.port, 8);
	}
	putchar('\t');
	tool_store_print(stdout, n.server ? n.host : VIEW("-"), 255);
	printf("\t%s\t%s\t", tool_age(n.left, left), clock_date((time_t)n.when, date));
	tool_store_print(stdout, n.why, 200);
	putchar('\n');
}

static char *name_of(size_t i)
{
	static char names[][16] = { TLS_NOGO_SERVERS, TLS_NOGO_CLIENTS };

	return i < COUNT_OF(names) ? names[i] : NULL;
}

static int run_list(const struct tool *tool, int argc, char **argv UNUSED)
{
	struct settings *settings;
	struct store *s;
	bool ok = true;

	if (argc > 1)
		return tool_usage(tool);
	s = tool_store_open(tool, &settings);
	if (!s)
		return TOOL_FAILED;
	for (size_t i = 0; ok && name_of(i); i++)
		ok = tool_store_walk(s, name_of(i), VIEW(""), print_entry, name_of(i));
	store_free(&s);
	settings_free(&settings);
	return ok ? TOOL_OK : TOOL_FAILED;
}

/* ---- forget ---- */

struct wanted { const char *space; bool all; char name[ADDRESS_DOMAIN_MAX + 1]; struct netaddr addr; };

/* By name, or by address in whatever form. */
static bool is_wanted(void *arg, const struct store_entry *e)
{
	const struct wanted *w = arg;
	struct netaddr addr;
	struct nogo n;

	if (w->all)
		return true;
	return parse(w->space, e, &n) && ((*w->name && view_eq(n.host, view_of(w->name))) ||
		(w->addr.family && netaddr_parse(n.address, &addr) && netaddr_eq(&addr, &w->addr)));
}

static int forget(const struct tool *tool, struct wanted *w)
{
	struct settings *settings;
	struct store *s = tool_store_open(tool, &settings);
	size_t gone = 0;
	bool ok = s != NULL;

	for (size_t i = 0; ok && name_of(i); i++) {
		w->space = name_of(i);
		ok = tool_store_remove(s, w->space, VIEW(""), is_wanted, w, &gone);
	}
	if (s) {
		printf("%zu forgotten\n", gone);
		store_free(&s);
		settings_free(&settings);
	}
	return ok && (gone || w->all) ? TOOL_OK : TOOL_FAILED;
}

static int run_forget(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' }, { NULL, 0, NULL, 0 } };
	struct wanted w = { .all = false };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return tool_usage(tool);
		w.all = true;
	}
	if (argc - optind != (w.all ? 0 : 1))
		return tool_usage(tool);
	if (!w.all && !netaddr_parse(view_of(argv[optind]), &w.addr) && !address_domain_fold(view_of(argv[optind]), w.name))
		return tool_fail("\"%s\" is neither the name of a host nor an address", argv[optind]);
	return forget(tool, &w);
}

static const struct tool_command commands[] = {
	{ "list", "", "hosts whose TLS has failed, and is done without for a while",
	  "  A line each: server or client, address, name, time left, since when, what went wrong;\n"
	  "  separated by tabs.\n", run_list },
	{ "forget", "HOST | ADDRESS | --all", "try TLS again with these",
	  "  --all  all of them\n", run_forget },
	{ NULL, NULL, NULL, NULL, NULL },
};

int tool_tls(const struct tool *tool, int argc, char **argv)
{
	return tool_group(tool, commands, argc, argv);
}
