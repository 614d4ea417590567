/* run.c - the common beginning of the master and its roles: settings, log, and from the internal options of
 * the command line to struct role_args. */
#include "run.h"
#include "../lib/log.h"
#include "control.h"
#include "listen.h"
#include "role.h"
#include "spawn.h"
#include <fcntl.h>

struct settings *run_settings(const struct cmdline *c, struct err *err)
{
	struct settings *s = settings_read(c->config_dir, err);

	if (s != NULL)
		cmdline_apply(c, s);
	return s;
}

static enum log_level level_from(const char *name)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum log_level)i;
	return LOG_LEVEL_INFO;
}

bool run_open_log(const struct settings *s, struct err *err)
{
	return log_open(s->log, strcmp(s->log_format, "json") == 0, level_from(s->log_level), err);
}

static int (*role_main(const char *name))(const struct role_args *)
{
	static int (*const mains[ROLE_COUNT])(const struct role_args *) = {
		[ROLE_RESOLVER] = resolver_main, [ROLE_RUNNER] = runner_main, [ROLE_FORKSERVER] = forkserver_main,
	};

	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (strcmp(name, spawn_role_name((enum role)i)) == 0)
			return mains[i];
	return NULL;
}

/* What a plugin executes must not inherit what we inherited. */
static void close_on_exec(const struct cmdline *c, const struct listen_set *set)
{
	fcntl((int)c->control_fd, F_SETFD, FD_CLOEXEC);
	for (size_t i = 0; i < set->count; i++)
		fcntl(set->listeners[i].fd, F_SETFD, FD_CLOEXEC);
}

static bool prepare(const struct cmdline *c, struct listen_set *set, struct role_args *args, struct err *err)
{
	struct settings *s = run_settings(c, err);

	if (s == NULL || !run_open_log(s, err) || !listen_decode(c->listeners != NULL ? c->listeners : "", set, err))
		return false;
	close_on_exec(c, set);
	args->settings = s;
	args->listener_count = set->count;
	return true;
}

int role_run(const struct cmdline *c)
{
	static struct listen_set set;
	struct role_args args = { .control_fd = (int)c->control_fd, .generation = (unsigned)c->generation, .cold_start = c->cold_start,
		.part = (unsigned)c->part, .parts = c->parts ? (unsigned)c->parts : 1,
		.flush = c->flush, .replaces = c->replaces, .listeners = set.listeners };
	int (*run)(const struct role_args *) = role_main(c->role);
	struct err err = { "" };

	if (run == NULL)
		err_set(&err, "--role: there is no role \"%s\"", c->role);
	if (run == NULL || !prepare(c, &set, &args, &err))
		return control_failed((int)c->control_fd, &err);
	log_process(c->role);
	return run(&args);
}
