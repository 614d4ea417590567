/* session.c - see session.h. One step is: read a line, find its row in the verb table, pass its gates, its check and its
 * hooks, apply it, answer. Output waits in the stream until the client is waited for (RFC 2920), so a pipelined
 * group costs one read and one write. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/resolve.h"
#include "../lib/scoreboard.h"
#include "greeting.h"
#include "hooks.h"
#include "limits.h"
#include "local_user.h"
#include "session.h"
#include "summary.h"
#include "tarpit.h"
#include <sys/socket.h>

bool session_internal(const struct session *s)
{
	return s->listener->role == LISTENER_INTERNAL;
}

bool session_from_user(const struct session *s)
{
	return s->listener->role == LISTENER_LOCAL;
}

bool session_from_network(const struct session *s)
{
	return !session_internal(s) && !session_from_user(s);
}

bool session_submission(const struct session *s)
{
	return s->listener->role == LISTENER_SUBMISSION || s->listener->role == LISTENER_SMTPS;
}

bool session_relaying(const struct session *s)
{
	return s->relaying || *s->auth_user;
}

enum phase session_phase(const struct session *s)
{
	if (s->transaction.chunked)
		return PHASE_DATA;
	if (s->transaction.open)
		return s->transaction.recipient_count ? PHASE_RCPT : PHASE_MAIL;
	return *s->helo ? PHASE_HELO : PHASE_GREETED;
}

void session_mark(struct session *s, enum phase phase)
{
	if (s->end == SESSION_GOES_ON)
		s->phase = phase;
	if (s->host->slot)
		atomic_store_explicit(&s->host->slot->phase, (uint8_t)phase, memory_order_relaxed);
}

bool session_reached(int64_t limit, unsigned count)
{
	return limit && count >= (uint64_t)limit;
}

int64_t session_wait(const struct session *s, int64_t limit)
{
	int64_t left = s->deadline - clock_ms();

	if (left < 1)
		return 1;
	return left < limit ? left : limit;
}

const char *session_remote_host(struct session *s)
{
	struct dns_answer *answer;

	if (!s->rdns_ticket)
		return s->remote_host;
	answer = resolve_wait(s->rdns_ticket, clock_ms() + s->settings->resolver_timeout);
	s->rdns_ticket = 0;
	if (answer->status == DNS_OK && answer->count && answer->records[0].name[0])
		s->remote_host = arena_strdup(s->host->session, answer->records[0].name);
	dns_answer_free(&answer);
	return s->remote_host;
}

void session_forget(struct session *s)
{
	transaction_end(s);
	s->helo = "";
	s->esmtp = false;
	s->auth_user = "";
	s->auth_plugin = NULL;
}

static void forget_lookup(struct session *s)
{
	if (s->rdns_ticket || *s->remote_host)
		resolve_forget_all();
	s->rdns_ticket = 0;
	s->remote_host = "";
}

void session_anew(struct session *s)
{
	session_forget(s);
	forget_lookup(s);
	s->relaying = false;
	s->tls_nogo = NOGO_UNKNOWN;
	s->notes = (struct notes){ 0 };
	arena_reset(s->host->session);
}

struct netaddr session_local(struct session *s)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (!s->local.family && s->stream && getsockname(stream_fd(s->stream), (struct sockaddr *)&sa, &len) == 0)
		s->local = netaddr_from((struct sockaddr *)&sa, len);
	return s->local;
}

void session_say(struct session *s)
{
	struct buf *out = &s->host->out;

	if (extension_discarded(s, EXTENSION_ENHANCEDSTATUSCODES))
		s->reply.enhanced[0] = '\0';
	buf_clear(out);
	if (reply_write(&s->reply, out))
		stream_put(s->stream, out->data, out->len);
}

void session_refused(struct session *s)
{
	const struct verb *v = s->command ? s->command->verb : NULL;
	struct log_line l;

	s->errors += !s->command || !s->command->harmless;
	scoreboard_count(s->reply.code >= 500 ? COUNT_REJECTED : COUNT_TEMPFAILED, 1);
	if (v)
		s->refused[verb_index(v)]++;
	snprintf(s->last_refusal, sizeof(s->last_refusal), "%s: %u %s %.90s", v ? v->name : "-", s->reply.code,
		 s->reply.enhanced, s->reply.text);
	log_begin(&l, LOG_LEVEL_INFO, "refused");
	log_str(&l, "reply", s->last_refusal);
	if (v)
		log_str(&l, "address", s->command->address.text);
	log_str(&l, "client", s->remote_ip);
	log_end(&l);
}

void session_reply(struct session *s)
{
	if (s->reply.code >= 400)
		session_refused(s);
	tarpit_wait(s);
	session_say(s);
	if ((s->reply.disconnect || s->reply.code == 421) && s->end == SESSION_GOES_ON)	/* RFC 5321 3.8 */
		s->end = SESSION_REFUSED;
}

