/* plugin_api_message.c - the part of plugins/postrider.h that concerns the transaction: envelope, message, notes. Its header
 * section is in plugin_api_headers.c, parameters in plugin_api_parameter.c. */
#include "../lib/base.h"
#include "../queue/job_call.h"
#include "draft.h"
#include "session.h"

static struct transaction *transaction_of(const struct hook_call *call)
{
	return call->session ? &call->session->transaction : NULL;
}

const char *pr_sender(struct hook_call *call)
{
	struct transaction *t = transaction_of(call);

	if (!t)
		return job_call_sender(call);
	return t->sender.text ? t->sender.text : "";
}

const char *pr_sender_domain(struct hook_call *call)
{
	struct transaction *t = transaction_of(call);

	if (!t)
		return job_call_sender_domain(call);
	return t->sender_domain ? t->sender_domain : "";
}

size_t pr_recipient_count(struct hook_call *call)
{
	struct transaction *t = transaction_of(call);

	return t ? t->recipient_count : job_call_recipient_count(call);
}

const char *pr_recipient_at(struct hook_call *call, size_t index)
{
	struct transaction *t = transaction_of(call);

	if (!t)
		return index < job_call_recipient_count(call) ? job_call_recipient_at(call, index) : "";
	return index < t->recipient_count ? t->recipients[index].address.text : "";
}

const char *pr_recipient_domain_at(struct hook_call *call, size_t index)
{
	struct transaction *t = transaction_of(call);

	if (!t)
		return job_call_rcpt(call, index) ? job_call_rcpt(call, index)->domain : "";
	return index < t->recipient_count ? t->recipients[index].domain : "";
}

/* The RCPT command in hand; NULL outside the rcpt hooks. */
static struct command *rcpt_of(const struct hook_call *call)
{
	bool inside = call->hook == HOOK_RCPT_PRE || call->hook == HOOK_RCPT || call->hook == HOOK_RCPT_OK;

	return call->session && inside ? call->session->command : NULL;
}

const char *pr_recipient(struct hook_call *call)
{
	struct command *c = rcpt_of(call);

	if (!call->session)
		return job_call_recipient(call);
	return c ? c->address.text : "";
}

const char *pr_recipient_domain(struct hook_call *call)
{
	struct command *c = rcpt_of(call);

	if (!call->session)
		return job_call_recipient_domain(call);
	return c ? transaction_domain(&c->address, call->session->settings->me, call->scratch) : "";
}

void pr_recipient_to_spool(struct hook_call *call)
{
	if (rcpt_of(call))
		rcpt_of(call)->to_spool = true;
}

bool pr_recipient_spooled(struct hook_call *call)
{
	return rcpt_of(call) && rcpt_of(call)->to_spool;
}

bool pr_recipient_is_local(struct hook_call *call, size_t index)
{
	struct transaction *t = transaction_of(call);

	return t && index < t->recipient_count && t->recipients[index].local;
}

/* In a session it has one from DATA on, when its writer exists. */
const char *pr_queue_id(struct hook_call *call)
{
	struct transaction *t = transaction_of(call);

	if (!t)
		return job_call_id(call);
	return t->writer ? arena_strdup(call->scratch, spool_write_id(t->writer)) : "";
}

/* ---- the message as it will be stored: what was added, then the content ---- */

/* NULL: there is none yet, or it is in the queue. *W becomes what holds the content. */
static const struct headers *unstored(const struct hook_call *call, struct spool_writer **w)
{
	struct transaction *t = transaction_of(call);

	if (call->draft) {
		*w = call->draft->writer;
		return &call->draft->headers;
	}
	*w = t ? t->writer : NULL;
	return t && t->stored_form ? &t->headers : NULL;
}

uint64_t pr_message_size(struct hook_call *call)
{
	struct spool_writer *w;
	const struct headers *h = unstored(call, &w);

	if (h)
		return headers_head_size(h) + spool_write_size(w) - headers_skip(h);
	return call->session ? 0 : job_call_message_size(call);
}

/* From what was added, which is small: it is put together anew each time it is read. */
static ssize_t read_head(const struct headers *h, uint64_t offset, void *out, size_t len)
{
	struct buf head;
	ssize_t n = -1;

	buf_init(&head, headers_head_size(h) + 1);
	if (headers_head(h, &head)) {
		struct view rest = view_head(view_skip(buf_view(&head), (size_t)offset), len);

		memcpy(out, rest.data, rest.len);
		n = (ssize_t)rest.len;
	}
	buf_free(&head);
	return n;
}

ssize_t pr_message_read(struct hook_call *call, uint64_t offset, void *out, size_t len)
{
	struct spool_writer *w;
	const struct headers *h = unstored(call, &w);
	uint64_t head = h ? headers_head_size(h) : 0;

	if (!h)
		return call->session ? -1 : job_call_message_read(call, offset, out, len);
	if (offset < head)
		return read_head(h, offset, out, len);
	return spool_write_read(w, offset - head + headers_skip(h), out, len);
}

/* ---- notes ---- */

bool pr_set_note(struct hook_call *call, const char *key, const char *value)
{
	struct transaction *t = transaction_of(call);

	if (!t)		/* a line break is refused as it is in a session: the value becomes a line of the spool's file */
		return (!value || !value[strcspn(value, "\r\n")]) && job_call_set_note(call, key, value);
	return t->arena && notes_set(&t->notes, t->arena, key, value);
}

const char *pr_note(struct hook_call *call, const char *key)
{
	struct transaction *t = transaction_of(call);

	return t ? notes_get(&t->notes, key) : job_call_note(call, key);
}

bool pr_set_connection_note(struct hook_call *call, const char *key, const char *value)
{
	return call->session && notes_set(&call->session->notes, call->session->host->session, key, value);
}

const char *pr_connection_note(struct hook_call *call, const char *key)
{
	const char *note = call->session ? notes_get(&call->session->notes, key) : NULL;

	/* What there is to say about TLS need not be kept twice. */
	if (!note && call->session && call->session->stream && stream_tls(call->session->stream))
		note = tls_fact(stream_tls(call->session->stream), key);
	return note;
}
