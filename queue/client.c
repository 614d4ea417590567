/* client.c - see client.h: walks the step table as replies and other events come in. Each event ends in at most one call of
 * the user, as the last thing that is done with the client. */
#include "client.h"
#include "../lib/clock.h"
#include "crash_point.h"
#include "sasl.h"

/* ---- the end ---- */

void client_lose(struct client *c, enum client_loss_kind kind, const char *text)
{
	c->loss = (struct client_loss){ .kind = kind, .step = c->at };
	snprintf(c->loss.text, sizeof(c->loss.text), "%s", text);
}

void client_lose_reply(struct client *c, enum client_loss_kind kind)
{
	client_lose(c, kind, c->parser.text);
	c->loss.code = c->parser.code;
	memcpy(c->loss.enhanced, c->parser.enhanced, sizeof(c->loss.enhanced));
}

void client_lose_tls(struct client *c, bool untrusted, const char *text)
{
	bool must = untrusted || client_tls_need(c) == ACCESS_TLS_MUST, demanded = untrusted && c->target.access->requiretls;

	client_lose(c, must ? LOSS_SECURITY : LOSS_TLS, text);
	snprintf(c->loss.enhanced, sizeof(c->loss.enhanced), "%s", demanded ? "5.7.10" : must ? "4.7.5" : "");
}

/* Tells the user that it is over (c->loss says why). */
static void shut(struct client *c)
{
	struct client_loss loss = c->loss;

	/* A connection that had died while it was idle says nothing about the message. */
	loss.stale = c->parcels > 1 && !c->heard && loss.step == STEP_MAIL;
	loss.took_up = (loss.kind == LOSS_TLS || loss.kind == LOSS_SECURITY) && connection_took_up(c->connection);
	loss.committed = c->parcel && client_committed(c);
	c->at = STEP_SHUT;
	c->user->lost(c->arg, &loss);
}

static void on_failed(void *arg, enum connection_failure f, const char *why)
{
	static const enum client_loss_kind kinds[] = {
		[CONNECTION_CLOSED] = LOSS_NETWORK, [CONNECTION_TIMEOUT] = LOSS_NETWORK,
		[CONNECTION_TLS] = LOSS_TLS, [CONNECTION_UNTRUSTED] = LOSS_SECURITY, [CONNECTION_ERROR] = LOSS_LOCAL,
	};
	struct client *c = arg;

	if (c->at == STEP_HANDSHAKE && f != CONNECTION_ERROR)
		client_lose_tls(c, f == CONNECTION_UNTRUSTED, why);
	else
		client_lose(c, kinds[f], why);
	shut(c);
}

/* ---- steps ---- */

void client_enter(struct client *c, enum step_id id)
{
	const struct step *row = step_row(id);
	int64_t ms = 0;

	c->at = id;
	if (row->timeout)
		memcpy(&ms, (const char *)c->shared->settings + row->timeout, sizeof(ms));
	connection_deadline(c->connection, ms);
	if (row->send && !(row->ahead && c->ahead))
		row->send(c);		/* which may look at the last reply */
	reply_parser_start(&c->parser, id == STEP_EHLO || id == STEP_LHLO || id == STEP_EHLO_AGAIN);
}

/* Whether step ID says something new, so that the server should be silent before. */
static bool speaks(const struct client *c, enum step_id id)
{
	return !(step_row(id)->ahead && c->ahead) && id != STEP_END && id != STEP_END_LMTP;
}

/* Goes to the step that follows. False when the client was handed to its user, and may be gone. */
static bool advance(struct client *c, enum step_id next)
{
	bool surplus = connection_input(c->connection).len > 0;

	if (surplus && (next == STEP_DONE || next == STEP_SHUT)) {
		c->tainted = true;
	} else if (surplus && speaks(c, next)) {
		client_lose(c, LOSS_PROTOCOL, next == STEP_HANDSHAKE ? "surplus bytes after the answer to STARTTLS" : "it spoke out of turn");
		next = STEP_SHUT;
	}
	if (next == STEP_SHUT) {
		shut(c);
		return false;
	}
	client_enter(c, next);
	if (next == STEP_READY || next == STEP_DONE) {
		if (next == STEP_READY)
			c->user->ready(c->arg);
		else
			c->user->done(c->arg);
		return false;
	}
	if (c->loss.text[0]) {	/* it could not even begin */
		shut(c);
		return false;
	}
	return true;
}

/* A whole reply is in c->parser. */
static bool take_reply(struct client *c)
{
	const struct step *row = step_row(c->at);
	unsigned class = c->parser.code / 100;
	enum step_id next = class < 4 ? row->good : class == 4 ? row->soft : row->hard;

	c->loss.text[0] = '\0';
	/* 421 closes the channel, whatever was asked (RFC 5321 3.8). */
	if (c->parser.code == 421 && c->at != STEP_END && c->at != STEP_END_LMTP) {
		client_lose_reply(c, LOSS_BUSY);
		c->all_ahead = false;	/* what went ahead was not taken */
		c->heard = c->heard || c->at != STEP_MAIL;
		shut(c);
		return false;
	}
	c->heard = true;
	if (row->receive)
		next = row->receive(c, next);
	if (c->parser.code == 421)
		c->tainted = true;
	if (next == STEP_SHUT && !c->loss.text[0]) {
		client_lose_reply(c, LOSS_REFUSED);
		if (!c->loss.text[0])
			snprintf(c->loss.text, sizeof(c->loss.text), "no reason given");
	}
	return advance(c, next);
}

