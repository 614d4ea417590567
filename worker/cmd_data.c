/* cmd_data.c - DATA (RFC 5321 4.1.1.4): 354, the content, one answer. The transaction ends here, whatever became of it. */
#include "../lib/base.h"
#include "queueing.h"
#include "session.h"

bool cmd_data_check(struct session *s, struct command *c UNUSED)
{
	struct transaction *t = &s->transaction;

	if (host_spool(s->host))
		t->writer = spool_write_begin(s->host->spool, (size_t)s->settings->memory_body_size);
	if (!t->writer)
		reply_set(&s->reply, 451, "4.3.0", "queue not available, try again later");
	return t->writer != NULL;
}

static bool store(void *arg, const char *data, size_t len)
{
	return spool_write(arg, data, len, NULL);
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

void cmd_data(struct session *s, struct command *c UNUSED)
{
	const struct settings *set = s->settings;
	struct transaction *t = &s->transaction;
	enum stream_result r;

	reply_set(&s->reply, 354, NULL, "go ahead, end with <CRLF>.<CRLF>");
	session_say(s);
	reply_clear(&s->reply);
	session_mark(s, PHASE_DATA);
	t->body = (struct body){ .max_size = (uint64_t)set->max_message_size, .allow_bare_lf = set->allow_bare_lf,
		.store = store, .arg = t->writer };
	body_begin(&t->body, (size_t)set->max_header_size);
	r = body_read(&t->body, s->stream, set->data_timeout, s->deadline);
	if (r != STREAM_OK)
		session_broke(s, r);
	else if (t->body.fault != BODY_FINE)
		refuse_fault(s, &t->body);
	else
		queueing_run(s);
	if (r != STREAM_OK)
		reply_clear(&s->reply);
	transaction_end(s);
}
