/* settings.c - see settings.h: reads the configuration directory by the rows of settings_table.c, checks what concerns
 * several options at once, and prints all of it. */
#include "settings.h"
#include "settings_table.h"
#include "address.h"
#include "buf.h"
#include "listfile.h"
#include "netaddr.h"
#include "view.h"

static const char *const files[] = { "postrider.conf", "tls.conf", "outbound.conf" };

/* qpsmtpd's own files that mean nothing here, and what does the same. */
static const char *const replaced[][2] = {
	{ "IP", "--listen-address of postrider-forkserver" },
	{ "loglevel", "log_level in postrider.conf" },
	{ "logging", "log and log_format in postrider.conf" },
	{ "plugin_dirs", "plugin_dir in postrider.conf" },
	{ "size_threshold", "memory_body_size in postrider.conf" },
	{ "spool_dir", "spool_dir in postrider.conf" },
	{ "spool_perms", NULL },
	{ "timeoutsmtpd", "command_timeout in postrider.conf" },
};

/* ---- sections of tls.conf ---- */

enum { TLS_SHARED, TLS_INBOUND, TLS_OUTBOUND, TLS_FIXED };

/* Whether one of the first COUNT has the name. */
static bool has_section(const struct option_section *list, size_t count, const char *name)
{
	for (size_t k = 0; k < count; k++)
		if (strcmp(list[k].name, name) == 0)
			return true;
	return false;
}

/* inbound, outbound, and one for each plugin that the file `plugins` names, without folder and number: for the next hops that it
 * gives. What is wrong with that file is told by who loads the plugins. */
static void make_sections(struct settings *s)
{
	struct arena *scratch = arena_new(4096);
	struct listfile plugins;
	struct option_section *list;
	size_t count = TLS_FIXED;

	if (!listfile_read(s->dir, "plugins", scratch, &plugins, NULL))
		plugins.count = 0;
	list = arena_alloc(s->arena, (TLS_FIXED + plugins.count) * sizeof(*list));
	list[TLS_SHARED].name = "";
	list[TLS_INBOUND] = (struct option_section){ "inbound", TLS_SHARED };
	list[TLS_OUTBOUND] = (struct option_section){ "outbound", TLS_SHARED };
	for (size_t i = 0; i < plugins.count; i++) {
		struct view line = view_of(plugins.lines[i]), word = view_word(&line), name = view_cut(&word, ':'), folder;
		while ((folder = view_head(name, view_find(name, '/'))).len < name.len)
			name = view_skip(name, folder.len + 1);
		char *text = arena_view_dup(s->arena, name);
		if (*text && !has_section(list, count, text))
			list[count++] = (struct option_section){ text, TLS_OUTBOUND };
	}
	s->tls_sections = list;
	s->tls_count = count;
	s->tls = arena_alloc(s->arena, count * sizeof(*s->tls));
	arena_free(&scratch);
}

const struct tls_settings *settings_tls(const struct settings *s, const char *section)
{
	for (size_t k = TLS_INBOUND; k < s->tls_count; k++)
		if (strcmp(s->tls_sections[k].name, section) == 0)
			return &s->tls[k];
	return &s->tls[TLS_OUTBOUND];
}

/* ---- what several options say together ---- */

static void check_at_most(struct option_reader *r, const char *path, const char *low, int64_t a, const char *high, int64_t b)
{
	if (a > b)
		option_problem(r, path, 0, "%s: found %lld, expected at most %s, which is %lld", low, (long long)a, high, (long long)b);
}

