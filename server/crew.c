/* crew.c - forks, counts, retires, watches and reaps workers. The table here (process id and slot of each worker of
 * ours) is the truth; the scoreboard says what they are doing, as far as it can be trusted. */
#include "crew.h"
#include "../lib/clock.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "../lib/tls_key.h"
#include "../queue/part.h"
#include "../worker/worker.h"
#include "doorman.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define DOORMAN_PAUSE 1000	/* ms between two of them, should one keep dying */

struct member {
	pid_t pid;
	int slot;
	bool internal;		/* hears the internal socket only */
	bool retired;		/* has been sent SIGUSR1 */
	bool killed;		/* by the watchdog: its death has been told */
};

struct crew {
	struct crew_setup setup;
	size_t count, size, internals;
	struct member *members;
	int life[2];		/* workers hold the read end; end of file = leave */
	int wake_fd;
	pid_t doorman;		/* 0: none */
	int64_t doorman_at;	/* clock_ms: not before that is another one started */
	int door_fd;
	size_t burst;		/* how many the last turn forked: the next may fork twice as many */
	bool draining;
	bool fork_failed;	/* told once, until one succeeds */
	bool stressed;		/* told, until it has been over for a while: */
	int64_t stress_seen;	/* clock_ms */
};

struct crew *crew_new(const struct crew_setup *setup, struct err *err)
{
	struct crew *w = calloc(1, sizeof *w);

