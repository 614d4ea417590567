/* cmd_starttls.c - STARTTLS (RFC 3207). Everything said before it is void, buffered octets included. */
#include "../lib/base.h"
#include "../lib/scoreboard.h"
#include "session.h"

bool cmd_starttls_check(struct session *s, struct command *c UNUSED)
{
	if (stream_tls(s->stream))
		reply_set(&s->reply, 503, "5.5.1", "TLS is already in use");
	else if (!s->host->args->tls)
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
	session_mark(s, PHASE_TLS);
	session_forget(s);
	if (stream_flush(s->stream, wait) == STREAM_OK && stream_start_tls(s->stream, s->host->args->tls, wait, &err)) {
		scoreboard_count(COUNT_SESSIONS_TLS, 1);
		if (s->host->slot)
			atomic_store_explicit(&s->host->slot->tls, 1, memory_order_relaxed);
		return;
	}
	snprintf(s->last_refusal, sizeof(s->last_refusal), "%.120s", err.text);
	s->end = SESSION_TLS_FAILED;
}
