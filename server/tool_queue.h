/* tool_queue.h - what the subcommands of `postrider queue` share. */
#ifndef TOOL_QUEUE_H
#define TOOL_QUEUE_H

#include "tool.h"
#include "../queue/rules.h"
#include "../queue/spool.h"

/* The spool as the user that owns it: root is given up first, since what stands there is not to be trusted. NULL
 * after the reason has been told. *S is to be freed by the caller. */
struct spool *tool_queue_open(const struct tool *tool, struct settings **s);
/* "waiting", "deferred", "done", ... */
const char *tool_queue_status(enum rcpt_status status, unsigned attempts);
/* Has the queue-runner, when there is one, read the rules (queue/rules.h) again, and prints what it will do. False: it does not answer. */
bool tool_queue_ask_rules(const struct settings *s, struct err *err);
/* Prints what the queue-runner says of itself. */
void tool_queue_ask_stats(const struct settings *s);

/* The rules in force, in S's arena; none, when they cannot be read, which is told on stderr. */
struct rules tool_queue_read_rules(const struct settings *s);
/* The one that message F waits for, as far as its file tells (to which site it goes it does not); NULL: none. */
const struct rule *tool_queue_rule_for(const struct rules *rules, const struct spool_file *f);

int tool_queue_list(const struct tool *tool, int argc, char **argv);
int tool_queue_show(const struct tool *tool, int argc, char **argv);
int tool_queue_stats(const struct tool *tool, int argc, char **argv);
int tool_queue_pause(const struct tool *tool, int argc, char **argv);
int tool_queue_suspend(const struct tool *tool, int argc, char **argv);
int tool_queue_resume(const struct tool *tool, int argc, char **argv);
int tool_queue_rules(const struct tool *tool, int argc, char **argv);
/* Of messages by their ids, else a rule. */
int tool_queue_hold_or_bounce(const struct tool *tool, int argc, char **argv);
int tool_queue_change(const struct tool *tool, int argc, char **argv);	/* flush, hold, release, remove, bounce, retry */

#endif
