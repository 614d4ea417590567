/* greeting.c - see greeting.h. */
#include "../lib/base.h"
#include "../lib/resolve.h"
#include "../lib/scoreboard.h"
#include "greeting.h"
#include "hooks.h"
#include "limits.h"
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
	session_mark(s, PHASE_TLS);
	if (!s->host->args->tls || !stream_start_tls(s->stream, s->host->args->tls, session_wait(s, s->settings->command_timeout), &err)) {
		snprintf(s->last_refusal, sizeof(s->last_refusal), "%.120s", err.text);
		s->end = SESSION_TLS_FAILED;
		return false;
	}
	session_mark(s, PHASE_CONNECT);
	scoreboard_count(COUNT_SESSIONS_TLS, 1);
	if (s->host->slot)
		atomic_store_explicit(&s->host->slot->tls, 1, memory_order_relaxed);
	return true;
}

static void ask_reverse(struct session *s)
{
	char name[NETADDR_REVERSE];

	if (s->settings->lookup_rdns && s->remote.family)
		s->rdns_ticket = resolve_ask(netaddr_reverse(&s->remote, name), DNS_PTR);
	hooks_notify(s, HOOK_LOOKUP_RDNS);
}

/* qpsmtpd's rule: a configured greeting is used as it is, with ESMTP added when it does not say so. */
static void greet(struct session *s)
{
	const char *own = s->settings->greeting;

	if (*own)
		reply_set(&s->reply, 220, NULL, "%s%s", own, strstr(own, "ESMTP") ? "" : " ESMTP");
	else
		reply_set(&s->reply, 220, NULL, "%s ESMTP postrider", s->settings->me);
	session_reply(s);
	session_mark(s, PHASE_GREETED);
}

void greeting_run(struct session *s)
{
	if (s->listener->proxy && !proxied_begin(s)) {
		if (s->end == SESSION_GOES_ON)
			turn_away(s, SESSION_PROXY);
		return;
	}
	if (!limits_admit(s)) {
		turn_away(s, SESSION_LIMIT);
		return;
	}
	if (hooks_refused(hooks_run(s, HOOK_PRE_CONNECTION, &s->reply))) {
		turn_away(s, SESSION_REFUSED);
		return;
	}
	if (!implicit_tls(s))
		return;
	ask_reverse(s);
	if (hooks_refused(hooks_run(s, HOOK_CONNECT, &s->reply)))
		turn_away(s, SESSION_REFUSED);
	else
		greet(s);
}