static size_t list_length(const char **list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static void check_tls(struct option_reader *r, const struct settings *s, size_t k)
{
	const struct tls_settings *t = &s->tls[k];
	const char *path = arena_printf(s->arena, "%s/tls.conf", s->dir), *in = k ? " in section " : "", *name = s->tls_sections[k].name;
	if (!t->cert || !t->key)	/* given in a file that was refused */
		return;
	size_t certs = list_length(t->cert), keys = list_length(t->key);

	if (certs != keys && (!k || option_given(r, k, "cert") || option_given(r, k, "key")))
		option_problem(r, path, 0, "key: found %zu files%s%s, expected as many as cert names, which is %zu", keys, in, name, certs);
}

static void check_together(struct option_reader *r, struct settings *s)
{
	const char *path = arena_printf(s->arena, "%s/%s", s->dir, files[0]);

	check_at_most(r, path, "min_spare", s->min_spare, "max_spare", s->max_spare);
	check_at_most(r, path, "max_spare", s->max_spare, "max_workers", s->max_workers);
	check_at_most(r, path, "limit_connections", s->limit_connections, "max_workers", s->max_workers);
	if (s->max_message_size && s->max_header_size > s->max_message_size)
		s->max_header_size = s->max_message_size;
	for (size_t i = 0; s->smtps_ports[i]; i++)
		for (size_t j = 0; s->submission_ports[j]; j++)
			if (strcmp(s->smtps_ports[i], s->submission_ports[j]) == 0)
				option_problem(r, path, 0, "smtps_ports: found %s, expected a port that is not in submission_ports too", s->smtps_ports[i]);
	for (size_t k = 0; k < s->tls_count; k++)
		check_tls(r, s, k);
}

/* No name configured: the host's, if it is one that may stand in an SMTP greeting. */
static void default_me(struct option_reader *r, struct settings *s)
{
	char name[ADDRESS_DOMAIN_MAX + 2] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || !address_domain_valid(view_of(name), false))
		option_problem(r, arena_printf(s->arena, "%s/me", s->dir), 0, "me: found the host name \"%s\", expected a domain name", name);
	s->me = arena_strdup(s->arena, name);
}

/* Whoever names versions and no least one means those: the default of min_version is no more than that. */
static void versions_as_said(struct option_reader *r, struct settings *s)
{
	for (size_t k = 0; k < s->tls_count; k++)
		if (option_given(r, k, "secure_protocol") && !option_given(r, k, "min_version")) {
			s->tls[k].min_version = "TLSv1";
			option_decided(r, k, "min_version");
		}
}

/* ---- reading ---- */

static void read_all(struct option_reader *r, struct settings *s)
{
	for (size_t i = 0; i < COUNT_OF(files); i++)
		option_read_file(r, s->dir, files[i]);
	option_read_small(r, s->dir);
	versions_as_said(r, s);
	option_inherit(r);
	if (!*s->me)
		default_me(r, s);
	check_together(r, s);
	s->exempt = netlist_of(s->exempt_networks, s->arena);
	s->proxies = netlist_of(s->proxy_networks, s->arena);
	s->xclients = netlist_of(s->xclient_hosts, s->arena);
	if (s->max_message_size == 0)
		s->max_message_size = SETTINGS_SIZE_MAX;
}

struct settings *settings_read_each(const char *dir, settings_problem *each, void *arg)
{
	struct arena *arena = arena_new(32768);
	struct settings *s = arena_alloc(arena, sizeof(*s));
	struct option_reader r = { .base = s, .arena = arena };
	char *real = realpath(dir, NULL);

	int error = errno;

	s->arena = arena;
	s->dir = arena_strdup(arena, real ? real : dir);
	make_sections(s);
	r.rows = settings_rows(&r.count);
	r.sections = s->tls_sections;
	r.section_count = s->tls_count;
	r.variants = s->tls;
	r.variant_size = sizeof(*s->tls);
	option_begin(&r);
	if (real)
		read_all(&r, s);
	else
		option_problem(&r, dir, 0, "configuration directory: %s", strerror(error));
	free(real);
	s->warnings = option_warnings(&r);
	if (!option_end(&r, each, arg))
		settings_free(&s);
	return s;
}

static void join(void *arg, const char *problem)
{
	struct buf *text = arg;

	buf_printf(text, "%s%s", text->len ? "; " : "", problem);
}

struct settings *settings_read(const char *dir, struct err *err)
{
	struct buf text;
	struct settings *s;

	buf_init(&text, sizeof(err->text) - 8);
	s = settings_read_each(dir, join, &text);
	if (!s)
		err_set(err, "%s%s", buf_text(&text), text.failed ? "; ..." : "");
	buf_free(&text);
	return s;
}

