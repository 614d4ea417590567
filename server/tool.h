/* tool.h - what the subcommands of `postrider` share: the table they stand in, their help, and printing of texts
 * that came from outside. Exit statuses: 0 done, 1 it could not be done (or: a problem was found), 2 wrong usage. */
#ifndef TOOL_H
#define TOOL_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/err.h"
#include "../lib/settings.h"

#define TOOL_OK 0
#define TOOL_FAILED 1
#define TOOL_USAGE 2

struct tool_command;

/* One call of `postrider`. */
struct tool {
	const char *config_dir;
	const struct tool_command *command;
	const char *group;			/* "" or the first of two words: "queue" */
};

struct tool_command {
	const char *name;
	const char *arguments;			/* for the usage line: "[--json]" */
	const char *summary;			/* one line */
	const char *details;			/* options, a line each; "" when there are none */
	/* ARGV[0] is the subcommand's name. Returns the exit status. */
	int (*run)(const struct tool *tool, int argc, char **argv);
};

/* Runs the command of TABLE (ended by a row without name) that ARGV[0] names; knows --help. */
int tool_dispatch(const struct tool *tool, const struct tool_command *table, int argc, char **argv);
void tool_list(const struct tool_command *table, FILE *out);
/* The run of a command that is a group: ARGV[1] names one of TABLE; --help lists them. */
int tool_group(const struct tool *tool, const struct tool_command *table, int argc, char **argv);
/* After wrong options (getopt has said which): where the help is. Returns TOOL_USAGE. */
int tool_usage(const struct tool *tool);
/* "postrider: ..." on stderr; returns TOOL_FAILED. */
int tool_fail(const char *format, ...) PRINTFLIKE(1, 2);
/* The settings; NULL after every problem has been told on stderr. */
struct settings *tool_settings(const struct tool *tool);

/* TEXT for a terminal: everything but printable ASCII escaped. */
void tool_print(FILE *out, const char *text);
/* TEXT as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void tool_print_json(FILE *out, const char *text);
/* "12s", "5m", "3h", "2d"; "4.2k", "1.5M". */
#define TOOL_NUMBER_SIZE 32
char *tool_age(int64_t seconds, char out[TOOL_NUMBER_SIZE]);
char *tool_size(uint64_t bytes, char out[TOOL_NUMBER_SIZE]);

/* The subcommands, each in server/tool_NAME.c. */
int tool_status(const struct tool *tool, int argc, char **argv);
int tool_metrics(const struct tool *tool, int argc, char **argv);
int tool_check(const struct tool *tool, int argc, char **argv);
int tool_config(const struct tool *tool, int argc, char **argv);
int tool_reload(const struct tool *tool, int argc, char **argv);
int tool_stop(const struct tool *tool, int argc, char **argv);
int tool_queue(const struct tool *tool, int argc, char **argv);
int tool_send(const struct tool *tool, int argc, char **argv);
int tool_trace(const struct tool *tool, int argc, char **argv);
int tool_store(const struct tool *tool, int argc, char **argv);
int tool_tls(const struct tool *tool, int argc, char **argv);
int tool_tls_cert(const struct tool *tool, int argc, char **argv);
int tool_passwd(const struct tool *tool, int argc, char **argv);

#endif
