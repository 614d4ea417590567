/* scoreboard.h - the shared mapping (run_dir/scoreboard): a slot per worker and global counters. Only
 * fixed-width fields; writers use relaxed atomics; a reader never trusts a slot. Made by the master, mapped
 * by the forkserver (workers inherit it), the queue-runner, the resolver, and read-only by `postrider status`. */
#ifndef SCOREBOARD_H
#define SCOREBOARD_H

#include "base.h"
#include "err.h"
#include "netaddr.h"
#include "rate.h"
#include "store_health.h"
#include <stdatomic.h>

#define RUNNERS_MAX 16			/* queue-runners */
#define CROWDS 8192
#define SCOREBOARD_SLOTS 16384		/* the highest max_workers; untouched pages cost nothing */
#define SCOREBOARD_MAGIC 0x50523034u	/* layout version */

enum phase {	/* what a worker is doing; names in scoreboard_phase_name() */
	PHASE_FREE,		/* slot not in use */
	PHASE_IDLE, PHASE_CONNECT, PHASE_GREETED, PHASE_HELO, PHASE_AUTH, PHASE_MAIL, PHASE_RCPT, PHASE_DATA,
	PHASE_QUEUE, PHASE_TLS, PHASE_QUIT, PHASE_COUNT
};

struct scoreboard_slot {		/* 128 bytes: two cache lines, one writer (its worker) */
	_Atomic int32_t pid;		/* 0: the slot is free */
	_Atomic uint32_t generation;
	_Atomic uint8_t phase;
	_Atomic uint8_t tls;
	uint8_t peer_family;		/* 4, 6, 0; with peer written before phase leaves PHASE_IDLE */
	_Atomic uint8_t hook;		/* enum hook + 1 that is running, 0 none */
	_Atomic uint16_t plugin;	/* index in the plugin list + 1, 0 none */
	uint16_t peer_port;
	uint8_t peer[16];
	_Atomic int64_t hook_since;	/* clock_ms, 0 none: what the watchdog looks at */
	_Atomic int64_t since;		/* clock_ms of entering the session (or idle) */
	_Atomic uint64_t sessions;	/* served by this worker */
	_Atomic uint64_t messages;
	char id[32];			/* of the session in hand, for the log line about a worker's death; "" none */
	uint8_t proxy[16];		/* through which PEER comes (or, of an unknown client, PEER itself) */
	uint8_t proxy_family;		/* 0: through none */
	uint8_t inside;			/* its worker hears the internal socket only */
	uint8_t spare[14];
};

enum counter {
	COUNT_CONNECTIONS, COUNT_SESSIONS_TLS, COUNT_REFUSED_BUSY, COUNT_REFUSED_IP, COUNT_REFUSED_RATE, COUNT_REFUSED_PROXY, COUNT_TIMEOUTS,
	COUNT_TARPITTED, COUNT_MESSAGES, COUNT_BYTES,
	COUNT_RECIPIENTS, COUNT_REJECTED, COUNT_TEMPFAILED, COUNT_AUTH_OK, COUNT_AUTH_FAILED, COUNT_AUTH_LIMITED,
	COUNT_WORKERS_FORKED, COUNT_WORKERS_DIED, COUNT_WORKERS_KILLED,
	COUNT_LOOKUPS, COUNT_LOOKUPS_FAILED, COUNT_STORE_ASKED, COUNT_STORE_UNANSWERED,
	COUNT_DELIVERIES, COUNT_DELIVERED, COUNT_DEFERRED, COUNT_BOUNCED, COUNT_BOUNCES_SENT, COUNT_SET_ASIDE,
	COUNT_HOOKS_SLOW, COUNT_HOOKS_OVERDUE,
	COUNT_COUNT
};
enum gauge { GAUGE_QUEUE_NEW, GAUGE_QUEUE_ACTIVE, GAUGE_QUEUE_DEFERRED, GAUGE_QUEUE_HELD, GAUGE_OUT_CONNECTIONS, GAUGE_COUNT };

struct scoreboard {
	uint32_t magic, slot_size, slots;
	_Atomic int32_t master_pid;
	_Atomic int64_t started;		/* wall clock, seconds */
	_Atomic int32_t forkserver_pid, resolver_pid;
	_Atomic int32_t runner_pids[RUNNERS_MAX];
	_Atomic uint32_t runners;		/* among how many queue-runners the queue is split (queue/part.h) */
	_Atomic uint32_t generation;
	_Atomic int32_t idle, busy;		/* workers without a session; with a client (internal sessions are none) */
	_Atomic int32_t stress_at;		/* with so many busy there is stress; 0: never */
	_Atomic uint32_t crew_full;		/* the forkserver cannot start more workers */
	_Atomic uint32_t door;			/* generation of the doorman that is awake; 0: none is */
	_Atomic uint32_t high_slot;		/* one above the highest slot ever used */
	char plugin_names[64][32];		/* of the current generation, for status */
	_Atomic uint32_t plugin_count;
	char working_on[RUNNERS_MAX][128];	/* queue id that each queue-runner is working on, plugin and hook (see queue/runner.c) */
	_Atomic uint16_t crowds[CROWDS];	/* a bit a queue-runner: see queue/crowd.h */
	_Atomic uint64_t counters[COUNT_COUNT];
	_Atomic int64_t gauges[RUNNERS_MAX][GAUGE_COUNT];	/* each queue-runner's */
	struct store_health stores[STORE_HEALTHS];
	_Alignas(128) struct scoreboard_slot slot[SCOREBOARD_SLOTS];
	struct rate_table rates;
};

/* The mapping of this process (NULL before create/open). */
struct scoreboard *scoreboard(void);
/* Creates RUN_DIR/scoreboard anew (sparse) and maps it; owner UID/GID, mode 0640. */
bool scoreboard_create(const char *run_dir, uid_t uid, gid_t gid, struct err *err) MUST_CHECK;
/* Maps an existing one; checks magic and sizes. */
bool scoreboard_open(const char *run_dir, bool read_only, struct err *err) MUST_CHECK;
void scoreboard_count(enum counter c, uint64_t n);	/* adds; no-op when nothing is mapped (unit tests) */
/* Of the queue-runner that has PART. */
void scoreboard_gauge(unsigned part, enum gauge g, int64_t value);
/* Of all queue-runners together, in S. */
int64_t scoreboard_gauge_total(struct scoreboard *s, enum gauge g);
/* Whether workers are nearly used up, so that everybody must be quicker. False when nothing is mapped. */
bool scoreboard_stressed(void);
/* Takes a free slot for PID (phase idle; the total idle grows); -1 when all are used. Only forkservers call these two; an
 * old and a new one may do so at the same time. */
int scoreboard_take(int32_t pid, uint32_t generation);
/* Gives the slot back, if it is still PID's, and takes its worker out of the totals idle or busy. */
void scoreboard_release(int slot, int32_t pid);
/* Sets the totals idle and busy right when the slots say otherwise twice in a row (a worker was killed between two
 * steps). Called once a second by the forkserver. */
void scoreboard_settle(void);
/* Sessions now open from ADDR, counted over all slots but EXCEPT; of an IPv6 address the first PREFIX6 bits count. */
unsigned scoreboard_sessions_from(const struct netaddr *addr, unsigned prefix6, int except);
const char *scoreboard_phase_name(unsigned phase);
const char *scoreboard_counter_name(unsigned counter);
const char *scoreboard_gauge_name(unsigned gauge);

#endif
