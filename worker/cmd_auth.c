/* cmd_auth.c - AUTH (RFC 4954). */
#include "../lib/base.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "auth.h"
#include "session.h"

bool cmd_auth_check(struct session *s, struct command *c)
{
	struct view rest = c->args, name = view_word(&rest);

	if (*s->auth_user)
		reply_set(&s->reply, 503, "5.5.1", "already authenticated");
	else if (!auth_offered(s))
		reply_set(&s->reply, 503, "5.5.1", "AUTH is not available");
	else if (!auth_find(s, name))
		reply_set(&s->reply, 504, "5.5.4", "unrecognized authentication mechanism");
	else
		return true;
	return false;
}

static void finish(struct session *s, struct auth *a)
{
	struct log_line l;

	if (auth_decide(s, a)) {
		s->auth_user = arena_strdup(s->host->session, a->login);
		scoreboard_count(COUNT_AUTH_OK, 1);
		return;
	}
	scoreboard_count(COUNT_AUTH_FAILED, 1);
	log_begin(&l, LOG_LEVEL_INFO, "authentication failed");
	log_str(&l, "user", a->login);
	log_str(&l, "mechanism", auth_mechanism_name(a->mechanism));
	log_str(&l, "client", s->remote_ip);
	log_end(&l);
}

void cmd_auth(struct session *s, struct command *c)
{
	struct view initial = c->args, name = view_word(&initial);
	struct auth a;

	session_mark(s, PHASE_AUTH);
	a.login[0] = a.password[0] = a.challenge[0] = a.response[0] = '\0';
	if (auth_exchange(s, &a, auth_find(s, name), view_trim(initial)))
		finish(s, &a);
	explicit_bzero(&a, sizeof(a));
}
