/* spawn.h - starts one role: fork, execute ourselves, with a control socket between. */
#ifndef SPAWN_H
#define SPAWN_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/scoreboard.h"
#include "cmdline.h"
#include "listen.h"

/* There may be several queue-runners: a post is a role, and for them one more for each further part of the queue. */
enum role { ROLE_RESOLVER, ROLE_FORKSERVER, ROLE_RUNNER, ROLE_COUNT };
#define POSTS_MAX (ROLE_COUNT - 1 + RUNNERS_MAX)

struct spawn_request {
	const char *program;		/* path of our binary: a reload runs the one that is installed now */
	const struct cmdline *cmdline;	/* as the master got it: handed on */
	const char *config_dir;		/* absolute */
	enum role role;
	unsigned part, parts;		/* of a queue-runner */
	unsigned generation;
	bool cold_start, flush, replaces;
	const struct listen_set *listeners;	/* for the forkserver */
};

/* The child is in a process group of its own, so that spawn_kill reaches its workers as well. *CONTROL_FD is our end
 * (non-blocking). Returns its process id, -1 with ERR. */
pid_t spawn_role(const struct spawn_request *r, int *control_fd, struct err *err);
/* SIGKILL to the whole group. */
void spawn_kill(pid_t pid);
/* Standard input, output and error become /dev/null: for --detach. */
void spawn_silence(void);
const char *spawn_role_name(enum role role);

#endif
