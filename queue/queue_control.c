/* queue_control.c - run_dir/queue: what `postrider queue` asks of the running queue-runner, which alone changes the queue.
 * One question, one answer. A message that is being sent cannot be taken back: what is wished for it happens when the
 * attempt has ended, if it is still there. Whoever may open the socket may ask; nobody can make us wait for him. */
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "crowd.h"
#include "enforce.h"
#include "job.h"
#include "part.h"
#include "queue_flush.h"
#include "runner.h"
#include <event2/event.h>
#include <sys/socket.h>

/* ---- one message ---- */

/* Where the message is, by its file. */
static bool find_file(struct runner *r, const char *id, enum spool_state *state, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct spool_file f;
	enum spool_read how = spool_file_find(r->spool, id, false, a, &f, err);

	if (how == SPOOL_READ_OK)
		spool_file_close(&f);
	if (how == SPOOL_READ_OK || how == SPOOL_READ_DAMAGED)
		*state = f.state;
	else if (how == SPOOL_READ_GONE)
		err_set(err, "there is no such message");
	arena_free(&a);
	return how == SPOOL_READ_OK || how == SPOOL_READ_DAMAGED;
}

/* The destinations' lists hold the turns of a loaded message: what waits there is taken out. True when nothing of it is under
 * way any more, and its job is gone. */
static bool stop_waiting(struct runner *r, struct entry *e)
{
	entry_unpark(r, e);
	if (e->job)
		job_withdraw(e->job);
	return !e->job;
}

static bool wish(struct runner *r, struct entry *e, enum entry_wish what)
{
	if (!e || stop_waiting(r, e))
		return false;
	e->wish = (uint8_t)what;
	return true;
}

/* It could not be done: what was taken out of the lines goes back. */
static bool back_in_line(struct runner *r, const char *id)
{
	const struct entry *e = entry_find(r, id);

	if (e)
		intake_add(r, id, (enum spool_state)e->state);
	return false;
}

static bool hold(struct runner *r, const char *id, struct buf *say, struct err *err)
{
	enum spool_state state;

	if (wish(r, entry_find(r, id), WISH_HOLD))
		return buf_puts(say, "it is being sent; it will be held after that");
	if (!find_file(r, id, &state, err))
		return back_in_line(r, id);
	if (state == SPOOL_HOLD)
		return buf_puts(say, "it is held already");
	if (!spool_move(r->spool, id, state, SPOOL_HOLD, err))
		return back_in_line(r, id);
	r->held++;
	index_remove(r->index, id);
	if (entry_find(r, id))
		entry_forget(r, entry_find(r, id));
	log_info("message %s held", id);
	return true;
}

static bool remove_message(struct runner *r, const char *id, struct buf *say, struct err *err)
{
	enum spool_state state;

	if (wish(r, entry_find(r, id), WISH_REMOVE))
		return buf_puts(say, "it is being sent; what is left of it will be removed after that");
	if (!find_file(r, id, &state, err) || !spool_remove(r->spool, id, state, err))
		return back_in_line(r, id);
	r->held -= state == SPOOL_HOLD;
	index_remove(r->index, id);
	if (entry_find(r, id))
		entry_forget(r, entry_find(r, id));
	log_info("message %s removed", id);
	return true;
}

/* Whether it has somebody it can go back to. */
static bool find_sender(struct runner *r, const char *id, enum spool_state *state, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct spool_file f;
	enum spool_read how = spool_file_find(r->spool, id, false, a, &f, err);
	bool good = how == SPOOL_READ_OK;

	if (good) {
		*state = f.state;
		good = bounce_possible(&f, err);
		spool_file_close(&f);
	} else if (how == SPOOL_READ_GONE) {
		err_set(err, "there is no such message");
	}
	arena_free(&a);
	return good;
}

