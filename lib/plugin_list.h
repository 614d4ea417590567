/* plugin_list.h - the inside of a plugin list: shared by plugin.c (running), plugin_load.c (loading), plugin_api.c
 * (what plugins call), plugin_config.c (lists) and plugin_log.c, and by nobody else. */
#ifndef PLUGIN_LIST_H
#define PLUGIN_LIST_H

#include "base.h"
#include "arena.h"
#include "err.h"
#include "listfile.h"
#include "plugin.h"

#define PLUGIN_MAX 64		/* lines in conf/plugins: as many as the scoreboard has names for */
#define PLUGIN_NAME_MAX 31
#define PLUGIN_ARGS_MAX 128

enum plugin_arg_use { ARG_UNUSED, ARG_KEY, ARG_VALUE };
enum plugin_reject { REJECT_YES, REJECT_NO, REJECT_NAUGHTY };

struct plugin {
	struct plugin_list *list;
	const struct postrider_plugin *def;	/* in the shared object */
	void *handle;				/* of dlopen */
	const char *name;			/* as in conf/plugins, with folder and ":n" */
	unsigned line;				/* in conf/plugins */
	uint16_t index;				/* in the list */
	size_t arg_count;
	const char **args;
	unsigned char *arg_use;			/* enum plugin_arg_use, one for each argument */
	void *data;
	enum plugin_reject reject;
	enum verdict reject_verdict;
	enum plugin_constrain constrain;	/* senders of those whom this plugin authenticates */
	bool failed;				/* pr_fail was called */
	bool ready;				/* init is over: may be asked for lists */
	const struct listfile *where;		/* the entry that errors are about (pr_where); NULL: the line in conf/plugins */
	size_t where_index;
};

/* A list that was asked for, once for all plugins of the generation. Each sees what those before it give, so an early
 * one may see the file and a late one what a plugin between them has given. */
struct plugin_file {
	const char *name;
	size_t asked;				/* this many of the chain of HOOK_CONFIG */
	const struct listfile *given;		/* by the last one asked; NULL: all of them declined */
	const struct listfile *file;		/* NULL: not read */
	struct plugin_file *next;
};

struct plugin_list {
	const struct settings *settings;
	struct arena *arena;
	struct err *err;			/* where pr_fail writes while plugins are loaded; NULL afterwards */
	bool before_drop;			/* inside plugin_before_drop */
	bool delivers;				/* of the queue-runner */
	const char *path;			/* of conf/plugins, for messages */
	struct plugin_file *files;
	struct pr_store *stores;
	const struct tls_settings *tls;		/* NULL: not switched on */
	size_t count;
	struct plugin *plugin;
	size_t chain_count[HOOK_COUNT];
	struct plugin **chain[HOOK_COUNT];	/* in order of conf/plugins */
};

/* Asks one plugin, marked for the watchdog: its verdict, DECLINED for an observer, DENYSOFT for what is no verdict. */
enum verdict plugin_ask(struct plugin *p, struct hook_call *call);
/* Before LIST is freed: it takes no more log lines. */
void plugin_forget_log(const struct plugin_list *list);

/* Adds "FILE:LINE: plugin NAME: ..." to the errors of the load under way; in a hook, to the log. Returns false. */
bool plugin_vfail(struct plugin *self, const char *format, va_list ap) PRINTFLIKE(2, 0);

#endif
