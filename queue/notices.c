/* notices.c - see notices.h. A failure and a success are told before the status says so: a crash in between means a second
 * notice. Of a delay it is the other way round, since one warning too few harms nobody. */
#include "notices.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "hook_run.h"
#include "timing.h"

#define NOTICES_DELAY (4 * 3600)	/* seconds after which a sender who asked is told of a delay, where no option says */

enum rcpt_status notices_done_status(const struct job *j, size_t i)
{
	const struct result *result = &j->rcpts[i].result;

	if (result->trace && bounce_allowed(&j->file, i))
		return RCPT_RELAYED;
	if (result->reports || !bounce_wanted(&j->file, i, BOUNCE_SUCCESS))
		return RCPT_DONE;
	return result->delivered ? RCPT_DELIVERED : RCPT_RELAYED;
}

static enum bounce_result send_notice(struct job *j, const struct bounce *b)
{
	static const char *const about[BOUNCE_KINDS] = { "failure", "delay", "success", "failure" };
	struct runner *r = j->runner;
	char id[SPOOL_ID_SIZE];
	struct err err = { "" };

	hook_guard(r, HOOK_PRE_SEND_TRANS_EMAIL);
	enum bounce_result result = bounce_send(r->spool, &r->bounce, b, id, &err);
	hook_unguard();
	if (result == BOUNCE_ERROR) {
		log_error("notice cannot be written: %s", err.text);
	} else if (result == BOUNCE_SENT) {
		crash_point("deliver-bounced");
		log_info("notice of %s to the %s is %s", about[b->kind], b->kind == BOUNCE_DOUBLE ? "postmaster" : "sender", id);
		scoreboard_count(COUNT_BOUNCES_SENT, 1);
		intake_announce(r, id);
	}
	return result;
}

enum bounce_result notices_failed(struct job *j, const size_t *rcpts, size_t count)
{
	struct bounce_rcpt *list = arena_alloc(j->arena, count * sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = (struct bounce_rcpt){ .rcpt = rcpts[i], .action = j->rcpts[rcpts[i]].expired ? ACTION_EXPIRED : ACTION_FAILED,
			.answer = result_last(&j->rcpts[rcpts[i]].result, j->arena) };
	enum bounce_kind kind = bounce_double_wanted(&j->runner->bounce, &j->file) ? BOUNCE_DOUBLE : BOUNCE_FAILED;
	return send_notice(j, &(struct bounce){ .kind = kind, .file = &j->file, .rcpts = list, .count = count });
}

/* ---- success ---- */

static bool is_untold(enum rcpt_status status)
{
	return status == RCPT_RELAYED || status == RCPT_DELIVERED;
}

/* After a crash the answer is not known any more. */
static struct bounce_rcpt success_of(struct job *j, size_t i)
{
	bool delivered = j->file.env.rcpts[i].status == RCPT_DELIVERED, known = j->rcpts[i].result.outcome == OUTCOME_DONE;

	return (struct bounce_rcpt){ .rcpt = i, .action = delivered ? ACTION_DELIVERED : ACTION_RELAYED,
		.answer = known ? result_last(&j->rcpts[i].result, j->arena) : "" };
}

bool notices_success(struct job *j)
{
	struct envelope *env = &j->file.env;
	struct bounce_rcpt *list = NULL;
	struct err err = { "" };
	size_t count = 0;

	for (size_t i = 0; i < env->rcpt_count; i++) {
		if (!is_untold(env->rcpts[i].status))
			continue;
		if (!list)
			list = arena_alloc(j->arena, env->rcpt_count * sizeof(*list));
		list[count++] = success_of(j, i);
	}
	if (count == 0)
		return true;
	if (send_notice(j, &(struct bounce){ .kind = BOUNCE_SUCCESS, .file = &j->file, .rcpts = list, .count = count }) == BOUNCE_ERROR)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!spool_set_status(&j->file, list[i].rcpt, RCPT_DONE, &err))
			log_error("status cannot be recorded: %s", err.text);
		env->rcpts[list[i].rcpt].status = RCPT_DONE;
	}
	return true;
}

/* ---- delay ---- */

/* How long after its arrival the sender of J is told that recipient I is late, seconds; 0: never. */
static int64_t delay_of(const struct job *j, size_t i)
{
	int64_t set = j->runner->settings->outbound_delay_warning / 1000;
	unsigned notify = j->file.env.rcpts[i].notify;

	if (notify & NOTIFY_DELAYED || !bounce_wanted(&j->file, i, BOUNCE_DELAYED))
		return 0;
	return set || !(notify & NOTIFY_DELAY) ? set : NOTICES_DELAY;
}

void notices_mark_delayed(struct job *j, const size_t *rcpts, size_t count)
{
	int64_t now = clock_now(), age = now - timing_start_ms(&j->file.env) / 1000;

	for (size_t i = 0; i < count; i++) {
		unsigned *notify = &j->file.env.rcpts[rcpts[i]].notify;
		int64_t after = delay_of(j, rcpts[i]);
		bool overdue = timing_late(&j->file.env, now) && !(*notify & NOTIFY_OVERDUE) && bounce_allowed(&j->file, rcpts[i]);

		if (!overdue && (after == 0 || age < after))
			continue;
		j->rcpts[rcpts[i]].late = true;
		j->rcpts[rcpts[i]].overdue = overdue;
		*notify |= overdue ? NOTIFY_DELAYED | NOTIFY_OVERDUE : NOTIFY_DELAYED;
	}
}

void notices_delayed(struct job *j, int64_t until)
{
	const struct envelope *env = &j->file.env;
	struct bounce_rcpt *list = NULL;
	size_t count = 0;

	for (size_t i = 0; i < env->rcpt_count; i++) {
		if (!j->rcpts[i].late || env->rcpts[i].status != RCPT_TODO)
			continue;
		if (!list)
			list = arena_alloc(j->arena, env->rcpt_count * sizeof(*list));
		list[count++] = (struct bounce_rcpt){ .rcpt = i, .action = j->rcpts[i].overdue ? ACTION_OVERDUE : ACTION_DELAYED,
			.answer = result_last(&j->rcpts[i].result, j->arena) };
	}
	if (count)
		send_notice(j, &(struct bounce){ .kind = BOUNCE_DELAYED, .file = &j->file, .rcpts = list, .count = count,
			.retry_until = until });
}
