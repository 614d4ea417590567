/* cmdline.c - the table of options of postrider-forkserver, its parser, its help text, and what an option
 * does to the settings. */
#include "cmdline.h"
#include "../lib/scoreboard.h"
#include "../lib/view.h"
#include <getopt.h>

enum kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_LIST };

struct cmdline_row {
	const char *name;
	char letter;		/* 0: none */
	enum kind kind;
	size_t offset;		/* into struct cmdline */
	int64_t max;		/* KIND_NUMBER: 0 to this */
	const char *argument;	/* name of the value in the help text */
	const char *help;	/* NULL: internal, not shown */
};

#define AT(field) offsetof(struct cmdline, field)

static const struct cmdline_row rows[] = {
	{ "port", 'p', KIND_LIST, AT(ports), 0, "PORT[/ROLE]", "listen on this port (again for more; default 25, 465 and 587; 0: any free one)" },
	{ "listen-address", 'l', KIND_LIST, AT(addresses), 0, "ADDR[:PORT][/ROLE]", "listen on this address, IPv6 in [] (again for more; default all); ROLE: smtp, submission, smtps, each with \"+proxy\" too" },
	{ "limit-connections", 'c', KIND_NUMBER, AT(limit_connections), SCOREBOARD_SLOTS - 16, "N", "sessions at once" },
	{ "max-from-ip", 'm', KIND_NUMBER, AT(max_from_ip), SCOREBOARD_SLOTS, "N", "sessions at once from one address (0: no limit)" },
	{ "user", 'u', KIND_TEXT, AT(user), 0, "USER", "run as this user" },
	{ "pid-file", 0, KIND_TEXT, AT(pid_file), 0, "FILE", "write the master's process id here too" },
	{ "detach", 'd', KIND_FLAG, AT(detach), 0, NULL, "go to the background when everything serves" },
	{ "no-rdns", 'H', KIND_FLAG, AT(no_rdns), 0, NULL, "do not look up names of clients" },
	{ "children", 0, KIND_NUMBER, AT(children), SCOREBOARD_SLOTS - 16, "N", "workers at most" },
	{ "idle-children", 0, KIND_NUMBER, AT(idle_children), SCOREBOARD_SLOTS - 16, "N", "idle workers to keep ready (0: as many as --children)" },
	{ "config", 0, KIND_TEXT, AT(config_dir), 0, "DIR", "configuration directory (default " POSTRIDER_SYSCONFDIR ")" },
	{ "check", 0, KIND_FLAG, AT(check), 0, NULL, "check configuration and plugins, and leave" },
	{ "ready-fd", 0, KIND_NUMBER, AT(ready_fd), INT_MAX, "N", "write \"ready ADDR:PORT/ROLE...\" to this descriptor when everything serves" },
	{ "crash-points", 0, KIND_FLAG, AT(crash_points), 0, NULL, "list the names that POSTRIDER_CRASH_AT takes" },
	{ "version", 0, KIND_FLAG, AT(version), 0, NULL, "print the version" },
	{ "help", 'h', KIND_FLAG, AT(help), 0, NULL, "print this" },
	{ "role", 0, KIND_TEXT, AT(role), 0, NULL, NULL },
	{ "listeners", 0, KIND_TEXT, AT(listeners), 0, NULL, NULL },
	{ "control-fd", 0, KIND_NUMBER, AT(control_fd), INT_MAX, NULL, NULL },
	{ "generation", 0, KIND_NUMBER, AT(generation), UINT32_MAX, NULL, NULL },
	{ "part", 0, KIND_NUMBER, AT(part), RUNNERS_MAX - 1, NULL, NULL },
	{ "parts", 0, KIND_NUMBER, AT(parts), RUNNERS_MAX, NULL, NULL },
	{ "cold-start", 0, KIND_FLAG, AT(cold_start), 0, NULL, NULL },
	{ "flush", 0, KIND_FLAG, AT(flush), 0, NULL, NULL },
	{ "replaces", 0, KIND_FLAG, AT(replaces), 0, NULL, NULL },
};

#define VALUE_BASE 1000		/* getopt's value for row N is VALUE_BASE + N */

static bool set_number(const struct cmdline_row *row, const char *text, int64_t *out, struct err *err)
{
	uint64_t value;

	if (!view_u64(view_of(text), (uint64_t)row->max, &value))
		return err_set(err, "--%s: found \"%s\", expected a number from 0 to %lld", row->name, text, (long long)row->max);
	*out = (int64_t)value;
	return true;
}

static bool add_to_list(const struct cmdline_row *row, const char *text, struct cmdline_list *list, struct err *err)
{
	if (list->count == CMDLINE_LIST_MAX)
		return err_set(err, "--%s: given more than %d times", row->name, CMDLINE_LIST_MAX);
	list->values[list->count++] = text;
	return true;
}

