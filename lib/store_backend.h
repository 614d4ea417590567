/* store_backend.h - what LMDB and Redis have to be able to do for the store. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "base.h"
#include "store.h"
#include "store_address.h"

/* An answer as a back end gives it; STORE_AWAY comes with the reason in WHY. */
struct store_reply {
	struct store_answer answer;	/* value: the back end's, until the next question; why is set by the store */
	bool refused;			/* AWAY, but only what is to be kept is not taken: it is full, or read only */
	char why[256];
};

struct store_query;

struct store_backend {
	/* ADDRESS and S live as long as the state. Opens nothing. */
	void *(*make)(const struct store_address *address, const struct settings *s);
	void (*free)(void *state);
	void (*rest)(void *state);		/* closes what is open */
	const char *(*name)(void *state, bool lasting);		/* for the log; of what is asked about such namespaces */
	void (*ask)(void *state, const struct store_op *op, struct store_reply *reply);		/* waits */
	void (*attach)(void *state, struct event_base *base);	/* both NULL: ask is quick enough */
	/* As ask, from the loop: store_query_reply is called later, never at once. False: no memory, and it is not called. */
	bool (*start)(void *state, const struct store_op *op, struct store_query *q);
	enum store_result (*list)(void *state, const struct store_space *space, struct view prefix, struct store_page *page, struct err *err);
	void (*prove)(void *state);		/* these two may be NULL */
	void (*clean)(void *state, size_t n);
	bool (*describe)(void *state, char *out, size_t size, struct err *err);
};

const struct store_backend *store_lmdb(void);
const struct store_backend *store_redis(void);

void store_query_reply(struct store_query *q, struct store_reply *reply);

#endif
