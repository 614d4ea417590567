/* auth.c - see auth.h. A mechanism is a row. Secrets are never logged and are wiped where they were read. */
#include "../lib/base.h"
#include "../lib/base64.h"
#include "../lib/clock.h"
#include "auth.h"
#include "hooks.h"
#include "session.h"

struct auth_mechanism {
	const char *name;
	enum hook hook;
	bool (*exchange)(struct session *s, struct auth *a, struct view initial);
	bool any;	/* HOOK_AUTH can decide it too: the password is at hand */
};

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

/* 334 with PROMPT, then the client's answer. */
static bool ask(struct session *s, struct auth *a, const char *prompt)
{
	char coded[512];
	enum stream_result r;
	struct view line;

	if (!base64_encode(view_of(prompt), coded, sizeof(coded)))
		bug("AUTH prompt too long");
	reply_set(&s->reply, 334, NULL, "%s", coded);
	session_say(s);
	reply_clear(&s->reply);
	r = stream_line(s->stream, VERB_LONG_LINE, session_wait(s, s->settings->command_timeout), &line);
	if (r == STREAM_TOO_LONG)	/* RFC 4954 4: 500 5.5.6 */
		return refuse(s, 500, "5.5.6", "authentication exchange line is too long");
	if (r != STREAM_OK) {
		session_broke(s, r);
		return false;
	}
	return take(s, a, line);
}

/* The initial response when there is one ("=": an empty one), else an answer to PROMPT. */
static bool first(struct session *s, struct auth *a, struct view initial, const char *prompt)
{
	if (!initial.len)
		return ask(s, a, prompt);
	return take(s, a, view_eq(initial, VIEW("=")) ? VIEW("") : initial);
}

/* A name that goes into logs, notes and the spool: no control octets. */
static bool set_login(struct session *s, struct auth *a, struct view login)
{
	for (size_t i = 0; i < login.len; i++)
		if ((uint8_t)login.data[i] < ' ' || login.data[i] == 0x7f)
			return refuse(s, 501, "5.5.2", "control octets in the user name");
	if (!login.len || !view_copy(login, a->login, sizeof(a->login)))
		return refuse(s, 501, "5.5.2", "user name empty or too long");
	return true;
}

static bool set_password(struct session *s, struct auth *a, struct view password)
{
	return view_copy(password, a->password, sizeof(a->password)) ||
	       refuse(s, 501, "5.5.2", "password too long or with NUL");
}

/* RFC 4616: [authzid] NUL authcid NUL passwd. Acting for somebody else is not offered. */
static bool plain(struct session *s, struct auth *a, struct view initial)
{
	if (!first(s, a, initial, ""))
		return false;
	struct view rest = view_make(a->raw, a->raw_len), authzid, authcid;

	if (view_find(rest, '\0') == rest.len)
		return refuse(s, 501, "5.5.2", "malformed PLAIN response");
	authzid = view_cut(&rest, '\0');
	if (view_find(rest, '\0') == rest.len)
		return refuse(s, 501, "5.5.2", "malformed PLAIN response");
	authcid = view_cut(&rest, '\0');
	if (authzid.len && !view_eq(authzid, authcid))
		return refuse(s, 535, "5.7.8", "authentication failed");
	return set_login(s, a, authcid) && set_password(s, a, rest);
}

static bool login(struct session *s, struct auth *a, struct view initial)
{
	return first(s, a, initial, "Username:") && set_login(s, a, view_make(a->raw, a->raw_len)) &&
	       ask(s, a, "Password:") && set_password(s, a, view_make(a->raw, a->raw_len));
}

/* RFC 2195: a challenge like a message id, answered with "user digest". */
static bool cram_md5(struct session *s, struct auth *a, struct view initial)
{
	if (initial.len)
		return refuse(s, 501, "5.5.2", "CRAM-MD5 takes no initial response");
	snprintf(a->challenge, sizeof(a->challenge), "<%s.%lld@%.150s>", s->id, (long long)clock_now_us(), s->settings->me);
	if (!ask(s, a, a->challenge))
		return false;
	struct view user = view_make(a->raw, a->raw_len), digest;
	size_t blank = user.len;

	while (blank && user.data[blank - 1] != ' ')
		blank--;
	digest = view_skip(user, blank);
	if (!blank || digest.len != 32 || !view_copy(digest, a->response, sizeof(a->response)))
		return refuse(s, 501, "5.5.2", "malformed CRAM-MD5 response");
	return set_login(s, a, view_head(user, blank - 1));
}

static const struct auth_mechanism mechanisms[] = {
	{ "PLAIN", HOOK_AUTH_PLAIN, plain, true },
	{ "LOGIN", HOOK_AUTH_LOGIN, login, true },
	{ "CRAM-MD5", HOOK_AUTH_CRAM_MD5, cram_md5, false },
};

static bool wanted(const struct session *s, const struct auth_mechanism *m)
{
	struct plugin_list *plugins = s->host->args->plugins;

	return plugin_wants(plugins, m->hook) || (m->any && plugin_wants(plugins, HOOK_AUTH));
}

bool auth_offered(const struct session *s)
{
	if (session_internal(s) || (!stream_tls(s->stream) && !s->settings->auth_without_tls))
		return false;
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (wanted(s, &mechanisms[i]))
			return true;
	return false;
}

void auth_names(const struct session *s, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (wanted(s, &mechanisms[i]))
			buf_printf(out, " %s", mechanisms[i].name);
}

const struct auth_mechanism *auth_find(const struct session *s, struct view name)
{
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (view_case_eq(name, view_of(mechanisms[i].name)) && wanted(s, &mechanisms[i]))
			return &mechanisms[i];
	return NULL;
}

const char *auth_mechanism_name(const struct auth_mechanism *m)
{
	return m->name;
}

bool auth_exchange(struct session *s, struct auth *a, const struct auth_mechanism *m, struct view initial)
{
	a->mechanism = m;
	return m->exchange(s, a, initial);
}

bool auth_decide(struct session *s, struct auth *a)
{
	enum verdict v;

	s->auth = a;
	v = hooks_run(s, a->mechanism->hook, &s->reply);
	if (v == DECLINED && a->mechanism->any)
		v = hooks_run(s, HOOK_AUTH, &s->reply);
	s->auth = NULL;
	if (v == OK) {
		reply_set(&s->reply, 235, "2.7.0", "authentication succeeded");
		return true;
	}
	/* One answer for unknown users and wrong passwords, whatever the plugin says (RFC 4954 6: 535 5.7.8, 454 4.7.0). */
	bool soft = v == DENYSOFT || v == DENYSOFT_DISCONNECT, disconnect = s->reply.disconnect;
	if (soft)
		reply_set(&s->reply, 454, "4.7.0", "temporary authentication failure");
	else
		reply_set(&s->reply, 535, "5.7.8", "authentication failed");
	s->reply.disconnect = disconnect && v != DECLINED;
	return false;
}
