/* role.h - how the master starts its children, and what each is handed. The master forks and executes itself
 * (postrider-forkserver --role NAME ...), so a reload runs the installed binary in fresh memory. Descriptors are
 * inherited by number. Exit statuses: 0 retired, 2 "do not restart: configuration", others: died. */
#ifndef ROLE_H
#define ROLE_H

#include "../lib/base.h"
#include "../lib/settings.h"

enum listener_role { LISTENER_SMTP, LISTENER_SUBMISSION, LISTENER_SMTPS, LISTENER_LOCAL, LISTENER_INTERNAL };

struct listener {
	int fd;
	enum listener_role role;
	bool proxy;		/* proxies connect to it: a PROXY header comes first */
	/* LISTENER_LOCAL is the Unix stream socket run_dir/submit, on which every user of this machine may speak SMTP (postrider
	 * send, postrider-sendmail). The kernel says who it is; he counts as authenticated.
	 * LISTENER_INTERNAL is run_dir/internal, for our own user: the queue-runner delivers on it what goes to the queue hooks
	 * (local parts of mixed messages, bounces). Its sessions run only the hooks queue_pre, queue and queue_post (observers:
	 * all), every recipient is accepted as local, no limits per address. */
};

struct role_args {
	const struct settings *settings;
	int control_fd;			/* SOCK_SEQPACKET to the master (ipc.h); end of file: the master died, drain */
	unsigned generation;
	unsigned part, parts;		/* queue-runner: what of the queue is its own (queue/part.h) */
	bool cold_start;		/* first start, and no process of an earlier master lives: unfinished files older than the master may be cleaned */
	bool flush;			/* queue-runner: started by SIGHUP, retry everything deferred now */
	bool replaces;			/* another one of this role serves, and goes on if we cannot start: so better not with half of it */
	size_t listener_count;		/* forkserver only */
	const struct listener *listeners;
};

#define EXIT_RETIRED 0
#define EXIT_DIED 1
#define EXIT_CONFIGURATION 2

int forkserver_main(const struct role_args *args);	/* server/forkserver.c; still root when called; drops */
int resolver_main(const struct role_args *args);	/* server/resolver.c */
int runner_main(const struct role_args *args);		/* queue/runner.c */

#endif
