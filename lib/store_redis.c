/* store_redis.c - the store in Redis: the questions as commands, and what is made of the replies. Keys are store_prefix, the
 * namespace, ":" and the key; all are sent with their lengths, so that any octet may be in them.
 *
 * An error of the server means one of three things: it takes no more (OOM, MISCONF, NOREPLICAS, READONLY), the question was wrong
 * (WRONGTYPE, not a number), or it is of no use now (LOADING, NOAUTH, NOPERM, MOVED, and all the rest). */
#include "base.h"
#include "store_redis.h"
#include "clock.h"
#include "err.h"
#include <inttypes.h>

/* ---- commands ---- */

struct view redis_key(const struct redis *r, const char *space, struct view key, char out[REDIS_KEY_SIZE])
{
	int len = snprintf(out, REDIS_KEY_SIZE, "%.*s%s%s", REDIS_PREFIX_MAX, r->prefix, space, *space ? ":" : "");

	memcpy(out + len, key.data, key.len);
	return view_make(out, (size_t)len + key.len);
}

/* SET with NX begins the window and INCRBY leaves it as it is; between MULTI and EXEC nobody comes in between, nor does time
 * pass. Needs neither a script nor Redis 7. */
static unsigned put_add(struct buf *wire, struct view key, const struct store_op *op)
{
	char n[24], window[24];

	snprintf(n, sizeof(n), "%" PRId64, op->n);
	snprintf(window, sizeof(window), "%" PRId64, op->expiry);
	LINK_COMMAND(wire, VIEW("MULTI"));
	LINK_COMMAND(wire, VIEW("SET"), key, VIEW("0"), VIEW("PX"), view_of(window), VIEW("NX"));
	LINK_COMMAND(wire, VIEW("INCRBY"), key, view_of(n));
	LINK_COMMAND(wire, VIEW("EXEC"));
	return 4;
}

/* How many replies come. */
static unsigned put_question(struct redis *r, const struct store_op *op)
{
	char room[REDIS_KEY_SIZE], number[24];
	struct view key = redis_key(r, op->space->name, op->key, room);

	buf_clear(&r->wire);
	switch (op->kind) {
	case STORE_GET:		/* not GET: somebody may have put half a gigabyte there */
		LINK_COMMAND(&r->wire, VIEW("GETRANGE"), key, VIEW("0"), VIEW(REDIS_VALUE_END));
		break;
	case STORE_SET:
		snprintf(number, sizeof(number), "%" PRId64, op->expiry);
		if (op->expiry)
			LINK_COMMAND(&r->wire, VIEW("SET"), key, op->value, VIEW("PX"), view_of(number));
		else
			LINK_COMMAND(&r->wire, VIEW("SET"), key, op->value);
		break;
	case STORE_ADD:
		return put_add(&r->wire, key, op);
	case STORE_DELETE:
		LINK_COMMAND(&r->wire, VIEW("DEL"), key);
		break;
	}
	return 1;
}

/* ---- replies ---- */

static bool starts_with_word(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(text, words[i], len) == 0 && (text[len] == ' ' || text[len] == '\0'))
			return true;
	}
	return false;
}

static bool is_wrong_question(const char *text)
{
	static const char *const words[] = { "WRONGTYPE" };

	return starts_with_word(text, words, COUNT_OF(words)) || strstr(text, "not an integer") || strstr(text, "would overflow");
}

static bool is_refusal(const char *text)
{
	static const char *const words[] = { "OOM", "MISCONF", "NOREPLICAS", "READONLY" };

	return starts_with_word(text, words, COUNT_OF(words));
}

/* False: not over this connection any more; one to a server that is read only leads to what is no master any more. */
static bool take_error(struct store_reply *reply, const char *text)
{
	bool wrong = is_wrong_question(text);

	reply->answer.result = wrong ? STORE_BAD : STORE_AWAY;
	reply->refused = is_refusal(text);
	snprintf(reply->why, sizeof(reply->why), "it says: %.200s", text);
	return wrong || (reply->refused && strncmp(text, "READONLY", 8) != 0);
}

