/* hooks.h - running the plugins of a session and turning their verdicts into replies, by one table. */
#ifndef HOOKS_H
#define HOOKS_H

#include "../lib/base.h"
#include "../lib/plugin.h"
#include "../lib/reply.h"

struct session;

/* Runs HOOK. DECLINED or OK (R as the plugin set it, or not set), or a refusal: R is then complete, and R->disconnect says
 * whether the session ends. VERB_NO_HOOK gives DECLINED. */
enum verdict hooks_run(struct session *s, enum hook hook, struct reply *r);
/* The same; *BY becomes the plugin that ended the chain, NULL when none did. */
enum verdict hooks_run_by(struct session *s, enum hook hook, struct reply *r, const struct plugin **by);
bool hooks_refused(enum verdict v);
/* Runs HOOK for its effect; what it says is dropped. */
void hooks_notify(struct session *s, enum hook hook);

#endif
