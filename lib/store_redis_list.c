/* store_redis_list.c - the store in Redis, for people: keys by prefix with SCAN (which never stops the server, as KEYS
 * would), and what kind of server it is. */
#include "base.h"
#include "store_redis.h"
#include "clock.h"
#include "err.h"
#include <inttypes.h>

/* Commands that are waited for, whose replies go to ONE. */
struct call {
	unsigned left;
	bool done, failed;
	char *why;			/* of 256 octets */
	/* INDEX from 0; false: it makes no sense. */
	bool (*one)(struct call *c, unsigned index, const redisReply *r);
	unsigned index;
	void *arg;
};

static bool take(void *arg, const redisReply *r, char why[256])
{
	struct call *c = arg;
	bool good = r && c->one(c, c->index++, r);

	if (!why)
		return false;	/* it was given up, and so were we */
	if (!good && !c->failed)
		snprintf(c->why, 256, "%s%.240s", r && r->type == REDIS_REPLY_ERROR ? "it says: " : "",
			 !r ? why : r->type == REDIS_REPLY_ERROR ? r->str : "it gave an answer that fits no question");
	c->failed |= !good;
	c->done = !r || --c->left == 0;
	return r != NULL;
}

/* Sends r->wire, to which REPLIES come. */
static bool call(struct redis *r, unsigned replies, bool (*one)(struct call *, unsigned, const redisReply *), void *arg, struct err *err)
{
	char why[256] = "no memory";
	struct call c = { .left = replies, .one = one, .arg = arg, .why = why };

	redis_refresh(r);
	if (r->wire.failed || !link_send(r->link, r->wire.data, r->wire.len, replies, take, &c) || !redis_wait(r, &c.done) || c.failed)
		return err_set(err, "%s: %s", r->name, why);
	return true;
}

/* ---- list ---- */

struct listing { struct store_page *page; struct view prefix; size_t skip; };

/* glob's letters, as SCAN's MATCH has them, stand for themselves. */
static struct view escape(struct view v, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] != '\0' && strchr("*?[]\\^-", v.data[i]))
			out[len++] = '\\';
		out[len++] = v.data[i];
	}
	out[len++] = '*';
	return view_make(out, len);
}

static void take_key(const struct listing *l, const redisReply *r)
{
	struct store_page *p = l->page;
	struct view key = view_make(r->str, r->len);

	if (r->type != REDIS_REPLY_STRING || !view_starts(key, l->prefix) || key.len > sizeof(p->after) + REDIS_PREFIX_MAX)
		return;		/* it was not asked for that */
	key = view_skip(key, l->skip);
	p->entries[p->count++] = (struct store_entry){ .key = view_make(arena_view_dup(p->arena, key), key.len) };
}

static bool take_scan(struct call *c, unsigned index UNUSED, const redisReply *r)
{
	struct listing *l = c->arg;
	struct store_page *p = l->page;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[0]->type != REDIS_REPLY_STRING ||
	    r->element[1]->type != REDIS_REPLY_ARRAY || r->element[0]->len == 0 || r->element[0]->len >= 24)
		return false;
	p->after_len = r->element[0]->len;
	memcpy(p->after, r->element[0]->str, p->after_len);
	p->more = !view_eq(view_make(p->after, p->after_len), VIEW("0"));
	p->entries = arena_alloc(p->arena, r->element[1]->elements * sizeof(*p->entries) + 1);
	for (size_t i = 0; i < r->element[1]->elements; i++)
		take_key(l, r->element[1]->element[i]);
	return true;
}

/* By turns the value of a key and the time it has left. One that has gone meanwhile has no value. */
static bool take_entry(struct call *c, unsigned index, const redisReply *r)
{
	struct listing *l = c->arg;
	struct store_entry *e = &l->page->entries[index / 2];

	if (index % 2 == 0 && r->type == REDIS_REPLY_STRING && r->len <= STORE_VALUE_MAX)
		e->value = view_make(arena_view_dup(l->page->arena, view_make(r->str, r->len)), r->len);
	if (index % 2 == 1 && r->type == REDIS_REPLY_INTEGER)
		e->left = r->integer > 0 ? r->integer : r->integer == -2 ? -1 : 0;
	return true;
}

