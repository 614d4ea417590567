/* test_store_redis.c - the store in Redis when the server is away, slow, full, read only, new, somebody else's, or no Redis
 * at all: each question is answered within its time, and all goes on by itself when the trouble is over. */
#include "store_fixture.h"
#include "../../lib/store_address.h"
#include <event2/event.h>
#include <netinet/in.h>

#define TIMEOUT 300	/* ms */
#define LATE 8000	/* ms: what a question takes at most on a busy machine */

/* ---- asking, in both ways ---- */

struct heard { struct event_base *base; struct store_answer answer; char value[64]; };

static void on_answer(void *arg, const struct store_answer *a)
{
	struct heard *h = arg;

	h->answer = *a;
	snprintf(h->value, sizeof(h->value), "%.*s", VIEW_FMT(a->value));
	event_base_loopbreak(h->base);
}

/* The question by KIND of the key "k", waited for or in a LOOP. */
static enum store_result ask(struct fixture *f, struct event_base *loop, enum store_kind kind)
{
	struct store_op op = { .kind = kind, .space = &fast, .key = VIEW("k"), .value = VIEW("7"), .n = 1, .expiry = 60000 };
	struct heard h = { .base = loop };
	int64_t began = clock_ms();

	if (loop) {
		store_ask(f->store, &op, on_answer, &h);
		event_base_dispatch(loop);
	} else {
		store_do(f->store, &op, &h.answer);
	}
	ck_assert_int_lt(clock_ms() - began, LATE);
	return h.answer.result;
}

static void begin(struct fixture *f, struct event_base *loop)
{
	f->settings.store_timeout = f->settings.store_connect_timeout = TIMEOUT;
	fixture_open(f);
	if (loop)
		store_attach(f->store, loop);
}

/* ---- servers that are none ---- */

enum how { SAY, DRIP, FLOOD, HANG_UP, DEAF };

struct nonsense {
	enum how how;
	enum store_kind kind;
	enum store_result want;
	const char *says;
};

