/* summary.c - see summary.h. Who, TLS, verbs counted, bytes, outcome, and where it broke off. The verbs are printed from
 * the verb table: "EHLO:1,MAIL:2/1" is two MAIL, of which one was refused. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "session.h"
#include "summary.h"

static const char *const ends[SESSION_END_COUNT] = {
	[SESSION_GOES_ON] = "unknown", [SESSION_QUIT] = "quit", [SESSION_EOF] = "client-left", [SESSION_TIMEOUT] = "timeout",
	[SESSION_ERROR] = "connection-lost", [SESSION_REFUSED] = "refused", [SESSION_LIMIT] = "limit", [SESSION_PROXY] = "no-proxy-header",
	[SESSION_FOREIGN] = "not-smtp", [SESSION_TLS_FAILED] = "tls-failed", [SESSION_SHUTDOWN] = "shutdown",
};

static void verbs_text(const struct session *s, struct buf *out)
{
	for (size_t i = 0; i < verb_count(); i++) {
		if (!s->verbs[i])
			continue;
		buf_printf(out, "%s%s:%u", out->len ? "," : "", verb_at(i)->name, s->verbs[i]);
		if (s->refused[i])
			buf_printf(out, "/%u", s->refused[i]);
	}
	if (s->unrecognized)
		buf_printf(out, "%s?:%u", out->len ? "," : "", s->unrecognized);
}

void summary_log(const struct session *s)
{
	static const char *const roles[] = { "smtp", "submission", "smtps", "local", "internal" };
	const struct tls_session *tls = stream_tls(s->stream);
	struct buf *verbs = &s->host->out;
	char proxy[NETADDR_TEXT];
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "session");
	if (l.off)
		return;
	buf_clear(verbs);
	verbs_text(s, verbs);
	log_str(&l, "client", s->proxied && !s->remote.family ? "unknown" : s->remote_ip);
	log_str(&l, "proxy", s->proxied ? netaddr_text(&s->peer, proxy) : "");
	log_str(&l, "host", s->remote_host);
	log_str(&l, "role", roles[s->listener->role]);
	log_str(&l, "helo", s->helo);
	if (tls) {
		log_str(&l, "tls", tls_version(tls));
		log_str(&l, "cipher", tls_cipher(tls));
		log_str(&l, "group", tls_group(tls));
		log_str(&l, "sni", tls_sni(tls));
		log_str(&l, "resumed", tls_resumed(tls) ? "yes" : "");
		log_str(&l, "certificate", tls_peer_subject(tls));
		log_str(&l, "certificate_status", tls_peer_status(tls));
	}
	log_str(&l, "user", s->auth_user);
	log_str(&l, "verbs", buf_text(verbs));
	log_int(&l, "messages", s->messages);
	log_int(&l, "rcpts", s->recipients);
	log_int(&l, "in", (int64_t)stream_bytes_in(s->stream));
	log_int(&l, "out", (int64_t)stream_bytes_out(s->stream));
	log_str(&l, "end", ends[s->end]);
	log_str(&l, "phase", scoreboard_phase_name(s->phase));
	log_str(&l, "refusal", s->last_refusal);
	if (s->delayed)
		log_ms(&l, "delayed", s->delayed);
	log_ms(&l, "seconds", clock_ms() - s->started);
	log_end(&l);
}
