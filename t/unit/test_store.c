/* test_store.c - the store as its users see it: one suite, run on LMDB and on a real Redis. */
#include "store_fixture.h"
#include <event2/event.h>

static const char *const kinds[] = { "lmdb", "redis" };

START_TEST(test_get_set_delete)
{
	struct fixture f;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	for (int s = 0; s < 2; s++) {
		const struct store_space *space = s ? &lasting : &fast;

		assert_none(&f, space, "a");
		ck_assert_int_eq(store_set(f.store, space, VIEW("a"), VIEW("one"), 0), STORE_OK);
		assert_get(&f, space, "a", "one");
		ck_assert_int_eq(store_set(f.store, space, VIEW("a"), VIEW("two and more"), 0), STORE_OK);
		assert_get(&f, space, "a", "two and more");
		ck_assert_int_eq(store_delete(f.store, space, VIEW("a")), STORE_OK);
		ck_assert_int_eq(store_delete(f.store, space, VIEW("a")), STORE_NONE);
		assert_none(&f, space, "a");
	}
	fixture_end(&f);
}
END_TEST

START_TEST(test_namespaces)
{
	const struct store_space other = { .name = "test2" }, longest = { .name = "abcdefghijklmnopqrstuvwxyz_-.01" };
	struct fixture f;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("2:a"), VIEW("1"), 0), STORE_OK);
	assert_none(&f, &other, "a");
	assert_none(&f, &lasting, "2:a");
	ck_assert_int_eq(store_set(f.store, &other, VIEW("a"), VIEW("2"), 0), STORE_OK);
	ck_assert_int_eq(store_set(f.store, &longest, VIEW("a"), VIEW("3"), 0), STORE_OK);
	assert_get(&f, &fast, "2:a", "1");
	assert_get(&f, &other, "a", "2");
	assert_get(&f, &longest, "a", "3");
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = { "", "a:b", "a b", "abcdefghijklmnopqrstuvwxyz_-.012" };
		const struct store_space space = { .name = bad[i] };

		ck_assert_int_eq(store_set(f.store, &space, VIEW("a"), VIEW("1"), 0), STORE_BAD);
	}
	fixture_end(&f);
}
END_TEST

/* Every octet in keys and values, and both as long as may be, and longer. */
START_TEST(test_binary_and_lengths)
{
	static char octets[256], key[STORE_KEY_MAX + 1], value[STORE_VALUE_MAX + 1];
	struct fixture f;
	struct view got;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	for (size_t i = 0; i < 256; i++)
		octets[i] = (char)i;
	memset(key, '\r', sizeof(key));
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (char)(i * 7);
	for (size_t i = 0; i < 256; i++) {
		struct view k = view_make(octets + i, 256 - i), v = view_make(octets, i + 1);

		ck_assert_int_eq(store_set(f.store, &fast, k, v, 0), STORE_OK);
		ck_assert_int_eq(store_get(f.store, &fast, k, &got), STORE_OK);
		ck_assert(view_eq(got, v));
	}
	struct view longest = view_make(key, STORE_KEY_MAX), huge = view_make(value, STORE_VALUE_MAX);

	ck_assert_int_eq(store_set(f.store, &lasting, longest, huge, 0), STORE_OK);
	ck_assert_int_eq(store_get(f.store, &lasting, longest, &got), STORE_OK);
	ck_assert(view_eq(got, huge));
	ck_assert_int_eq(store_set(f.store, &fast, view_make(key, STORE_KEY_MAX + 1), VIEW("1"), 0), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), view_make(value, STORE_VALUE_MAX + 1), 0), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW(""), VIEW("1"), 0), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW(""), 0), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW("1"), -1), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW("1"), STORE_TIME_MAX + 1), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW("1"), STORE_TIME_MAX), STORE_OK);
	ck_assert_int_eq(store_get(f.store, &fast, view_make(key, STORE_KEY_MAX + 1), &got), STORE_BAD);
	fixture_end(&f);
}
END_TEST

