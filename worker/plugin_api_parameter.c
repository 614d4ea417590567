/* plugin_api_parameter.c - the part of plugins/postrider.h that concerns what the client asked for by parameters of MAIL and
 * RCPT. In the queue-runner the envelope of the message remembers most of it. */
#include "../lib/base.h"
#include "../queue/job_call.h"
#include "../queue/spool.h"
#include "session.h"

/* Of MAIL; NULL in the queue-runner, and where there is neither session nor message. */
static const struct parameters *mail_of(const struct hook_call *call)
{
	return call->session ? &call->session->transaction.parameters : NULL;
}

/* The command in hand where it is the one that the hooks are about. */
static const struct command *asked_about(const struct hook_call *call)
{
	bool inside = call->hook == HOOK_RCPT_PRE || call->hook == HOOK_RCPT || call->hook == HOOK_RCPT_OK || call->hook == HOOK_VRFY;

	return call->session && inside ? call->session->command : NULL;
}

static const struct parameter *find(const struct hook_call *call, const char *keyword)
{
	const struct command *c = asked_about(call);

	if (!mail_of(call))
		return NULL;
	return parameters_find(c ? &c->parameters : mail_of(call), keyword);
}

static const char *text_or_none(const char *text)
{
	return text ? text : "";
}

const char *pr_parameter(struct hook_call *call, const char *keyword)
{
	const struct parameter *found = find(call, keyword);

	return found ? found->value : NULL;
}

const char *pr_parameter_text(struct hook_call *call, const char *keyword)
{
	const struct parameter *found = find(call, keyword);

	return found ? found->text : NULL;
}

enum pr_body pr_body(struct hook_call *call)
{
	static const enum pr_body bodies[] = {
		[BODY_7BIT] = PR_BODY_7BIT, [BODY_8BITMIME] = PR_BODY_8BITMIME, [BODY_BINARYMIME] = PR_BODY_BINARYMIME,
	};
	unsigned flags = job_call_envelope(call)->flags;

	if (mail_of(call))
		return bodies[mail_of(call)->body];
	return flags & ENVELOPE_BINARY ? PR_BODY_BINARYMIME : flags & ENVELOPE_8BIT ? PR_BODY_8BITMIME : PR_BODY_7BIT;
}

bool pr_utf8(struct hook_call *call)
{
	if (call->hook == HOOK_VRFY && asked_about(call))
		return asked_about(call)->parameters.utf8;
	return mail_of(call) ? mail_of(call)->utf8 : job_call_envelope(call)->flags & ENVELOPE_UTF8;
}

const char *pr_envid(struct hook_call *call)
{
	return mail_of(call) ? parameters_text(mail_of(call), "ENVID") : text_or_none(job_call_envelope(call)->envid);
}

const char *pr_ret(struct hook_call *call)
{
	return text_or_none(mail_of(call) ? mail_of(call)->ret : job_call_envelope(call)->ret);
}

/* The bits are those of the spool. */
_Static_assert((int)PR_NOTIFY_NEVER == NOTIFY_NEVER && (int)PR_NOTIFY_SUCCESS == NOTIFY_SUCCESS, "queue/spool.h");
_Static_assert((int)PR_NOTIFY_FAILURE == NOTIFY_FAILURE && (int)PR_NOTIFY_DELAY == NOTIFY_DELAY, "queue/spool.h");

unsigned pr_notify(struct hook_call *call)
{
	const struct command *c = asked_about(call);

	if (!call->session)
		return pr_notify_at(call, 0);
	return c ? c->parameters.notify : 0;
}

unsigned pr_notify_at(struct hook_call *call, size_t index)
{
	const struct transaction *t = call->session ? &call->session->transaction : NULL;
	const struct envelope_rcpt *r = t ? NULL : job_call_rcpt(call, index);

	if (t)
		return index < t->recipient_count ? t->recipients[index].notify : 0;
	return r ? r->notify & NOTIFY_ASKED : 0;
}

const char *pr_orcpt_at(struct hook_call *call, size_t index)
{
	const struct transaction *t = call->session ? &call->session->transaction : NULL;
	const struct envelope_rcpt *r = t ? NULL : job_call_rcpt(call, index);

	if (t)
		return index < t->recipient_count ? t->recipients[index].orcpt : "";
	return r ? r->orcpt : "";
}

int64_t pr_deliver_by(struct hook_call *call)
{
	return mail_of(call) ? mail_of(call)->deliver_by : job_call_envelope(call)->deliver_by;
}

const char *pr_deliver_by_mode(struct hook_call *call)
{
	return text_or_none(mail_of(call) ? mail_of(call)->by_mode : job_call_envelope(call)->by_mode);
}

int64_t pr_hold_until(struct hook_call *call)
{
	return mail_of(call) ? mail_of(call)->hold_until : job_call_envelope(call)->hold_until;
}

int pr_priority(struct hook_call *call)
{
	return mail_of(call) ? mail_of(call)->priority : job_call_envelope(call)->priority;
}

bool pr_requires_tls(struct hook_call *call)
{
	return mail_of(call) ? mail_of(call)->requiretls : job_call_envelope(call)->flags & ENVELOPE_REQUIRETLS;
}
