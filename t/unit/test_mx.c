/* test_mx.c - from routes to addresses, with a real libunbound context on local data. */
#include "route_fixture.h"
#include "../../queue/mx.h"
#include "../../queue/targets.h"
#include <event2/event.h>
#include <unbound.h>

static const char *none[] = { NULL };
static const char *zone[] = {
	"plain.test. 300 IN MX 20 b.plain.test.", "plain.test. 300 IN MX 10 a.plain.test.",
	"a.plain.test. 300 IN A 198.51.100.1", "a.plain.test. 300 IN AAAA 2a00::1", "b.plain.test. 300 IN A 203.0.114.2",
	"implicit.test. 300 IN A 198.41.0.4",
	"null.test. 300 IN MX 0 .",
	"text.test. 300 IN TXT \"no mail here\"",
	"ours.test. 300 IN MX 10 other.ours.test.", "ours.test. 300 IN MX 20 me.test.", "ours.test. 300 IN MX 30 worse.ours.test.",
	"other.ours.test. 300 IN A 198.41.0.5", "worse.ours.test. 300 IN A 198.41.0.6",
	"same.test. 300 IN MX 10 me.test.", "same.test. 300 IN MX 10 twin.same.test.", "twin.same.test. 300 IN A 198.41.0.5",
	"loopback.test. 300 IN MX 10 l.loopback.test.", "l.loopback.test. 300 IN A 127.0.0.1", "l.loopback.test. 300 IN AAAA ::1",
	"private.test. 300 IN MX 10 p.private.test.", "p.private.test. 300 IN A 10.1.2.3",
	"mapped.test. 300 IN MX 10 p.mapped.test.", "p.mapped.test. 300 IN AAAA ::ffff:127.0.0.1",
	"zero.test. 300 IN MX 10 z.zero.test.", "z.zero.test. 300 IN A 0.0.0.0",
	"half.test. 300 IN MX 10 l.loopback.test.", "half.test. 300 IN MX 20 b.plain.test.",
	"noaddr.test. 300 IN MX 10 text.test.",
	"equal.test. 300 IN MX 5 e1.equal.test.", "equal.test. 300 IN MX 5 e2.equal.test.", "equal.test. 300 IN MX 5 e3.equal.test.",
	"e1.equal.test. 300 IN A 198.41.1.1", "e2.equal.test. 300 IN A 198.41.1.2", "e3.equal.test. 300 IN A 198.41.1.3",
	NULL,
};

static struct settings settings = {
	.me = "me.test", .resolver_forwarders = none, .resolver_local_data = zone, .resolver_resolv_conf = "", .resolver_trust_anchor = "",
	.resolver_timeout = 5000, .outbound_port = 25, .outbound_ipv6 = true,
};
static struct event_base *base;
static struct ub_ctx *ctx;
static struct mx *mx;
static struct mx_answer got;
static bool answered;

static void setup(void)
{
	struct err err = { "" };

	base = event_base_new();
	ctx = dns_context(base, &settings, &err);
	ck_assert_msg(ctx != NULL, "%s", err.text);
	mx = mx_new(base, ctx, &settings, NULL);
}

static void teardown(void)
{
	targets_release(&got.targets);
	mx_free(&mx);
	ub_ctx_delete(ctx);
	event_base_free(base);
}

static void done(void *arg UNUSED, struct mx_answer *answer)
{
	got = *answer;
	answered = true;
	event_base_loopbreak(base);
}

static void ask(const struct route *r)
{
	answered = false;
	targets_release(&got.targets);
	struct mx_query *q = mx_ask(mx, r, done, NULL);
	ck_assert(answered == (q == NULL));
	if (!answered)
		event_base_dispatch(base);
	ck_assert(answered);
}

static void ask_domain(const char *domain)
{
	struct route r = { .kind = ROUTE_MX };

	snprintf(r.domain, sizeof(r.domain), "%s", domain);
	ask(&r);
}

/* The addresses as one text, "198.51.100.1:25 ...". */
static const char *addresses(void)
{
	static char text[4096];
	char one[TARGET_TEXT];

	text[0] = '\0';
	for (size_t i = 0; got.targets && i < got.targets->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", target_text(&got.targets->list[i], one));
	return text;
}

START_TEST(domains)
{
	static const struct { const char *domain; enum outcome outcome; const char *enhanced, *addresses; } table[] = {
		{ "plain.test", OUTCOME_NONE, "", "[2a00::1]:25 198.51.100.1:25 203.0.114.2:25" },
		{ "implicit.test", OUTCOME_NONE, "", "198.41.0.4:25" },
		{ "null.test", OUTCOME_FAIL, "5.1.10", "" },
		{ "text.test", OUTCOME_FAIL, "5.1.2", "" },
		{ "nowhere.test", OUTCOME_FAIL, "5.1.2", "" },
		{ "ours.test", OUTCOME_NONE, "", "198.41.0.5:25" },
		{ "same.test", OUTCOME_FAIL, "5.4.6", "" },
		{ "loopback.test", OUTCOME_FAIL, "5.4.4", "" },
		{ "private.test", OUTCOME_FAIL, "5.4.4", "" },
		{ "mapped.test", OUTCOME_FAIL, "5.4.4", "" },
		{ "zero.test", OUTCOME_FAIL, "5.4.4", "" },
		{ "half.test", OUTCOME_NONE, "", "203.0.114.2:25" },
		{ "noaddr.test", OUTCOME_FAIL, "5.4.4", "" },
		{ "[198.41.0.4]", OUTCOME_NONE, "", "198.41.0.4:25" },
		{ "[IPv6:2a00::1]", OUTCOME_NONE, "", "[2a00::1]:25" },
		{ "[127.0.0.1]", OUTCOME_FAIL, "5.4.4", "" },
		{ "[IPv6:::ffff:127.0.0.1]", OUTCOME_FAIL, "5.4.4", "" },
		{ "[nonsense]", OUTCOME_FAIL, "5.1.2", "" },
	};
	settings.outbound_inet_prefer = INET_DEFAULT;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		ask_domain(table[i].domain);
		ck_assert_msg(got.outcome == table[i].outcome, "%s: %d %s", table[i].domain, got.outcome, got.text);
		ck_assert_str_eq(got.enhanced, table[i].enhanced);
		if (strcmp(table[i].domain, "plain.test") != 0)
			ck_assert_str_eq(addresses(), table[i].addresses);
	}
}
END_TEST

