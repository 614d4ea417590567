/* queueing.c - see queueing.h. A message whose recipients are all local goes to the queue plugins; when one recipient needs
 * the spool, all go there, so that there is one place that is responsible and one commit. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "hooks.h"
#include "queueing.h"
#include "received.h"
#include "session.h"

/* "" while plain. */
static const char *tls_fact_of(const struct session *s, const char *name)
{
	const struct tls_session *tls = stream_tls(s->stream);

	return tls ? tls_fact(tls, name) : "";
}

/* What no message of ours has: more lines than anybody reads, or a way behind it that leads in circles (RFC 5321 6.3). One that was
 * accepted before is not refused for the line that was added then. */
static bool header_sound(struct session *s)
{
	size_t received, lines = headers_lines(&s->transaction.headers, "Received", &received);

	if (lines > (uint64_t)s->settings->max_header_lines) {
		reply_set(&s->reply, 552, "5.3.4", "header section has more than %lld lines", (long long)s->settings->max_header_lines);
		return false;
	}
	if (received > (uint64_t)s->settings->max_received && !session_internal(s)) {
		reply_set(&s->reply, 554, "5.4.6", "too many hops (%zu Received headers): this message is going round in circles", received);
		return false;
	}
	return true;
}

/* RFC 6409 8.2, 8.3: who takes mail from users adds what their programs forgot. Nothing else is touched. */
static bool complete_submission(struct session *s)
{
	struct transaction *t = &s->transaction;
	char date[CLOCK_DATE_SIZE];

	if (!session_submission(s) && !session_from_user(s))
		return true;
	if (!headers_count(&t->headers, "Message-ID")) {
		char *id = arena_printf(t->arena, "<%s@%s>", spool_write_id(t->writer), s->settings->me);

		if (!headers_prepend(&t->headers, "Message-ID", id, true))
			return false;
	}
	return headers_count(&t->headers, "Date") ||
	       headers_prepend(&t->headers, "Date", clock_date(clock_now(), date), true);
}

static bool add_received(struct session *s)
{
	struct transaction *t = &s->transaction;
	char literal[NETADDR_TEXT] = "";
	struct reply own;
	struct buf value;

	reply_clear(&own);
	if (hooks_run(s, HOOK_RECEIVED_LINE, &own) == OK && own.text[0])
		return headers_prepend(&t->headers, "Received", own.text, true);
	if (s->remote.family)
		netaddr_literal(&s->remote, literal);
	else if (s->proxied)
		snprintf(literal, sizeof(literal), "[unknown]");
	struct received facts = {
		.user = session_from_user(s) ? netaddr_text(&s->peer, literal) : "", .helo = s->helo, .remote_host = session_remote_host(s), .remote_literal = literal,
		.me = s->settings->me, .id = spool_write_id(t->writer),
		.recipient = t->recipient_count == 1 ? t->recipients[0].address.text : "",
		.esmtp = s->esmtp, .utf8 = t->parameters.utf8, .authenticated = *s->auth_user,
		.tls_version = tls_fact_of(s, "tls_version"), .tls_cipher = tls_fact_of(s, "tls_cipher"), .tls_group = tls_fact_of(s, "tls_group"),
		.peer = tls_fact_of(s, "tls_peer_subject"), .peer_verified = stream_tls(s->stream) && tls_peer_verified(stream_tls(s->stream)),
		.priority = t->parameters.priority, .now = clock_now(),
	};
	buf_init(&value, HEADERS_RESERVE);
	received_value(&facts, &value);
	bool ok = !value.failed && headers_prepend(&t->headers, "Received", buf_text(&value), true);
	buf_free(&value);
	return ok;
}

static void fill_recipients(const struct transaction *t, struct envelope *env)
{
	env->rcpts = arena_alloc(t->arena, t->recipient_count * sizeof(*env->rcpts));
	env->rcpt_count = t->recipient_count;
	for (size_t i = 0; i < t->recipient_count; i++)
		env->rcpts[i] = (struct envelope_rcpt){ .address = t->recipients[i].address.text,
			.domain = t->recipients[i].domain, .notify = t->recipients[i].notify, .orcpt = t->recipients[i].orcpt,
			.status = RCPT_TODO, .last = "" };
	env->notes = arena_alloc(t->arena, (t->notes.count + 1) * sizeof(*env->notes));
	env->note_count = t->notes.count;
	for (size_t i = 0; i < t->notes.count; i++)
		env->notes[i] = (struct envelope_note){ t->notes.list[i].key, t->notes.list[i].value };
}

static bool is_ascii(const char *text)
{
	return view_is_ascii(view_of(text));
}

/* SMTPUTF8 was said: whether anything needs it (RFC 6531 3.6), or the message can go to everybody. */
static bool needs_utf8(const struct transaction *t, struct view head)
{
	bool ascii = is_ascii(t->sender.text) && view_is_ascii(head) && view_is_ascii(buf_view(&t->body.header));

	for (size_t i = 0; ascii && i < t->recipient_count; i++)
		ascii = is_ascii(t->recipients[i].address.text);
	return !ascii;
}

/* HEAD: what was added to the header section. */
static unsigned flags_of(const struct transaction *t, struct view head)
{
	unsigned flags = t->body.flags;

	if (t->parameters.body == BODY_BINARYMIME)
		flags |= ENVELOPE_BINARY;
	if (t->parameters.requiretls)
		flags |= ENVELOPE_REQUIRETLS;
	if (!view_is_ascii(head))
		flags |= ENVELOPE_8BIT;
	if (t->parameters.utf8 && needs_utf8(t, head))
		flags |= ENVELOPE_UTF8;
	return flags;
}

