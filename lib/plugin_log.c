/* plugin_log.c - the logging hook: every line that passes the level is offered to the plugins before it is written. Only
 * OK takes it; whatever else a plugin answers, or fails with, the line goes to the normal log. */
#include "base.h"
#include "plugin_list.h"
#include "log.h"
#include "reply.h"

struct plugin_line {
	enum log_level level;
	const char *process, *id, *text;
};

static struct plugin_list *log_plugins;

static bool plugin_log_take(enum log_level level, const char *process, const char *id, const char *line)
{
	struct plugin_line said = { level, process, id, line };
	struct reply reply;
	struct hook_call call = { .hook = HOOK_LOGGING, .line = &said, .reply = &reply };
	return plugin_run(log_plugins, &call, NULL) == OK;
}

void plugin_take_log(struct plugin_list *list)
{
	log_plugins = list;
	log_offer(plugin_wants(list, HOOK_LOGGING) ? plugin_log_take : NULL);
}

void plugin_forget_log(const struct plugin_list *list)
{
	if (log_plugins != list)
		return;
	log_plugins = NULL;
	log_offer(NULL);
}

_Static_assert((int)PR_ERROR == (int)LOG_LEVEL_ERROR && (int)PR_WARN == (int)LOG_LEVEL_WARN &&
	(int)PR_INFO == (int)LOG_LEVEL_INFO && (int)PR_DEBUG == (int)LOG_LEVEL_DEBUG, "the levels are the same");

enum pr_level pr_log_level(struct hook_call *call)
{
	return call->line ? (enum pr_level)call->line->level : PR_DEBUG;
}

const char *pr_log_line(struct hook_call *call)
{
	return call->line ? call->line->text : "";
}

const char *pr_log_id(struct hook_call *call)
{
	return call->line ? call->line->id : "";
}

const char *pr_log_process(struct hook_call *call)
{
	return call->line ? call->line->process : "";
}
