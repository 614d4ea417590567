/* supervise.c - the life of the roles, of which the queue-runner may have several holders: start, "ready", "serve",
 * replacement after a death with back-off, and change of generation. A new generation is put in force only when all of its roles are ready. */
#include "supervise.h"
#include "../lib/clock.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "role.h"
#include <sys/random.h>
#include <sys/wait.h>

#define START_TIMEOUT 60000	/* ms from spawn to "ready": recovery of a big spool and plugin start included */
#define LEAVE_GRACE 10000	/* ms over what a child was given to finish */
#define SETTLE 2000		/* ms between noticing that files have changed and believing that they will not any more */
#define SECRET_LIFE (7 * INT64_C(86400000))	/* ms; GnuTLS derives keys from it that last for hours */

/* Only one at a time may work on the spool; the others' generations overlap. */
static const bool alone[ROLE_COUNT] = { [ROLE_RUNNER] = true };

static void enter(struct child *c, enum child_state state, int64_t deadline)
{
	c->state = state;
	c->since = clock_ms();
	c->deadline = deadline;
}

/* ---- posts ---- */

static enum role role_of(unsigned post)
{
	return post < ROLE_RUNNER ? (enum role)post : ROLE_RUNNER;
}

static unsigned part_of_post(unsigned post)
{
	return post < ROLE_RUNNER ? 0 : post - ROLE_RUNNER;
}

static unsigned posts(unsigned runners)
{
	return ROLE_COUNT - 1 + runners;
}

static void log_child(enum log_level level, const char *event, const struct child *c)
{
	struct log_line l;

	log_begin(&l, level, event);
	log_str(&l, "role", spawn_role_name(c->role));
	if (c->parts > 1)
		log_int(&l, "part", part_of_post(c->post));
	log_int(&l, "child", c->pid);
	log_int(&l, "generation", c->generation);
	log_end(&l);
}

static bool lives(const struct supervisor *sv, unsigned post)
{
	for (const struct child *c = sv->children; c != NULL; c = c->next)
		if (c->post == post && c->state != CHILD_LEAVING)
			return true;
	return false;
}

static void hand_secret(struct supervisor *sv, struct child *c)
{
	static struct ipc_out m;
	struct err err = { "" };

	if (sv->secret_until == 0) {
		if (getrandom(sv->secret, sizeof sv->secret, 0) != (ssize_t)sizeof sv->secret)
			bug("getrandom: %s", strerror(errno));
		sv->secret_until = clock_ms() + SECRET_LIFE;
	}
	ipc_begin(&m, IPC_SECRET);
	ipc_put_view(&m, view_make((const char *)sv->secret, sizeof sv->secret));
	if (!ipc_send(c->control, &m, &err))
		log_warn("%s %d: %s", spawn_role_name(c->role), (int)c->pid, err.text);
	explicit_bzero(&m, sizeof m);
}

/* RUNNERS: among how many the queue is split, should it be one of them. */
static struct child *start(struct supervisor *sv, unsigned post, unsigned runners, unsigned generation)
{
	struct child *c = calloc(1, sizeof *c);
	struct err err = { "" };

	if (c == NULL)
		return NULL;
	sv->how.role = c->role = role_of(post);
	sv->how.part = part_of_post(post);
	sv->how.parts = c->parts = c->role == ROLE_RUNNER ? runners : 1;
	sv->how.generation = generation;
	sv->how.replaces = lives(sv, post);
	c->post = post;
	c->generation = generation;
	c->pid = spawn_role(&sv->how, &c->control, &err);
	if (c->pid < 0) {
		log_error("%s", err.text);
		free(c);
		return NULL;
	}
	if (c->role == ROLE_FORKSERVER)
		hand_secret(sv, c);
	c->next = sv->children;
	sv->children = c;
	enter(c, CHILD_STARTING, clock_ms() + START_TIMEOUT);
	log_child(LOG_LEVEL_INFO, "child started", c);
	return c;
}

/* A child that cannot be told is dying or wedged: its death, or its deadline, will settle it. */
static void order(struct child *c, enum ipc_type what)
{
	static struct ipc_out m;
	struct err err = { "" };

	if (c->control < 0)
		return;
	ipc_begin(&m, what);
	if (!ipc_send(c->control, &m, &err))
		log_warn("%s %d: %s", spawn_role_name(c->role), (int)c->pid, err.text);
}

static void dismiss(struct child *c, enum ipc_type how, int64_t deadline)
{
	if (c->state != CHILD_LEAVING)
		log_child(LOG_LEVEL_INFO, how == IPC_DRAIN ? "child drains" : "child is stopped", c);
	order(c, how);
	enter(c, CHILD_LEAVING, deadline);
}