/* By the same steps as after an attempt in which all of its recipients have failed. */
static bool bounce(struct runner *r, const char *id, struct buf *say, struct err *err)
{
	enum spool_state state, after;
	struct err gone = { "" };

	if (!find_sender(r, id, &state, err))
		return false;
	if (wish(r, entry_find(r, id), WISH_BOUNCE))
		return buf_puts(say, "it is being sent; what is left of it will be returned after that");
	struct entry *e = entry_get(r, id, state);

	e->wish = WISH_BOUNCE;
	if (job_begin(r, e, NULL) == JOB_SHORT) {
		e->wish = WISH_NONE;
		if (state == SPOOL_HOLD) {
			entry_release(r, e);
		} else {
			index_remove(r->index, id);
			intake_add(r, id, state);
		}
		return err_set(err, "out of descriptors, try again later");
	}
	if (entry_find(r, id) && entry_find(r, id)->job)
		return buf_puts(say, "it will be returned when the plugins that are asked have answered");
	if (find_file(r, id, &after, &gone))
		return err_set(err, "it could not be returned, the log says why");
	log_info("message %s returned to its sender", id);
	return true;
}

static bool release(struct runner *r, const char *id, struct buf *say, struct err *err)
{
	struct entry *e = entry_find(r, id);
	enum spool_state state;

	if (e && e->wish == WISH_HOLD) {
		e->wish = WISH_NONE;
		return buf_puts(say, "it will not be held");
	}
	if (!find_file(r, id, &state, err))
		return false;
	if (state != SPOOL_HOLD)
		return err_set(err, "it is not held");
	if (e && e->job)
		return err_set(err, "it is being returned");
	if (!spool_move(r->spool, id, SPOOL_HOLD, SPOOL_NEW, err))
		return false;
	r->held--;
	log_info("message %s released", id);
	intake_add(r, id, SPOOL_NEW);
	return true;
}

/* Forgets that the destinations of its recipients were dead, and tries it now. */
static bool retry(struct runner *r, const char *id, struct buf *say, struct err *err)
{
	enum spool_state state;

	queue_flush_hosts(r);
	if (entry_find(r, id)) {
		runner_wake(r);
		return buf_puts(say, "it is being worked on");
	}
	if (!find_file(r, id, &state, err))
		return false;
	if (state == SPOOL_HOLD || state == SPOOL_BAD)
		return err_set(err, state == SPOOL_HOLD ? "it is held; release it first" : "it is set aside in bad/");
	index_remove(r->index, id);
	intake_add(r, id, state);
	return true;
}

/* Two who change one message would lose it. */
static bool is_ours(const struct runner *r, const char *id, struct err *err)
{
	return part_of(id, r->parts) == r->part || err_set(err, "it belongs to another queue-runner; try again");
}

/* ---- the whole ---- */

static bool flush(struct runner *r, struct view what, struct buf *say, struct err *err)
{
	char id[SPOOL_ID_SIZE];

	if (what.len == 0)
		return queue_flush_all(r, say);
	if (view_starts(what, VIEW("domain:")))
		return queue_flush_domain(r, view_skip(what, 7), say, err);
	if (view_starts(what, VIEW("site:")))
		return queue_flush_site(r, view_skip(what, 5), say, err);
	if (spool_id_valid(what) && view_copy(what, id, sizeof(id)))
		return is_ours(r, id, err) && retry(r, id, say, err);
	return err_set(err, "found neither a queue id nor \"domain:NAME\" nor \"site:NAME\"");
}

static bool stats(struct runner *r, struct buf *say)
{
	const struct sched *q = &r->sched;
	struct site *s, *next;

	enforce_tell(r, say);
	buf_printf(say, "backlog %zu\nactive %zu\nwaiting %zu\nparked %zu\nsending %u\ndeferred %zu\nheld %lld\nconnections %u\nidle-connections %zu\n",
		   r->backlog_count, r->jobs, q->waiting - q->parked, q->parked, q->load.active, index_count(r->index),
		   (long long)r->held, connection_count(), pool_count(r->pool));
	buf_printf(say, "destinations %u\nsites %u\nsenders %u\n", HASH_COUNT(q->destinations), HASH_COUNT(q->sites), HASH_COUNT(q->senders));
	HASH_ITER(hh, q->sites, s, next) {
		buf_printf(say, "site %.200s %s window=%u/%u sending=%u waiting=%zu", s->key, site_state_name(s), s->window,
			   crowd_share(s->crowd, &s->limits).connections, s->usage.active, s->waiting);
		buf_printf(say, *s->why ? " last=\"%.200s\"\n" : "%s\n", s->why);
		if (say->len > IPC_MAX / 2)
			return buf_puts(say, "...\n");
	}
	return true;
}

