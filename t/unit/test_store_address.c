/* test_store_address.c - where the store is: every form of the option, and what is none; and the circuit breaker. */
#include "unit.h"
#include "../../lib/clock.h"
#include "../../lib/store.h"
#include "../../lib/store_address.h"
#include "../../lib/store_health.h"
#include "../../lib/scoreboard.h"

static const struct {
	const char *text, *host, *path, *user, *password;
	uint16_t port;
	unsigned database;
	const char *shown;
} good[] = {
	{ "lmdb", "", "", "", "", 0, 0, "lmdb" },
	{ "redis://127.0.0.1", "127.0.0.1", "", "", "", 6379, 0, "redis 127.0.0.1:6379 database 0" },
	{ "redis://redis.example.com:6380/3", "redis.example.com", "", "", "", 6380, 3, "redis redis.example.com:6380 database 3" },
	{ "redis://[2001:db8::1]", "2001:db8::1", "", "", "", 6379, 0, "redis [2001:db8::1]:6379 database 0" },
	{ "redis://[2001:db8::1]:1/65535", "2001:db8::1", "", "", "", 1, 65535, "redis [2001:db8::1]:1 database 65535" },
	{ "redis://:secret@host/", "host", "", "", "secret", 6379, 0, "redis host:6379 database 0" },
	{ "redis://me:a%3Ab%40c%2f@host:7/0", "host", "", "me", "a:b@c/", 7, 0, "redis host:7 database 0" },
	{ "redis://:p@ss/w:rd@host", "host", "", "", "p@ss/w:rd", 6379, 0, "redis host:6379 database 0" },
	{ "redis+unix:///run/redis.sock", "", "/run/redis.sock", "", "", 0, 0, "redis /run/redis.sock database 0" },
	{ "redis+unix:///a%20b%3f?db=3", "", "/a b?", "", "", 0, 3, "redis /a b? database 3" },
	{ "redis+unix://me:x@/s?db=0", "", "/s", "me", "x", 0, 0, "redis /s database 0" },
};

START_TEST(test_good)
{
	struct store_address a;
	char text[STORE_ADDRESS_TEXT];

	ck_assert_msg(store_address_parse(good[_i].text, &a), "%s", good[_i].text);
	ck_assert_str_eq(a.host, good[_i].host);
	ck_assert_str_eq(a.path, good[_i].path);
	ck_assert_str_eq(a.user, good[_i].user);
	ck_assert_str_eq(a.password, good[_i].password);
	ck_assert_uint_eq(a.port, good[_i].port);
	ck_assert_uint_eq(a.database, good[_i].database);
	ck_assert_str_eq(store_address_text(&a, text), good[_i].shown);
	ck_assert_ptr_null(store_address_expected(good[_i].text));
}
END_TEST

static const char *const bad[] = {
	"", "LMDB", "lmdb:/x", "redis", "redis:", "redis:/host", "redis://", "redis://:6379", "redis:///3", "redis://host:0", "redis://host:65536",
	"redis://host:x", "redis://host:1:2", "redis://host/x", "redis://host/-1", "redis://host/65536", "redis://host/1/2", "redis://[::1",
	"redis://[::1]x", "redis://a b", "redis://@host", "redis://me@host", "redis://me:@host", "redis://:%0@host", "redis://:%zz@host",
	"redis://:%00@host", "redis+unix://", "redis+unix://relative", "redis+unix:///s?db=", "redis+unix:///s?db=x", "redis+unix:///s?x=1",
	"redis+unix:///%00", "rediss://host", "http://host",
};

START_TEST(test_bad)
{
	struct store_address a;

	ck_assert_msg(!store_address_parse(bad[_i], &a), "%s", bad[_i]);
	ck_assert_ptr_nonnull(store_address_expected(bad[_i]));
}
END_TEST

/* Longer than there is room for. */
START_TEST(test_long)
{
	static char text[4000];
	struct store_address a;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "redis://", 8);
	ck_assert(!store_address_parse(text, &a));
	memcpy(text, "redis://:", 9);
	memcpy(text + sizeof(text) - 10, "@host", 6);
	ck_assert(!store_address_parse(text, &a));
	text[12] = ':';
	ck_assert(!store_address_parse(text, &a));
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "redis+unix:///", 14);
	ck_assert(!store_address_parse(text, &a));
}
END_TEST

/* ---- the circuit breaker ---- */

START_TEST(test_breaker)
{
	struct store_health *h = store_health_of("a"), *other = store_health_of("b");
	int64_t now = 1000000, pause = 1000;
	bool probe;

	ck_assert_ptr_ne(h, other);
	ck_assert_ptr_eq(h, store_health_of("a"));
	ck_assert(store_health_may_ask(h, now, &probe) && !probe);
	store_health_away(h, "a", false, now, "a test");
	for (int i = 0; i < 8; i++) {
		ck_assert(!store_health_may_ask(h, now + pause - 1, &probe));
		/* many that had been asked before fail with it: that changes nothing */
		store_health_away(h, "a", false, now + 5, "a test");
		now += pause;
		ck_assert(store_health_may_ask(h, now, &probe) && probe);
		ck_assert_msg(!store_health_may_ask(h, now, &probe), "two that try");
		store_health_away(h, "a", true, now, "a test");
		pause = pause * 2 < 30000 ? pause * 2 : 30000;
		ck_assert(store_health_may_ask(other, now, &probe) && !probe);
	}
	/* one that tries and dies of it blocks the way for no longer than that */
	now += pause;
	ck_assert(store_health_may_ask(h, now, &probe) && probe);
	ck_assert(!store_health_may_ask(h, now + 29999, &probe));
	ck_assert(store_health_may_ask(h, now + 30000, &probe) && probe);
	store_health_good(h, "a", false, now);
	ck_assert(store_health_may_ask(h, now, &probe) && !probe);
	store_health_away(h, "a", false, now, "a test");
	ck_assert(store_health_may_ask(h, now + 1000, &probe) && probe);
}
END_TEST

START_TEST(test_refused)
{
	struct store_health *h = store_health_of("a");
	bool probe;

	store_health_refused(h, "a", 1000, "full");
	ck_assert(store_health_may_ask(h, 1000, &probe) && !probe);
	store_health_good(h, "a", true, 2000);
	ck_assert(atomic_load(&h->refused_at) == 1000);
	store_health_good(h, "a", false, 20000);
	ck_assert(atomic_load(&h->refused_at) == 1000);
	store_health_good(h, "a", true, 20000);
	ck_assert(atomic_load(&h->refused_at) == 0);
}
END_TEST

/* More names than places: they share, and nothing else happens. */
START_TEST(test_many_names)
{
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "store %d", i);
		ck_assert_ptr_nonnull(store_health_of(name));
		ck_assert_ptr_eq(store_health_of(name), store_health_of(name));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_address");
	TCase *tcase = tcase_create("store_address");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, test_good, 0, COUNT_OF(good));
	tcase_add_loop_test(tcase, test_bad, 0, COUNT_OF(bad));
	tcase_add_test(tcase, test_long);
	tcase_add_test(tcase, test_breaker);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_many_names);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