START_TEST(test_add)
{
	struct fixture f;
	int64_t count = 0;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	for (int i = 1; i <= 5; i++) {
		ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 1, 60000, &count), STORE_OK);
		ck_assert_int_eq(count, i);
	}
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), -7, 60000, &count), STORE_OK);
	ck_assert_int_eq(count, -2);
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 0, 60000, &count), STORE_OK);
	ck_assert_int_eq(count, -2);
	assert_get(&f, &fast, "n", "-2");
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 1, 0, &count), STORE_BAD);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("t"), VIEW("text"), 0), STORE_OK);
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("t"), 1, 60000, &count), STORE_BAD);
	assert_get(&f, &fast, "t", "text");
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("b"), INT64_MAX, 60000, &count), STORE_OK);
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("b"), 1, 60000, &count), STORE_BAD);
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("b"), -1, 60000, &count), STORE_OK);
	ck_assert(count == INT64_MAX - 1);
	/* no window of its own: it stays without an end */
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("s"), VIEW("41"), 0), STORE_OK);
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("s"), 1, 60000, &count), STORE_OK);
	ck_assert_int_eq(count, 42);
	fixture_end(&f);
}
END_TEST

/* LMDB goes by our clock, which can be set; a real server by its own. */
static void let_pass(const struct fixture *f, int seconds)
{
	if (f->server > 0)
		pause_ms(seconds * 20 + 10);
	else
		clock_fake(clock_now() + seconds);
}

static int64_t seconds(const struct fixture *f, int n)
{
	return f->server > 0 ? n * 20 : n * 1000;
}

START_TEST(test_expiry)
{
	struct fixture f;
	int64_t count;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	if (f.server < 0)
		clock_fake(1800000000);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW("1"), seconds(&f, 10)), STORE_OK);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("b"), VIEW("1"), seconds(&f, 1000)), STORE_OK);
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("c"), VIEW("1"), 0), STORE_OK);
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 1, seconds(&f, 10), &count), STORE_OK);
	assert_get(&f, &fast, "a", "1");
	let_pass(&f, 5);
	/* the window begins with the first one, and is not made longer */
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 1, seconds(&f, 1000), &count), STORE_OK);
	ck_assert_int_eq(count, 2);
	let_pass(&f, 6);
	assert_none(&f, &fast, "a");
	ck_assert_int_eq(store_delete(f.store, &fast, VIEW("a")), STORE_NONE);
	assert_none(&f, &fast, "n");
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 3, seconds(&f, 10), &count), STORE_OK);
	ck_assert_int_eq(count, 3);
	assert_get(&f, &fast, "b", "1");
	assert_get(&f, &fast, "c", "1");
	/* set again without an end, it has none */
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("n"), VIEW("7"), 0), STORE_OK);
	let_pass(&f, 11);
	assert_get(&f, &fast, "n", "7");
	fixture_end(&f);
}
END_TEST

/* No addition of any process is lost. */
START_TEST(test_add_is_atomic)
{
	enum { PROCESSES = 4, EACH = 200 };
	struct fixture f;
	int64_t count = 0;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			for (int k = 0; k < EACH; k++)
				if (store_add(f.store, &fast, VIEW("n"), 1, 600000, &count) != STORE_OK)
					_exit(1);
			_exit(0);
		}
	for (int i = 0, status; i < PROCESSES; i++) {
		while (wait(&status) == f.server)
			;
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(store_add(f.store, &fast, VIEW("n"), 0, 1000, &count), STORE_OK);
	ck_assert_int_eq(count, PROCESSES * EACH);
	fixture_end(&f);
}
END_TEST

/* ---- lists ---- */

/* All of them, in parts; how many, each checked to begin with PREFIX and to have its key as value. */
static size_t list_all(struct fixture *f, const struct store_space *space, const char *prefix, size_t max)
{
	struct store_page page = { .arena = arena_new(4096), .max = max };
	struct err err = { "" };
	size_t total = 0;

	do {
		arena_reset(page.arena);
		ck_assert_msg(store_list(f->store, space, view_of(prefix), &page, &err) == STORE_OK, "%s", err.text);
		for (size_t i = 0; i < page.count; i++) {
			ck_assert(view_starts(page.entries[i].key, view_of(prefix)));
			ck_assert(view_eq(page.entries[i].key, page.entries[i].value));
			ck_assert(page.entries[i].left > 0 && page.entries[i].left <= 600000);
		}
		total += page.count;
	} while (page.more);
	arena_free(&page.arena);
	return total;
}