void settings_free(struct settings **s)
{
	struct arena *arena;

	if (!*s)
		return;
	arena = (*s)->arena;	/* which the structure itself lives in */
	*s = NULL;
	arena_free(&arena);
}

void settings_warnings(const struct settings *s, settings_problem *each, void *arg)
{
	for (size_t i = 0; s->warnings[i]; i++)
		each(arg, s->warnings[i]);
	for (size_t i = 0; i < COUNT_OF(replaced); i++) {
		char *path = settings_path(s, replaced[i][0]);
		const char *instead = replaced[i][1];
		if (access(path, F_OK) == 0)
			each(arg, arena_printf(s->arena, "%s: this file of qpsmtpd is not used%s%s", path, instead ? "; see " : "", instead ? instead : ""));
	}
}

/* ---- printing ---- */

static void print_help(const char *help, const char *indent, FILE *out)
{
	struct view rest = view_of(help);
	size_t column = 0;

	while (view_trim(rest).len) {
		struct view word = view_word(&rest);
		if (column == 0 || column + word.len > 100) {
			fprintf(out, "%s%s# ", column ? "\n" : "", indent);
			column = 0;
		}
		fprintf(out, "%s%.*s", column ? " " : "", VIEW_FMT(word));
		column += word.len + 1;
	}
	putc('\n', out);
}

/* Where the sections of FILE say otherwise than what they inherit from. */
static void print_sections(const struct settings *s, const char *file, FILE *out)
{
	size_t count;
	const struct option_row *rows = settings_rows(&count);

	for (size_t k = TLS_INBOUND; k < s->tls_count; k++) {
		const struct tls_settings *parent = &s->tls[s->tls_sections[k].parent];
		bool open = false;
		for (size_t i = 0; i < count; i++) {
			if (strcmp(rows[i].file, file) || !rows[i].varies || option_is_same(&rows[i], &s->tls[k], parent))
				continue;
			fprintf(out, open ? "\t" : "\n%s {\n\t", s->tls_sections[k].name);
			option_print(&rows[i], &s->tls[k], out);
			open = true;
		}
		if (open)
			fputs("}\n", out);
	}
}

/* Between two rows: closes the section of LAST, opens that of ROW; NULL for none. */
static void print_heading(const struct settings *s, const struct option_row *row, const struct option_row *last, FILE *out)
{
	bool same_file = last && row && strcmp(row->file, last->file) == 0;

	if (last && *last->section && (!same_file || strcmp(row->section, last->section)))
		fputs("}\n", out);
	if (last && !same_file)
		print_sections(s, last->file, out);
	if (!row)
		return;
	if (!same_file)
		fprintf(out, "%s# ---- %s ----\n", last ? "\n" : "", row->file);
	if (*row->section && (!same_file || strcmp(row->section, last->section)))
		fprintf(out, "\n%s {\n", row->section);
}

void settings_print(const struct settings *s, const char *file, FILE *out)
{
	size_t count;
	const struct option_row *rows = settings_rows(&count), *last = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct option_row *row = &rows[i];
		const char *indent = *row->section ? "\t" : "";
		if (file && strcmp(file, row->file))
			continue;
		const void *base = row->varies ? (const void *)s->tls : s;
		print_heading(s, row, last, out);
		if (!last || strcmp(row->section, last->section) == 0)
			putc('\n', out);
		print_help(row->help, indent, out);
		if (option_is_preset(row, base))
			fprintf(out, "%s# (the default)\n", indent);
		fputs(indent, out);
		option_print(row, base, out);
		last = row;
	}
	if (last)
		print_heading(s, NULL, last, out);
}

void settings_print_table(FILE *out)
{
	size_t count;
	const struct option_row *rows = settings_rows(&count);

	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", rows[i].file, rows[i].section, rows[i].name, option_type_name(rows[i].type),
			rows[i].preset, rows[i].reloadable ? "reload" : "restart", rows[i].help);
}

char *settings_path(const struct settings *s, const char *path)
{
	if (path[0] == '/')
		return arena_strdup(s->arena, path);
	return arena_printf(s->arena, "%s/%s", s->dir, path);
}