START_TEST(documentation_addresses_are_local)
{
	/* 198.51.100.1 is for documentation: never a public server */
	ask_domain("plain.test");
	ck_assert_str_eq(addresses(), "[2a00::1]:25 203.0.114.2:25");
}
END_TEST

START_TEST(local_ok_and_families)
{
	settings.outbound_local_mx_ok = true;
	ask_domain("loopback.test");
	ck_assert_str_eq(addresses(), "[::1]:25 127.0.0.1:25");
	settings.outbound_inet_prefer = INET_V4;
	ask_domain("loopback.test");
	ck_assert_str_eq(addresses(), "127.0.0.1:25 [::1]:25");
	settings.outbound_inet_prefer = INET_V6;
	ask_domain("plain.test");
	ck_assert_str_eq(addresses(), "[2a00::1]:25 198.51.100.1:25 203.0.114.2:25");
	settings.outbound_ipv6 = false;
	ask_domain("plain.test");
	ck_assert_str_eq(addresses(), "198.51.100.1:25 203.0.114.2:25");
	settings.outbound_ipv6 = true;
	settings.outbound_local_mx_ok = false;
	settings.outbound_inet_prefer = INET_DEFAULT;
}
END_TEST

START_TEST(hops)
{
	struct route r = { .port = 25 }, gone = { .port = 25 };

	ck_assert(add_hop(&r, 20, "127.0.0.1:2525") && add_hop(&r, 10, "b.plain.test:26") && add_hop(&r, 30, "lmtp:unix:/run/lmtp"));
	ask(&r);
	ck_assert_int_eq(got.outcome, OUTCOME_NONE);
	ck_assert_str_eq(addresses(), "203.0.114.2:26 127.0.0.1:2525 lmtp:unix:/run/lmtp");
	/* what a route names and DNS does not know is our mistake: later */
	ck_assert(add_hop(&gone, 0, "nowhere.test"));
	ask(&gone);
	ck_assert_int_eq(got.outcome, OUTCOME_DEFER);
}
END_TEST

START_TEST(equal_ones_take_turns)
{
	unsigned first[4] = { 0 };

	for (int i = 0; i < 300; i++) {
		ask_domain("equal.test");
		ck_assert_uint_eq(got.targets->count, 3);
		mx_shuffle(mx, got.targets);
		first[got.targets->list[0].addr.bytes[3]]++;
	}
	for (unsigned i = 1; i <= 3; i++)
		ck_assert_uint_gt(first[i], 50);
}
END_TEST

START_TEST(shuffle_keeps_preference_and_family)
{
	struct targets t = { .count = 4 };

	for (size_t i = 0; i < t.count; i++)
		t.list[i] = (struct target){ .preference = i < 2 ? 10 : 20, .addr = { .family = i % 2 ? 4 : 6 } };
	for (int i = 0; i < 50; i++)
		mx_shuffle(mx, &t);
	for (size_t i = 0; i < t.count; i++) {
		ck_assert_uint_eq(t.list[i].preference, i < 2 ? 10 : 20);
		ck_assert_uint_eq(t.list[i].addr.family, i % 2 ? 4 : 6);
	}
}
END_TEST

START_TEST(those_down_come_last)
{
	struct target_downs *downs = NULL;
	struct targets t = { .count = 3 };

	for (size_t i = 0; i < t.count; i++)
		t.list[i] = (struct target){ .addr = { .family = 4, .bytes = { 192, 0, 2, (uint8_t)i }, .port = 25 } };
	target_down(&downs, &t.list[0], 1000);
	ck_assert(target_is_down(&downs, &t.list[0], 999));
	targets_prefer_up(&t, &downs, 999);
	ck_assert_uint_eq(t.list[0].addr.bytes[3], 1);
	ck_assert_uint_eq(t.list[1].addr.bytes[3], 2);
	ck_assert_uint_eq(t.list[2].addr.bytes[3], 0);
	ck_assert(!target_is_down(&downs, &t.list[2], 1000));
	ck_assert_ptr_null(downs);
	target_down(&downs, &t.list[0], 1000);
	target_downs_clear(&downs);
	ck_assert_ptr_null(downs);
}
END_TEST

START_TEST(cancelled)
{
	struct route r = { .kind = ROUTE_MX, .domain = "unknown.invalid" };

	answered = false;
	struct mx_query *q = mx_ask(mx, &r, done, NULL);
	mx_cancel(&q);
	ck_assert_ptr_null(q);
	event_base_loop(base, EVLOOP_NONBLOCK);
}
END_TEST

int main(void)
{
	static const TTest *const *const tests[] = { &domains, &documentation_addresses_are_local, &local_ok_and_families, &hops,
		&equal_ones_take_turns, &shuffle_keeps_preference_and_family, &those_down_come_last, &cancelled };
	Suite *suite = suite_create("mx");
	TCase *tcase = tcase_create("mx");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tcase, *tests[i]);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
