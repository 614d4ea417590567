/* auth.c - see auth.h: the table of mechanisms, what is offered where, and the exchange, which moves a mechanism's messages and asks the
 * hooks for it. */
#include "../lib/base.h"
#include "../lib/base64.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/saslprep.h"
#include "../lib/scoreboard.h"
#include "auth.h"
#include "hooks.h"
#include "session.h"

/* In the order in which EHLO shows them, the strongest first. */
static const struct auth_mechanism mechanisms[] = {
	{ .name = "SCRAM-SHA-256-PLUS", .hook = HOOK_AUTH_SCRAM_SHA_256, .tls_only = true, .bound = true, .prompt = "", .step = auth_scram },
	{ .name = "SCRAM-SHA-256", .hook = HOOK_AUTH_SCRAM_SHA_256, .prompt = "", .step = auth_scram },
	{ .name = "EXTERNAL", .hook = HOOK_AUTH_EXTERNAL, .tls_only = true, .certificate = true, .prompt = "", .step = auth_external },
	/* RFC 6750 5.3: a bearer token is never sent in clear */
	{ .name = "OAUTHBEARER", .hook = HOOK_AUTH_OAUTHBEARER, .tls_only = true, .prompt = "", .step = auth_oauthbearer },
	{ .name = "XOAUTH2", .hook = HOOK_AUTH_XOAUTH2, .tls_only = true, .prompt = "", .step = auth_xoauth2 },
	{ .name = "CRAM-MD5", .hook = HOOK_AUTH_CRAM_MD5, .prompt = NULL, .step = auth_cram_md5 },
	{ .name = "PLAIN", .hook = HOOK_AUTH_PLAIN, .password = true, .prompt = "", .step = auth_plain },
	{ .name = "LOGIN", .hook = HOOK_AUTH_LOGIN, .password = true, .prompt = "Username:", .step = auth_login },
};

/* ---- what is offered ---- */

static bool wanted(const struct session *s, const struct auth_mechanism *m)
{
	struct plugin_list *plugins = s->host->args->plugins;
	const struct tls_session *tls = stream_tls(s->stream);

	/* RFC 4422 appendix A: only where something outside has said who the client is; without TLS that is still to come */
	if (m->certificate && tls && (s->tls_is_proxys || !tls_peer_verified(tls)))
		return false;
	return plugin_wants(plugins, m->hook) || (m->password && plugin_wants(plugins, HOOK_AUTH));
}

bool auth_allowed(const struct session *s, const struct auth_mechanism *m)
{
	const struct tls_session *tls = stream_tls(s->stream);

	if (tls)
		return !m->bound || tls_can_bind(tls);
	return !m->tls_only && s->settings->auth_without_tls >= (m->password ? AUTH_CLEAR_ALL : AUTH_CLEAR_CHALLENGE);
}

static bool on_offer(const struct session *s, const struct auth_mechanism *m)
{
	return session_from_network(s) && wanted(s, m) && auth_allowed(s, m);
}

bool auth_offered(const struct session *s)
{
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (on_offer(s, &mechanisms[i]))
			return true;
	return false;
}

void auth_names(const struct session *s, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (on_offer(s, &mechanisms[i]))
			buf_printf(out, " %s", mechanisms[i].name);
}

const struct auth_mechanism *auth_find(const struct session *s, struct view name)
{
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (view_case_eq(name, view_of(mechanisms[i].name)) && wanted(s, &mechanisms[i]))
			return &mechanisms[i];
	return NULL;
}

/* ---- what the steps share ---- */

/* It goes into logs, notes and the spool: saslprep lets no control character pass. */
bool auth_set_login(struct auth *a, struct view login)
{
	char text[AUTH_TEXT];	/* a name that was set stays when the new one is none */

	if (!saslprep(login, text, sizeof(text)))
		return false;
	memcpy(a->login, text, strlen(text) + 1);
	return true;
}

enum auth_next auth_malformed(struct auth *a, const char *why)
{
	a->why = why;
	return AUTH_MALFORMED;
}

enum auth_next auth_verdict(const struct auth *a)
{
	return a->verdict == OK ? AUTH_ACCEPT : AUTH_REFUSE;
}

/* ---- the exchange ---- */

static bool refuse(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	reply_set(&s->reply, code, enhanced, "%s", text);
	return false;
}

/* The line is our own stream's buffer: const for others, ours to wipe. */
static void wipe(struct view secret)
{
	if (secret.len)
		explicit_bzero((char *)(uintptr_t)secret.data, secret.len);
}

/* Decodes a client's answer into a->raw. "*" cancels (RFC 4954 4). */
static bool take(struct session *s, struct auth *a, struct view line)
{
	bool cancelled = view_eq(line, VIEW("*"));
	bool good = !cancelled && base64_decode(line, a->raw, sizeof(a->raw), &a->raw_len);

	wipe(line);
	if (cancelled)
		return refuse(s, 501, "5.7.0", "authentication cancelled");
	return good || refuse(s, 501, "5.5.2", "this is not base64");
}

/* 334 with a challenge. Not by a reply, whose lines are shorter than challenges may be. */
static void send_challenge(struct session *s, const char *text)
{
	char coded[BASE64_SIZE(AUTH_OUT)];

	if (!base64_encode(view_of(text), coded, sizeof(coded)))
		bug("AUTH challenge too long");
	stream_put(s->stream, "334 ", 4);
	stream_put(s->stream, coded, strlen(coded));
	stream_put(s->stream, "\r\n", 2);
}

