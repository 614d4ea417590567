/* step_message.c - the steps that carry a message: MAIL, RCPT, DATA or BDAT, its end, RSET. The rule behind all receivers: after an
 * error nothing further of that message is sent. What was sent ahead of the error (pipelining) is answered anyway, and those
 * answers are waited for. */
#include "../lib/clock.h"
#include "crash_point.h"
#include "dsn.h"
#include "step_internal.h"
#include "timing.h"

#define PARAMETERS 1400			/* octets of the parameters of one command: a line must go out whole */

/* ---- what is said ---- */

void step_send_rcpt(struct client *c)
{
	const struct parcel_rcpt *r = &c->parcel->rcpts[c->rcpt];
	struct buf parameters;

	buf_init(&parameters, PARAMETERS);
	if (c->parcel->dsn)
		dsn_put_rcpt(&parameters, r->rcpt);
	step_say(c, "RCPT TO:<%s>%s", r->address, buf_text(&parameters));
	buf_free(&parameters);
}

void step_send_data(struct client *c)
{
	step_say(c, "DATA");
}

/* RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 (RET, ENVID), RFC 2852 (BY), RFC 6710 (MT-PRIORITY),
 * RFC 8689 (REQUIRETLS). */
static void put_mail_parameters(struct client *c, struct buf *out)
{
	struct parcel *p = c->parcel;

	if (offers_have(&c->offers, OFFER_SIZE))
		buf_printf(out, " SIZE=%llu", (unsigned long long)p->size);
	if (*p->body)
		buf_printf(out, " BODY=%s", p->body);
	if (p->utf8)
		buf_puts(out, " SMTPUTF8");
	if (p->file->env.flags & ENVELOPE_REQUIRETLS && client_tls(c) && offers_have(&c->offers, OFFER_REQUIRETLS))
		buf_puts(out, " REQUIRETLS");
	if (p->dsn)
		dsn_put_mail(out, &p->file->env);
	if (p->by)
		timing_put_by(out, &p->file->env, clock_now());
	if (p->priority)
		buf_printf(out, " MT-PRIORITY=%d", p->file->env.priority);
}

static void say_bdat(struct client *c)
{
	step_say(c, "BDAT %llu LAST", (unsigned long long)c->parcel->size);
}

/* RFC 3030 4.2: a small message need not wait for the answers to its recipients. Not over a connection that may have died while
 * it was idle: then it would not be known whether it has arrived. Not in LMTP, where the number of answers depends on them. */
static void send_ahead(struct client *c)
{
	struct parcel *p = c->parcel;
	struct buf content;

	if (c->parcels > 1 || c->target.lmtp || p->size > CONTENT_CHUNK)
		return;
	buf_init(&content, 2 * CONTENT_CHUNK);
	while (!p->content.finished && content_fill(&p->content, &content, NULL))
		;
	if (p->content.finished && content.len == p->size) {
		say_bdat(c);
		connection_put(c->connection, buf_view(&content));
		c->all_ahead = true;
	}
	buf_free(&content);
	content_rewind(&p->content);
}

/* RFC 2920: all up to DATA in one go when the server takes it. */
void step_send_mail(struct client *c)
{
	struct parcel *p = c->parcel;
	struct buf parameters;

	buf_init(&parameters, PARAMETERS);
	put_mail_parameters(c, &parameters);
	step_say(c, "MAIL FROM:<%s>%s", p->sender, buf_text(&parameters));
	buf_free(&parameters);
	c->ahead = offers_have(&c->offers, OFFER_PIPELINING);
	if (!c->ahead)
		return;
	for (c->rcpt = 0; c->rcpt < p->count; c->rcpt++)
		step_send_rcpt(c);
	c->rcpt = 0;
	if (p->bdat)
		send_ahead(c);
	else
		step_send_data(c);
}

void step_send_content(struct client *c)
{
	connection_send(c->connection, &c->parcel->content, c->shared->settings->outbound_min_data_rate);
}

void step_send_bdat(struct client *c)
{
	say_bdat(c);
	step_send_content(c);
}

/* A server that said 354 although it had refused all recipients: an empty message ends it (RFC 2920 3.1). */
void step_send_nothing(struct client *c)
{
	if (c->accepted == 0 && !c->parcel->bdat)
		step_say(c, ".");
}

void step_send_rset(struct client *c)
{
	step_say(c, "RSET");
}

/* ---- what is answered ---- */

static struct result reply_result(struct client *c)
{
	struct result r = result_remote(c->parcel->arena, c->parser.code, c->parser.enhanced, c->parser.text);
	char ip[NETADDR_TEXT];