#define ADDED "+OK\r\n+QUEUED\r\n+QUEUED\r\n"
static const struct nonsense nonsense[] = {
	{ SAY, STORE_GET, STORE_OK, "$1\r\n7\r\n" },	/* that the others fail for what they say */
	{ SAY, STORE_ADD, STORE_OK, ADDED "*2\r\n$-1\r\n:5\r\n" },
	{ SAY, STORE_DELETE, STORE_OK, ":1\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "HTTP/1.1 400 Bad Request\r\n\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "+OK\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, ":7\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$-1\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$-2\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$1\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$99999999999999999999999\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$9223372036854775807\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$x\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "*1\r\n$1\r\n7\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "*2147483647\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "*4294967297\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "*-7\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "$3\r\n7" },
	{ SAY, STORE_GET, STORE_OK, "$1\r\n7\r\n$1\r\n8\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "-LOADING Redis is loading the dataset in memory\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "-NOAUTH Authentication required.\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "-MOVED 1 192.0.2.1:6379\r\n" },
	{ SAY, STORE_GET, STORE_AWAY, "-\r\n" },
	{ SAY, STORE_GET, STORE_BAD, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n" },
	{ SAY, STORE_SET, STORE_AWAY, "-OOM command not allowed when used memory > 'maxmemory'.\r\n" },
	{ SAY, STORE_SET, STORE_AWAY, ":1\r\n" },
	{ SAY, STORE_DELETE, STORE_AWAY, "+OK\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ":5\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED ":5\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED "*-1\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED "*0\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED "*1\r\n:5\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED "*2\r\n+OK\r\n+OK\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, ADDED "*2\r\n*0\r\n*0\r\n" },
	{ SAY, STORE_ADD, STORE_BAD, ADDED "*2\r\n+OK\r\n-ERR value is not an integer or out of range\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, "+OK\r\n-OOM command not allowed\r\n+QUEUED\r\n-EXECABORT Transaction discarded\r\n" },
	{ SAY, STORE_ADD, STORE_AWAY, "-ERR unknown command 'MULTI'\r\n+OK\r\n:1\r\n-ERR EXEC without MULTI\r\n" },
	{ DRIP, STORE_GET, STORE_AWAY, "$200\r\n" },
	{ DRIP, STORE_GET, STORE_AWAY, "+" },
	{ FLOOD, STORE_GET, STORE_AWAY, "$536870912\r\n" },
	{ FLOOD, STORE_GET, STORE_AWAY, "+" },
	{ FLOOD, STORE_GET, STORE_AWAY, "*8000\r\n$300000\r\n" },
	{ FLOOD, STORE_GET, STORE_AWAY, "-" },
	{ HANG_UP, STORE_GET, STORE_AWAY, "" },
	{ HANG_UP, STORE_GET, STORE_AWAY, "$10\r\n123" },
	{ DEAF, STORE_GET, STORE_AWAY, "" },
	{ DEAF, STORE_ADD, STORE_AWAY, "" },
};

static void serve(int fd, const struct nonsense *n)
{
	char waste[4096];

	if (n->how == DEAF) {
		pause();
		return;
	}
	(void)!read(fd, waste, sizeof(waste));
	(void)!write(fd, n->says, strlen(n->says));
	memset(waste, 'x', sizeof(waste));
	while (n->how == DRIP && write(fd, "x", 1) == 1)
		pause_ms(TIMEOUT / 10);
	while (n->how == FLOOD && write(fd, waste, sizeof(waste)) > 0)
		;
	if (n->how == SAY)
		(void)!read(fd, waste, sizeof(waste));
}

/* Accepts one after the other. */
static void start_nonsense(struct fixture *f, const struct nonsense *n)
{
	int listener = socket_at(f->socket, true);

	f->server = fork();
	if (f->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			serve(fd, n);
			close(fd);
		}
	}
	close(listener);
}

START_TEST(test_nonsense)
{
	const struct nonsense *n = &nonsense[_i / 2];
	struct event_base *loop = _i % 2 ? event_base_new() : NULL;
	struct fixture f;

	fixture_make(&f, "redis");
	start_nonsense(&f, n);
	begin(&f, loop);
	ck_assert_msg(ask(&f, loop, n->kind) == n->want, "%s", n->says);
	fixture_end(&f);
	if (loop)
		event_base_free(loop);
}
END_TEST

/* ---- away, and back ---- */

static bool wait_until(struct fixture *f, struct event_base *loop, enum store_result want)
{
	for (int i = 0; i < 200; i++) {
		if (ask(f, loop, STORE_SET) == want)
			return true;
		pause_ms(50);
	}
	return false;
}

/* One time-out, then nobody waits any more; and it is back without being asked to. */
START_TEST(test_away_and_back)
{
	struct event_base *loop = _i ? event_base_new() : NULL;
	struct fixture f;

	fixture_make(&f, "redis");
	begin(&f, loop);
	ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_AWAY);
	if (redis_start(&f, NULL)) {
		ck_assert(wait_until(&f, loop, STORE_OK));
		/* dies in the middle, and is started anew at once: the next question notices nothing */
		redis_stop(&f);
		ck_assert(redis_start(&f, NULL));
		if (loop)
			event_base_loop(loop, EVLOOP_NONBLOCK);
		ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_OK);
		redis_stop(&f);
		ck_assert_int_eq(ask(&f, loop, STORE_GET), STORE_AWAY);
	}
	fixture_end(&f);
	if (loop)
		event_base_free(loop);
}
END_TEST

/* A server that does not move, as one that swaps: everybody but the first is told at once. */
START_TEST(test_slow)
{
	struct event_base *loop = _i ? event_base_new() : NULL;
	struct fixture f;

	fixture_make(&f, "redis");
	begin(&f, loop);
	if (redis_start(&f, NULL)) {
		ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_OK);
		kill(f.server, SIGSTOP);
		ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_AWAY);
		int64_t began = clock_ms();

		for (int i = 0; i < 500; i++)
			ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_AWAY);
		/* 500 time-outs would be 150 s; there may have been one or two more */
		ck_assert_int_lt(clock_ms() - began, 20 * TIMEOUT);
		kill(f.server, SIGCONT);
		ck_assert(wait_until(&f, loop, STORE_OK));
	}
	fixture_end(&f);
	if (loop)
		event_base_free(loop);
}
END_TEST