/* A challenge, then the client's answer in a->raw. */
static bool ask(struct session *s, struct auth *a, const char *challenge)
{
	enum stream_result r;
	struct view line;

	send_challenge(s, challenge);
	a->out[0] = '\0';
	r = stream_line(s->stream, VERB_LONG_LINE, session_wait(s, s->settings->command_timeout), &line);
	if (r == STREAM_TOO_LONG)	/* RFC 4954 4: 500 5.5.6 */
		return refuse(s, 500, "5.5.6", "authentication exchange line is too long");
	if (r != STREAM_OK) {
		session_broke(s, r);
		return false;
	}
	return take(s, a, line);
}

/* The initial response ("=": an empty one), or the answer to the mechanism's prompt. */
static bool begin(struct session *s, struct auth *a, struct view initial)
{
	const char *prompt = a->mechanism->prompt;

	if (!prompt)
		return !initial.len || refuse(s, 501, "5.5.2", "this mechanism takes no initial response");
	if (!initial.len)
		return ask(s, a, prompt);
	return take(s, a, view_eq(initial, VIEW("=")) ? VIEW("") : initial);
}

/* A plugin that says OK without a name, or in SCRAM without keys, is broken: nobody is let in for that. */
static enum verdict checked(const struct auth *a, enum verdict v)
{
	bool scram = a->mechanism->hook == HOOK_AUTH_SCRAM_SHA_256;

	if (v != OK || (a->login[0] && (!scram || a->keys_given)))
		return v;
	log_error("plugin %s: OK at %s without %s; taken as DENYSOFT", a->by ? pr_name(a->by) : "?", plugin_hook_name(a->mechanism->hook),
		  scram ? "keys" : "a login");
	return DENYSOFT;
}

static void ask_hooks(struct session *s, struct auth *a)
{
	s->auth = a;
	a->verdict = hooks_run_by(s, a->mechanism->hook, &s->reply, &a->by);
	if (a->verdict == DECLINED && a->mechanism->password)
		a->verdict = hooks_run_by(s, HOOK_AUTH, &s->reply, &a->by);
	s->auth = NULL;
	a->verdict = checked(a, a->verdict);
}

static bool soft(enum verdict v)
{
	return v == DENYSOFT || v == DENYSOFT_DISCONNECT;
}

static void log_outcome(const struct session *s, const struct auth *a, const char *event)
{
	struct log_line l;

	/* client first: see the manual about fail2ban */
	log_begin(&l, LOG_LEVEL_INFO, event);
	log_str(&l, "client", *s->remote_ip ? s->remote_ip : s->proxied ? "unknown" : "local");
	log_str(&l, "mechanism", a->mechanism->name);
	log_str(&l, "user", a->login);
	log_str(&l, "plugin", a->by ? pr_name(a->by) : NULL);
	log_str(&l, "suspect", a->suspect);
	log_end(&l);
}

/* Counted, told and waited for before the client knows. */
static void failed(struct session *s, struct auth *a, int64_t since)
{
	auth_limit_failed(s, a);
	scoreboard_count(COUNT_AUTH_FAILED, 1);
	log_outcome(s, a, "authentication failed");
	auth_limit_delay(s, since);
}

/* One answer for unknown users and wrong passwords, whatever the plugin says (RFC 4954 6: 535 5.7.8, 454 4.7.0). */
static bool say_refused(struct session *s, const struct auth *a)
{
	bool disconnect = a->verdict == DENY_DISCONNECT || a->verdict == DENYSOFT_DISCONNECT;

	if (soft(a->verdict))
		refuse(s, 454, "4.7.0", "temporary authentication failure");
	else
		refuse(s, 535, "5.7.8", "authentication failed");
	s->reply.disconnect = disconnect;
	return false;
}

static bool accept_user(struct session *s, struct auth *a)
{
	auth_limit_passed(s, a);
	scoreboard_count(COUNT_AUTH_OK, 1);
	log_outcome(s, a, "authenticated");
	s->auth_user = arena_strdup(s->host->session, a->login);
	s->auth_plugin = a->by;
	reply_set(&s->reply, 235, "2.7.0", "authentication succeeded");
	return true;
}

/* The hooks' part of an exchange. False: it is over, with a temporary failure. */
static bool consult(struct session *s, struct auth *a)
{
	if (auth_limit_login(s, a)) {
		scoreboard_count(COUNT_AUTH_LIMITED, 1);
		log_outcome(s, a, "authentication not tried: too many failures of this login");
		return refuse(s, 454, "4.7.0", "too many failures, try again later");
	}
	ask_hooks(s, a);
	return !soft(a->verdict) || say_refused(s, a);
}

/* One step after the other, until the exchange is over. SINCE: when the client's last answer was there. */
static bool exchange(struct session *s, struct auth *a)
{
	struct view answer = view_make(a->raw, a->raw_len);
	int64_t since = clock_ms();
	bool told = false;

	for (;; a->turn++) {
		switch (a->mechanism->step(a, answer)) {
		case AUTH_HOOKS:
			if (!consult(s, a))
				return false;
			answer = VIEW("");
			continue;
		case AUTH_REFUSE_ASK:
			failed(s, a, since);
			told = true;
			/* fall through */
		case AUTH_ASK:
			if (!ask(s, a, a->out))
				return false;
			answer = view_make(a->raw, a->raw_len);
			since = clock_ms();
			continue;
		case AUTH_REFUSE:
			if (!told)
				failed(s, a, since);
			return say_refused(s, a);
		case AUTH_MALFORMED:
			return refuse(s, 501, "5.5.2", a->why);
		case AUTH_ACCEPT:
			return accept_user(s, a);
		}
	}
}

bool auth_run(struct session *s, struct auth *a, struct view initial)
{
	a->host = a->port = "";
	a->tls = stream_tls(s->stream);
	a->plus_offered = a->tls && tls_can_bind(a->tls);
	a->me = s->settings->me;
	return begin(s, a, initial) && exchange(s, a);
}
