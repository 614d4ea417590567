/* hook_run.h - hooks in the queue-runner: plugins are asked one after the other, and each may answer later, within a deadline,
 * while the loop goes on. A plugin that keeps the loop from its work is named in the log; one that does not come back ends the
 * process, which is started anew. */
#ifndef HOOK_RUN_H
#define HOOK_RUN_H

#include "../lib/base.h"
#include "../lib/plugin.h"
#include "../lib/reply.h"
#include "job_call.h"
#include "spool_id.h"

struct runner;
struct hook_run;

/* V is never LATER. FACTS are those that were given, with what plugins have set in them; REPLY is set or clear. */
typedef void hook_done(void *arg, enum verdict v, struct job_call *facts, struct reply *reply);

/* Asks the plugins that listen at HOOK about FACTS, which are copied but for what they point to. DONE is called exactly once
 * unless cancelled: before this returns, which gives NULL then, or later from the loop. */
struct hook_run *hook_ask(struct runner *r, enum hook hook, const struct job_call *facts, hook_done *done, void *arg);
/* DONE is not called any more. NULL is fine. */
void hook_cancel(struct hook_run **run);
/* Around what asks plugins at HOOK by other ways: one that does not come back ends the process, too. */
void hook_guard(const struct runner *r, enum hook hook);
void hook_unguard(void);
/* How many are waited for; of those, after an attempt (deferred, bounce, delivered). */
size_t hook_waiting(void);
size_t hook_waiting_after(void);
/* The process has no time any more: those end as if their own were over. */
void hook_hurry(void);
/* The process ends: nothing is waited for. */
void hook_end(void);

/* A call of a plugin's function: by a hook, or with the answer to what it asked there, when the message may be gone. */
struct hook_visit {
	struct runner *runner;
	const struct plugin *plugin;
	enum hook hook;
	char id[SPOOL_ID_SIZE];		/* of the message */
	int64_t begun;			/* clock_ms */
};

/* From CALL, which has a job. */
struct hook_visit hook_visit(const struct hook_call *call);
/* Around the function. Meanwhile message, plugin and hook stand in the scoreboard (until runner_unmark), and a plugin that does not
 * come back ends the process; one that took long is named in the log. WHERE: "get_mx", "an answer of DNS". */
void hook_enter(struct hook_visit *v);
void hook_leave(const struct hook_visit *v, const char *where);

/* ---- for plugins (plugin_api.c) ---- */

/* CALL's answer will come later, within MS (0: as long as outbound.conf says): its number, by which it is found until then; 0
 * where that is not possible. */
uint64_t hook_later(struct hook_call *call, int64_t ms);
/* The call with that number, NULL when it is over or answered. */
struct hook_call *hook_find(uint64_t id);
/* Its time begins now: until now it has waited for a helper process. */
void hook_renew(uint64_t id);
/* Its plugin says VERDICT. False: it is over or answered. */
bool hook_answer(uint64_t id, enum verdict verdict);

#endif