static bool is_nonsense(struct redis_asked *q)
{
	q->reply = (struct store_reply){ .answer = { .result = STORE_AWAY }, .why = "it gave an answer that fits no question" };
	return false;
}

static bool take_value(struct redis_asked *q, const redisReply *r)
{
	struct store_answer *a = &q->reply.answer;

	if (r->type != REDIS_REPLY_STRING)
		return is_nonsense(q);
	a->value = view_make(r->str, r->len);
	a->result = r->len == 0 ? STORE_NONE : r->len > STORE_VALUE_MAX ? STORE_BAD : STORE_OK;
	if (a->result == STORE_BAD)
		snprintf(q->reply.why, sizeof(q->reply.why), "the value is longer than %d octets", STORE_VALUE_MAX);
	if (q->query || a->result != STORE_OK)
		return true;
	buf_clear(&q->redis->value);	/* who waits looks at it when the reply is gone */
	buf_put(&q->redis->value, r->str, r->len);
	a->value = buf_view(&q->redis->value);
	return !q->redis->value.failed || is_nonsense(q);
}

/* What EXEC says: the results of SET and INCRBY, or that there are none because one of them was refused. */
static bool take_sum(struct redis_asked *q, const redisReply *r)
{
	if (r->type == REDIS_REPLY_ERROR)
		return take_error(&q->reply, *q->refusal ? q->refusal : r->str);
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2)
		return is_nonsense(q);
	for (size_t i = 0; i < 2; i++)
		if (r->element[i]->type == REDIS_REPLY_ERROR)
			return take_error(&q->reply, r->element[i]->str);
	if (r->element[1]->type != REDIS_REPLY_INTEGER)
		return is_nonsense(q);
	q->reply.answer.count = r->element[1]->integer;
	q->reply.answer.result = STORE_OK;
	return true;
}

static bool decide(struct redis_asked *q, const redisReply *r)
{
	if (q->kind == STORE_ADD)
		return take_sum(q, r);
	if (r->type == REDIS_REPLY_ERROR)
		return take_error(&q->reply, r->str);
	if (q->kind == STORE_GET)
		return take_value(q, r);
	if (r->type != (q->kind == STORE_SET ? REDIS_REPLY_STATUS : REDIS_REPLY_INTEGER))
		return is_nonsense(q);
	q->reply.answer.result = q->kind == STORE_SET || r->integer ? STORE_OK : STORE_NONE;
	return true;
}

static void finish(struct redis_asked *q)
{
	struct store_query *query = q->query;

	q->done = true;
	if (!query)
		return;
	store_query_reply(query, &q->reply);
	free(q);
}

/* Of a transaction, all replies but EXEC's say no more than that it goes on, or why it will not. */
static bool take_step(struct redis_asked *q, const redisReply *r, char why[256])
{
	if (r->type == REDIS_REPLY_ERROR && !*q->refusal)
		snprintf(q->refusal, sizeof(q->refusal), "%s", r->str);
	if (r->type == REDIS_REPLY_ERROR || r->type == REDIS_REPLY_STATUS)
		return true;
	snprintf(why, 256, "it gave an answer that fits no question");
	return false;		/* and the last call tells why */
}

static bool take(void *arg, const redisReply *r, char why[256])
{
	struct redis_asked *q = arg;
	bool good = false;

	if (!why) {
		if (q->query)
			free(q);
		return false;
	}
	if (r && ++q->step < q->steps)
		return take_step(q, r, why);
	if (r) {
		good = decide(q, r);
	} else {
		q->reply = (struct store_reply){ .answer = { .result = STORE_AWAY } };
		snprintf(q->reply.why, sizeof(q->reply.why), "%s", why);
	}
	if (r && !good)
		snprintf(why, 256, "%s", q->reply.why);
	finish(q);
	return good;
}

bool redis_ask(struct redis *r, const struct store_op *op, struct redis_asked *q)
{
	q->redis = r;
	q->kind = op->kind;
	q->steps = put_question(r, op);
	return !r->wire.failed && link_send(r->link, r->wire.data, r->wire.len, q->steps, take, q);
}
