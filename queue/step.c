/* step.c - see step.h: the table. What stands in it is in step_session.c and step_message.c. */
#include "step.h"
#include "step_internal.h"

#define TIMEOUT(name) offsetof(struct settings, outbound_##name##_timeout)

/* Addresses and names come from the spool, which holds no control characters; should one get here, it does not get out. */
void step_say(struct client *c, const char *format, ...)
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
	if (c->at == STEP_AUTH || c->at == STEP_AUTH_ANSWER) {
		connection_wipe(c->connection);
		explicit_bzero(line, sizeof(line));
	}
}

unsigned step_reply_class(const struct client *c)
{
	return c->parser.code / 100;
}

/* ---- the table. Time-outs are RFC 5321 4.5.3.2's unless configured otherwise. ---- */

static const struct step steps[STEP_COUNT] = {
	[STEP_CONNECT] = { "connect", "connecting", TIMEOUT(connect), .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_GREETING] = { "greeting", "waiting for the greeting", TIMEOUT(greeting),
		.good = STEP_EHLO, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_greeting },
	[STEP_EHLO] = { "EHLO", "sending EHLO", TIMEOUT(helo), .send = step_send_ehlo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_HELO, .receive = step_receive_ehlo },
	[STEP_HELO] = { "HELO", "sending HELO", TIMEOUT(helo), .send = step_send_helo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_helo },
	[STEP_LHLO] = { "LHLO", "sending LHLO", TIMEOUT(helo), .send = step_send_ehlo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_ehlo },
	[STEP_STARTTLS] = { "STARTTLS", "sending STARTTLS", TIMEOUT(tls), .send = step_send_starttls,
		.good = STEP_HANDSHAKE, .soft = STEP_READY, .hard = STEP_READY, .receive = step_receive_starttls },
	[STEP_HANDSHAKE] = { "TLS", "performing the TLS handshake", 0, .send = step_send_handshake,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_EHLO_AGAIN] = { "EHLO", "sending EHLO inside TLS", TIMEOUT(helo), .send = step_send_ehlo,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_ehlo },
	[STEP_AUTH] = { "AUTH", "authenticating", TIMEOUT(auth), .send = step_send_auth,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_auth },
	[STEP_AUTH_ANSWER] = { "AUTH", "authenticating", TIMEOUT(auth), .send = step_send_answer,
		.good = STEP_READY, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_auth },
	[STEP_READY] = { "ready", "waiting for a message", 0, .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_MAIL] = { "MAIL", "sending MAIL FROM", TIMEOUT(mail), .send = step_send_mail,
		.good = STEP_RCPT, .soft = STEP_RSET, .hard = STEP_RSET, .receive = step_receive_mail },
	[STEP_RCPT] = { "RCPT", "sending RCPT TO", TIMEOUT(rcpt), .ahead = true, .send = step_send_rcpt,
		.good = STEP_DATA, .soft = STEP_DATA, .hard = STEP_DATA, .receive = step_receive_rcpt },
	[STEP_DATA] = { "DATA", "sending DATA", TIMEOUT(data), .ahead = true, .send = step_send_data,
		.good = STEP_CONTENT, .soft = STEP_RSET, .hard = STEP_RSET, .receive = step_receive_data },
	[STEP_CONTENT] = { "content", "sending the message", TIMEOUT(body), .send = step_send_content,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_content },
	[STEP_BDAT] = { "BDAT", "sending the message", TIMEOUT(body), .send = step_send_bdat,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT, .receive = step_receive_content },
	[STEP_END] = { "end of data", "sending end of data; may be delivered twice", TIMEOUT(end_of_data), .send = step_send_nothing,
		.good = STEP_DONE, .soft = STEP_DONE, .hard = STEP_DONE, .receive = step_receive_end },
	[STEP_END_LMTP] = { "end of data", "sending end of data; may be delivered twice", TIMEOUT(end_of_data),
		.good = STEP_DONE, .soft = STEP_DONE, .hard = STEP_DONE, .receive = step_receive_end_lmtp },
	[STEP_RSET] = { "RSET", "sending RSET", TIMEOUT(rset), .send = step_send_rset,
		.good = STEP_DONE, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_DONE] = { "done", "waiting for a message", 0, .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_QUIT] = { "QUIT", "sending QUIT", TIMEOUT(quit), .send = step_send_quit,
		.good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
	[STEP_SHUT] = { "shut", "closing", 0, .good = STEP_SHUT, .soft = STEP_SHUT, .hard = STEP_SHUT },
};

const struct step *step_row(enum step_id id)
{
	return &steps[id];
}
