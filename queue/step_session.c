/* step_session.c - the steps that set a session up and end it: the greeting, EHLO, STARTTLS, AUTH, QUIT. Whether it is as secure as
 * the route demands is decided here, before anything of a message is said. */
#include "offers.h"
#include "sasl.h"
#include "step_internal.h"

#define AUTH_LINE 2000			/* octets of a line of AUTH */

static enum step_id lose(struct client *c, enum client_loss_kind kind, const char *enhanced, const char *text)
{
	client_lose(c, kind, text);
	snprintf(c->loss.enhanced, sizeof(c->loss.enhanced), "%s", enhanced);
	return STEP_SHUT;
}

/* ---- what is said ---- */

static const char *our_name(const struct client *c)
{
	const struct access *a = c->target.access;

	return a && *a->helo ? a->helo : c->shared->settings->me;
}

void step_send_ehlo(struct client *c)
{
	step_say(c, "%s %s", c->target.lmtp ? "LHLO" : "EHLO", our_name(c));
}

void step_send_helo(struct client *c)
{
	step_say(c, "HELO %s", our_name(c));
}

void step_send_starttls(struct client *c)
{
	step_say(c, "STARTTLS");
}

/* An MX name is what the certificate and the server's choice of one go by. */
void step_send_handshake(struct client *c)
{
	const struct access *a = c->target.access;
	char session[TLS_POLICY_SESSION];
	struct tls_wish wish = { .name = c->target.name, .domain = a ? a->domain : "", .domain_alone = a && a->domain_alone, .verify = a && a->verify,
		.certificate = tls_policy_certificate(c->shared->tls, a), .session = tls_policy_session(c->shared->tls, &c->target, session) };
	struct tls_context *context = tls_policy_context(c->shared->tls, a);
	struct err err = { "" };

	if (!connection_start_tls(c->connection, context, &wish, c->shared->settings->outbound_tls_timeout, &err))
		client_lose_tls(c, false, err.text);
}

/* TEXT, if it is GOOD; it is wiped. */
static void say_auth(struct client *c, const char *verb, struct buf *text, bool good, const char *why)
{
	if (good && !text->failed)
		step_say(c, "%s%s", verb, buf_text(text));
	else
		lose(c, LOSS_SECURITY, "4.7.0", good ? "a line of AUTH is too long" : why);
	if (text->data)
		explicit_bzero(text->data, text->size);
	buf_free(text);
}

/* RFC 4954 4: with the initial response, if there is one. */
void step_send_auth(struct client *c)
{
	const char *why = "";
	struct buf text;

	buf_init(&text, AUTH_LINE);
	bool good = sasl_begin(c->sasl, &text, &why);
	say_auth(c, "AUTH ", &text, good, why);
}

void step_send_answer(struct client *c)
{
	const char *why = "";
	struct buf text;

	buf_init(&text, AUTH_LINE);
	bool good = sasl_answer(c->sasl, view_make(c->parser.text, c->parser.text_len), &text, &why);
	say_auth(c, "", &text, good, why);
}

void step_send_quit(struct client *c)
{
	step_say(c, "QUIT");
}

/* ---- what is answered ---- */

enum step_id step_receive_greeting(struct client *c, enum step_id next)
{
	c->greeted = true;
	return next == STEP_EHLO && c->target.lmtp ? STEP_LHLO : next;
}

/* ---- security, once it is known what the server offers ---- */

static bool is_encrypted(const struct client *c)
{
	return connection_tls(c->connection) != NULL;
}

/* AUTH was wanted, and cannot be: Haraka's way is to go on, ours unless so configured to wait for better times. */
static enum step_id go_without_auth(struct client *c, const char *why)
{
	if (c->shared->settings->outbound_without_auth == WITHOUT_AUTH_DEFER)
		return lose(c, LOSS_SECURITY, "4.7.0", why);
	c->warning = why;
	return STEP_READY;
}

/* Never in clear, unless the route says so; a Unix socket does not leave the machine. */
static enum step_id begin_auth(struct client *c)
{
	const struct access *a = c->target.access;

	if (!a || !*a->user)
		return STEP_READY;
	if (!is_encrypted(c) && c->target.addr.family && !a->auth_in_clear)
		return go_without_auth(c, "no AUTH, because the connection is not encrypted");
	c->sasl = sasl_new(a, c->offers.auth, connection_tls(c->connection));
	return c->sasl ? STEP_AUTH : go_without_auth(c, "no AUTH, because the server offers no mechanism of it that can be used");
}

static bool requires_tls(const struct client *c)
{
	return c->target.access && c->target.access->requiretls;
}

/* With TLS or in clear, WHY, it stays so; as far as we are told, for good. What a message demands itself is not waited for (RFC 8689 4.2.1). */
static enum step_id go_on(struct client *c, bool for_good, const char *why)
{
	if (!is_encrypted(c) && client_tls_need(c) == ACCESS_TLS_MUST && c->target.addr.family)
		return lose(c, LOSS_SECURITY, for_good && requires_tls(c) ? "5.7.10" : "4.7.4", why);
	if (requires_tls(c) && !offers_have(&c->offers, OFFER_REQUIRETLS))
		return lose(c, LOSS_SECURITY, "5.7.30", "REQUIRETLS support required, and the server does not offer it");
	return begin_auth(c);
}

static bool wants_tls(const struct client *c)
{
	return !c->plain && c->shared->tls && c->target.addr.family && !is_encrypted(c) && client_tls_need(c) != ACCESS_TLS_NEVER;
}

enum step_id step_receive_ehlo(struct client *c, enum step_id next)
{
	c->offers = (struct offers){ 0 };
	if (next != STEP_READY)
		return next;
	if (c->parser.code != 250) {	/* RFC 5321 4.3.2 knows no other yes */
		client_lose(c, LOSS_PROTOCOL, "answer to EHLO is not 250");
		return STEP_SHUT;
	}
	offers_parse(&c->offers, view_make(c->parser.text, c->parser.text_len));
	if (offers_have(&c->offers, OFFER_STARTTLS) && wants_tls(c))
		return STEP_STARTTLS;
	return go_on(c, true, "TLS is demanded, and the server does not offer STARTTLS");
}

enum step_id step_receive_helo(struct client *c, enum step_id next)
{
	return next == STEP_READY ? go_on(c, true, "TLS is demanded, and the server does not know EHLO") : next;
}

/* Anything behind the 220 was said in clear by whoever sits in between (NO STARTTLS, CVE-2011-0411): not to be believed. */
enum step_id step_receive_starttls(struct client *c, enum step_id next)
{
	if (next == STEP_HANDSHAKE && c->parser.code == 220)
		return next;
	return go_on(c, step_reply_class(c) == 5, "TLS is demanded, and the server refuses STARTTLS");
}

/* A refusal may be the fault of our own configuration: no reason to return mail. */
enum step_id step_receive_auth(struct client *c, enum step_id next)
{
	if (c->parser.code == 334)
		return STEP_AUTH_ANSWER;
	if (step_reply_class(c) >= 4) {
		client_lose_reply(c, LOSS_SECURITY);
		return STEP_SHUT;
	}
	if (c->parser.code != 235 || !sasl_complete(c->sasl))
		return lose(c, LOSS_SECURITY, "4.7.0", "the server says yes to AUTH before its end");
	sasl_free(&c->sasl);
	c->authenticated = true;
	return next;
}

