/* tool_queue.h - what the subcommands of `postrider queue` share. */
#ifndef TOOL_QUEUE_H
#define TOOL_QUEUE_H

#include "tool.h"
#include "../queue/spool.h"

/* The spool as the user that owns it: root is given up first, since what stands there is not to be trusted. NULL
 * after the reason has been told. *S is to be freed by the caller. */
struct spool *tool_queue_open(const struct tool *tool, struct settings **s);
/* "waiting", "deferred", "done", ... */
const char *tool_queue_status(enum rcpt_status status, unsigned attempts);
/* Prints what the queue-runner says of itself. */
void tool_queue_ask_stats(const struct settings *s);

int tool_queue_list(const struct tool *tool, int argc, char **argv);
int tool_queue_show(const struct tool *tool, int argc, char **argv);
int tool_queue_stats(const struct tool *tool, int argc, char **argv);
int tool_queue_change(const struct tool *tool, int argc, char **argv);	/* flush, hold, release, remove, bounce, retry */

#endif