/* ---- putting in force ---- */

static void publish(const struct child *c)
{
	struct scoreboard *sb = scoreboard();
	_Atomic int32_t *fields[ROLE_COUNT] = {
		[ROLE_RESOLVER] = &sb->resolver_pid, [ROLE_RUNNER] = &sb->runner_pids[part_of_post(c->post)],
		[ROLE_FORKSERVER] = &sb->forkserver_pid,
	};

	atomic_store(fields[c->role], c->pid);
	if (c->role == ROLE_FORKSERVER)
		atomic_store(&sb->generation, c->generation);
}

/* One that leaves has what is to be C's: its post, or a part of a queue that was split in another way. */
static bool has_elder(const struct supervisor *sv, const struct child *c)
{
	for (const struct child *o = sv->children; o != NULL; o = o->next)
		if (o != c && o->state == CHILD_LEAVING && (o->post == c->post || (o->role == c->role && o->parts != c->parts)))
			return true;
	return false;
}

static void serve(struct supervisor *sv, struct child *c)
{
	if (alone[c->role] && has_elder(sv, c)) {
		enter(c, CHILD_WAITING, 0);
		return;
	}
	order(c, IPC_SERVE);
	enter(c, CHILD_SERVING, 0);
	publish(c);
	log_child(LOG_LEVEL_INFO, "child serves", c);
}

static void put_in_force(struct supervisor *sv, struct child *c)
{
	for (struct child *o = sv->children; o != NULL; o = o->next)
		if (o != c && o->post == c->post && o->state != CHILD_LEAVING)
			dismiss(o, IPC_DRAIN, clock_ms() + sv->drain_timeout + LEAVE_GRACE);
	serve(sv, c);
}

/* Before anybody is told to serve: the queue is to be split in another way than for those who have parts of it. */
static void dismiss_other_parts(struct supervisor *sv)
{
	sv->runners = sv->batch_runners;
	for (struct child *c = sv->children; c != NULL; c = c->next)
		if (c->role == ROLE_RUNNER && c->parts != sv->runners && c->state != CHILD_LEAVING)
			dismiss(c, IPC_DRAIN, clock_ms() + sv->drain_timeout + LEAVE_GRACE);
	atomic_store(&scoreboard()->runners, sv->runners);
	for (unsigned part = sv->runners; part < RUNNERS_MAX; part++)
		atomic_store(&scoreboard()->runner_pids[part], 0);
}

static void commit(struct supervisor *sv)
{
	dismiss_other_parts(sv);
	for (unsigned post = 0; post < POSTS_MAX; post++) {
		sv->start_at[post] = 0;
		backoff_reset(&sv->backoff[post]);
		for (struct child *c = sv->children; c != NULL; c = c->next)
			if (c->post == post && c->generation == sv->batch && c->state == CHILD_READY)
				put_in_force(sv, c);
	}
	sv->stage = STAGE_STEADY;
	sv->how.cold_start = false;
	sv->settled(sv->arg, true);
}

static void give_up(struct supervisor *sv)
{
	bool first = sv->stage == STAGE_STARTING;

	for (struct child *c = sv->children; c != NULL; c = c->next)
		if (c->generation == sv->batch && c->state != CHILD_LEAVING)
			dismiss(c, IPC_STOP, clock_ms() + LEAVE_GRACE);
	sv->stage = first ? STAGE_STOPPING : STAGE_STEADY;
	sv->settled(sv->arg, false);
}

/* Another one at its post is there, and stays. */
static bool has_sibling(const struct supervisor *sv, const struct child *c)
{
	for (const struct child *o = sv->children; o != NULL; o = o->next)
		if (o != c && o->post == c->post && o->state != CHILD_LEAVING)
			return true;
	return false;
}

static bool in_batch(const struct supervisor *sv, const struct child *c)
{
	return (sv->stage == STAGE_STARTING || sv->stage == STAGE_RELOADING) && c->generation == sv->batch && c->state != CHILD_LEAVING;
}

static void on_ready(struct supervisor *sv, struct child *c)
{
	unsigned ready = 0;

	if (c->state == CHILD_LEAVING)	/* it was dismissed meanwhile */
		return;
	if (c->state != CHILD_STARTING) {
		log_warn("%s %d says that it is ready at the wrong time", spawn_role_name(c->role), (int)c->pid);
		return;
	}
	if (!in_batch(sv, c)) {
		put_in_force(sv, c);
		return;
	}
	enter(c, CHILD_READY, 0);
	for (const struct child *o = sv->children; o != NULL; o = o->next)
		ready += o->generation == sv->batch && o->state == CHILD_READY;
	if (ready == posts(sv->batch_runners))
		commit(sv);
}