	if (w == NULL) {
		err_sys(err, "cannot set up the crew of workers");
		return NULL;
	}
	w->setup = *setup;
	w->size = (size_t)setup->settings->max_workers + CREW_INTERNAL;
	w->members = calloc(w->size, sizeof *w->members);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->door_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->life[0] = w->life[1] = -1;
	if (w->members != NULL && w->wake_fd >= 0 && w->door_fd >= 0 && pipe2(w->life, O_CLOEXEC | O_NONBLOCK) == 0)
		return w;
	err_sys(err, "cannot set up the crew of workers");
	crew_free(&w);
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void crew_free(struct crew **crew)
{
	struct crew *w = *crew;

	if (w == NULL)
		return;
	close_fd(&w->wake_fd);
	close_fd(&w->door_fd);
	close_fd(&w->life[0]);
	close_fd(&w->life[1]);
	free(w->members);
	free(w);
	*crew = NULL;
}

int crew_wake_fd(const struct crew *w)
{
	return w->wake_fd;
}

size_t crew_count(const struct crew *w)
{
	return w->count;
}

static struct scoreboard_slot *slot_of(const struct member *m)
{
	return &scoreboard()->slot[m->slot];
}

static bool is_idle(const struct member *m)
{
	return atomic_load_explicit(&slot_of(m)->phase, memory_order_relaxed) == PHASE_IDLE;
}

/* ---- growing ---- */

/* In a child: what is the forkserver's alone. */
static void leave_forkserver(struct crew *w)
{
	close_fd(&w->life[1]);
	close(w->setup.control_fd);
	close(w->setup.signal_fd);
	keyholder_close(w->setup.keys);
}

/* In the child: as worker_main expects it. */
NORETURN static void become_worker(struct crew *w, const struct member *m, int keys_fd)
{
	const struct crew_setup *s = &w->setup;
	const struct listener *internal = &s->listeners[s->listener_count - 1];
	struct worker_args args = { .settings = s->settings, .plugins = s->plugins, .tls = s->tls, .store = s->store, .slot = m->slot, .life_fd = w->life[0],
		.wake_fd = w->wake_fd, .wake_below = (int32_t)(s->settings->min_spare + CREW_INTERNAL),
		.door_fd = w->door_fd, .door_below = CREW_INTERNAL, .generation = s->generation,
		.listener_count = m->internal ? 1 : s->listener_count, .listeners = m->internal ? internal : s->listeners };
	sigset_t mask;

	leave_forkserver(w);
	tls_key_remote(keys_fd);
	prctl(PR_SET_NAME, "pr:worker");
	log_process("worker");
	ipc_self(IPC_WORKER);
	plugin_set_slot(slot_of(m));
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	_exit(worker_main(&args));
}

/* A worker that gets none can still serve clients who want no TLS. */
static int keys_connect(struct crew *w)
{
	struct err err = { "" };
	int fd = w->setup.keys->count ? keyholder_connect(w->setup.keys, &err) : -1;

	if (fd < 0 && w->setup.keys->count)
		log_error("a worker has no connection to a key process: %s", err.text);
	return fd;
}

static bool fork_one(struct crew *w, bool internal)
{
	struct member *m = &w->members[w->count];
	int slot = scoreboard_take((int32_t)getpid(), w->setup.generation);

	*m = (struct member){ .slot = slot, .internal = internal };
	if (slot >= 0)
		slot_of(m)->inside = internal;
	int keys_fd = slot >= 0 && !internal ? keys_connect(w) : -1;
	pid_t pid = slot >= 0 ? fork() : -1;

	if (pid == 0) {
		atomic_store(&slot_of(m)->pid, (int32_t)getpid());
		become_worker(w, m, keys_fd);
	}
	close_fd(&keys_fd);
	if (pid < 0) {
		if (!w->fork_failed)
			log_error("cannot fork a worker: %s", slot < 0 ? "no free slot in the scoreboard" : strerror(errno));
		if (slot >= 0)
			scoreboard_release(slot, (int32_t)getpid());
		w->fork_failed = true;
		return false;
	}
	atomic_store(&slot_of(m)->pid, (int32_t)pid);
	m->pid = pid;
	w->count++;
	w->internals += internal;
	w->fork_failed = false;
	scoreboard_count(COUNT_WORKERS_FORKED, 1);
	return true;
}

NORETURN static void become_doorman(struct crew *w)
{
	const struct crew_setup *s = &w->setup;
	struct doorman_args args = { .settings = s->settings, .listener_count = s->listener_count, .listeners = s->listeners,
		.generation = s->generation, .inside = CREW_INTERNAL, .life_fd = w->life[0], .door_fd = w->door_fd };
	static const int deaf_to[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };	/* it leaves with the life line */
	sigset_t none;

	leave_forkserver(w);
	prctl(PR_SET_NAME, "pr:doorman");
	log_process("doorman");
	for (size_t i = 0; i < COUNT_OF(deaf_to); i++)
		signal(deaf_to[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(doorman_main(&args));
}

/* Without one, clients wait as long as it takes: nothing is lost by that but their patience. */
static void fork_doorman(struct crew *w)
{
	if (w->doorman != 0 || clock_ms() < w->doorman_at)
		return;
	pid_t pid = fork();

	if (pid == 0)
		become_doorman(w);
	w->doorman = pid > 0 ? pid : 0;
	w->doorman_at = clock_ms() + DOORMAN_PAUSE;
}

/* What the doorman must know: whether idle workers may still come. */
static void publish_full(const struct crew *w)
{
	bool most = w->count - w->internals >= (size_t)w->setup.settings->max_workers;

	atomic_store(&scoreboard()->crew_full, most || w->fork_failed);
}

static size_t count_idle(const struct crew *w)
{
	size_t idle = 0;

	for (size_t i = 0; i < w->count; i++)
		idle += !w->members[i].internal && !w->members[i].retired && is_idle(&w->members[i]);
	return idle;
}

/* How many to fork now: up to min_spare idle ones, and under pressure (none idle at all) twice as many each turn. */
static size_t missing(struct crew *w)
{
	size_t idle = count_idle(w), outside = w->count - w->internals;
	size_t spare = (size_t)w->setup.settings->min_spare, room = (size_t)w->setup.settings->max_workers - outside;
	size_t want = idle < spare ? spare - idle : 0;

	if (idle == 0 && want < w->burst * 2)
		want = w->burst * 2;
	if (idle == 0 && want == 0 && outside == 0)
		want = 1;
	return want < room ? want : room;
}

bool crew_fill(struct crew *w)
{
	uint64_t woken;
	size_t forked = 0;

	(void)!read(w->wake_fd, &woken, sizeof woken);
	if (w->draining)
		return false;
	publish_full(w);
	fork_doorman(w);
	while (w->internals < CREW_INTERNAL && fork_one(w, true))
		;
	size_t want = missing(w), limit = want < CREW_FORKS_PER_TURN ? want : CREW_FORKS_PER_TURN;

	while (forked < limit && fork_one(w, false))
		forked++;
	w->burst = forked;
	publish_full(w);
	return forked == limit && want > limit;
}

/* ---- deaths ---- */

static void log_peer(struct log_line *l, const struct scoreboard_slot *s)
{
	struct netaddr peer = { .family = s->peer_family, .port = s->peer_port };
	char text[NETADDR_TEXT];

	if (peer.family != 4 && peer.family != 6)
		return;
	memcpy(peer.bytes, s->peer, sizeof peer.bytes);
	log_str(l, "peer", netaddr_text(&peer, text));
}

/* What the worker was about: from a slot that it may have filled with anything. */
static void log_slot(struct log_line *l, const struct crew *w, const struct scoreboard_slot *s)
{
	unsigned plugin = atomic_load(&s->plugin), hook = atomic_load(&s->hook);
	struct view id = view_make(s->id, strnlen(s->id, sizeof s->id));

	log_view(l, "session", id);
	log_str(l, "phase", scoreboard_phase_name(atomic_load(&s->phase)));
	log_peer(l, s);
	if (plugin > 0 && plugin <= plugin_count(w->setup.plugins))
		log_str(l, "plugin", plugin_name_at(w->setup.plugins, plugin - 1));
	if (hook > 0 && hook <= HOOK_COUNT)
		log_str(l, "hook", plugin_hook_name(hook - 1));
}

static void log_death(const struct crew *w, const struct member *m, int status)
{
	struct log_line l;

	if (m->killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	log_begin(&l, LOG_LEVEL_ERROR, "worker died");
	log_int(&l, "worker", m->pid);
	if (WIFSIGNALED(status))
		log_str(&l, "signal", strsignal(WTERMSIG(status)));
	else
		log_int(&l, "status", WEXITSTATUS(status));
	log_slot(&l, w, slot_of(m));
	log_end(&l);
}

/* A worker that dies between commit and poke leaves an acknowledged message that nobody has been told of. */
static void send_looking(const struct crew *w)
{
	for (unsigned part = 0; part < part_count(); part++)
		part_poke(w->setup.settings->run_dir, part, "");
}

static void bury(struct crew *w, size_t at, int status)
{
	struct member *m = &w->members[at];

	log_death(w, m, status);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		scoreboard_count(COUNT_WORKERS_DIED, 1);
		send_looking(w);
	}
	scoreboard_release(m->slot, (int32_t)m->pid);
	w->internals -= m->internal;
	*m = w->members[--w->count];
}

static void doorman_died(struct crew *w, int status)
{
	w->doorman = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		log_error("the doorman died, %s %d", WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (atomic_load(&scoreboard()->door) == w->setup.generation)
		atomic_store(&scoreboard()->door, 0);
}

void crew_reap(struct crew *w)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		size_t at = 0;

		while (at < w->count && w->members[at].pid != pid)
			at++;
		if (pid == w->doorman)
			doorman_died(w, status);
		else if (at < w->count)	/* else a process that a plugin started before the workers */
			bury(w, at, status);
	}
}

/* ---- once a second ---- */

/* A plugin that hangs in one hook costs its client the session, nobody else anything. */
static void watch(struct crew *w, struct member *m, int64_t now)
{
	int64_t since = atomic_load(&slot_of(m)->hook_since);
	struct log_line l;

	if (since == 0 || m->killed || now - since <= w->setup.settings->plugin_timeout)
		return;
	log_begin(&l, LOG_LEVEL_ERROR, "worker killed: plugin took too long");
	log_int(&l, "worker", m->pid);
	log_ms(&l, "after", now - since);
	log_slot(&l, w, slot_of(m));
	log_end(&l);
	m->killed = true;
	kill(m->pid, SIGKILL);
	scoreboard_count(COUNT_WORKERS_KILLED, 1);
}

static struct member *longest_idle(struct crew *w)
{
	struct member *longest = NULL;

	for (size_t i = 0; i < w->count; i++) {
		struct member *m = &w->members[i];

		if (m->internal || m->retired || !is_idle(m))
			continue;
		if (longest == NULL || atomic_load(&slot_of(m)->since) < atomic_load(&slot_of(longest)->since))
			longest = m;
	}
	return longest;
}

/* A quarter of the surplus a second: a pause in a storm does not throw away what the next wave needs. */
static void shrink(struct crew *w)
{
	size_t idle = count_idle(w), spare = (size_t)w->setup.settings->max_spare;
	size_t retire = idle > spare ? (idle - spare + 3) / 4 : 0;

	while (retire-- > 0) {
		struct member *m = longest_idle(w);

		if (m == NULL)
			return;
		m->retired = true;
		kill(m->pid, SIGUSR1);
	}
}

static bool is_ours(const struct crew *w, int slot)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->members[i].slot == slot)
			return true;
	return false;
}