START_TEST(test_list)
{
	const struct store_space other = { .name = "tes" };
	struct fixture f;
	char key[64];

	if (!fixture_begin(&f, kinds[_i]))
		return;
	ck_assert_uint_eq(list_all(&f, &fast, "", 10), 0);
	for (int i = 0; i < 250; i++) {
		snprintf(key, sizeof(key), "k%03d", i);
		ck_assert_int_eq(store_set(f.store, &fast, view_of(key), view_of(key), 600000), STORE_OK);
	}
	/* what means something to glob(7) means itself here */
	for (size_t i = 0; i < 5; i++) {
		static const char *const odd[] = { "k*", "k?", "k[0]", "k\\", "x" };

		ck_assert_int_eq(store_set(f.store, &fast, view_of(odd[i]), view_of(odd[i]), 600000), STORE_OK);
	}
	ck_assert_int_eq(store_set(f.store, &other, VIEW("t:k000"), VIEW("no"), 0), STORE_OK);
	ck_assert_uint_eq(list_all(&f, &fast, "", 7), 255);
	ck_assert_uint_eq(list_all(&f, &fast, "", 1000), 255);
	ck_assert_uint_eq(list_all(&f, &fast, "k", 100), 254);
	ck_assert_uint_eq(list_all(&f, &fast, "k01", 3), 10);
	ck_assert_uint_eq(list_all(&f, &fast, "k*", 10), 1);
	ck_assert_uint_eq(list_all(&f, &fast, "k?", 10), 1);
	ck_assert_uint_eq(list_all(&f, &fast, "k[0]", 10), 1);
	ck_assert_uint_eq(list_all(&f, &fast, "k\\", 10), 1);
	ck_assert_uint_eq(list_all(&f, &fast, "nothing", 10), 0);
	fixture_end(&f);
}
END_TEST

/* Of all namespaces, with their names; what has no end, and what is over. */
START_TEST(test_list_all)
{
	const struct store_space all = { .name = "" };
	struct fixture f;
	struct err err = { "" };
	struct store_page page = { .arena = arena_new(4096), .max = 100 };
	unsigned seen = 0;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW("1"), 0), STORE_OK);
	ck_assert_int_eq(store_set(f.store, &(struct store_space){ .name = "zz" }, VIEW("b"), VIEW("2"), 20), STORE_OK);
	ck_assert_int_eq(store_set(f.store, &(struct store_space){ .name = "zz" }, VIEW("c\n"), VIEW("3"), 60000), STORE_OK);
	pause_ms(30);
	do {
		ck_assert_msg(store_list(f.store, &all, VIEW(""), &page, &err) == STORE_OK, "%s", err.text);
		for (size_t i = 0; i < page.count; i++) {
			struct store_entry *e = &page.entries[i];

			seen |= view_eq(e->key, VIEW("test:a")) && view_eq(e->value, VIEW("1")) && e->left == 0 ? 1 : view_eq(e->key, VIEW("zz:c\n")) ? 2 : 4;
		}
	} while (page.more);
	ck_assert_uint_eq(seen, 3);
	arena_free(&page.arena);
	fixture_end(&f);
}
END_TEST

/* ---- called back ---- */

struct heard { struct event_base *base; unsigned count, wanted; enum store_result result; int64_t sum; char value[32]; };

static void on_answer(void *arg, const struct store_answer *a)
{
	struct heard *h = arg;

	h->result = a->result;
	h->sum = a->count;
	snprintf(h->value, sizeof(h->value), "%.*s", VIEW_FMT(a->value));
	if (++h->count == h->wanted)
		event_base_loopbreak(h->base);
}

static void on_late(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	event_base_loopbreak(arg);
}

/* Lets the loop run until WANTED more answers have come. */
static void hear(struct heard *h, unsigned wanted)
{
	h->wanted = h->count + wanted;
	event_base_once(h->base, -1, EV_TIMEOUT, on_late, h->base, &(struct timeval){ .tv_sec = 20 });
	event_base_dispatch(h->base);
	ck_assert_uint_eq(h->count, h->wanted);
}

static void ask(struct fixture *f, struct heard *h, enum store_kind kind, const char *key, const char *value)
{
	char k[64], v[64];

	/* what is handed in need not last */
	snprintf(k, sizeof(k), "%s", key);
	snprintf(v, sizeof(v), "%s", value);
	unsigned before = h->count;

	ck_assert_ptr_nonnull(store_ask(f->store, &(struct store_op){ .kind = kind, .space = &fast, .key = view_of(k), .value = view_of(v), .n = 1,
		.expiry = 60000 }, on_answer, h));
	ck_assert_uint_eq(h->count, before);
	memset(k, 'x', sizeof(k));
	memset(v, 'x', sizeof(v));
}

