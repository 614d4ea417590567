/* hooks.c - see hooks.h. The codes are qpsmtpd's, with the enhanced codes that fit them (RFC 3463); but what is refused after
 * its content is refused with 554 or 451, since 552 and 452 speak of storage (RFC 5321 4.2.2, 4.3.2). */
#include "../lib/base.h"
#include "../lib/log.h"
#include "hooks.h"
#include "session.h"

struct refusal { uint16_t code; const char *enhanced, *text; };

/* What a hook's refusal says when the plugin said nothing: [0] permanent, [1] temporary. */
static const struct refusal refusals[HOOK_COUNT][2] = {
	[HOOK_PRE_CONNECTION] = { { 554, "5.7.1", "connection refused" }, { 421, "4.7.1", "connection refused for now" } },
	/* in place of the greeting: RFC 5321 3.1, 4.2.3 */
	[HOOK_CONNECT] = { { 554, "5.7.1", "connection refused" }, { 421, "4.7.1", "connection refused for now" } },
	[HOOK_HELO] = { { 550, "5.7.1", "HELO refused" }, { 450, "4.7.1", "HELO refused for now" } },
	[HOOK_EHLO] = { { 550, "5.7.1", "EHLO refused" }, { 450, "4.7.1", "EHLO refused for now" } },
	[HOOK_AUTH_PLAIN] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH_LOGIN] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH_CRAM_MD5] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH_SCRAM_SHA_256] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH_OAUTHBEARER] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH_XOAUTH2] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH_EXTERNAL] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_AUTH] = { { 535, "5.7.8", "authentication failed" }, { 454, "4.7.0", "authentication not possible now" } },
	[HOOK_MAIL_PRE] = { { 550, "5.7.1", "sender denied" }, { 450, "4.7.1", "sender denied for now" } },
	[HOOK_MAIL] = { { 550, "5.7.1", "sender denied" }, { 450, "4.7.1", "sender denied for now" } },
	[HOOK_RCPT_PRE] = { { 550, "5.7.1", "recipient denied" }, { 450, "4.7.1", "recipient denied for now" } },
	[HOOK_RCPT] = { { 550, "5.7.1", "relaying denied" }, { 450, "4.7.1", "recipient denied for now" } },
	[HOOK_RCPT_OK] = { { 550, "5.7.1", "recipient denied" }, { 450, "4.7.1", "recipient denied for now" } },
	[HOOK_DATA] = { { 554, "5.7.1", "message denied" }, { 451, "4.7.1", "message denied for now" } },
	[HOOK_RECEIVED_LINE] = { { 554, "5.7.1", "message denied" }, { 451, "4.7.1", "message denied for now" } },
	[HOOK_DATA_HEADERS_END] = { { 554, "5.7.1", "message denied" }, { 451, "4.7.1", "message denied for now" } },
	[HOOK_DATA_POST_HEADERS] = { { 554, "5.7.1", "message denied" }, { 451, "4.7.1", "message denied for now" } },
	[HOOK_DATA_POST] = { { 554, "5.7.1", "message denied" }, { 451, "4.7.1", "message denied for now" } },
	[HOOK_QUEUE_PRE] = { { 554, "5.7.1", "message denied" }, { 451, "4.7.1", "message denied for now" } },
	[HOOK_QUEUE] = { { 554, "5.7.1", "message denied" }, { 451, "4.3.0", "message could not be queued" } },
	[HOOK_QUEUE_OUTBOUND] = { { 554, "5.7.1", "message denied" }, { 451, "4.3.0", "message could not be queued" } },
	[HOOK_PRE_SEND_TRANS_EMAIL] = { { 554, "5.7.1", "message denied" }, { 451, "4.3.0", "message could not be queued" } },
	[HOOK_VRFY] = { { 554, "5.7.1", "access denied" }, { 450, "4.7.1", "not now" } },
	[HOOK_NOOP] = { { 500, "5.7.1", "stop wasting my time" }, { 450, "4.7.1", "not now" } },
	[HOOK_HELP] = { { 502, "5.7.1", "no help for you" }, { 450, "4.7.1", "not now" } },
	[HOOK_UNRECOGNIZED_COMMAND] = { { 521, "5.5.2", "unrecognized command" }, { 450, "4.5.2", "unrecognized command" } },
};
static const struct refusal fallback[2] = { { 554, "5.7.1", "denied" }, { 451, "4.7.1", "denied for now" } };

