/* supervise.h - the master's children: who lives in which state, who replaces whom, and when. It reads no
 * byte but theirs, and believes nothing that does not fit the state it knows. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "backoff.h"
#include "control.h"
#include "renewal.h"
#include "spawn.h"
#include <poll.h>

enum child_state {
	CHILD_STARTING,		/* spawned, nothing heard yet */
	CHILD_READY,		/* has said IPC_READY; the rest of its generation has not */
	CHILD_WAITING,		/* in force, but its predecessor has not left yet */
	CHILD_SERVING,		/* has been told IPC_SERVE */
	CHILD_LEAVING,		/* has been told IPC_DRAIN or IPC_STOP */
};

struct child {
	struct child *next;
	enum role role;
	unsigned post, parts;	/* which it holds; of a queue-runner: among how many the queue was split for it */
	enum child_state state;
	pid_t pid;
	int control;
	unsigned generation;
	int64_t since;		/* clock_ms of entering the state */
	int64_t deadline;	/* clock_ms after which it is killed; 0 none */
	struct renewal renewal;	/* the files that it has read */
};

enum stage {
	STAGE_STARTING,		/* the first generation has not said "ready" in full: a failure ends all */
	STAGE_STEADY,
	STAGE_RELOADING,	/* a new generation is starting beside the one in force */
	STAGE_STOPPING,
};

struct supervisor {
	struct spawn_request how;	/* role, part, parts, generation, cold_start, flush and replaces are filled in for each start */
	int64_t drain_timeout;		/* ms that an old generation has for its work in hand */
	int64_t watch_interval;		/* ms between two looks at the files that roles have read; 0: none */
	/* A generation as a whole was put in force (COMMITTED), or given up, which changes nothing. */
	void (*settled)(void *arg, bool committed);
	void *arg;
	/* kept here */
	enum stage stage;
	unsigned runners;		/* queue-runners of the generation in force */
	unsigned batch_runners;		/* and of the one that is starting */
	unsigned generation;		/* the highest given out */
	unsigned batch;			/* the one that is starting as a whole */
	struct err failure;		/* why the last batch failed */
	bool configuration;		/* it said itself that its configuration is wrong */
	int64_t pause[POSTS_MAX];	/* before the next start of a post's holder */
	int64_t start_at[POSTS_MAX];	/* clock_ms of it; 0 none planned */
	int64_t look_at;		/* clock_ms of the next look at files */
	unsigned char secret[CONTROL_SECRET];	/* handed to each forkserver: sessions of TLS outlive a generation */
	int64_t secret_until;		/* clock_ms of the next secret; 0: none has been made */
	struct backoff backoff[POSTS_MAX];
	struct child *children;
};

/* The first generation, with so many RUNNERS. COLD: nobody else uses the spool, so what is unfinished in it may be cleaned away. */
void supervise_start(struct supervisor *sv, unsigned runners, bool cold);
/* A new generation beside the present one, with so many RUNNERS, which retry everything. */
void supervise_reload(struct supervisor *sv, unsigned runners);
/* Everyone leaves; supervise_count becomes 0. */
void supervise_stop(struct supervisor *sv);
/* Everyone is killed at once, workers as well. */
void supervise_kill(struct supervisor *sv);
size_t supervise_count(const struct supervisor *sv);

/* Fills at most MAX entries, one a child; supervise_heard takes one that is readable. */
size_t supervise_poll(const struct supervisor *sv, struct pollfd *fds, size_t max);
void supervise_heard(struct supervisor *sv, int fd);
/* A process was reaped; unknown ones (workers whose forkserver died) are passed over. */
void supervise_died(struct supervisor *sv, pid_t pid, int status);
/* Starts what is missing and due, kills what is overdue. Returns the clock_ms of the next thing to do, 0 none. */
int64_t supervise_tick(struct supervisor *sv);

#endif