	r.host = arena_strdup(c->parcel->arena, c->target.name);
	r.ip = c->target.addr.family ? arena_strdup(c->parcel->arena, netaddr_text(&c->target.addr, ip)) : "";
	r.tls = c->parcel->tls;
	r.port = c->target.addr.port;
	r.delivered = c->target.lmtp || c->parcel->own;
	r.reports = c->parcel->dsn;
	r.trace = c->parcel->trace;
	if (r.outcome == OUTCOME_DONE && c->at != STEP_END && c->at != STEP_END_LMTP)
		r.outcome = OUTCOME_DEFER;	/* a yes in the wrong place delivers nothing */
	return r;
}

/* The answer holds for all recipients that have none yet; with ACCEPTED, for those only that RCPT accepted. */
static void decide(struct client *c, bool accepted)
{
	struct result r = reply_result(c);

	for (size_t i = 0; i < c->parcel->count; i++)
		if (c->parcel->rcpts[i].result.outcome == OUTCOME_NONE && (!accepted || c->parcel->rcpts[i].accepted))
			c->parcel->rcpts[i].result = r;
}

enum step_id step_receive_mail(struct client *c, enum step_id next)
{
	c->rcpt = 0;
	if (step_reply_class(c) == 2)
		return next;
	decide(c, false);
	c->refused = true;
	return c->ahead ? STEP_RCPT : STEP_RSET;
}

/* RFC 5321 4.5.3.1.10: 452, and 552 for 452, say "too many": the rest goes in a parcel of its own when some got through. */
static void refuse_rcpt(struct client *c, struct parcel_rcpt *r)
{
	unsigned code = c->parser.code;

	r->result = reply_result(c);
	if (code == 552)
		r->result = result_remote(c->parcel->arena, 452, "4.5.3", c->parser.text);
	if ((code == 452 || code == 552) && c->accepted)
		r->result.outcome = OUTCOME_NONE;
}

enum step_id step_receive_rcpt(struct client *c, enum step_id next)
{
	struct parcel_rcpt *r = &c->parcel->rcpts[c->rcpt];

	r->accepted = step_reply_class(c) == 2;
	c->accepted += r->accepted;
	if (!c->refused && !r->accepted)
		refuse_rcpt(c, r);
	if (++c->rcpt < c->parcel->count)
		return STEP_RCPT;
	if (c->all_ahead)
		return STEP_END;
	if (c->parcel->bdat)
		return c->accepted && !c->refused ? STEP_BDAT : STEP_RSET;
	return c->ahead || c->accepted ? next : STEP_RSET;
}

enum step_id step_receive_data(struct client *c, enum step_id next)
{
	if (c->parser.code == 354 && c->accepted && !c->refused)
		return STEP_CONTENT;
	if (c->parser.code == 354 && !c->accepted && !c->target.lmtp)
		return STEP_END;
	if (step_reply_class(c) < 4) {	/* or a 354 whose end would deliver an empty message, or in LMTP get no answer */
		client_lose(c, LOSS_PROTOCOL, "answer to DATA makes no sense");
		return STEP_SHUT;
	}
	decide(c, true);
	return next;
}

/* It answers before the end. An error is believed, and the connection is of no further use; a yes cannot be. */
enum step_id step_receive_content(struct client *c, enum step_id next)
{
	if (step_reply_class(c) >= 4)
		decide(c, true);
	client_lose_reply(c, LOSS_PROTOCOL);
	return next;
}

/* What it refused at MAIL, it has taken after all: possible only where all went ahead, and of servers that count badly. */
static void take_back_refusal(struct client *c)
{
	for (size_t i = 0; i < c->parcel->count; i++)
		if (c->parcel->rcpts[i].accepted)
			c->parcel->rcpts[i].result.outcome = OUTCOME_NONE;
}

enum step_id step_receive_end(struct client *c, enum step_id next)
{
	crash_point("deliver-answered");
	if (c->accepted == 0)
		return STEP_RSET;
	if (step_reply_class(c) == 3) {
		client_lose(c, LOSS_PROTOCOL, "answer to the end of data is neither yes nor no");
		return STEP_SHUT;
	}
	if (c->refused && step_reply_class(c) == 2)
		take_back_refusal(c);
	decide(c, true);
	return next;
}

/* RFC 2033 4.2: one answer for each recipient that was accepted, in their order. */
enum step_id step_receive_end_lmtp(struct client *c, enum step_id next)
{
	struct parcel *p = c->parcel;

	while (c->rcpt < p->count && !p->rcpts[c->rcpt].accepted)
		c->rcpt++;
	if (c->rcpt < p->count)
		p->rcpts[c->rcpt++].result = reply_result(c);
	while (c->rcpt < p->count && !p->rcpts[c->rcpt].accepted)
		c->rcpt++;
	return c->rcpt < p->count ? STEP_END_LMTP : next;
}

