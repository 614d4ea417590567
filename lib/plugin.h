/* plugin.h - loading conf/plugins and running hooks. Used by workers (through the forkserver, which loads
 * once) and by the queue-runner. The functions that plugins call (plugins/postrider.h) are implemented in
 * lib/plugin_api.c, plugin_config.c and plugin_log.c (instance part), worker/plugin_api.c (session part) and queue/plugin_api.c (delivery part). */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "base.h"
#include "err.h"
#include "settings.h"
#include "store.h"
#include "../plugins/postrider.h"

struct plugin_list;

/* A namespace of the store that plugins have opened. */
struct pr_store {
	struct store_space space;
	struct pr_store *next;		/* of the list's */
};

/* Where a call comes from. Exactly one of the three is set, but none in HOOK_LOGGING and HOOK_CONFIG. */
struct session;			/* worker/session.h */
struct job_call;		/* queue/job_call.h */
struct draft;			/* worker/draft.h */

struct reply;			/* lib/reply.h */
struct plugin_line;		/* lib/plugin_log.c */
struct plugin_request;		/* lib/plugin_config.c */
struct listfile;

struct hook_call {
	struct plugin *self;		/* set by plugin_run for each plugin */
	enum hook hook;
	struct session *session;
	struct job_call *job;
	struct draft *draft;
	struct reply *reply;		/* what pr_reply fills; caller's; never NULL */
	size_t at;			/* of the plugin that is being asked, in the chain of its hook */
	/* Where a plugin may say LATER (queue/hook_run.c): called before and after its function. NULL elsewhere. */
	void (*around)(struct hook_call *call, bool before);
	/* Has a plugin that may block asked somewhere else, and says LATER; NULL: it is asked here. */
	enum verdict (*away)(struct hook_call *call);
	struct arena *scratch;		/* texts handed to plugins live here until the hook is over */
	bool observers;			/* only those are asked */
	const struct plugin_line *line;		/* HOOK_LOGGING: the line; NULL elsewhere */
	struct plugin_request *request;		/* HOOK_CONFIG: the list that is asked for; NULL elsewhere */
};

/* constrain_sender: what senders a user may use whom a plugin has authenticated. */
enum plugin_constrain { CONSTRAIN_NO, CONSTRAIN_DOMAIN, CONSTRAIN_ADDRESS };

/* Reads DIR/plugins: "name[:n] args...", "folder/name", "# comment". dlopens plugin_dir/NAME.so, checks the ABI and the
 * name. All errors in ERR, each naming plugin, file and line. Nothing of the plugin's code has run yet. */
struct plugin_list *plugin_load(const struct settings *s, struct err *err);
/* LIST is the queue-runner's (pr_delivers). */
void plugin_will_deliver(struct plugin_list *list);
/* Runs every before_drop (as root), every init (after the drop). */
bool plugin_before_drop(struct plugin_list *list, struct err *err) MUST_CHECK;
bool plugin_init(struct plugin_list *list, struct err *err) MUST_CHECK;
void plugin_list_free(struct plugin_list **list);
size_t plugin_count(const struct plugin_list *list);
const char *plugin_name_at(const struct plugin_list *list, size_t index);
/* From now on every line that this process logs is offered at HOOK_LOGGING, until the list is freed. After plugin_init. */
void plugin_take_log(struct plugin_list *list);
/* The list NAME, for all but plugins: as the plugins' config hooks give it, else from the file. Belongs to LIST. NULL with ERR. */
const struct listfile *plugin_listfile(struct plugin_list *list, const char *name, struct err *err);
enum plugin_constrain plugin_constrains(const struct plugin *p);
/* Whether any plugin listens at HOOK. */
bool plugin_wants(const struct plugin_list *list, enum hook hook);
/* Runs the chain: in order of conf/plugins, until a verdict other than DECLINED (observers excepted). A value that is no
 * verdict counts as DENYSOFT with a log line (fail closed). Marks the scoreboard slot (watchdog) while a plugin runs.
 * *DECIDED (may be NULL) becomes the plugin that ended the chain, NULL when none did. */
enum verdict plugin_run(struct plugin_list *list, struct hook_call *call, const struct plugin **decided);
/* CALL's plugin, which has said LATER, says VERDICT: the chain goes on. What plugin_run would return, LATER included. */
enum verdict plugin_answered(struct plugin_list *list, struct hook_call *call, enum verdict verdict);
/* What SELF's function says to CALL, as it is and without a chain: where it is asked on behalf of another process. */
enum verdict plugin_ask_alone(struct plugin *self, struct hook_call *call);
/* By their number in the list; NULL past the end. */
struct plugin *plugin_at(const struct plugin_list *list, size_t index);
size_t plugin_index(const struct plugin *self);
/* Whether SELF listens at HOOK. */
bool plugin_listens(const struct plugin *self, unsigned hook);
/* Whether SELF may block in the hooks of the queue-runner: it says so itself, or outbound.conf does. */
bool plugin_blocks(const struct plugin *self);
const char *plugin_hook_name(unsigned hook);	/* "mail_pre" */
const char *plugin_verdict_name(unsigned verdict);
/* How TLS is to be spoken to clients; NULL: not at all, no plugin has switched it on in before_drop. */
const struct tls_settings *plugin_tls(const struct plugin_list *list);
/* The slot that plugin_run marks; NULL for none. */
struct scoreboard_slot;
void plugin_set_slot(struct scoreboard_slot *slot);

#endif