static void begin_batch(struct supervisor *sv, enum stage stage, unsigned runners)
{
	bool started = true;

	sv->stage = stage;
	sv->batch = ++sv->generation;
	sv->batch_runners = runners;
	sv->failure.text[0] = '\0';
	sv->configuration = false;
	for (unsigned post = 0; post < posts(runners); post++)
		started = start(sv, post, runners, sv->batch) != NULL && started;
	sv->how.flush = false;
	if (started)
		return;
	err_set(&sv->failure, "not every process could be started");
	give_up(sv);
}

void supervise_start(struct supervisor *sv, unsigned runners, bool cold)
{
	sv->how.cold_start = cold;
	begin_batch(sv, STAGE_STARTING, runners);
}

void supervise_reload(struct supervisor *sv, unsigned runners)
{
	sv->how.flush = true;
	begin_batch(sv, STAGE_RELOADING, runners);
}

/* ---- hearing ---- */

static void on_failed(struct supervisor *sv, struct child *c, struct ipc_in *m)
{
	struct view text = ipc_get_view(m);
	struct err err = { "" };
	struct log_line l;

	if (!ipc_end(m, &err))
		text = view_of(err.text);
	log_begin(&l, LOG_LEVEL_ERROR, !in_batch(sv, c) && has_sibling(sv, c) ? "not renewed, the one before goes on" : "child cannot start");
	log_str(&l, "role", spawn_role_name(c->role));
	log_view(&l, "why", text);
	log_end(&l);
	if (in_batch(sv, c) && sv->failure.text[0] == '\0') {
		sv->configuration = true;
		err_set(&sv->failure, "%.*s", VIEW_FMT(text));
	}
}

static void on_watch(struct child *c, struct ipc_in *m)
{
	struct err err = { "" };

	if (!renewal_take(&c->renewal, m, &err)) {
		renewal_free(&c->renewal);
		log_warn("%s %d: %s", spawn_role_name(c->role), (int)c->pid, err.text);
	}
}

static void hear(struct supervisor *sv, struct child *c)
{
	static struct ipc_in m;
	struct err err = { "" };
	int got;

	while ((got = ipc_receive(c->control, &m, &err)) == 1) {
		if (m.type == IPC_READY && ipc_end(&m, &err))
			on_ready(sv, c);
		else if (m.type == IPC_WATCH && c->state == CHILD_STARTING)
			on_watch(c, &m);
		else if (m.type == IPC_FAILED)
			on_failed(sv, c, &m);
		else
			log_warn("%s %d sent a message of type %u, which is none of its own", spawn_role_name(c->role), (int)c->pid, m.type);
	}
	if (got == -1)
		return;
	/* End of file, or nonsense: it can no longer be led. Its death follows, or is brought about. */
	if (got == -2)
		log_error("%s %d: %s", spawn_role_name(c->role), (int)c->pid, err.text);
	close(c->control);
	c->control = -1;
	if (c->deadline == 0)
		c->deadline = clock_ms() + LEAVE_GRACE;
}

void supervise_heard(struct supervisor *sv, int fd)
{
	for (struct child *c = sv->children; c != NULL; c = c->next)
		if (c->control == fd) {
			hear(sv, c);
			return;
		}
}

size_t supervise_poll(const struct supervisor *sv, struct pollfd *fds, size_t max)
{
	size_t count = 0;

	for (const struct child *c = sv->children; c != NULL && count < max; c = c->next)
		if (c->control >= 0)
			fds[count++] = (struct pollfd){ .fd = c->control, .events = POLLIN };
	return count;
}

/* ---- deaths ---- */

static void log_death(const struct child *c, int status)
{
	bool fine = c->state == CHILD_LEAVING && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	struct log_line l;

	log_begin(&l, fine ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "child ended");
	log_str(&l, "role", spawn_role_name(c->role));
	if (c->parts > 1)
		log_int(&l, "part", part_of_post(c->post));
	log_int(&l, "child", c->pid);
	log_int(&l, "generation", c->generation);
	if (WIFSIGNALED(status))
		log_str(&l, "signal", strsignal(WTERMSIG(status)));
	else
		log_int(&l, "status", WEXITSTATUS(status));
	log_ms(&l, "after", clock_ms() - c->since);
	log_end(&l);
}

static void set_pause(struct supervisor *sv, const struct child *c, int status)
{
	bool served = c->state == CHILD_SERVING || c->state == CHILD_WAITING;
	struct backoff *b = &sv->backoff[c->post];

	if (!served && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFIGURATION)
		sv->pause[c->post] = backoff_longest(b);
	else
		sv->pause[c->post] = backoff_after(b, served ? clock_ms() - c->since : 0);
}