static const struct refusal *refusal_of(enum hook hook, bool soft)
{
	const struct refusal *r = &refusals[hook][soft];

	return r->code ? r : &fallback[soft];
}

bool hooks_refused(enum verdict v)
{
	return v == DENY || v == DENYSOFT || v == DENY_DISCONNECT || v == DENYSOFT_DISCONNECT;
}

/* Makes R a refusal of the verdict's class: a code or enhanced code of another class gives way to the default. */
static void complete(struct reply *r, enum hook hook, enum verdict v, const char *plugin)
{
	bool soft = v == DENYSOFT || v == DENYSOFT_DISCONNECT;
	const struct refusal *d = refusal_of(hook, soft);
	unsigned class = soft ? 4 : 5, code = r->code, usual = v == DENYSOFT_DISCONNECT ? 421 : d->code;	/* RFC 5321 3.8 */
	char enhanced[sizeof(r->enhanced)], text[sizeof(r->text)];

	if (code && code / 100 != class)
		log_warn("plugin %s: code %u does not fit its verdict at %s", plugin, code, plugin_hook_name(hook));
	snprintf(enhanced, sizeof(enhanced), "%s", r->enhanced[0] == (char)('0' + class) ? r->enhanced : d->enhanced);
	snprintf(text, sizeof(text), "%s", code && r->text[0] ? r->text : d->text);
	reply_set(r, code / 100 == class ? code : usual, enhanced, "%s", text);
}

static bool runs(const struct session *s, enum hook hook)
{
	return hook < HOOK_COUNT && plugin_wants(s->host->args->plugins, hook);
}

/* Sessions on the internal socket carry mail that has passed every check before: nobody but observers is asked again. A user of this
 * machine is no host that connects: plugins judge his mail. */
static bool observers_only(const struct session *s, enum hook hook)
{
	if (session_from_user(s) && hook < HOOK_MAIL_PRE)
		return true;
	return session_internal(s) && hook != HOOK_QUEUE_PRE && hook != HOOK_QUEUE && hook != HOOK_QUEUE_POST;
}

static enum verdict run(struct session *s, enum hook hook, struct reply *r, const struct plugin **decided)
{
	struct hook_call call = { .hook = hook, .session = s, .reply = r, .scratch = s->host->scratch,
		.observers = observers_only(s, hook) };

	return plugin_run(s->host->args->plugins, &call, decided);
}

void hooks_notify(struct session *s, enum hook hook)
{
	struct reply ignored;

	if (!runs(s, hook))
		return;
	reply_clear(&ignored);
	run(s, hook, &ignored, NULL);
}

enum verdict hooks_run(struct session *s, enum hook hook, struct reply *r)
{
	const struct plugin *by;

	return hooks_run_by(s, hook, r, &by);
}

enum verdict hooks_run_by(struct session *s, enum hook hook, struct reply *r, const struct plugin **by)
{
	enum verdict v;

	*by = NULL;
	if (!runs(s, hook))
		return DECLINED;
	reply_clear(r);
	v = run(s, hook, r, by);
	if (v == OK && r->code && r->code / 100 != 2)
		reply_clear(r);
	if (v == DECLINED)
		reply_clear(r);
	if (hooks_refused(v)) {
		complete(r, hook, v, *by ? pr_name(*by) : "?");
		r->disconnect = v == DENY_DISCONNECT || v == DENYSOFT_DISCONNECT;
		hooks_notify(s, HOOK_DENY);
	} else if (v == OK) {
		hooks_notify(s, HOOK_OK);
	}
	return v;
}