static bool set_row(const struct cmdline_row *row, const char *text, struct cmdline *c, struct err *err)
{
	char *field = (char *)c + row->offset;

	switch (row->kind) {
	case KIND_FLAG:
		*(bool *)field = true;
		return true;
	case KIND_TEXT:
		if (*text == '\0')
			return err_set(err, "--%s: the value is empty", row->name);
		*(const char **)field = text;
		return true;
	case KIND_NUMBER:
		return set_number(row, text, (int64_t *)field, err);
	case KIND_LIST:
		return add_to_list(row, text, (struct cmdline_list *)field, err);
	}
	bug("option --%s has kind %d", row->name, (int)row->kind);
}

/* getopt's own tables, made from ours. */
static void getopt_tables(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool valued = rows[i].kind != KIND_FLAG;

		longs[i] = (struct option){ rows[i].name, valued ? required_argument : no_argument, NULL, VALUE_BASE + (int)i };
		if (rows[i].letter != 0)
			*shorts++ = rows[i].letter;
		if (rows[i].letter != 0 && valued)
			*shorts++ = ':';
	}
	longs[COUNT_OF(rows)] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct cmdline_row *row_of(int value)
{
	if (value >= VALUE_BASE)
		return &rows[value - VALUE_BASE];
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].letter == value)
			return &rows[i];
	bug("getopt gave value %d", value);
}

static bool refuse(int argc, char **argv, int value, struct err *err)
{
	int at = optind > 1 && optind <= argc ? optind - 1 : argc - 1;

	if (value == ':')
		return err_set(err, "%s: a value is missing", argv[at]);
	return err_set(err, "%s: unknown option (try --help)", argv[at]);
}

static bool consistent(int argc, char **argv, const struct cmdline *c, struct err *err)
{
	/* "--" is refused too: a role's options are appended to what was given. */
	if (optind != argc || strcmp(argv[argc - 1], "--") == 0)
		return err_set(err, "%s: not an option (try --help)", argv[optind < argc ? optind : argc - 1]);
	if (c->role != NULL && c->control_fd < 0)
		return err_set(err, "--role is for the master's own use");
	if (c->children == 0)
		return err_set(err, "--children: found \"0\", expected at least 1");
	return true;
}

bool cmdline_parse(int argc, char **argv, struct cmdline *out, struct err *err)
{
	struct option longs[COUNT_OF(rows) + 1];
	char shorts[2 * COUNT_OF(rows) + 2];
	int value;

	*out = (struct cmdline){ .config_dir = POSTRIDER_SYSCONFDIR, .limit_connections = -1, .max_from_ip = -1, .children = -1,
		.idle_children = -1, .ready_fd = -1, .control_fd = -1, .argv = argv };
	if (argc < 1)
		return err_set(err, "no program name given");
	getopt_tables(longs, shorts);
	optind = 0;	/* start anew, also for a second call in a test */
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (value == '?' || value == ':')
			return refuse(argc, argv, value, err);
		if (!set_row(row_of(value), optarg, out, err))
			return false;
	}
	return consistent(argc, argv, out, err);
}

/* --idle-children 0 means "all", as in qpsmtpd-prefork. */
static void apply_pool(const struct cmdline *c, struct settings *s)
{
	if (c->children >= 0)
		s->max_workers = c->children;
	if (c->limit_connections >= 0)
		s->limit_connections = c->limit_connections;
	/* -c alone sizes the server in qpsmtpd-forkserver; two more so that a client over the limit is told so. */
	if (c->children < 0 && c->limit_connections > 0 && s->max_workers < c->limit_connections + 2)
		s->max_workers = c->limit_connections + 2;
	if (c->idle_children >= 0)
		s->min_spare = c->idle_children == 0 ? s->max_workers : c->idle_children;
	if (s->min_spare > s->max_workers)
		s->min_spare = s->max_workers;
	if (s->max_spare < s->min_spare)
		s->max_spare = s->min_spare;
}

void cmdline_apply(const struct cmdline *c, struct settings *s)
{
	apply_pool(c, s);
	if (c->max_from_ip >= 0)
		s->max_from_ip = c->max_from_ip;
	if (c->user != NULL)
		s->user = c->user;
	if (c->user != NULL)
		s->group = "";
	if (c->no_rdns)
		s->lookup_rdns = false;
	/* In the background nobody reads stderr. */
	if (c->detach && strcmp(s->log, "stderr") == 0)
		s->log = "syslog";
}

void cmdline_print_help(FILE *out)
{
	fprintf(out, "usage: postrider-forkserver [options]\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char left[64], letter[5] = "    ";

		if (rows[i].help == NULL)
			continue;
		if (rows[i].letter != 0)
			snprintf(letter, sizeof letter, "-%c, ", rows[i].letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[i].name, rows[i].argument != NULL ? " " : "",
			rows[i].argument != NULL ? rows[i].argument : "");
		fprintf(out, "  %-40s %s\n", left, rows[i].help);
	}
}
