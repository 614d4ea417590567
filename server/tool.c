/* tool.c - see tool.h. */
#include "tool.h"
#include "../lib/log.h"
#include "../lib/view.h"

#include <getopt.h>

/* ---- commands ---- */

static void print_command_help(const struct tool *tool, const struct tool_command *c, FILE *out)
{
	fprintf(out, "usage: postrider %s%s%s%s%s\n\n%s\n", tool->group, *tool->group ? " " : "", c->name, *c->arguments ? " " : "", c->arguments,
		c->summary);
	if (*c->details)
		fprintf(out, "\n%s", c->details);
}

void tool_list(const struct tool_command *table, FILE *out)
{
	for (; table->name; table++)
		fprintf(out, "  %-9s %s\n", table->name, table->summary);
}

static bool asks_for_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* It shows more than its own help. */
static bool is_group(const struct tool_command *c)
{
	return c->run == tool_queue || c->run == tool_store || c->run == tool_tls;
}

int tool_dispatch(const struct tool *tool, const struct tool_command *table, int argc, char **argv)
{
	struct tool call = *tool;
	const struct tool_command *c = table;

	while (c->name && strcmp(c->name, argv[0]))
		c++;
	if (!c->name) {
		fprintf(stderr, "postrider: no command \"%s%s%s\"; see postrider%s%s --help\n", tool->group, *tool->group ? " " : "", argv[0],
			*tool->group ? " " : "", tool->group);
		return TOOL_USAGE;
	}
	if (asks_for_help(argc, argv)) {
		print_command_help(tool, c, stdout);
		if (!is_group(c))
			return TOOL_OK;
	}
	call.command = c;
	optind = 0;	/* glibc: a new scan, of another vector */
	return c->run(&call, argc, argv);
}

int tool_group(const struct tool *tool, const struct tool_command *table, int argc, char **argv)
{
	struct tool group = *tool;
	bool help = asks_for_help(argc, argv);

	group.group = argv[0];
	if (argc > 1 && !help)
		return tool_dispatch(&group, table, argc - 1, argv + 1);
	if (!help)
		tool_usage(tool);
	putc('\n', help ? stdout : stderr);
	tool_list(table, help ? stdout : stderr);
	return help ? TOOL_OK : TOOL_USAGE;
}

int tool_usage(const struct tool *tool)
{
	fputs("postrider: ", stderr);
	print_command_help(tool, tool->command, stderr);
	return TOOL_USAGE;
}

int tool_fail(const char *format, ...)
{
	va_list ap;

	fputs("postrider: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	putc('\n', stderr);
	return TOOL_FAILED;
}

static void print_problem(void *arg UNUSED, const char *text)
{
	fprintf(stderr, "%s\n", text);
}

struct settings *tool_settings(const struct tool *tool)
{
	return settings_read_each(tool->config_dir, print_problem, NULL);
}

/* ---- texts from outside ---- */

void tool_print(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\\\", out);
		else if (*text < 0x20 || *text > 0x7e)
			fprintf(out, "\\x%02x", (unsigned)(unsigned char)*text);
		else
			putc(*text, out);
}

void tool_print_json(FILE *out, const char *text)
{
	struct view rest = view_of(text);

	putc('"', out);
	while (rest.len) {
		unsigned char c = (unsigned char)rest.data[0];
		size_t len = c < 0x80 ? 1 : view_utf8(rest);
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", (unsigned)c);
		else if (len)
			fwrite(rest.data, 1, len, out);
		else
			fputs("\\ufffd", out);
		rest = view_skip(rest, len ? len : 1);
	}
	putc('"', out);
}

char *tool_age(int64_t seconds, char out[TOOL_NUMBER_SIZE])
{
	static const struct { int64_t from, unit; char name; } units[] = {
		{ 172800, 86400, 'd' }, { 7200, 3600, 'h' }, { 120, 60, 'm' }, { 0, 1, 's' },
	};
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (seconds < units[i].from)
		i++;
	snprintf(out, TOOL_NUMBER_SIZE, "%lld%c", (long long)(seconds / units[i].unit), units[i].name);
	return out;
}

char *tool_size(uint64_t bytes, char out[TOOL_NUMBER_SIZE])
{
	static const char names[] = "kMGTPE";
	double n = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(out, TOOL_NUMBER_SIZE, "%u", (unsigned)bytes);
		return out;
	}
	for (; n >= 1024 && names[i + 1]; i++)
		n /= 1024;
	snprintf(out, TOOL_NUMBER_SIZE, n < 10 ? "%.1f%c" : "%.0f%c", n, names[i]);
	return out;
}