/* Slots whose worker died after its forkserver did. */
static void sweep(const struct crew *w)
{
	struct scoreboard *sb = scoreboard();
	uint32_t high = atomic_load(&sb->high_slot);

	for (uint32_t i = 0; i < high && i < SCOREBOARD_SLOTS; i++) {
		int32_t pid = atomic_load(&sb->slot[i].pid);

		if (pid <= 0 || atomic_load(&sb->slot[i].phase) == PHASE_FREE || atomic_load(&sb->slot[i].generation) == w->setup.generation)
			continue;
		if (is_ours(w, (int)i) || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		scoreboard_release((int)i, pid);
		send_looking(w);
	}
}

#define STRESS_CALM 10000	/* ms without stress until it is called over */

static void tell_stress(struct crew *w, int64_t now)
{
	bool stressed = scoreboard_stressed();
	int busy = (int)atomic_load(&scoreboard()->busy), at = (int)atomic_load(&scoreboard()->stress_at);

	if (stressed)
		w->stress_seen = now;
	if (stressed && !w->stressed)
		log_warn("stress begins: %d clients at once, from %d on they are hurried", busy, at);
	else if (w->stressed && now - w->stress_seen >= STRESS_CALM)
		log_info("stress is over: %d clients at once", busy);
	else
		return;
	w->stressed = stressed;
}

void crew_tick(struct crew *w)
{
	int64_t now = clock_ms();

	for (size_t i = 0; i < w->count; i++)
		watch(w, &w->members[i], now);
	if (w->draining)
		return;
	w->burst = 0;
	tell_stress(w, now);
	shrink(w);
	sweep(w);
	scoreboard_settle();
}

/* ---- leaving ---- */

void crew_drain(struct crew *w)
{
	w->draining = true;
	close_fd(&w->life[1]);
}

void crew_hurry(struct crew *w, bool all)
{
	for (size_t i = 0; i < w->count; i++) {
		unsigned phase = atomic_load(&slot_of(&w->members[i])->phase);

		if (all || (phase != PHASE_DATA && phase != PHASE_QUEUE))
			kill(w->members[i].pid, SIGTERM);
	}
}

void crew_kill(struct crew *w)
{
	for (size_t i = 0; i < w->count; i++)
		kill(w->members[i].pid, SIGKILL);
	if (w->doorman != 0)
		kill(w->doorman, SIGKILL);
}
