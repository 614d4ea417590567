/* cmd_mail.c - MAIL (RFC 5321 4.1.1.2); its parameters are read in parameter.c. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "auth.h"
#include "path.h"
#include "session.h"

static bool refuse(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	reply_set(&s->reply, code, enhanced, "%s", text);
	return false;
}

static bool parse(struct session *s, struct command *c)
{
	static const struct path_rule rule = { VIEW("FROM:"), "MAIL FROM:<address>", "sender", "5.1.7", ADDRESS_NULL_OK | ADDRESS_UTF8_OK };
	struct view rest;

	if (!path_parse(s, c, &rule, &rest))
		return false;
	struct parameter_rules rules = { .verb = PARAMETER_MAIL, .offered = extensions_offered(s), .now = clock_now() };
	return parameters_parse(rest, &rules, s->host->scratch, &c->parameters, &s->reply) &&
	       path_utf8_allowed(s, view_of(c->address.text), c->parameters.utf8);
}

static bool has_room(struct session *s, uint64_t size)
{
	const struct settings *set = s->settings;

	if (size > INT64_MAX / 2 || (set->max_message_size && size > (uint64_t)set->max_message_size))
		return refuse(s, 552, "5.3.4", "message size exceeds the limit");
	if (!host_spool(s->host))
		return refuse(s, 451, "4.3.0", "queue not available, try again later");
	if (!spool_has_room(s->host->spool, (uint64_t)set->min_free_space + size, (uint64_t)set->min_free_inodes))
		return refuse(s, 452, "4.3.1", "insufficient system storage, try again later");
	return true;
}

bool cmd_mail_check(struct session *s, struct command *c)
{
	if (!parse(s, c) || !has_room(s, c->parameters.size))
		return false;
	if (!auth_sender_allowed(s, &c->address))
		return refuse(s, 553, "5.7.1", "this sender is not yours");
	if (session_reached(s->settings->max_transactions, s->transactions)) {
		refuse(s, 421, "4.7.0", "too many messages in one session");
		s->reply.disconnect = true;
		s->end = SESSION_LIMIT;
		return false;
	}
	transaction_begin(s, c);
	return true;
}

void cmd_mail(struct session *s, struct command *c)
{
	s->transactions++;
	transaction_accept(s);
	if (!s->reply.code)
		reply_set(&s->reply, 250, "2.1.0", "<%s> sender ok", c->address.text);
}
