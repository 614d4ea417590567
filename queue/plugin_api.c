/* plugin_api.c - the part of plugins/postrider.h that has a meaning only in the queue-runner. In a worker's hooks these
 * functions give "", 0 or false. */
#include "../lib/base.h"
#include "../lib/plugin.h"
#include "hook_run.h"
#include "job.h"
#include "job_call.h"

const char *pr_next_domain(struct hook_call *call)
{
	return call->job ? call->job->domain : "";
}

/* ---- the message in the queue ---- */

const char *pr_queue_path(struct hook_call *call)
{
	const struct job *j = call->job ? call->job->job : NULL;

	return j ? spool_path(j->runner->settings->spool_dir, (enum spool_state)j->entry->state, j->entry->id, call->scratch) : "";
}

int64_t pr_queue_time(struct hook_call *call)
{
	return job_call_envelope(call)->arrived / 1000;
}

const char *pr_origin(struct hook_call *call)
{
	const char *origin = job_call_envelope(call)->session;

	return origin ? origin : "";
}

unsigned pr_failures(struct hook_call *call)
{
	return call->job ? call->job->job->file.env.attempts : 0;
}

/* ---- answering later ---- */

uint64_t pr_later(struct hook_call *call, int64_t ms)
{
	return call->job ? hook_later(call, ms) : 0;
}

struct hook_call *pr_later_call(uint64_t number)
{
	return hook_find(number);
}

bool pr_answer(uint64_t number, enum verdict verdict)
{
	return hook_answer(number, verdict);
}

/* ---- next hops and times ---- */

static const char *copy(const char *text, struct arena *a)
{
	return text ? arena_strdup(a, text) : NULL;
}

/* For the queue-runner, in the order in which they came. */
static void record_hop(struct hook_call *call, const struct pr_mx *mx)
{
	struct job_hop **link = call->job->hops, *hop;

	if (!link)
		return;
	while (*link)
		link = &(*link)->next;
	hop = arena_alloc(call->scratch, sizeof(*hop));
	hop->mx = *mx;
	hop->mx.exchange = copy(mx->exchange, call->scratch);
	hop->mx.bind = copy(mx->bind, call->scratch);
	hop->mx.bind_helo = copy(mx->bind_helo, call->scratch);
	hop->mx.auth_user = copy(mx->auth_user, call->scratch);
	hop->mx.auth_pass = copy(mx->auth_pass, call->scratch);
	hop->mx.auth_type = copy(mx->auth_type, call->scratch);
	hop->mx.tls = copy(mx->tls, call->scratch);
	*link = hop;
}

bool pr_add_next_hop(struct hook_call *call, const struct pr_mx *mx)
{
	const char *problem;

	if (!call->job || !call->job->route)
		return false;
	if (route_add(call->job->route, mx, tls_policy_section(call->job->job->runner->shared.tls, pr_name(call->self)), &problem)) {
		record_hop(call, mx);
		return true;
	}
	pr_log(call, PR_ERROR, "next hop \"%s\" cannot be used, expected %s", mx->exchange ? mx->exchange : "", problem);
	return false;
}

bool pr_add_mx(struct hook_call *call, unsigned priority, const char *exchange)
{
	/* the MX hosts, which an empty exchange stands for, are asked for with conditions or not at all */
	return exchange && *exchange && pr_add_next_hop(call, &(struct pr_mx){ .priority = priority, .exchange = exchange });
}

const char *pr_mx_problem(const struct pr_mx *mx)
{
	const char *problem = NULL;
	struct hop hop;

	if (hop_read(&hop, mx, HOP_SMTP_PORT, 0, &problem))
		hop_clear(&hop);
	return problem;
}

void pr_set_delay(struct hook_call *call, int64_t seconds)
{
	if (!call->job)
		return;
	call->job->delay = seconds < 0 ? 0 : seconds > SCHEDULE_DELAY_MAX ? SCHEDULE_DELAY_MAX : seconds;
	call->job->delay_set = true;
}

int64_t pr_delay(struct hook_call *call)
{
	return call->job ? call->job->delay : 0;
}

/* ---- how it went ---- */

/* Of the INDEXth recipient in question, in the hooks that come after an attempt; else, and past the end, NULL. */
static const struct result *result_of(const struct hook_call *call, size_t index)
{
	bool after = call->hook == HOOK_DEFERRED || call->hook == HOOK_BOUNCE || call->hook == HOOK_DELIVERED;

	return call->job && after && index < call->job->rcpt_count ? &call->job->job->rcpts[call->job->rcpts[index]].result : NULL;
}

const char *pr_response(struct hook_call *call)
{
	return pr_response_at(call, 0);
}

const char *pr_response_at(struct hook_call *call, size_t index)
{
	return result_of(call, index) ? result_of(call, index)->text : "";
}

const char *pr_response_host(struct hook_call *call)
{
	return result_of(call, 0) ? result_of(call, 0)->host : "";
}

const char *pr_response_ip(struct hook_call *call)
{
	return result_of(call, 0) ? result_of(call, 0)->ip : "";
}

uint16_t pr_response_port(struct hook_call *call)
{
	return result_of(call, 0) ? result_of(call, 0)->port : 0;
}

bool pr_recipient_expired_at(struct hook_call *call, size_t index)
{
	return result_of(call, index) && call->job->job->rcpts[call->job->rcpts[index]].expired;
}

/* ---- delivered: the attempt ---- */

bool pr_delivery_authenticated(struct hook_call *call)
{
	return call->job && call->job->attempt.authenticated;
}

bool pr_delivery_lmtp(struct hook_call *call)
{
	return call->job && call->job->attempt.lmtp;
}

int64_t pr_delivery_time(struct hook_call *call)
{
	return call->job ? call->job->attempt.time : 0;
}

size_t pr_attempt_count(struct hook_call *call)
{
	return call->job ? call->job->attempt.count : 0;
}

static const struct result *attempt_of(const struct hook_call *call, size_t index)
{
	return call->job && index < call->job->attempt.count ? &call->job->job->rcpts[call->job->attempt.rcpts[index]].result : NULL;
}

const char *pr_attempt_recipient(struct hook_call *call, size_t index)
{
	return attempt_of(call, index) ? call->job->job->file.env.rcpts[call->job->attempt.rcpts[index]].address : "";
}

/* One that waits for another attempt over the same connection is deferred, as far as anybody can tell. */
enum pr_outcome pr_attempt_outcome(struct hook_call *call, size_t index)
{
	enum outcome outcome = attempt_of(call, index) ? attempt_of(call, index)->outcome : OUTCOME_NONE;

	return outcome == OUTCOME_DONE ? PR_DELIVERED : outcome == OUTCOME_FAIL ? PR_BOUNCED : PR_DEFERRED;
}

const char *pr_attempt_response(struct hook_call *call, size_t index)
{
	return attempt_of(call, index) && attempt_of(call, index)->text ? attempt_of(call, index)->text : "";
}
