/* reception.c - see reception.h. */
#include "../lib/base.h"
#include "../queue/part.h"
#include "queueing.h"
#include "reception.h"
#include "session.h"

static bool store(void *arg, const char *data, size_t len)
{
	return spool_write(arg, data, len, NULL);
}

bool reception_begin(struct session *s)
{
	const struct settings *set = s->settings;
	struct transaction *t = &s->transaction;

	if (host_spool(s->host))
		t->writer = spool_write_begin(s->host->spool, (size_t)set->memory_body_size);
	if (!t->writer) {
		reply_set(&s->reply, 451, "4.3.0", "queue not available, try again later");
		return false;
	}
	if (t->recipient_count)
		spool_write_for(t->writer, t->recipients[0].domain, part_count());
	t->body = (struct body){ .max_size = (uint64_t)set->max_message_size, .store = store, .arg = t->writer,
		.binary = t->parameters.body == BODY_BINARYMIME,
		.allow_bare_lf = set->allow_bare_lf && t->parameters.body != BODY_BINARYMIME };
	body_begin(&t->body, (size_t)set->max_header_size);
	return true;
}

void reception_starts(struct session *s)
{
	struct command *c = s->command;

	c->name = view_of(c->verb->name);
	c->line = c->args = VIEW("");
	session_mark(s, PHASE_DATA);
}

static const struct { uint16_t code; const char *enhanced, *text; } faults[BODY_FAULT_COUNT] = {
	[BODY_BARE_CR] = { 550, "5.6.0", "bare CR in the message" },	/* RFC 5321 2.3.8 */
	[BODY_BARE_LF] = { 550, "5.6.0", "bare LF in the message" },
	[BODY_NUL] = { 550, "5.6.0", "NUL in the message" },		/* RFC 6152 3 */
	[BODY_TOO_BIG] = { 552, "5.3.4", "message size exceeds the limit" },	/* RFC 1870 6.1 */
	[BODY_HEADER_TOO_BIG] = { 552, "5.3.4", "header section too large" },
	[BODY_NOT_STORED] = { 451, "4.3.0", "message could not be stored, try again later" },
};

static void refuse_fault(struct session *s, const struct body *b)
{
	if (b->fault == BODY_NOT_STORED && spool_write_full(s->transaction.writer))
		reply_set(&s->reply, 452, "4.3.1", "insufficient system storage, try again later");
	else
		reply_set(&s->reply, faults[b->fault].code, faults[b->fault].enhanced, "%s", faults[b->fault].text);
}

void reception_finish(struct session *s)
{
	if (s->transaction.body.fault != BODY_FINE)
		refuse_fault(s, &s->transaction.body);
	else
		queueing_run(s);
}