/* ---- the socket ---- */

static bool obey(struct runner *r, struct ipc_in *m, struct buf *say, struct err *err)
{
	enum ipc_type type = (enum ipc_type)m->type;
	struct view what = type == IPC_QUEUE_STATS || type == IPC_QUEUE_RULES ? VIEW("") : ipc_get_view(m);
	char id[SPOOL_ID_SIZE] = "";

	if (!ipc_end(m, err))
		return false;
	if (type == IPC_QUEUE_STATS)
		return stats(r, say);
	if (type == IPC_QUEUE_RULES)
		return enforce_again(r, say, err);
	if (type == IPC_QUEUE_FLUSH)
		return flush(r, what, say, err);
	if (!spool_id_valid(what) || !view_copy(what, id, sizeof(id)))
		return err_set(err, "that is not a queue id");
	if (!is_ours(r, id, err))
		return false;
	switch (type) {
	case IPC_QUEUE_HOLD:
		return hold(r, id, say, err);
	case IPC_QUEUE_RELEASE:
		return release(r, id, say, err);
	case IPC_QUEUE_REMOVE:
		return remove_message(r, id, say, err);
	case IPC_QUEUE_RETRY:
		return retry(r, id, say, err);
	case IPC_QUEUE_BOUNCE:
		return bounce(r, id, say, err);
	default:
		return err_set(err, "that cannot be asked of the queue-runner");
	}
}

static bool answer(int fd, bool ok, const char *text)
{
	static struct ipc_out out;
	struct err err = { "" };

	ipc_begin(&out, IPC_RESULT);
	ipc_put_u8(&out, ok);
	ipc_put_view(&out, view_of(text));
	return ipc_send(fd, &out, &err);
}

struct control_client {
	struct runner *runner;
	struct event *event;
};

static void on_client(evutil_socket_t fd, short what UNUSED, void *arg)
{
	static struct ipc_in in;
	struct control_client *c = arg;
	struct err err = { "" };
	struct buf say;
	int got = ipc_receive(fd, &in, &err);

	if (got == -1)
		return;
	bool good = got == 1 && c->runner->control_fd >= 0;
	if (good) {
		buf_init(&say, IPC_MAX - 64);
		bool ok = obey(c->runner, &in, &say, &err);
		good = answer(fd, ok, ok ? buf_text(&say) : err.text);
		buf_free(&say);
	}
	if (!good) {
		event_free(c->event);
		close(fd);
		free(c);
	}
}

static void on_accept(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct runner *r = arg;
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control_client *c = client < 0 ? NULL : calloc(1, sizeof(*c));

	if (c && (c->event = event_new(r->base, client, EV_READ | EV_PERSIST, on_client, c)) && event_add(c->event, NULL) == 0) {
		c->runner = r;
		return;
	}
	free(c);
	if (client >= 0)
		close(client);
}

bool queue_control_begin(struct runner *r, struct err *err)
{
	char path[PART_PATH];

	r->control_fd = ipc_listen(part_path(path, r->settings->run_dir, "queue", r->part), SOCK_SEQPACKET, 0600, err);
	if (r->control_fd < 0)
		return false;
	r->control = event_new(r->base, r->control_fd, EV_READ | EV_PERSIST, on_accept, r);
	return (r->control && event_add(r->control, NULL) == 0) || err_set(err, "out of memory");
}

void queue_control_end(struct runner *r)
{
	if (r->control)
		event_free(r->control);
	if (r->control_fd >= 0)
		close(r->control_fd);
	r->control = NULL;
	r->control_fd = -1;
}