static bool read_values(struct redis *r, struct listing *l, struct err *err)
{
	struct store_page *p = l->page;
	size_t kept = 0;
	char room[REDIS_KEY_SIZE];

	buf_clear(&r->wire);
	for (size_t i = 0; i < p->count; i++) {
		struct view key = p->entries[i].key;

		memcpy(room, l->prefix.data, l->skip);
		memcpy(room + l->skip, key.data, key.len);
		key = view_make(room, l->skip + key.len);
		LINK_COMMAND(&r->wire, VIEW("GETRANGE"), key, VIEW("0"), VIEW(REDIS_VALUE_END));
		LINK_COMMAND(&r->wire, VIEW("PTTL"), key);
	}
	if (p->count && !call(r, 2 * (unsigned)p->count, take_entry, l, err))
		return false;
	for (size_t i = 0; i < p->count; i++)
		if (p->entries[i].left >= 0)
			p->entries[kept++] = p->entries[i];
	p->count = kept;
	return true;
}

enum store_result redis_list(void *state, const struct store_space *space, struct view prefix, struct store_page *page, struct err *err)
{
	struct redis *r = state;
	char room[REDIS_KEY_SIZE], pattern[2 * REDIS_KEY_SIZE + 1], count[24], after[24] = "0";
	struct listing l = { .page = page, .prefix = redis_key(r, space->name, prefix, room) };

	l.skip = l.prefix.len - prefix.len;
	snprintf(count, sizeof(count), "%zu", page->max);
	if (page->after_len && !view_copy(view_make(page->after, page->after_len), after, sizeof(after)))
		return STORE_BAD;
	page->count = 0;
	page->more = false;
	buf_clear(&r->wire);
	LINK_COMMAND(&r->wire, VIEW("SCAN"), view_of(after), VIEW("MATCH"), escape(l.prefix, pattern), VIEW("COUNT"), view_of(count));
	if (!call(r, 1, take_scan, &l, err) || !read_values(r, &l, err))
		return STORE_AWAY;
	return STORE_OK;
}

/* ---- describe ---- */

struct facts { char version[32], role[16]; };

static void find_fact(const redisReply *r, const char *name, char *out, size_t size)
{
	const char *at = strstr(r->str, name);

	if (at)
		snprintf(out, size, "%.*s", (int)strcspn(at + strlen(name), "\r\n"), at + strlen(name));
}

/* Who may not ask for it may still use the store. */
static bool take_info(struct call *c, unsigned index UNUSED, const redisReply *r)
{
	struct facts *f = c->arg;

	if (r->type == REDIS_REPLY_STRING) {
		find_fact(r, "redis_version:", f->version, sizeof(f->version));
		find_fact(r, "role:", f->role, sizeof(f->role));
	}
	return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_ERROR;
}

/* What a user of the store will do, done once. */
static bool try_it(struct redis *r, struct err *err)
{
	static const struct store_space space = { .name = "check" };
	struct store_op ops[] = {
		{ .kind = STORE_ADD, .space = &space, .key = VIEW("check"), .n = 1, .expiry = 1000 },
		{ .kind = STORE_SET, .space = &space, .key = VIEW("check"), .value = VIEW("1"), .expiry = 1000 },
		{ .kind = STORE_GET, .space = &space, .key = VIEW("check") },
		{ .kind = STORE_DELETE, .space = &space, .key = VIEW("check") },
	};

	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		struct store_reply reply = { .answer = { .result = STORE_AWAY } };

		redis_ask_and_wait(r, &ops[i], &reply);
		if (reply.answer.result != STORE_OK && reply.answer.result != STORE_NONE)
			return err_set(err, "%s: %s", r->name, reply.why);
	}
	return true;
}

bool redis_describe(void *state, char *out, size_t size, struct err *err)
{
	struct redis *r = state;
	struct facts f = { .version = "of unknown version", .role = "" };
	int64_t began;

	buf_clear(&r->wire);
	LINK_COMMAND(&r->wire, VIEW("INFO"), VIEW("server"));
	LINK_COMMAND(&r->wire, VIEW("INFO"), VIEW("replication"));
	if (!call(r, 2, take_info, &f, err))
		return false;
	began = clock_ms();
	if (!try_it(r, err))
		return false;
	snprintf(out, size, "Redis %s%s%s answers, four questions in %" PRId64 " ms", f.version, *f.role ? ", " : "", f.role, clock_ms() - began);
	return true;
}