/* 421 (RFC 5321 3.8): the last word of the server. */
static void say_goodbye(struct session *s, enum session_end end, const char *enhanced, const char *text)
{
	reply_set(&s->reply, 421, enhanced, "%s %s", s->settings->me, text);
	session_say(s);
	s->end = end;
}

static void timed_out(struct session *s)
{
	scoreboard_count(COUNT_TIMEOUTS, 1);
	say_goodbye(s, SESSION_TIMEOUT, "4.4.2", "timeout, closing connection");
}

void session_broke(struct session *s, enum stream_result result)
{
	if (*s->host->interrupted)
		say_goodbye(s, SESSION_SHUTDOWN, "4.3.2", "service shutting down, try again later");
	else if (result == STREAM_TIMEOUT)
		timed_out(s);
	else
		s->end = result == STREAM_EOF ? SESSION_EOF : SESSION_ERROR;
	reply_clear(&s->reply);
}

/* Who the session is for; every session of a client has an address here. */
static void slot_peers(struct session *s, struct scoreboard_slot *slot)
{
	const struct netaddr *counted = session_counted(s);

	memcpy(slot->peer, counted->bytes, sizeof(slot->peer));
	slot->peer_port = counted->port;
	slot->peer_family = counted->family;
	memcpy(slot->proxy, s->peer.bytes, sizeof(slot->proxy));
	slot->proxy_family = s->proxied ? s->peer.family : 0;
}

void session_client_is(struct session *s, const struct netaddr *client, const struct netaddr *local)
{
	s->proxied = true;
	s->remote = *client;
	s->tls_nogo = NOGO_UNKNOWN;
	s->local = *local;
	s->remote_ip[0] = '\0';
	if (client->family)
		netaddr_text(client, s->remote_ip);
	if (s->host->slot)
		slot_peers(s, s->host->slot);
}

const struct netaddr *session_counted(const struct session *s)
{
	return s->remote.family ? &s->remote : &s->peer;
}

static void slot_begin(struct session *s)
{
	struct scoreboard_slot *slot = s->host->slot;

	if (!slot)
		return;
	slot_peers(s, slot);
	memcpy(slot->id, s->id, sizeof(slot->id));
	atomic_store_explicit(&slot->since, s->started, memory_order_relaxed);
	atomic_store_explicit(&slot->phase, PHASE_CONNECT, memory_order_release);
}

/* How long this client is waited for. Deliveries of our own are never in a hurry. */
static void set_rules(struct session *s)
{
	const struct settings *set = s->settings;
	struct stream_rules rules = { .until = s->deadline };

	if (!session_internal(s)) {
		rules.stressed = set->stress_percent ? scoreboard_stressed : NULL;
		rules.stressed_ms = set->stress_timeout;
		rules.min_rate = set->min_data_rate;
		rules.budget_ms = set->data_timeout;
	}
	stream_rules(s->stream, &rules);
}

void session_open(struct session *s, struct session_host *host, int fd, const struct listener *listener, const struct netaddr *peer)
{
	const struct settings *set = host->args->settings;
	int64_t now = clock_ms();

	host_wake(host);
	*s = (struct session){ .host = host, .settings = set, .listener = listener, .stream = stream_open(fd), .peer = *peer, .remote = *peer,
		.remote_host = "", .helo = "", .auth_user = "", .phase = PHASE_CONNECT, .started = now, .deadline = now + set->session_timeout };
	if (peer->family)
		netaddr_text(peer, s->remote_ip);
	snprintf(s->id, sizeof(s->id), "%08llx-%x-%x", (unsigned long long)clock_now(), (unsigned)host->pid, ++host->sessions);
	log_id(s->id);
	if (session_from_user(s))
		local_user_take(s, fd);
	if (session_from_network(s))	/* where nothing may be lost on the way */
		s->discarded = extension_set(set->discard_ehlo_keywords);
	set_rules(s);
	slot_begin(s);
	scoreboard_count(COUNT_CONNECTIONS, 1);
}

static void unrecognized(struct session *s, const struct command *c)
{
	enum verdict v;

	if (verb_is_foreign(c->name)) {
		say_goodbye(s, SESSION_FOREIGN, "4.7.0", "this is an SMTP server");
		return;
	}
	s->unrecognized++;
	v = hooks_run(s, HOOK_UNRECOGNIZED_COMMAND, &s->reply);
	if (!hooks_refused(v) && s->reply.code == 0)
		reply_set(&s->reply, 500, "5.5.2", "unrecognized command");
	session_reply(s);
}

static bool refused_by_hooks(struct session *s, struct command *c)
{
	c->verdict = hooks_run(s, c->verb->before, &s->reply);
	if (hooks_refused(c->verdict))
		return true;
	c->verdict = hooks_run(s, c->verb->hook, &s->reply);
	return hooks_refused(c->verdict);
}