static void let_heirs_serve(struct supervisor *sv)
{
	for (struct child *c = sv->children; c != NULL; c = c->next)
		if (c->state == CHILD_WAITING)
			serve(sv, c);
}

static void bury(struct supervisor *sv, struct child *c, int status)
{
	log_death(c, status);
	if (in_batch(sv, c)) {
		if (sv->failure.text[0] == '\0')
			err_set(&sv->failure, "the %s died at start (wait status 0x%x)", spawn_role_name(c->role), (unsigned)status);
		give_up(sv);
	} else if (c->state != CHILD_LEAVING && !lives(sv, c->post)) {
		set_pause(sv, c, status);
	}
	let_heirs_serve(sv);
	if (c->control >= 0)
		close(c->control);
	renewal_free(&c->renewal);
	free(c);
}

void supervise_died(struct supervisor *sv, pid_t pid, int status)
{
	for (struct child **at = &sv->children; *at != NULL; at = &(*at)->next) {
		struct child *c = *at;

		if (c->pid != pid)
			continue;
		if (c->control >= 0)
			hear(sv, c);	/* what it said last */
		*at = c->next;
		bury(sv, c, status);
		return;
	}
}

/* ---- time ---- */

static void replace(struct supervisor *sv, unsigned post, int64_t now)
{
	if (lives(sv, post))
		return;
	if (sv->start_at[post] == 0)
		sv->start_at[post] = now + sv->pause[post];
	if (sv->start_at[post] > now)
		return;
	sv->start_at[post] = 0;
	if (start(sv, post, sv->runners, ++sv->generation) == NULL)
		sv->pause[post] = backoff_after(&sv->backoff[post], 0);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* A successor of C alone: what it has read has changed. One that cannot start changes nothing. */
static void renew(struct supervisor *sv, const struct child *c, const char *why)
{
	for (const struct child *o = sv->children; o != NULL; o = o->next)
		if (o->post == c->post && o->state == CHILD_STARTING)
			return;
	log_child(LOG_LEVEL_INFO, why, c);
	start(sv, c->post, c->parts, ++sv->generation);
}

/* Looks at the files that serving roles have read, and at the age of the secret. */
static int64_t look_at_files(struct supervisor *sv, int64_t now)
{
	bool soon = false, old = sv->secret_until != 0 && sv->secret_until <= now;

	if (sv->watch_interval == 0 || sv->stage != STAGE_STEADY)
		return 0;
	if (sv->look_at > now)
		return sv->look_at;
	if (old)
		sv->secret_until = 0;
	for (struct child *c = sv->children; c != NULL; c = c->next) {
		if (c->state != CHILD_SERVING)
			continue;
		enum renewal_look look = renewal_look(&c->renewal, now);
		soon = soon || look == RENEWAL_SOON;
		if (look == RENEWAL_DUE)
			renew(sv, c, "files that it has read have changed: renewing");
		else if (old && c->role == ROLE_FORKSERVER)
			renew(sv, c, "its secret is old: renewing");
	}
	sv->look_at = now + (soon && SETTLE < sv->watch_interval ? SETTLE : sv->watch_interval);
	return sv->look_at;
}

int64_t supervise_tick(struct supervisor *sv)
{
	int64_t now = clock_ms(), next = 0;

	for (unsigned post = 0; post < posts(sv->runners) && (sv->stage == STAGE_STEADY || sv->stage == STAGE_RELOADING); post++) {
		replace(sv, post, now);
		next = sooner(next, sv->start_at[post]);
	}
	next = sooner(next, look_at_files(sv, now));
	for (struct child *c = sv->children; c != NULL; c = c->next) {
		if (c->deadline != 0 && c->deadline <= now) {
			log_child(LOG_LEVEL_ERROR, "child is overdue and killed", c);
			spawn_kill(c->pid);
			c->deadline = 0;
		}
		next = sooner(next, c->deadline);
	}
	return next;
}

void supervise_stop(struct supervisor *sv)
{
	sv->stage = STAGE_STOPPING;
	for (struct child *c = sv->children; c != NULL; c = c->next)
		dismiss(c, IPC_STOP, 0);	/* the master has one deadline for all */
}

void supervise_kill(struct supervisor *sv)
{
	for (struct child *c = sv->children; c != NULL; c = c->next) {
		log_child(LOG_LEVEL_ERROR, "child has not left in time and is killed", c);
		spawn_kill(c->pid);
	}
}

size_t supervise_count(const struct supervisor *sv)
{
	size_t count = 0;

	for (const struct child *c = sv->children; c != NULL; c = c->next)
		count++;
	return count;
}
