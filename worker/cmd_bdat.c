/* cmd_bdat.c - BDAT (RFC 3030): content in chunks that are counted. The octets of a chunk follow its line whatever we answer,
 * so a refused one is read away; and a refused one ends the transaction, because the message would lack it. */
#include "../lib/base.h"
#include "hooks.h"
#include "reception.h"
#include "session.h"

#define SMALL 1024		/* octets: a chunk below costs more to ask for than to carry */
#define STRAY_MAX 1000		/* chunks that were on their way when one was refused: not errors of the client (RFC 3030 2) */

struct chunk {
	uint64_t size;
	bool last;
};

/* False when there is no size to be read. *PROPER: nothing else is wrong either. */
static bool parse(struct view args, struct chunk *out, bool *proper)
{
	struct view word = view_word(&args), marker = view_word(&args);

	out->last = view_case_eq(marker, VIEW("LAST"));
	*proper = (out->last || !marker.len) && !view_word(&args).len;
	return view_u64(word, UINT64_MAX, &out->size);
}

static bool refuse(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	reply_set(&s->reply, code, enhanced, "%s", text);
	return false;
}

/* The data hook is asked with the first chunk, as it is with DATA. */
static bool begin(struct session *s)
{
	return reception_begin(s) && !hooks_refused(hooks_run(s, HOOK_DATA, &s->reply));
}

bool cmd_bdat_check(struct session *s, struct command *c)
{
	struct transaction *t = &s->transaction;
	struct chunk chunk;
	bool proper;

	if (!parse(c->args, &chunk, &proper) || !proper)
		return refuse(s, 501, "5.5.4", "syntax: BDAT size [LAST]");
	if (!t->chunked && !begin(s))
		return false;
	if (t->body.max_size && chunk.size > t->body.max_size - t->body.size)
		return refuse(s, 552, "5.3.4", "message size exceeds the limit");
	if (chunk.size < SMALL && !chunk.last && session_reached(s->settings->max_small_chunks, t->small_chunks++))
		return refuse(s, 554, "5.5.0", "too many small chunks");
	return true;
}

void cmd_bdat(struct session *s, struct command *c)
{
	struct transaction *t = &s->transaction;
	struct chunk chunk;
	bool proper;

	if (!parse(c->args, &chunk, &proper))
		bug("BDAT without a size");
	reply_clear(&s->reply);
	t->chunked = true;
	reception_starts(s);
	enum stream_result r = body_read_chunk(&t->body, s->stream, chunk.size, s->settings->data_timeout, s->deadline);
	if (r != STREAM_OK) {
		transaction_end(s);
		session_broke(s, r);
		return;
	}
	if (chunk.last)
		body_last(&t->body);
	if (!chunk.last && t->body.fault == BODY_FINE) {
		reply_set(&s->reply, 250, "2.0.0", "%llu octets received", (unsigned long long)chunk.size);
		return;
	}
	reception_finish(s);
	transaction_end(s);
}

/* More than could ever be taken is not read away either, up to a tolerance: the client is to hear what is wrong with a message
 * that is a little too big. */
static bool worth_reading_away(const struct session *s, uint64_t size)
{
	return size <= 2 * (uint64_t)s->settings->max_message_size;
}

void cmd_bdat_refused(struct session *s, struct command *c)
{
	enum stream_result r = STREAM_OK;
	struct chunk chunk;
	bool proper;

	if (!c->args.len)	/* nothing was announced */
		return;
	c->harmless = s->stray_chunks && s->stray_chunks < STRAY_MAX;
	s->stray_chunks++;
	transaction_end(s);
	/* Without a size nobody knows where the next command begins, and content must not be read for one. */
	if (!parse(c->args, &chunk, &proper) || !worth_reading_away(s, chunk.size))
		s->reply.disconnect = true;
	if (!s->reply.disconnect)
		r = body_read_chunk(NULL, s->stream, chunk.size, s->settings->data_timeout, s->deadline);
	if (r != STREAM_OK)
		session_broke(s, r);
}