static void on_input(void *arg)
{
	struct client *c = arg;

	for (;;) {
		struct view in = connection_input(c->connection);
		size_t used = 0;

		if (in.len == 0)
			break;
		enum reply_parse r = reply_parser_feed(&c->parser, in.data, in.len, &used);
		connection_eat(c->connection, used);
		if (r == REPLY_BAD || c->at == STEP_READY || c->at == STEP_DONE || c->at == STEP_HANDSHAKE) {
			client_lose(c, LOSS_PROTOCOL, r == REPLY_BAD ? "the answer is not SMTP" : "it spoke out of turn");
			shut(c);
			return;
		}
		if (r == REPLY_DONE && !take_reply(c))
			return;
	}
	connection_flush(c->connection);
}

static void on_connected(void *arg)
{
	struct client *c = arg;

	bool secure_first = c->at == STEP_CONNECT && c->target.access && c->target.access->implicit_tls;

	client_enter(c, secure_first ? STEP_HANDSHAKE : c->greeted ? STEP_EHLO_AGAIN : STEP_GREETING);
	if (c->loss.text[0])
		shut(c);
	else
		connection_flush(c->connection);
}

static void on_sent(void *arg)
{
	struct client *c = arg;

	crash_point("deliver-sent");
	c->rcpt = 0;
	client_enter(c, c->target.lmtp ? STEP_END_LMTP : STEP_END);
}

static const struct connection_user events = { .connected = on_connected, .input = on_input, .sent = on_sent, .failed = on_failed };

/* ---- for deliveries ---- */

static struct client *client_new(const struct client_shared *shared, const struct target *target, const struct client_user *user, void *arg)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		bug("no memory for a session");
	c->shared = shared;
	c->target = *target;
	access_hold(c->target.access);
	c->user = user;
	c->arg = arg;
	c->at = STEP_CONNECT;
	return c;
}

struct client *client_open(const struct client_shared *shared, const struct target *target, bool plain,
			   const struct client_user *user, void *arg, struct err *err)
{
	struct client *c = client_new(shared, target, user, arg);

	c->plain = plain;
	c->connection = connection_open(shared->base, target, shared->settings->outbound_connect_timeout, &events, c, err);
	if (!c->connection) {
		int error = errno;

		client_close(&c);
		errno = error;
	}
	return c;
}

struct client *client_adopt(const struct client_shared *shared, const struct target *target, int fd,
			    const struct client_user *user, void *arg)
{
	struct client *c = client_new(shared, target, user, arg);

	c->connection = connection_adopt(shared->base, fd, &events, c);
	client_enter(c, STEP_GREETING);
	return c;
}

void client_send(struct client *c, struct parcel *parcel)
{
	c->parcel = parcel;
	c->parcels++;
	c->rcpt = c->accepted = 0;
	c->heard = c->ahead = c->all_ahead = c->refused = false;
	parcel->tls = result_tls_of(client_tls(c), parcel->arena);
	parcel_fit(parcel, &c->offers, c->shared->settings, c->target.name);
	if (parcel->count == 0) {	/* nobody to whom it could go by this server */
		c->at = STEP_DONE;
		c->user->done(c->arg);
		return;
	}
	client_enter(c, STEP_MAIL);
	connection_flush(c->connection);
}

void client_close(struct client **cp)
{
	struct client *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	connection_close(&c->connection);
	sasl_free(&c->sasl);
	access_drop(&c->target.access);
	if (c->closed)
		c->closed(c->closed_arg);
	free(c);
}

void client_on_close(struct client *c, void (*closed)(void *arg), void *arg)
{
	c->closed = closed;
	c->closed_arg = arg;
}

static void quit_lost(void *arg, const struct client_loss *loss UNUSED)
{
	struct client *c = arg;

	client_close(&c);
}

void client_quit(struct client **cp)
{
	static const struct client_user quitting = { .lost = quit_lost };
	struct client *c = *cp;

	*cp = NULL;
	client_set_user(c, &quitting, c);
	c->parcel = NULL;
	client_enter(c, STEP_QUIT);
	connection_flush(c->connection);
}

bool client_forgo_tls(struct client *c)
{
	c->plain = c->plain || c->at <= STEP_EHLO;
	return c->plain;
}

bool client_reusable(const struct client *c, unsigned most)
{
	return (c->at == STEP_DONE || c->at == STEP_READY) && !c->tainted && c->parcels < most;
}

void client_set_user(struct client *c, const struct client_user *user, void *arg)
{
	c->user = user;
	c->arg = arg;
}

const struct target *client_target(const struct client *c)
{
	return &c->target;
}

const struct tls_session *client_tls(const struct client *c)
{
	return connection_tls(c->connection);
}

bool client_authenticated(const struct client *c)
{
	return c->authenticated;
}

const char *client_warning(const struct client *c)
{
	return c->warning;
}

enum access_tls client_tls_need(const struct client *c)
{
	return tls_policy_need(c->shared->settings, &c->target);
}

bool client_sending(const struct client *c)
{
	return c->at == STEP_CONTENT || c->at == STEP_BDAT || client_committed(c);
}

bool client_committed(const struct client *c)
{
	bool sending = c->at == STEP_CONTENT || c->at == STEP_BDAT;

	return c->at == STEP_END || c->at == STEP_END_LMTP || (sending && c->parcel->content.finished) ||
	       (c->all_ahead && (c->at == STEP_MAIL || c->at == STEP_RCPT));
}

