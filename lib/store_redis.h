/* store_redis.h - the inside of the store in Redis: shared by store_redis.c (questions and replies), store_redis_wait.c (who
 * waits for them, and how) and store_redis_list.c. */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include "base.h"
#include "buf.h"
#include "store_backend.h"
#include "store_link.h"

#define REDIS_PREFIX_MAX 64	/* octets of store_prefix */
#define REDIS_KEY_SIZE (REDIS_PREFIX_MAX + STORE_SPACE_MAX + 1 + STORE_KEY_MAX + 1)
#define REDIS_VALUE_END "65536"	/* the index of the octet that a value is too long with */

struct event;

struct redis {
	char name[STORE_ADDRESS_TEXT];
	const char *prefix;
	struct store_link *link;
	pid_t pid;			/* whose connection it is */
	struct buf wire, value;
	struct event_base *base;	/* NULL: no loop */
	struct event *io, *time;
};

/* A question under way: on the stack of who waits for it, or in memory of its own. */
struct redis_asked {
	struct redis *redis;
	enum store_kind kind;
	unsigned step, steps;		/* replies so far; in all */
	char refusal[200];		/* what was wrong with a part of a transaction */
	struct store_reply reply;
	struct store_query *query;	/* NULL: somebody waits for DONE */
	bool done;
};

/* "PREFIX SPACE:KEY"; without a namespace PREFIX and KEY. */
struct view redis_key(const struct redis *r, const char *space, struct view key, char out[REDIS_KEY_SIZE]);
/* Sends the question. False: there was no memory. */
bool redis_ask(struct redis *r, const struct store_op *op, struct redis_asked *q) MUST_CHECK;

/* Before somebody waits: a connection of another process, or one that was closed while nobody asked, is forgotten. */
void redis_refresh(struct redis *r);
/* Until *DONE. False: there is nothing more to wait for. */
bool redis_wait(struct redis *r, const bool *done);
void redis_ask_and_wait(void *state, const struct store_op *op, struct store_reply *reply);

enum store_result redis_list(void *state, const struct store_space *space, struct view prefix, struct store_page *page, struct err *err);
bool redis_describe(void *state, char *out, size_t size, struct err *err);

#endif
