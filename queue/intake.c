/* intake.c - how messages come to the queue-runner, see runner.h. The disk is the truth: a poke only saves the wait for the
 * next look into new/. That pokes got lost cannot be seen directly; but none can while the socket's queue has room, so a
 * batch of as many as it holds means: look. */
#include "../lib/clock.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "enforce.h"
#include "hook_run.h"
#include "job.h"
#include "part.h"
#include "runner.h"
#include <event2/event.h>
#include <fcntl.h>
#include <utlist.h>

#define INTAKE_BACKLOG_MAX 65536	/* new messages known and not yet read; more stay on disk until there is room */
#define INTAKE_RESCAN_EACH 300000	/* ms between looks into new/ for no reason */
#define INTAKE_RESCAN_PAUSE 1000	/* ms at least between looks */
#define INTAKE_POKES 1000		/* datagrams read in one go, before others get their turn */
#define INTAKE_CLEAN_AGE 86400		/* seconds after which what is incomplete counts as left behind */

/* ---- entries ---- */

struct entry *entry_find(struct runner *r, const char *id)
{
	struct entry *e;

	HASH_FIND_STR(r->entries, id, e);
	return e;
}

struct entry *entry_get(struct runner *r, const char *id, enum spool_state state)
{
	struct entry *e = entry_find(r, id);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		bug("no memory for a message");
	snprintf(e->id, sizeof(e->id), "%s", id);
	e->state = (uint8_t)state;
	HASH_ADD_STR(r->entries, id, e);
	return e;
}

void entry_release(struct runner *r, struct entry *e)
{
	if (e->job || e->parks || e->queued)
		return;
	HASH_DEL(r->entries, e);
	free(e);
}

void entry_unpark(struct runner *r, struct entry *e)
{
	struct park *p, *next;

	for (p = e->parks; p; p = next) {
		next = p->more;
		sched_withdraw(&r->sched, &p->turn);
		free(p);
	}
	e->parks = NULL;
}

static void backlog_remove(struct runner *r, struct entry *e)
{
	if (!e->queued)
		return;
	DL_DELETE(r->backlog, e);
	r->backlog_count--;
	e->queued = false;
}

static void backlog_add(struct runner *r, struct entry *e, bool front)
{
	if (e->queued)
		return;
	if (front)
		DL_PREPEND(r->backlog, e);
	else
		DL_APPEND(r->backlog, e);
	r->backlog_count++;
	e->queued = true;
}

void entry_forget(struct runner *r, struct entry *e)
{
	entry_unpark(r, e);
	backlog_remove(r, e);
	entry_release(r, e);
}

void intake_add(struct runner *r, const char *id, enum spool_state state)
{
	struct entry *e = entry_find(r, id);

	if (!e && state == SPOOL_NEW && r->backlog_count >= INTAKE_BACKLOG_MAX) {
		r->rescan = true;
		return;
	}
	backlog_add(r, e ? e : entry_get(r, id, state), false);
	runner_wake(r);
}

void intake_announce(struct runner *r, const char *id)
{
	unsigned part = part_of(id, r->parts);

	if (part == r->part)
		intake_add(r, id, SPOOL_NEW);
	else
		part_poke(r->settings->run_dir, part, id);
}

/* ---- new/ ---- */

static bool take_new(void *arg, const char *id, int64_t mtime UNUSED)
{
	struct runner *r = arg;

	if (!entry_find(r, id))
		intake_add(r, id, SPOOL_NEW);
	return r->backlog_count < INTAKE_BACKLOG_MAX;
}

static bool rescan(struct runner *r, struct err *err)
{
	r->rescan = false;
	r->rescanned = clock_ms();
	if (!spool_scan(r->spool, SPOOL_NEW, take_new, r, err)) {
		r->rescan = true;
		return false;
	}
	r->rescan |= r->backlog_count >= INTAKE_BACKLOG_MAX;
	return true;
}

static void poke(struct runner *r, struct ipc_in *m)
{
	char id[SPOOL_ID_SIZE];
	struct view v = ipc_get_view(m);
	struct err err = { "" };
	bool whole = ipc_end(m, &err) && m->type == IPC_POKE;

	if (whole && v.len == 0)	/* a worker died, perhaps before its poke */
		r->rescan = true;
	else if (!whole || !spool_id_valid(v) || !view_copy(v, id, sizeof(id)))
		log_warn("a datagram on the poke socket is no poke");
	else if (part_of(id, r->parts) != r->part)
		intake_announce(r, id);
	else if (!entry_find(r, id) && !enforce_stopped(r))
		intake_add(r, id, SPOOL_NEW);
}

