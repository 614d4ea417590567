/* greeting.c - see greeting.h. */
#include "../lib/base.h"
#include "../lib/resolve.h"
#include "../lib/scoreboard.h"
#include "greeting.h"
#include "hooks.h"
#include "limits.h"
#include "local_user.h"
#include "proxied.h"
#include "session.h"

/* In front of an implicit TLS handshake nothing can be said: the connection just closes. */
static void turn_away(struct session *s, enum session_end end)
{
	if (s->listener->role != LISTENER_SMTPS || stream_tls(s->stream))
		session_reply(s);
	else
		session_refused(s);
	s->end = end;
}

static bool implicit_tls(struct session *s)
{
	struct err err = { "" };

	if (s->listener->role != LISTENER_SMTPS)
		return true;
	if (!cmd_starttls_handshake(s, session_wait(s, s->settings->command_timeout), &err))
		return false;
	session_mark(s, PHASE_CONNECT);
	return true;
}

static void ask_reverse(struct session *s)
{
	char name[NETADDR_REVERSE];

	if (s->settings->lookup_rdns && s->remote.family)
		s->rdns_ticket = resolve_ask(netaddr_reverse(&s->remote, name), DNS_PTR);
}

/* qpsmtpd's rule: a configured greeting is used as it is, with ESMTP added when it does not say so. */
static void greet(struct session *s)
{
	const char *own = s->settings->greeting;

	if (*own)
		reply_set(&s->reply, 220, NULL, "%s%s", own, strstr(own, "ESMTP") ? "" : " ESMTP");
	else
		reply_set(&s->reply, 220, NULL, "%s ESMTP postrider", s->settings->me);
}

/* Both: SESSION_GOES_ON, or what ends it, and then s->reply says why. */
static enum session_end admit(struct session *s)
{
	if (!local_user_admit(s))
		return SESSION_REFUSED;
	if (!limits_admit(s))
		return SESSION_LIMIT;
	return hooks_refused(hooks_run(s, HOOK_PRE_CONNECTION, &s->reply)) ? SESSION_REFUSED : SESSION_GOES_ON;
}

static enum session_end welcome(struct session *s)
{
	hooks_notify(s, HOOK_LOOKUP_RDNS);
	if (hooks_refused(hooks_run(s, HOOK_CONNECT, &s->reply)))
		return SESSION_REFUSED;
	greet(s);
	return SESSION_GOES_ON;
}

void greeting_run(struct session *s)
{
	enum session_end end = SESSION_GOES_ON;

	if (s->listener->proxy && !proxied_begin(s))
		end = SESSION_PROXY;
	if (s->end != SESSION_GOES_ON)
		return;
	if (end == SESSION_GOES_ON)
		end = admit(s);
	if (end == SESSION_GOES_ON && !implicit_tls(s))
		return;
	if (end == SESSION_GOES_ON) {
		ask_reverse(s);
		end = welcome(s);
	}
	if (end != SESSION_GOES_ON) {
		turn_away(s, end);
		return;
	}
	session_reply(s);
	session_mark(s, PHASE_GREETED);
}

void greeting_again(struct session *s, bool reverse)
{
	enum session_end end = admit(s);

	if (end == SESSION_GOES_ON) {
		if (reverse)
			ask_reverse(s);
		end = welcome(s);
	}
	s->end = end;
}
