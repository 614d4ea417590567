/* step.c - see step.h. The rule behind all receivers: after an error nothing further of that message is sent. What was sent
 * ahead of the error (pipelining) is answered anyway, and those answers are waited for. */
#include "step.h"
#include "../lib/clock.h"
#include "client.h"
#include "crash_point.h"
#include "dsn.h"

#define STEP_PARAMETERS 1400	/* octets of the parameters of one command: a line must go out whole */
#define TIMEOUT(name) offsetof(struct settings, outbound_##name##_timeout)

/* ---- what is said ---- */

/* Addresses and names come from the spool, which holds no control characters; should one get here, it does not get out. */
static void say(struct client *c, const char *format, ...) PRINTFLIKE(2, 3);
static void say(struct client *c, const char *format, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	int len = vsnprintf(line, sizeof(line) - 2, format, ap);
	va_end(ap);
	size_t n = len < 0 ? 0 : (size_t)len < sizeof(line) - 3 ? (size_t)len : sizeof(line) - 3;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n] = '\r';
	line[n + 1] = '\n';
	connection_put(c->connection, view_make(line, n + 2));
}

static void send_ehlo(struct client *c)
{
	say(c, "%s %s", c->target.lmtp ? "LHLO" : "EHLO", c->shared->settings->me);
}

static void send_helo(struct client *c)
{
	say(c, "HELO %s", c->shared->settings->me);
}

static void send_starttls(struct client *c)
{
	say(c, "STARTTLS");
}

/* An MX name is what the certificate and the server's choice of one go by; an address is no server name (RFC 6066 3). */
static void send_handshake(struct client *c)
{
	struct err err = { "" };
	struct netaddr ip;
	const char *name = netaddr_parse(view_of(c->target.name), &ip) ? NULL : c->target.name;

	if (!connection_start_tls(c->connection, c->shared->tls, name, c->shared->settings->outbound_tls_timeout, &err))
		client_lose(c, LOSS_TLS, err.text);
}

static void send_rcpt(struct client *c)
{
	const struct parcel_rcpt *r = &c->parcel->rcpts[c->rcpt];
	struct buf parameters;

	buf_init(&parameters, STEP_PARAMETERS);
	if (c->parcel->dsn)
		dsn_put_rcpt(&parameters, r->rcpt);
	say(c, "RCPT TO:<%s>%s", r->address, buf_text(&parameters));
	buf_free(&parameters);
}

static void send_data(struct client *c)
{
	say(c, "DATA");
}

/* RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 (RET, ENVID). */
static void put_mail_parameters(struct client *c, struct buf *out)
{
	struct parcel *p = c->parcel;

	if (offers_have(&c->offers, OFFER_SIZE))
		buf_printf(out, " SIZE=%llu", (unsigned long long)p->size);
	if (*p->body)
		buf_printf(out, " BODY=%s", p->body);
	if (p->utf8)
		buf_puts(out, " SMTPUTF8");
	if (p->dsn)
		dsn_put_mail(out, &p->file->env);
}

