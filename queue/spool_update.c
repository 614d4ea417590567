/* spool_update.c - the queue-runner's changes to a message. A status byte changes in place; a new state of the envelope is
 * appended with a trailer of its own, so that the old one is in force until the last byte of the new one stands there; a
 * rename moves the file between states. Nothing is synced: what a power cut undoes is an attempt that is made again. */
#include "spool_internal.h"
#include <fcntl.h>
#include <sys/stat.h>

#include "envelope.h"

static bool update_failed(const struct spool_file *f, struct err *err, const char *doing)
{
	return err_sys(err, "%s queue file %s", doing, f->id);
}

bool spool_set_status(struct spool_file *f, size_t rcpt, enum rcpt_status status, struct err *err)
{
	char byte = (char)status;
	struct iovec iov = { &byte, 1 };
	if (rcpt >= f->env.rcpt_count)
		return err_set(err, "queue file %s has no recipient %zu", f->id, rcpt);
	if (!spool_write_all(f->fd, &iov, 1, f->envelope_at + f->env.rcpts[rcpt].status_at))
		return update_failed(f, err, "changing");
	crash_point("spool-status-set");
	f->env.rcpts[rcpt].status = status;
	return true;
}

/* Into what a fraction of a second may hold and no other number stands for. */
uint32_t spool_domain(const char *domain)
{
	uint64_t hash = view_hash(VIEW_HASH, view_of(domain));

	return (uint32_t)((hash ^ hash >> 32) % (SPOOL_DOMAIN_SEVERAL - 1)) + 1;
}

uint32_t spool_domain_of(const struct envelope *env)
{
	const char *domain = NULL;

	for (size_t i = 0; i < env->rcpt_count; i++) {
		const struct envelope_rcpt *rcpt = &env->rcpts[i];
		if (rcpt->status != RCPT_TODO)
			continue;
		if (domain && strcmp(domain, rcpt->domain) != 0)
			return SPOOL_DOMAIN_SEVERAL;
		domain = rcpt->domain;
	}
	return domain ? spool_domain(domain) : SPOOL_DOMAIN_UNKNOWN;
}

static bool set_time(struct spool_file *f, int64_t when, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)when, .tv_nsec = spool_domain_of(&f->env) } };
	return futimens(f->fd, times) == 0 || update_failed(f, err, "setting the time of");
}

/* The mark comes before the first change: only in a marked file does the reader look for an older trailer behind which an
 * update was torn, and a marked file is never taken for one that was not acknowledged. Mode and size stand in the same
 * inode, so no crash shows the second without the first. */
static bool set_mark(struct spool_file *f, struct err *err)
{
	if (f->marked)
		return true;
	if (fchmod(f->fd, 0700) < 0)
		return update_failed(f, err, "marking");
	f->marked = true;
	crash_point("spool-update-marked");
	return true;
}

/* Over what a torn update left behind the trailer in force, if anything. */
static bool append(struct spool_file *f, struct view envelope, struct err *err)
{
	char trailer[SPOOL_TRAILER + 1];
	struct spool_trailer t = { .message_at = f->message_at, .message_len = f->message_len, .message_sum = f->message_sum,
		.envelope_at = f->end, .envelope_len = envelope.len };
	spool_trailer_write(&t, f->id, envelope, trailer);
	struct iovec iov[] = { { (void *)(uintptr_t)envelope.data, envelope.len }, { trailer, SPOOL_TRAILER } };
	if (ftruncate(f->fd, (off_t)f->end) < 0 || !spool_write_all(f->fd, iov, COUNT_OF(iov), f->end)) {
		update_failed(f, err, "updating");
		if (ftruncate(f->fd, (off_t)f->end) < 0)
			err_context(err, "and taking it back failed");	/* the reader passes over a torn end, too */
		return false;
	}
	crash_point("spool-update-written");
	f->envelope_at = t.envelope_at;
	f->envelope_len = t.envelope_len;
	envelope_locate(&f->env, envelope);
	f->end = t.envelope_at + t.envelope_len + SPOOL_TRAILER;
	return true;
}

bool spool_update(struct spool_file *f, struct err *err)
{
	struct buf text;
	buf_init(&text, ENVELOPE_MAX);
	bool ok = envelope_write(&f->env, &text, err) && set_mark(f, err) && append(f, buf_view(&text), err);
	buf_free(&text);
	if (!ok || f->env.next == 0)
		return ok;
	ok = set_time(f, f->env.next, err);
	crash_point("spool-update-timed");
	return ok;
}

static bool rename_to(struct spool *sp, const char *id, enum spool_state from, enum spool_state to, struct err *err)
{
	int source = spool_id_fd(sp, from, id, err);
	int target = source < 0 ? -1 : spool_id_fd(sp, to, id, err);
	if (target < 0)
		return false;
	return renameat(source, id, target, id) == 0 ||
		err_sys(err, "moving queue file %s from %s to %s", id, spool_state_name(from), spool_state_name(to));
}

bool spool_defer(struct spool *sp, struct spool_file *f, int64_t when, struct err *err)
{
	if (!set_time(f, when, err))
		return false;
	crash_point("spool-defer-timed");
	if (f->state != SPOOL_LATER && !rename_to(sp, f->id, f->state, SPOOL_LATER, err))
		return false;
	f->state = SPOOL_LATER;
	crash_point("spool-defer-moved");
	return true;
}

bool spool_move(struct spool *sp, const char *id, enum spool_state from, enum spool_state to, struct err *err)
{
	if (!rename_to(sp, id, from, to, err))
		return false;
	crash_point("spool-moved");
	return true;
}

bool spool_remove(struct spool *sp, const char *id, enum spool_state state, struct err *err)
{
	int dir = spool_id_fd(sp, state, id, err);
	if (dir < 0)
		return false;
	if (unlinkat(dir, id, 0) < 0)
		return err_sys(err, "removing queue file %s/%s", spool_state_name(state), id);
	crash_point("spool-removed");
	return true;
}
