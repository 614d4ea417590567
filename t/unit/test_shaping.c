/* test_shaping.c - the file conf/destinations: what it says, what is wrong with it, and answers that match. */
#include "unit.h"
#include "../../lib/arena.h"
#include "../../lib/settings.h"
#include "../../queue/shaping.h"
#include <sys/stat.h>

static char dir[200];
static struct settings settings = { .outbound_concurrency_per_destination = 20, .outbound_recipients_per_delivery = 100,
	.outbound_deliveries_per_connection = 100 };
static struct arena *arena;
static struct err err;

static struct shaping *read_text(const char *text)
{
	const char *place = getenv("TMPDIR");
	char path[256];
	FILE *f;

	snprintf(dir, sizeof(dir), "%s/shaping-XXXXXX", place ? place : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/destinations", dir);
	settings.dir = dir;
	if (text) {
		f = fopen(path, "w");
		fputs(text, f);
		fclose(f);
	}
	arena = arena_new(4096);
	err.text[0] = '\0';
	struct shaping *sh = shaping_read(&settings, arena, &err);
	unlink(path);
	rmdir(dir);
	return sh;
}

static const struct shaping_rule *site_of(const struct shaping *sh, const char *host, const char **name)
{
	return shaping_site(sh, &host, 1, name);
}

START_TEST(rules)
{
	const struct shaping *sh = read_text(
		"default\n"
		"  connections 7   # for all\n"
		"  answer \"421\" retry 5m\n"
		"site big.example\n"
		"  mx .mx.big.example in.other.example\n"
		"  connections 3\n"
		"  message_rate 100/1m\n"
		"  deliveries 5\n"
		"  answer \"421 4.7.0*too fast\" suspend 30m slow\n"
		"site small.example\n"
		"domain .below.example\n"
		"  connections 2\n"
		"  recipients 10\n"
		"address 192.0.2.0/24\n"
		"  connection_rate 5/s\n"
		"source *\n"
		"  connections 4\n"
		"sender news.example\n"
		"  weight 4\n"
		"sender user alice\n"
		"  weight 2\n");
	const struct shaping_rule *rule;
	const char *name;
	struct netaddr a;

	ck_assert_msg(sh != NULL, "%s", err.text);
	rule = site_of(sh, "a.mx.big.example", &name);
	ck_assert_str_eq(name, "big.example");
	ck_assert_uint_eq(rule->limits.connections, 3);
	ck_assert_uint_eq(rule->limits.message_pace.count, 100);
	ck_assert_uint_eq(rule->limits.connection_pace.count, 0);
	ck_assert_uint_eq(rule->recipients, 100);
	ck_assert_uint_eq(rule->deliveries, 5);
	ck_assert_ptr_eq(site_of(sh, "in.other.example:2525", &name), rule);
	/* its own answers first, then those of all */
	ck_assert_int_eq(shaping_answer(rule, "421 4.7.0 you are too fast")->suspend, 1800000);
	ck_assert(shaping_answer(rule, "421 4.7.0 you are too fast")->slow);
	ck_assert_int_eq(shaping_answer(rule, "421 busy")->retry, 300);
	ck_assert_ptr_null(shaping_answer(rule, "451 later"));
	/* a name that is a host; and what has no rule */
	rule = site_of(sh, "small.example", &name);
	ck_assert_str_eq(name, "small.example");
	ck_assert_uint_eq(rule->limits.connections, 7);
	rule = site_of(sh, "mx.big.example", &name);
	ck_assert_ptr_null(name);
	ck_assert_uint_eq(rule->limits.connections, 7);
	ck_assert_ptr_null(shaping_answer(rule, "451 later"));
	site_of(sh, "unix:/run/small.example", &name);
	ck_assert_ptr_null(name);
	/* the others */
	ck_assert_uint_eq(shaping_domain(sh, "x.below.example")->recipients, 10);
	ck_assert_ptr_null(shaping_domain(sh, "below.example"));
	ck_assert_ptr_null(shaping_domain(sh, ""));
	ck_assert(netaddr_parse(VIEW("192.0.2.7"), &a));
	ck_assert_uint_eq(shaping_address(sh, &a)->limits.connection_pace.count, 5);
	ck_assert_uint_eq(shaping_source(sh, &a)->limits.connections, 4);
	ck_assert(netaddr_parse(VIEW("2001:db8::1"), &a));
	ck_assert_ptr_null(shaping_address(sh, &a));
	ck_assert_ptr_nonnull(shaping_source(sh, &a));
	ck_assert_uint_eq(shaping_weight(sh, "news.example"), 4);
	ck_assert_uint_eq(shaping_weight(sh, "user alice"), 2);
	ck_assert_uint_eq(shaping_weight(sh, "user bob"), 1);
	ck_assert_uint_eq(shaping_weight(sh, ""), 1);
	arena_free(&arena);
}
END_TEST

START_TEST(no_file)
{
	const struct shaping *sh = read_text(NULL);
	const char *name;

	ck_assert_ptr_nonnull(sh);
	ck_assert_uint_eq(site_of(sh, "mx.example", &name)->limits.connections, 20);
	arena_free(&arena);
}
END_TEST

START_TEST(what_is_wrong)
{
	static const struct { const char *text, *expected; } cases[] = {
		{ "connections 5\n", "destinations:1: found \"connections\", expected default" },
		{ "default x\n", ":1: default: expected nothing" },
		{ "site\n", ":1: site: expected one name" },
		{ "site a b\n", ":1: site: expected one name" },
		{ "site -x-\n", "expected a name such as" },
		{ "\n\ndefault\nconnections 0\n", ":4: connections: found \"0\"" },
		{ "default\nconnections\n", "connections: found \"\"" },
		{ "default\nconnections many\n", "connections: found \"many\"" },
		{ "default\nconnection_rate 5\n", "connection_rate: found \"5\", expected so many in a time" },
		{ "default\nmx a.example\n", "mx: unknown here" },
		{ "default\nwhat 5\n", "what: unknown here" },
		{ "site a.example\nmx\n", "mx: expected names" },
		{ "site a.example\nmx -bad-\n", "mx: " },
		{ "sender a.example\nconnections 4\n", "connections: unknown here" },
		{ "sender user a b\n", "sender: expected one name" },
		{ "sender a.example\nweight 101\n", "weight: found \"101\"" },
		{ "address 300.0.0.1\n", "address: " },
		{ "default\nanswer \"421\"\n", "answer: expected a text" },
		{ "default\nanswer \"421\" jump\n", "answer: found \"jump\"" },
		{ "default\nanswer \"421\" suspend\n", "suspend: found \"\", expected a time" },
		{ "default\nanswer \"421\" suspend 2d\n", "suspend: found \"2d\", expected a time" },
		{ "default\nanswer \"421 suspend 1h\n", "a quote is not closed" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_msg(read_text(cases[i].text) == NULL, "taken: %s", cases[i].text);
		ck_assert_msg(strstr(err.text, cases[i].expected) != NULL, "%s: %s", cases[i].text, err.text);
		arena_free(&arena);
	}
	/* all of it, not the first */
	ck_assert_ptr_null(read_text("default\nconnections x\ndeliveries y\n"));
	ck_assert(strstr(err.text, ":2:") && strstr(err.text, ":3:"));
	arena_free(&arena);
}
END_TEST

START_TEST(matches)
{
	static const struct { const char *pattern, *text; bool match; } cases[] = {
		{ "421", "421 4.7.0 slow down", true }, { "421 4.7", "421 4.7.0", true }, { "slow", "421 SLOW down", true },
		{ "421*slow", "421 4.7.0 slow down", true }, { "421*slow*up", "421 slow down", false }, { "4?1", "451 x", true },
		{ "4?1", "41", false }, { "*", "", true }, { "", "x", true }, { "a", "", false }, { "a*b*c", "xaxbxbxc", true },
		{ "aab", "aaab", true }, { "a*aab", "aaaab", true }, { "?", "", false }, { "x*", "yx", true }, { "**x**", "yx", true },
		{ "ab", "a", false }, { "4.7.0", "4x7x0", false },
	};
	char text[2000], pattern[400];

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(shaping_matches(cases[i].pattern, cases[i].text) == cases[i].match, "%s / %s", cases[i].pattern, cases[i].text);
	/* nothing that is said takes long to look at */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "a*", 2);
	memcpy(pattern + sizeof(pattern) - 2, "b", 2);
	ck_assert(!shaping_matches(pattern, text));
}
END_TEST

START_TEST(sample)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/conf", getenv("TOP") ? getenv("TOP") : ".");
	settings.dir = path;
	arena = arena_new(4096);
	const struct shaping *sh = shaping_read(&settings, arena, &err);
	const char *name;

	ck_assert_msg(sh != NULL, "%s", err.text);
	site_of(sh, "gmail-smtp-in.l.google.com", &name);
	ck_assert_str_eq(name, "google.com");
	site_of(sh, "example-com.mail.protection.outlook.com", &name);
	ck_assert_str_eq(name, "protection.outlook.com");
	arena_free(&arena);
}
END_TEST

UNIT_MAIN("shaping", rules, no_file, what_is_wrong, matches, sample)