/* Many questions are under way when it goes: all are told. */
static void count_away(void *arg, const struct store_answer *a)
{
	*(unsigned *)arg += a->result == STORE_AWAY;
}

START_TEST(test_dies_with_questions)
{
	struct event_base *loop = event_base_new();
	struct fixture f;
	unsigned away = 0;

	fixture_make(&f, "redis");
	begin(&f, loop);
	if (redis_start(&f, NULL)) {
		ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_OK);
		kill(f.server, SIGSTOP);
		for (int i = 0; i < 5000; i++)	/* more than may wait */
			store_ask(f.store, &(struct store_op){ .kind = STORE_GET, .space = &fast, .key = VIEW("k") }, count_away, &away);
		event_base_loop(loop, EVLOOP_ONCE);
		kill(f.server, SIGKILL);
		for (int64_t end = clock_ms() + LATE; away < 5000 && clock_ms() < end;)
			event_base_loop(loop, EVLOOP_ONCE);
		ck_assert_uint_eq(away, 5000);
	}
	fixture_end(&f);
	event_base_free(loop);
}
END_TEST

/* ---- full, read only ---- */

/* A command as redis-cli would send it, past the store. */
static void raw(struct fixture *f, const char *command, const char *want)
{
	int fd = socket_at(f->socket, false);
	char answer[4096] = "";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, command, strlen(command)), (ssize_t)strlen(command));
	ck_assert_int_gt(read(fd, answer, sizeof(answer) - 1), 0);
	ck_assert_msg(strncmp(answer, want, strlen(want)) == 0, "%s: %s", command, answer);
	close(fd);
}

START_TEST(test_full)
{
	static const char *const small[] = { "--maxmemory", "3mb", "--maxmemory-policy", "noeviction", NULL };
	static char value[60000];
	struct fixture f;
	char key[32];
	int64_t count;
	int n = 0;

	fixture_make(&f, "redis");
	if (redis_start(&f, small)) {
		fixture_open(&f);
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), STORE_OK);
		memset(value, 'v', sizeof(value));
		for (enum store_result r = STORE_OK; r == STORE_OK && n < 1000; n++) {
			snprintf(key, sizeof(key), "key-%d", n);
			r = store_set(f.store, &fast, view_of(key), view_make(value, sizeof(value)), 0);
		}
		ck_assert_int_lt(n, 1000);
		raw(&f, "CONFIG SET maxmemory 1\r\n", "+OK");
		/* what is there can be read all the same, and what was counted is not counted by halves */
		ck_assert_int_eq(ask(&f, NULL, STORE_GET), STORE_OK);
		ck_assert_int_eq(store_add(f.store, &fast, VIEW("new"), 1, 60000, &count), STORE_AWAY);
		assert_none(&f, &fast, "new");
		raw(&f, "CONFIG SET maxmemory 0\r\n", "+OK");
		ck_assert_int_eq(store_add(f.store, &fast, VIEW("new"), 1, 60000, &count), STORE_OK);
		ck_assert_int_eq(count, 1);
	}
	fixture_end(&f);
}
END_TEST

START_TEST(test_read_only)
{
	struct fixture f;

	fixture_make(&f, "redis");
	if (redis_start(&f, NULL)) {
		fixture_open(&f);
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), STORE_OK);
		raw(&f, "REPLICAOF 127.0.0.1 1\r\n", "+OK");
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), STORE_AWAY);
		ck_assert_int_eq(ask(&f, NULL, STORE_ADD), STORE_AWAY);
		ck_assert_int_eq(ask(&f, NULL, STORE_GET), STORE_OK);
		raw(&f, "REPLICAOF NO ONE\r\n", "+OK");
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), STORE_OK);
	}
	fixture_end(&f);
}
END_TEST

