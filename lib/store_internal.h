/* store_internal.h - the store as a whole: shared by store.c (asking and waiting) and store_query.c (asking and being called back). */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "base.h"
#include "store_backend.h"
#include "store_health.h"

struct event;

struct store {
	struct store_address address;
	const struct store_backend *backend;
	void *state;
	char why[256];			/* of the last answer that was waited for */
	struct event_base *base;	/* NULL: nobody is called back */
	struct event *turn;		/* for what is known before the loop has had its turn */
	struct event *upkeep;
	struct store_query *open;	/* asked and not answered */
};

/* Whether OP may be asked now. False: REPLY says why not. *PROBE is for store_settle. */
bool store_admit(struct store *s, const struct store_op *op, bool *probe, struct store_reply *reply);
/* What REPLY says about the back end; counts it. Sets the answer's WHY. */
void store_settle(struct store *s, enum store_kind kind, bool lasting, bool probe, struct store_reply *reply);
/* store_free's part of store_query.c. */
void store_drop_queries(struct store *s);

#endif
