/* cmd_rcpt.c - RCPT (RFC 5321 4.1.1.3). Without a plugin's OK, and without a grant to relay, the answer is no. */
#include "../lib/base.h"
#include "hooks.h"
#include "path.h"
#include "session.h"

static bool refuse(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	reply_set(&s->reply, code, enhanced, "%s", text);
	return false;
}

/* RFC 5321 4.5.3.1.10: a client that offers more than we take sends the message, and it again to the rest. So that it can
 * get there, some more are refused without counting as errors. */
#define SURPLUS_MAX 1000

static bool surplus(struct session *s, struct command *c)
{
	if (s->transaction.recipient_count < (uint64_t)s->settings->max_recipients)
		return false;
	c->harmless = s->transaction.surplus++ < SURPLUS_MAX;
	return true;
}

static bool parse(struct session *s, struct command *c)
{
	static const struct path_rule rule = { VIEW("TO:"), "RCPT TO:<address>", "recipient", "5.1.3", ADDRESS_POSTMASTER_OK | ADDRESS_UTF8_OK };
	struct view rest;

	if (!path_parse(s, c, &rule, &rest))
		return false;
	bool utf8 = s->transaction.parameters.utf8;
	struct parameter_rules rules = { .verb = PARAMETER_RCPT, .offered = extensions_offered(s), .utf8 = utf8 };
	return parameters_parse(rest, &rules, s->host->scratch, &c->parameters, &s->reply) && path_utf8_allowed(s, view_of(c->address.text), utf8);
}

bool cmd_rcpt_check(struct session *s, struct command *c)
{
	const char *naughty;

	if (!parse(s, c))
		return false;
	if (surplus(s, c))
		return refuse(s, 452, "4.5.3", "too many recipients");
	naughty = notes_get(&s->notes, "naughty");
	if (naughty && !session_relaying(s))
		return notes_get(&s->notes, "naughty_for_now") ?
			refuse(s, 450, "4.7.1", *naughty ? naughty : "recipient denied for now") :
			refuse(s, 550, "5.7.1", *naughty ? naughty : "recipient denied");
	return true;
}

/* For the queue hooks: not when a report of its delivery is wanted (RFC 3461 5.2.3), which the queue-runner writes. */
static bool is_local(const struct session *s, const struct command *c)
{
	return session_internal(s) || (!session_relaying(s) && !c->to_spool && !(c->parameters.notify & NOTIFY_SUCCESS));
}

void cmd_rcpt(struct session *s, struct command *c)
{
	bool taken = c->verdict == OK || session_internal(s);
	struct reply own = s->reply;

	if (!taken && !session_relaying(s)) {
		refuse(s, 550, "5.7.1", "relaying denied");
		return;
	}
	if (hooks_refused(hooks_run(s, HOOK_RCPT_OK, &s->reply)))
		return;
	transaction_add(s, c, is_local(s, c));
	if (own.code)
		s->reply = own;
	else
		reply_set(&s->reply, 250, "2.1.5", "<%s> recipient ok", c->address.text);
}