static void on_poke(evutil_socket_t fd, short what UNUSED, void *arg)
{
	static struct ipc_in m;
	struct runner *r = arg;
	struct err err = { "" };
	unsigned count = 0;
	int got;

	/* a message that is no poke (-2) is passed over like one that is */
	while (count < INTAKE_POKES && (got = ipc_receive(fd, &m, &err)) != -1) {
		count++;
		if (got == 1)
			poke(r, &m);
	}
	r->rescan |= count >= r->poke_room;
	if (r->rescan)
		runner_wake(r);
}

/* How many datagrams may lie in a Unix socket before the sender is turned away (unix(7), net.unix.max_dgram_qlen). */
static unsigned poke_room(void)
{
	char text[32] = "";
	uint64_t n;
	int fd = open("/proc/sys/net/unix/max_dgram_qlen", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	return view_u64(view_trim(view_of(text)), 1000000, &n) && n ? (unsigned)n : 1;
}

static bool count_held(void *arg, const char *id UNUSED, int64_t mtime UNUSED)
{
	struct runner *r = arg;

	r->held++;
	return true;
}

bool intake_begin(struct runner *r, struct err *err)
{
	char path[PART_PATH];
	unsigned removed = 0;

	/* At a cold start, what is older than the master has no writer any more: our own workers are serving already. */
	bool cold = r->args->cold_start && scoreboard();
	int64_t before = cold ? atomic_load(&scoreboard()->started) - 1 : clock_now() - INTAKE_CLEAN_AGE;
	if (!spool_clean(r->spool, before, cold, &removed, err))
		return false;
	if (removed)
		log_info("%u files of unfinished messages removed", removed);
	/* before the scan, so that nothing falls in between */
	r->poke_fd = ipc_listen(part_path(path, r->settings->run_dir, "poke", r->part), SOCK_DGRAM, 0660, err);
	if (r->poke_fd < 0)
		return false;
	r->poke_room = poke_room();
	r->poke = event_new(r->base, r->poke_fd, EV_READ | EV_PERSIST, on_poke, r);
	if (!r->poke || event_add(r->poke, NULL) < 0)
		return err_set(err, "out of memory");
	if (!spool_scan(r->spool, SPOOL_HOLD, count_held, r, err) || !index_load(r->index, r->spool, err))
		return false;
	if (r->args->flush)
		index_flush(r->index, clock_now(), NULL, NULL);
	r->rescan = true;
	return true;
}

void intake_end(struct runner *r)
{
	struct entry *e, *next;

	if (r->poke)
		event_free(r->poke);
	if (r->poke_fd >= 0)
		close(r->poke_fd);
	r->poke = NULL;
	r->poke_fd = -1;
	HASH_ITER(hh, r->entries, e, next)
		entry_forget(r, e);
}

/* ---- turns ---- */

/* Reads what is next in the backlog. False: not now. */
static bool read_one(struct runner *r)
{
	struct entry *e = r->backlog;

	backlog_remove(r, e);
	if (job_begin(r, e, NULL) != JOB_SHORT)
		return true;
	backlog_add(r, e, true);
	runner_rest(r, false);
	return false;
}

static bool is_rescan_due(const struct runner *r, int64_t now)
{
	if (now - r->rescanned >= INTAKE_RESCAN_EACH)
		return true;
	return r->rescan && now - r->rescanned >= INTAKE_RESCAN_PAUSE && r->backlog_count < INTAKE_BACKLOG_MAX / 2;
}

/* Messages that wait for plugins are in memory. */
static bool may_read(const struct runner *r)
{
	return r->backlog && !r->no_files && hook_waiting() < r->jobs_max;
}

bool intake_turn(struct runner *r, int64_t now, unsigned max)
{
	char id[SPOOL_ID_SIZE];
	struct err err = { "" };
	unsigned n = 0;

	if (is_rescan_due(r, now) && !rescan(r, &err))
		log_error("looking for new messages: %s", err.text);
	while (n < max && index_pop(r->index, clock_now(), id)) {
		intake_add(r, id, SPOOL_LATER);
		n++;
	}
	for (n = 0; n < max && may_read(r); n++)
		if (!read_one(r))
			break;
	return may_read(r);
}