/* S->reply is a refusal of C: what must be done before it is said. */
static void refused(struct session *s, struct command *c)
{
	if (c->verb && c->verb->refused)
		c->verb->refused(s, c);
	if (s->reply.code)	/* none: the connection broke inside the command */
		session_reply(s);
}

static void execute(struct session *s, struct command *c)
{
	const struct verb *v = c->verb;

	s->verbs[verb_index(v)]++;
	/* Commands that get nothing done may be given now and then (RFC 5321 4.5.3 leaves the number to us). */
	if (v->flags & VERB_IDLE && !limits_idle(s)) {
		say_goodbye(s, SESSION_LIMIT, "4.7.0", "too many commands without a message");
		return;
	}
	if (!verb_allowed(s, c)) {
		refused(s, c);
		return;
	}
	reply_clear(&s->reply);
	if ((v->check && !v->check(s, c)) || refused_by_hooks(s, c)) {
		if (v->flags & VERB_REFUSAL_ENDS)
			transaction_end(s);
		refused(s, c);
	} else {
		v->apply(s, c);
		if (s->reply.code)
			session_reply(s);
	}
	if (v->flags & VERB_FLUSH && s->end == SESSION_GOES_ON)
		stream_flush(s->stream, session_wait(s, s->settings->command_timeout));
}

/* What makes a line no command at all; NULL: nothing. */
static const char *unreadable(const struct session *s, const struct command *c)
{
	bool is_long = c->line.len + 2 > (uint64_t)s->settings->max_line_length;

	if (view_has_line_break(c->line))	/* RFC 5321 2.3.8: CR and LF only as CRLF; 4.1.2: no NUL */
		return "bare CR, bare LF or NUL in a command";
	return is_long && !(c->verb && c->verb->flags & VERB_LONG) ? "line too long" : NULL;
}

static void refuse_line(struct session *s, struct command *c, const char *why)
{
	reply_set(&s->reply, 500, "5.5.2", "%s", why);
	refused(s, c);
}

static void dispatch(struct session *s, struct command *c)
{
	const char *why = unreadable(s, c);

	if (why)
		refuse_line(s, c, why);
	else if (!c->verb)
		unrecognized(s, c);
	else
		execute(s, c);
}

void session_step(struct session *s)
{
	int64_t limit = s->settings->max_line_length;
	unsigned errors = s->errors;
	struct command c = { 0 };
	enum stream_result r;
	const char *spent;

	s->command = NULL;
	arena_reset(s->host->scratch);
	if (*s->host->interrupted) {
		session_broke(s, STREAM_EOF);
		return;
	}
	r = stream_line(s->stream, limit > VERB_LONG_LINE ? (size_t)limit : VERB_LONG_LINE,
			session_wait(s, s->settings->command_timeout), &c.line);
	reply_clear(&s->reply);
	if (r == STREAM_TOO_LONG) {
		refuse_line(s, &c, "line too long");
	} else if (r != STREAM_OK) {
		session_broke(s, r);
		return;
	} else {
		verb_parse(c.line, &c);
		s->command = &c;
		dispatch(s, &c);
		s->command = NULL;
	}
	spent = s->end == SESSION_GOES_ON && s->errors > errors ? limits_spent(s) : NULL;
	if (spent)
		say_goodbye(s, SESSION_LIMIT, "4.7.0", spent);
	session_mark(s, session_phase(s));
}

/* A close with unread input resets the connection, and the client may never see our last words. */
static void drain_input(struct session *s)
{
	char waste[4096];

	if (s->end == SESSION_EOF || s->end == SESSION_QUIT || shutdown(stream_fd(s->stream), SHUT_WR) != 0)
		return;
	for (int i = 0; i < 16 && recv(stream_fd(s->stream), waste, sizeof(waste), MSG_DONTWAIT) > 0; i++)
		;
}

void session_close(struct session *s)
{
	session_mark(s, PHASE_QUIT);
	transaction_end(s);
	stream_flush(s->stream, session_wait(s, s->settings->command_timeout));
	hooks_notify(s, HOOK_DISCONNECT);
	summary_log(s);
	if (!stream_tls(s->stream))
		drain_input(s);
	stream_close(&s->stream);
	hooks_notify(s, HOOK_POST_CONNECTION);
	forget_lookup(s);
	if (s->host->slot)
		atomic_store_explicit(&s->host->slot->tls, 0, memory_order_relaxed);
	log_id("");
	buf_clear(&s->host->out);
	arena_reset(s->host->scratch);
	arena_reset(s->host->session);
}

void session_run(struct session_host *host, int fd, const struct listener *listener, const struct netaddr *peer)
{
	struct session s;

	session_open(&s, host, fd, listener, peer);
	greeting_run(&s);
	while (s.end == SESSION_GOES_ON)
		session_step(&s);
	session_close(&s);
}