static struct envelope envelope_of(struct session *s, struct view head)
{
	struct transaction *t = &s->transaction;
	const struct parameters *p = &t->parameters;
	struct envelope env = {
		.sender = t->sender.text, .envid = parameters_text(p, "ENVID"), .ret = p->ret, .arrived = clock_now_us(),
		.flags = flags_of(t, head), .deliver_by = p->deliver_by, .by_mode = p->by_mode, .hold_until = p->hold_until,
		.priority = p->priority,
		.client = s->remote_ip, .helo = s->helo, .auth_user = s->auth_user, .session = s->id,
		.tls = stream_tls(s->stream) ? arena_printf(t->arena, "%s %s", tls_fact_of(s, "tls_version"), tls_fact_of(s, "tls_cipher")) : "",
	};

	fill_recipients(t, &env);
	return env;
}

static bool commit(struct session *s)
{
	struct transaction *t = &s->transaction;
	struct err err = { "" };
	struct buf head;

	buf_init(&head, headers_head_size(&t->headers) + 1);
	bool ok = headers_head(&t->headers, &head) || err_set(&err, "no memory for the header section");
	struct envelope env = envelope_of(s, buf_view(&head));
	ok = ok && spool_commit(t->writer, buf_view(&head), headers_skip(&t->headers), &env, &err);
	buf_free(&head);
	if (ok)
		return true;
	log_error("message not queued: %s", err.text);
	if (spool_write_full(t->writer))	/* RFC 3463: 4.3.1 mail system full */
		reply_set(&s->reply, 452, "4.3.1", "insufficient system storage, try again later");
	else
		reply_set(&s->reply, 451, "4.3.0", "message could not be queued, try again later");
	return false;
}

/* The one that it came with: people ask for a message by it. */
static void put_message_id(struct log_line *l, const struct headers *h)
{
	struct view id = l->off ? VIEW("") : headers_original(h, "Message-ID");

	if (id.len)
		log_view(l, "message_id", id);
}

static void accepted(struct session *s, const char *by)
{
	struct transaction *t = &s->transaction;
	const char *id = spool_write_id(t->writer);
	struct log_line l;

	if (s->reply.code / 100 != 2)
		reply_set(&s->reply, 250, "2.0.0", "queued as %s", id);
	s->messages++;
	s->recipients += (unsigned)t->recipient_count;
	s->message_bytes += t->body.size;
	s->errors = 0;
	s->idle_commands = 0;
	scoreboard_count(COUNT_MESSAGES, 1);
	scoreboard_count(COUNT_RECIPIENTS, t->recipient_count);
	scoreboard_count(COUNT_BYTES, t->body.size);
	if (s->host->slot)
		atomic_fetch_add_explicit(&s->host->slot->messages, 1, memory_order_relaxed);
	log_begin(&l, LOG_LEVEL_INFO, "accepted");
	log_str(&l, "queue", id);
	log_str(&l, "by", by);
	log_str(&l, "from", *t->sender.text ? t->sender.text : "<>");
	log_str(&l, "to", t->recipients[0].address.text);
	log_int(&l, "rcpts", (int64_t)t->recipient_count);
	log_int(&l, "size", (int64_t)t->body.size);
	put_message_id(&l, &t->headers);
	log_str(&l, "user", s->auth_user);
	log_end(&l);
}

/* True when a plugin said OK or refused (the reply is set then); false when none wanted it. */
static bool offer(struct session *s, enum hook hook)
{
	enum verdict v = hooks_run(s, hook, &s->reply);

	if (v == OK) {
		if (s->reply.code / 100 != 2)
			reply_set(&s->reply, 250, "2.0.0", "queued as %s", spool_write_id(s->transaction.writer));
		accepted(s, "plugin");
		hooks_notify(s, HOOK_QUEUE_POST);
	}
	return v != DECLINED;
}

static void to_spool(struct session *s)
{
	char id[SPOOL_ID_SIZE];

	if (offer(s, HOOK_QUEUE_OUTBOUND) || hooks_refused(hooks_run(s, HOOK_PRE_SEND_TRANS_EMAIL, &s->reply)))
		return;
	snprintf(id, sizeof(id), "%s", spool_write_id(s->transaction.writer));
	if (!commit(s))
		return;
	reply_clear(&s->reply);
	accepted(s, "spool");
	host_poke(s->host, id);
	hooks_notify(s, HOOK_QUEUE_POST);
}

void queueing_run(struct session *s)
{
	static const enum hook checks[] = { HOOK_DATA_HEADERS_END, HOOK_DATA_POST_HEADERS, HOOK_DATA_POST, HOOK_QUEUE_PRE };
	struct transaction *t = &s->transaction;

	headers_begin(&t->headers, t->arena, buf_view(&t->body.header));
	if (!header_sound(s))
		return;
	t->stored_form = true;
	if (!complete_submission(s) || !add_received(s)) {
		reply_set(&s->reply, 552, "5.3.4", "header section too large");
		return;
	}
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		if (hooks_refused(hooks_run(s, checks[i], &s->reply)))
			return;
	reply_clear(&s->reply);
	session_mark(s, PHASE_QUEUE);
	if (transaction_spooled(t))
		to_spool(s);
	else if (!offer(s, HOOK_QUEUE))
		reply_set(&s->reply, 451, "4.3.0", "queuing declined or disabled; try again later");
}
