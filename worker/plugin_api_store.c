/* plugin_api_store.c - the part of plugins/postrider.h that concerns the store: in a worker the answer is waited for, in the
 * queue-runner it is called back. */
#include "../lib/base.h"
#include "../lib/log.h"
#include "../lib/store.h"
#include "../queue/hook_run.h"
#include "../queue/job.h"
#include "session.h"

#define SECOND 1000	/* ms */

_Static_assert((int)PR_STORE_OK == STORE_OK && (int)PR_STORE_NONE == STORE_NONE && (int)PR_STORE_AWAY == STORE_AWAY &&
	       (int)PR_STORE_BAD == STORE_BAD, "one meaning each");

/* ---- questions ---- */

static struct store_op question(enum store_kind kind, const struct pr_store *store, const void *key, size_t key_len)
{
	return (struct store_op){ .kind = kind, .space = &store->space, .key = view_make(key, key_len) };
}

/* A number of seconds that is out of bounds stays so. */
static int64_t milliseconds(int64_t seconds)
{
	return seconds < 0 ? -1 : seconds > STORE_TIME_MAX / SECOND ? STORE_TIME_MAX + 1 : seconds * SECOND;
}

static struct store_op set_question(const struct pr_store *store, const void *key, size_t key_len, const void *value, size_t len,
				    int64_t expiry)
{
	struct store_op op = question(STORE_SET, store, key, key_len);

	op.value = view_make(value, len);
	op.expiry = milliseconds(expiry);
	return op;
}

static struct store_op add_question(const struct pr_store *store, const void *key, size_t key_len, int64_t n, int64_t window)
{
	struct store_op op = question(STORE_ADD, store, key, key_len);

	op.n = n;
	op.expiry = milliseconds(window);
	return op;
}

/* ---- waiting ---- */

static void ask(struct hook_call *call, const struct store_op *op, struct store_answer *answer)
{
	struct store *store = call->session ? call->session->host->args->store : job_call_helping(call) ? job_call_helping(call)->store : NULL;

	*answer = (struct store_answer){ .result = STORE_AWAY };
	if (store) {
		store_do(store, op, answer);
		if (answer->result == STORE_BAD)
			log_warn("plugin %s: a question to the store makes no sense: %s", pr_name(call->self), answer->why);
	} else if (call->job) {
		log_warn("plugin %s: waits for the store in the queue-runner, which it must not", pr_name(call->self));
	}
}

enum pr_store_result pr_store_get(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
				  const char **value, size_t *len)
{
	struct store_op op = question(STORE_GET, store, key, key_len);
	struct store_answer answer;

	ask(call, &op, &answer);
	if (answer.result == STORE_OK) {
		*value = arena_view_dup(call->scratch, answer.value);
		*len = answer.value.len;
	}
	return (enum pr_store_result)answer.result;
}

enum pr_store_result pr_store_set(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
				  const void *value, size_t len, int64_t expiry)
{
	struct store_op op = set_question(store, key, key_len, value, len, expiry);
	struct store_answer answer;

	ask(call, &op, &answer);
	return (enum pr_store_result)answer.result;
}

enum pr_store_result pr_store_add(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
				  int64_t n, int64_t window, int64_t *count)
{
	struct store_op op = add_question(store, key, key_len, n, window);
	struct store_answer answer;

	ask(call, &op, &answer);
	if (answer.result == STORE_OK)
		*count = answer.count;
	return (enum pr_store_result)answer.result;
}

enum pr_store_result pr_store_delete(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len)
{
	struct store_op op = question(STORE_DELETE, store, key, key_len);
	struct store_answer answer;

	ask(call, &op, &answer);
	return (enum pr_store_result)answer.result;
}

/* ---- not waiting ---- */

struct later { struct plugin *self; pr_store_done *done; void *arg; struct hook_visit visit; };

static void tell(const struct later *l, const struct store_answer *a)
{
	struct arena *arena = a->value.len ? arena_new(a->value.len + 1) : NULL;	/* for the NUL behind it */
	struct pr_store_answer answer = { .result = (enum pr_store_result)a->result, .value = arena ? arena_view_dup(arena, a->value) : "",
		.len = a->value.len, .count = a->count };

	l->done(l->self, l->arg, &answer);
	arena_free(&arena);
}

static void on_answer(void *arg, const struct store_answer *answer)
{
	struct later *l = arg;

	if (answer->result == STORE_BAD)
		log_warn("plugin %s: a question to the store makes no sense: %s", pr_name(l->self), answer->why);
	if (l->done) {
		hook_enter(&l->visit);
		tell(l, answer);
		hook_leave(&l->visit, "an answer of the store");
		runner_unmark();
	}
	free(l);
}

static void ask_later(struct hook_call *call, const struct store_op *op, pr_store_done *done, void *arg)
{
	struct later *l = malloc(sizeof(*l));
	struct store_answer answer;

	if (!l)
		bug("no memory for a question to the store");
	*l = (struct later){ .self = call->self, .done = done, .arg = arg };
	if (job_call_store(call)) {
		l->visit = hook_visit(call);
		store_ask(job_call_store(call), op, on_answer, l);
		return;
	}
	ask(call, op, &answer);
	if (done)
		tell(l, &answer);
	free(l);
}

void pr_store_get_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			pr_store_done *done, void *arg)
{
	struct store_op op = question(STORE_GET, store, key, key_len);

	ask_later(call, &op, done, arg);
}

void pr_store_set_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			const void *value, size_t len, int64_t expiry, pr_store_done *done, void *arg)
{
	struct store_op op = set_question(store, key, key_len, value, len, expiry);

	ask_later(call, &op, done, arg);
}

void pr_store_add_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			int64_t n, int64_t window, pr_store_done *done, void *arg)
{
	struct store_op op = add_question(store, key, key_len, n, window);

	ask_later(call, &op, done, arg);
}

void pr_store_delete_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			   pr_store_done *done, void *arg)
{
	struct store_op op = question(STORE_DELETE, store, key, key_len);

	ask_later(call, &op, done, arg);
}