START_TEST(test_called_back)
{
	struct fixture f;
	struct heard h = { .base = event_base_new() };

	if (!fixture_begin(&f, kinds[_i]))
		return;
	store_attach(f.store, h.base);
	ask(&f, &h, STORE_GET, "a", "");
	hear(&h, 1);
	ck_assert_int_eq(h.result, STORE_NONE);
	ask(&f, &h, STORE_SET, "a", "value");
	ask(&f, &h, STORE_GET, "a", "");
	hear(&h, 2);
	ck_assert_int_eq(h.result, STORE_OK);
	ck_assert_str_eq(h.value, "value");
	for (int i = 0; i < 1000; i++)
		ask(&f, &h, STORE_ADD, "n", "");
	hear(&h, 1000);
	ck_assert_int_eq(h.sum, 1000);
	ask(&f, &h, STORE_DELETE, "a", "");
	ask(&f, &h, STORE_GET, "a", "");
	hear(&h, 2);
	ck_assert_int_eq(h.result, STORE_NONE);
	ask(&f, &h, STORE_GET, "", "");
	hear(&h, 1);
	ck_assert_int_eq(h.result, STORE_BAD);
	fixture_end(&f);
	event_base_free(h.base);
}
END_TEST

/* Cancelled, not wanted, or left alone when the store goes: nobody is called. */
START_TEST(test_not_called_back)
{
	struct fixture f;
	struct heard h = { .base = event_base_new() };
	struct store_op op = { .kind = STORE_SET, .space = &fast, .key = VIEW("a"), .value = VIEW("1") };

	if (!fixture_begin(&f, kinds[_i]))
		return;
	store_attach(f.store, h.base);
	struct store_query *q = store_ask(f.store, &op, on_answer, &h);

	store_cancel(&q);
	ck_assert_ptr_null(q);
	store_cancel(&q);
	store_ask(f.store, &op, NULL, NULL);
	ask(&f, &h, STORE_GET, "a", "");
	hear(&h, 1);
	ck_assert_str_eq(h.value, "1");
	ask(&f, &h, STORE_GET, "a", "");
	fixture_end(&f);
	event_base_loop(h.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(h.count, 1);
	event_base_free(h.base);
}
END_TEST

/* A callback asks the next question. */
struct chain { struct heard heard; struct store *store; };

static void ask_on(void *arg, const struct store_answer *a)
{
	struct chain *c = arg;

	if (c->heard.count + 1 < c->heard.wanted)
		store_ask(c->store, &(struct store_op){ .kind = STORE_ADD, .space = &fast, .key = VIEW("n"), .n = 1, .expiry = 60000 }, ask_on, c);
	on_answer(&c->heard, a);
}

START_TEST(test_asks_when_called_back)
{
	struct fixture f;
	struct chain c = { .heard = { .base = event_base_new() } };

	if (!fixture_begin(&f, kinds[_i]))
		return;
	store_attach(f.store, c.heard.base);
	c.store = f.store;
	store_ask(f.store, &(struct store_op){ .kind = STORE_GET, .space = &fast, .key = VIEW("n") }, ask_on, &c);
	hear(&c.heard, 6);
	ck_assert_int_eq(c.heard.sum, 5);
	fixture_end(&f);
	event_base_free(c.heard.base);
}
END_TEST

/* ---- processes ---- */

/* What was opened before a fork is nothing to the child, which opens its own; at rest nothing is open. */
START_TEST(test_fork_and_rest)
{
	struct fixture f;
	int status;

	if (!fixture_begin(&f, kinds[_i]))
		return;
	ck_assert_int_eq(store_set(f.store, &fast, VIEW("a"), VIEW("parent"), 0), STORE_OK);
	pid_t pid = fork();

	if (pid == 0) {
		struct view got;

		_exit(store_get(f.store, &fast, VIEW("a"), &got) != STORE_OK || !view_eq(got, VIEW("parent")) ||
		      store_set(f.store, &fast, VIEW("a"), VIEW("child"), 0) != STORE_OK);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	assert_get(&f, &fast, "a", "child");
	store_rest(f.store);
	assert_get(&f, &fast, "a", "child");
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_get_set_delete, test_namespaces, test_binary_and_lengths, test_add, test_expiry, test_add_is_atomic,
		test_list, test_list_all, test_called_back, test_not_called_back, test_asks_when_called_back, test_fork_and_rest };
	Suite *suite = suite_create("store");
	TCase *both = tcase_create("both");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_loop_test(both, tests[i], 0, COUNT_OF(kinds));
	suite_add_tcase(suite, both);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