static void say_bdat(struct client *c)
{
	say(c, "BDAT %llu LAST", (unsigned long long)c->parcel->size);
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
static void send_mail(struct client *c)
{
	struct parcel *p = c->parcel;
	struct buf parameters;

	buf_init(&parameters, STEP_PARAMETERS);
	put_mail_parameters(c, &parameters);
	say(c, "MAIL FROM:<%s>%s", p->sender, buf_text(&parameters));
	buf_free(&parameters);
	c->ahead = offers_have(&c->offers, OFFER_PIPELINING);
	if (!c->ahead)
		return;
	for (c->rcpt = 0; c->rcpt < p->count; c->rcpt++)
		send_rcpt(c);
	c->rcpt = 0;
	if (p->bdat)
		send_ahead(c);
	else
		send_data(c);
}

static void send_content(struct client *c)
{
	connection_send(c->connection, &c->parcel->content);
}

static void send_bdat(struct client *c)
{
	say_bdat(c);
	send_content(c);
}

/* A server that said 354 although it had refused all recipients: an empty message ends it (RFC 2920 3.1). */
static void send_nothing(struct client *c)
{
	if (c->accepted == 0 && !c->parcel->bdat)
		say(c, ".");
}

static void send_rset(struct client *c)
{
	say(c, "RSET");
}

static void send_quit(struct client *c)
{
	say(c, "QUIT");
}

/* ---- what is answered ---- */

static struct result reply_result(struct client *c)
{
	struct result r = result_remote(c->parcel->arena, c->parser.code, c->parser.enhanced, c->parser.text);
	char ip[NETADDR_TEXT];

	r.host = arena_strdup(c->parcel->arena, c->target.name);
	r.ip = c->target.addr.family ? arena_strdup(c->parcel->arena, netaddr_text(&c->target.addr, ip)) : "";
	r.delivered = c->target.lmtp || c->parcel->own;
	r.reports = c->parcel->dsn;
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

static unsigned reply_class(const struct client *c)
{
	return c->parser.code / 100;
}

static enum step_id receive_greeting(struct client *c, enum step_id next)
{
	return next == STEP_EHLO && c->target.lmtp ? STEP_LHLO : next;
}

static enum step_id receive_ehlo(struct client *c, enum step_id next)
{
	c->offers = (struct offers){ 0 };
	if (next != STEP_READY)
		return next;
	if (c->parser.code != 250) {	/* RFC 5321 4.3.2 knows no other yes */
		client_lose(c, LOSS_PROTOCOL, "answer to EHLO is not 250");
		return STEP_SHUT;
	}
	offers_parse(&c->offers, view_make(c->parser.text, c->parser.text_len));
	if (offers_have(&c->offers, OFFER_STARTTLS) && !c->plain && c->shared->tls && c->target.addr.family && c->at != STEP_EHLO_AGAIN)
		return STEP_STARTTLS;
	return STEP_READY;
}

/* Anything behind the 220 was said in clear by whoever sits in between (NO STARTTLS, CVE-2011-0411): not to be believed. */
static enum step_id receive_starttls(struct client *c, enum step_id next)
{
	if (next == STEP_HANDSHAKE && c->parser.code != 220)
		return STEP_READY;
	return next;
}

static enum step_id receive_mail(struct client *c, enum step_id next)
{
	c->rcpt = 0;
	if (reply_class(c) == 2)
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

static enum step_id receive_rcpt(struct client *c, enum step_id next)
{
	struct parcel_rcpt *r = &c->parcel->rcpts[c->rcpt];

	r->accepted = reply_class(c) == 2;
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

static enum step_id receive_data(struct client *c, enum step_id next)
{
	if (c->parser.code == 354 && c->accepted && !c->refused)
		return STEP_CONTENT;
	if (c->parser.code == 354 && !c->accepted && !c->target.lmtp)
		return STEP_END;
	if (reply_class(c) < 4) {	/* or a 354 whose end would deliver an empty message, or in LMTP get no answer */
		client_lose(c, LOSS_PROTOCOL, "answer to DATA makes no sense");
		return STEP_SHUT;
	}
	decide(c, true);
	return next;
}

/* It answers before the end. An error is believed, and the connection is of no further use; a yes cannot be. */
static enum step_id receive_content(struct client *c, enum step_id next)
{
	if (reply_class(c) >= 4)
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

static enum step_id receive_end(struct client *c, enum step_id next)
{
	crash_point("deliver-answered");
	if (c->accepted == 0)
		return STEP_RSET;
	if (reply_class(c) == 3) {
		client_lose(c, LOSS_PROTOCOL, "answer to the end of data is neither yes nor no");
		return STEP_SHUT;
	}
	if (c->refused && reply_class(c) == 2)
		take_back_refusal(c);
	decide(c, true);
	return next;
}

/* RFC 2033 4.2: one answer for each recipient that was accepted, in their order. */
static enum step_id receive_end_lmtp(struct client *c, enum step_id next)
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

/* ---- the table. Time-outs are RFC 5321 4.5.3.2's unless configured otherwise. ---- */

static const struct step steps[STEP_COUNT] = {
	[STEP_CONNECT] = { "connect", "connecting", TIMEOUT(connect), .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_GREETING] = { "greeting", "waiting for the greeting", TIMEOUT(greeting),
		.good = STEP_EHLO, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = receive_greeting },
	[STEP_EHLO] = { "EHLO", "sending EHLO", TIMEOUT(helo), .send = send_ehlo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_HELO, .receive = receive_ehlo },
	[STEP_HELO] = { "HELO", "sending HELO", TIMEOUT(helo), .send = send_helo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_LHLO] = { "LHLO", "sending LHLO", TIMEOUT(helo), .send = send_ehlo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = receive_ehlo },
	[STEP_STARTTLS] = { "STARTTLS", "sending STARTTLS", TIMEOUT(tls), .send = send_starttls,
		.good = STEP_HANDSHAKE, .soft = STEP_READY, .hard = STEP_READY, .receive = receive_starttls },
	[STEP_HANDSHAKE] = { "TLS", "performing the TLS handshake", 0, .send = send_handshake,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_EHLO_AGAIN] = { "EHLO", "sending EHLO inside TLS", TIMEOUT(helo), .send = send_ehlo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = receive_ehlo },
	[STEP_READY] = { "ready", "waiting for a message", 0, .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_MAIL] = { "MAIL", "sending MAIL FROM", TIMEOUT(mail), .send = send_mail,
		.good = STEP_RCPT, .soft = STEP_RSET, .hard = STEP_RSET, .receive = receive_mail },
	[STEP_RCPT] = { "RCPT", "sending RCPT TO", TIMEOUT(rcpt), .ahead = true, .send = send_rcpt,
		.good = STEP_DATA, .soft = STEP_DATA, .hard = STEP_DATA, .receive = receive_rcpt },
	[STEP_DATA] = { "DATA", "sending DATA", TIMEOUT(data), .ahead = true, .send = send_data,
		.good = STEP_CONTENT, .soft = STEP_RSET, .hard = STEP_RSET, .receive = receive_data },
	[STEP_CONTENT] = { "content", "sending the message", TIMEOUT(body), .send = send_content,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = receive_content },
	[STEP_BDAT] = { "BDAT", "sending the message", TIMEOUT(body), .send = send_bdat,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = receive_content },
	[STEP_END] = { "end of data", "sending end of data; may be delivered twice", TIMEOUT(end_of_data), .send = send_nothing,
		.good = STEP_DONE, .soft = STEP_DONE, .hard = STEP_DONE, .receive = receive_end },
	[STEP_END_LMTP] = { "end of data", "sending end of data; may be delivered twice", TIMEOUT(end_of_data),
		.good = STEP_DONE, .soft = STEP_DONE, .hard = STEP_DONE, .receive = receive_end_lmtp },
	[STEP_RSET] = { "RSET", "sending RSET", TIMEOUT(rset), .send = send_rset,
		.good = STEP_DONE, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_DONE] = { "done", "waiting for a message", 0, .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_QUIT] = { "QUIT", "sending QUIT", TIMEOUT(quit), .send = send_quit,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_SHUT] = { "shut", "closing", 0, .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
};

const struct step *step_row(enum step_id id)
{
	return &steps[id];
}