/* Somebody else has written to our keys. */
START_TEST(test_foreign_values)
{
	struct fixture f;
	struct view got;
	int64_t count;

	fixture_make(&f, "redis");
	if (redis_start(&f, NULL)) {
		fixture_open(&f);
		raw(&f, "LPUSH postrider:test:list a\r\n", ":1");
		raw(&f, "SETRANGE postrider:test:huge 20000000 x\r\n", ":20000001");
		raw(&f, "SETRANGE postrider:test:larger 65536 x\r\n", ":65537");
		raw(&f, "SET postrider:test:text abc\r\n", "+OK");
		ck_assert_int_eq(store_get(f.store, &fast, VIEW("list"), &got), STORE_BAD);
		ck_assert_int_eq(store_get(f.store, &fast, VIEW("huge"), &got), STORE_BAD);
		ck_assert_int_eq(store_get(f.store, &fast, VIEW("larger"), &got), STORE_BAD);
		ck_assert_int_eq(store_add(f.store, &fast, VIEW("text"), 1, 1000, &count), STORE_BAD);
		ck_assert_int_eq(store_add(f.store, &fast, VIEW("list"), 1, 1000, &count), STORE_BAD);
		assert_get(&f, &fast, "text", "abc");
		struct store_page page = { .arena = arena_new(4096), .max = 10 };
		struct err err = { "" };
		size_t total = 0;

		do {
			ck_assert_msg(store_list(f.store, &fast, VIEW(""), &page, &err) == STORE_OK, "%s", err.text);
			total += page.count;
		} while (page.more);
		ck_assert_uint_eq(total, 4);
		arena_free(&page.arena);
	}
	fixture_end(&f);
}
END_TEST

/* ---- which server, which database ---- */

START_TEST(test_password_and_database)
{
	static const char *const locked[] = { "--requirepass", "se:cr@et/1", NULL };
	static const struct { const char *login, *database; bool good; } cases[] = {
		{ ":se%3acr%40et%2F1@", "", true }, { ":se:cr@et%2f1@", "?db=3", true }, { "default:se%3acr%40et%2F1@", "", true },
		{ "", "", false }, { ":wrong@", "", false }, { "nobody:se%3acr%40et%2F1@", "", false }, { ":se%3acr%40et%2F1@", "?db=4711", false },
	};
	struct fixture f;

	fixture_make(&f, "redis");
	if (redis_start(&f, locked)) {
		snprintf(f.address, sizeof(f.address), "redis+unix://%s%s%s", cases[_i].login, f.socket, cases[_i].database);
		begin(&f, NULL);
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), cases[_i].good ? STORE_OK : STORE_AWAY);
		if (cases[_i].good && cases[_i].database[0]) {
			raw(&f, "AUTH se:cr@et/1\r\n", "+OK");
			raw(&f, "*2\r\n$4\r\nAUTH\r\n$10\r\nse:cr@et/1\r\n", "+OK");
		}
	}
	fixture_end(&f);
}
END_TEST

/* From a file; in another database and under another prefix nothing of it is seen. */
START_TEST(test_password_file_and_prefix)
{
	static const char *const locked[] = { "--requirepass", "secret", NULL };
	struct fixture f;
	struct err err = { "" };
	char path[256];
	FILE *out;

	fixture_make(&f, "redis");
	snprintf(path, sizeof(path), "%s/password", f.dir);
	f.settings.store_password_file = "password";
	ck_assert_ptr_null(store_new(&f.settings, &err));
	ck_assert_msg(strstr(err.text, path), "%s", err.text);
	out = fopen(path, "w");
	ck_assert(fputs("secret\nmore\n", out) >= 0 && fclose(out) == 0);
	if (redis_start(&f, locked)) {
		f.settings.store_prefix = "other:";
		begin(&f, NULL);
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), STORE_OK);
		store_free(&f.store);
		f.settings.store_prefix = "";
		f.settings.store_password_file = path;
		begin(&f, NULL);
		ck_assert_int_eq(ask(&f, NULL, STORE_GET), STORE_NONE);
		ck_assert_int_eq(ask(&f, NULL, STORE_SET), STORE_OK);
		store_free(&f.store);
		strncat(f.address, "?db=2", sizeof(f.address) - strlen(f.address) - 1);
		begin(&f, NULL);
		ck_assert_int_eq(ask(&f, NULL, STORE_GET), STORE_NONE);
	}
	out = fopen(path, "w");
	ck_assert(fputs("\n", out) >= 0 && fclose(out) == 0);
	ck_assert_ptr_null(store_new(&f.settings, &err));
	fixture_end(&f);
}
END_TEST

static uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	close(fd);
	return ntohs(in.sin_port);
}

/* By address and by name; a name that there is not, and a port where nobody listens. */
START_TEST(test_tcp)
{
	struct event_base *loop = _i ? event_base_new() : NULL;
	const char *const more[] = { "--bind", "127.0.0.1", "--port", (char[8]){ 0 }, NULL };
	struct fixture f;
	uint16_t port = free_port();

	fixture_make(&f, "redis");
	snprintf((char *)(uintptr_t)more[3], 8, "%u", port);
	if (redis_start(&f, more)) {
		static const char *const hosts[] = { "127.0.0.1", "localhost" };

		for (size_t i = 0; i < COUNT_OF(hosts); i++) {
			snprintf(f.address, sizeof(f.address), "redis://%s:%u/1", hosts[i], port);
			f.settings.store_connect_timeout = f.settings.store_timeout = LATE;
			fixture_open(&f);
			if (loop)
				store_attach(f.store, loop);
			ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_OK);
			ck_assert_int_eq(ask(&f, loop, STORE_GET), STORE_OK);
			store_free(&f.store);
		}
		redis_stop(&f);
	}
	snprintf(f.address, sizeof(f.address), "redis://127.0.0.1:%u", port);
	begin(&f, loop);
	ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_AWAY);
	store_free(&f.store);
	snprintf(f.address, sizeof(f.address), "redis://no-such-host.invalid:%u", port);
	begin(&f, loop);
	ck_assert_int_eq(ask(&f, loop, STORE_SET), STORE_AWAY);
	fixture_end(&f);
	if (loop)
		event_base_free(loop);
}
END_TEST

START_TEST(test_describe)
{
	struct fixture f;
	char out[STORE_DESCRIPTION];
	struct err err = { "" };

	fixture_make(&f, "redis");
	begin(&f, NULL);
	ck_assert(!store_describe(f.store, out, &err));
	ck_assert_msg(strstr(err.text, f.socket) && strstr(err.text, "No such file"), "%s", err.text);
	if (redis_start(&f, NULL)) {
		err.text[0] = '\0';
		f.settings.store_timeout = LATE;
		ck_assert_msg(store_describe(f.store, out, &err), "%s", err.text);
		ck_assert_msg(strstr(out, "master"), "%s", out);
		raw(&f, "EXISTS postrider:check:check\r\n", ":0");
		raw(&f, "REPLICAOF 127.0.0.1 1\r\n", "+OK");
		ck_assert(!store_describe(f.store, out, &err));
		ck_assert_msg(strstr(err.text, "READONLY"), "%s", err.text);
	}
	fixture_end(&f);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { test_dies_with_questions, test_full, test_read_only, test_foreign_values, test_password_file_and_prefix, test_describe };
	const TTest *twice[] = { test_away_and_back, test_slow, test_tcp };
	Suite *suite = suite_create("store_redis");
	TCase *tcase = tcase_create("redis");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tcase, tests[i]);
	for (size_t i = 0; i < COUNT_OF(twice); i++)
		tcase_add_loop_test(tcase, twice[i], 0, 2);
	tcase_add_loop_test(tcase, test_nonsense, 0, 2 * COUNT_OF(nonsense));
	tcase_add_loop_test(tcase, test_password_and_database, 0, 7);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
