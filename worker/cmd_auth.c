/* cmd_auth.c - AUTH (RFC 4954): what must hold before an exchange begins. */
#include "../lib/base.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "auth.h"
#include "session.h"

/* 421 and not 454: who guesses at names from one address is to hold no worker meanwhile. */
static bool within_limit(struct session *s)
{
	struct log_line l;

	if (!auth_limit_address(s))
		return true;
	scoreboard_count(COUNT_AUTH_LIMITED, 1);
	log_begin(&l, LOG_LEVEL_INFO, "authentication not tried: too many failures from this address");
	log_str(&l, "client", s->remote_ip);
	log_end(&l);
	reply_set(&s->reply, 421, "4.7.0", "%s too many authentication failures, try again later", s->settings->me);
	return false;
}

bool cmd_auth_check(struct session *s, struct command *c)
{
	struct view rest = c->args, name = view_word(&rest);
	const struct auth_mechanism *m = auth_find(s, name);

	if (*s->auth_user)
		reply_set(&s->reply, 503, "5.5.1", "already authenticated");
	else if (!auth_offered(s))
		reply_set(&s->reply, 503, "5.5.1", "AUTH is not available");
	else if (!m)
		reply_set(&s->reply, 504, "5.5.4", "unrecognized authentication mechanism");
	else if (!auth_allowed(s, m))	/* RFC 4954 6 */
		reply_set(&s->reply, 538, "5.7.11", "encryption required for this authentication mechanism");
	else
		return within_limit(s);
	return false;
}

void cmd_auth(struct session *s, struct command *c)
{
	struct view initial = c->args, name = view_word(&initial);
	struct auth *a = arena_alloc(s->host->scratch, sizeof(*a));	/* not on the stack, whose pages a worker keeps */

	session_mark(s, PHASE_AUTH);
	a->mechanism = auth_find(s, name);
	auth_run(s, a, view_trim(initial));
	explicit_bzero(a, sizeof(*a));
}
