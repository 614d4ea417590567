/* cmd_starttls.c - STARTTLS (RFC 3207). Everything said before it is void, buffered octets included. */
#include "../lib/base.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "../lib/tls_nogo.h"
#include "session.h"

/* Whether failures are remembered here. On ports for users everything depends on TLS: there it is always offered. */
static bool remembers(const struct session *s)
{
	return s->listener->role == LISTENER_SMTP && s->remote.family && s->host->args->store &&
		settings_tls(s->settings, "inbound")->disable_for_failed_hosts;
}

/* tls.conf keeps TLS from this client, or from this port; nothing is between us and a user of this machine. */
static bool kept_away(struct session *s)
{
	return session_from_user(s) || tls_context_avoids(s->host->args->tls, &s->remote, session_local(s).port);
}

bool cmd_starttls_avoided(struct session *s)
{
	if (kept_away(s))
		return true;
	if (s->tls_nogo == NOGO_UNKNOWN) {
		s->tls_nogo = remembers(s) && tls_nogo_client(s->host->args->store, &s->remote) ? NOGO_YES : NOGO_NO;
		if (s->tls_nogo == NOGO_YES)
			log_info("STARTTLS is not offered: it failed with %s lately", s->remote_ip);
	}
	return s->tls_nogo == NOGO_YES;
}

/* One that was broken off because we leave, or for which our key could not be had, says nothing about the client; one for which it
 * lacked a certificate must not lead to a session without. */
static void remember(struct session *s, const char *why)
{
	const struct tls_session *tls = stream_tls(s->stream);

	if (remembers(s) && !*s->host->interrupted && tls && !tls_own_fault(tls) && !tls_untrusted(tls))
		tls_nogo_client_failed(s->host->args->store, &s->remote, settings_tls(s->settings, "inbound")->disable_inbound_expiry, why);
}

bool cmd_starttls_handshake(struct session *s, int64_t wait, struct err *err)
{
	struct tls_context *tls = s->host->args->tls;
	struct tls_wish wish = { .verify = tls && tls_context_demands(tls, session_local(s).port) };

	session_mark(s, PHASE_TLS);
	if (!tls || !stream_start_tls(s->stream, tls, &wish, wait, err)) {
		snprintf(s->last_refusal, sizeof(s->last_refusal), "%.120s", err->text);
		s->end = SESSION_TLS_FAILED;
		return false;
	}
	scoreboard_count(COUNT_SESSIONS_TLS, 1);
	if (s->host->slot)
		atomic_store_explicit(&s->host->slot->tls, 1, memory_order_relaxed);
	return true;
}

bool cmd_starttls_check(struct session *s, struct command *c UNUSED)
{
	if (stream_tls(s->stream))
		reply_set(&s->reply, 503, "5.5.1", "TLS is already in use");
	else if (!s->host->args->tls || kept_away(s))
		reply_set(&s->reply, 502, "5.5.1", "STARTTLS is not available");
	else
		return true;
	return false;
}

void cmd_starttls(struct session *s, struct command *c UNUSED)
{
	int64_t wait = session_wait(s, s->settings->command_timeout);
	struct err err = { "" };

	reply_set(&s->reply, 220, "2.0.0", "ready to start TLS");
	session_say(s);
	reply_clear(&s->reply);
	session_forget(s);
	if (stream_flush(s->stream, wait) != STREAM_OK) {
		session_mark(s, PHASE_TLS);
		s->end = SESSION_TLS_FAILED;
		return;
	}
	if (!cmd_starttls_handshake(s, wait, &err))
		remember(s, err.text);
	else if (s->tls_nogo == NOGO_YES)	/* it was not offered, and the client knew better */
		tls_nogo_client_worked(s->host->args->store, &s->remote);
}
