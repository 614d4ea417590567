/* result.c - see result.h. */
#include "result.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/tls.h"

static void set_enhanced(struct result *r, const char *enhanced)
{
	static const char classes[] = { [OUTCOME_NONE] = '4', [OUTCOME_DONE] = '2', [OUTCOME_DEFER] = '4', [OUTCOME_FAIL] = '5' };
	char class = classes[r->outcome];

	/* a code of another class would contradict the reply (RFC 2034) */
	if (enhanced && enhanced[0] == class)
		snprintf(r->enhanced, sizeof(r->enhanced), "%s", enhanced);
	else
		snprintf(r->enhanced, sizeof(r->enhanced), "%c.0.0", class);
}

struct result result_local(struct arena *a, enum outcome outcome, const char *enhanced, const char *text)
{
	struct result r = { .outcome = outcome, .text = arena_strdup(a, text), .host = "", .ip = "" };

	set_enhanced(&r, enhanced);
	return r;
}

struct result result_remote(struct arena *a, unsigned code, const char *enhanced, const char *text)
{
	struct result r = { .remote = true, .host = "", .ip = "" };

	r.outcome = code / 100 == 2 ? OUTCOME_DONE : code / 100 == 5 ? OUTCOME_FAIL : OUTCOME_DEFER;
	r.text = arena_printf(a, *text ? "%u %s" : "%u", code, text);
	set_enhanced(&r, enhanced);
	return r;
}

const struct result_tls *result_tls_of(const struct tls_session *s, struct arena *a)
{
	if (!s)
		return NULL;
	struct result_tls *t = arena_alloc(a, sizeof(*t));

	*t = (struct result_tls){ .version = arena_strdup(a, tls_version(s)), .cipher = arena_strdup(a, tls_cipher(s)), .group = arena_strdup(a, tls_group(s)),
		.resumed = tls_resumed(s), .verified = tls_peer_verified(s), .subject = arena_strdup(a, tls_peer_subject(s)),
		.issuer = arena_strdup(a, tls_peer_issuer(s)), .fingerprint = arena_strdup(a, tls_peer_fingerprint(s)),
		.status = arena_strdup(a, tls_peer_status(s)) };
	return t;
}

const char *result_last(const struct result *r, struct arena *a)
{
	if (!r->remote)
		return arena_printf(a, "%s %s", r->enhanced, r->text);
	return arena_printf(a, "%s [%s] %s", r->host, r->ip, r->text);
}

const char *result_status(enum outcome outcome)
{
	static const char *const names[] = { [OUTCOME_NONE] = "waiting", [OUTCOME_DONE] = "sent", [OUTCOME_DEFER] = "deferred", [OUTCOME_FAIL] = "bounced" };

	return names[outcome];
}

void result_log(const char *from, const char *to, const struct result *r, const struct result_times *times)
{
	int64_t now = clock_ms(), total = (clock_now_us() - times->arrived_us) / 1000;
	int64_t attempt = times->started ? now - times->started : 0;
	struct log_line l;

	log_begin(&l, r->outcome == OUTCOME_FAIL ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "delivery");
	log_str(&l, "status", result_status(r->outcome));
	log_str(&l, "from", *from ? from : "<>");
	log_str(&l, "to", to);
	log_str(&l, "host", r->host);
	log_str(&l, "ip", r->ip);
	if (r->tls) {
		log_str(&l, "tls", r->tls->version);
		log_str(&l, "cipher", r->tls->cipher);
		log_str(&l, "resumed", r->tls->resumed ? "yes" : "");
		log_str(&l, "certificate_status", r->tls->status);
	}
	log_str(&l, "dsn", r->enhanced);
	log_ms(&l, "delay", total);
	log_ms(&l, "queue", total > attempt ? total - attempt : 0);
	if (times->connected) {
		log_ms(&l, "connect", times->connected - times->started);
		log_ms(&l, "transfer", now - times->connected);
	}
	log_str(&l, r->remote ? "answer" : "reason", r->text);
	log_end(&l);
}
