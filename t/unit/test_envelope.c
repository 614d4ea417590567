/* test_envelope.c - the envelope's lines: everything comes back as it was, nothing that is malformed is taken. */
#include "../../lib/base.h"
#include <check.h>

#include "../../queue/envelope.h"

static struct arena *arena;
static struct buf text;
static struct err err;

static void set_up(void)
{
	arena = arena_new(1024);
	buf_init(&text, ENVELOPE_MAX);
	err.text[0] = '\0';
}

static void tear_down(void)
{
	arena_free(&arena);
	buf_free(&text);
}

/* The lines of ENV, parsed again. */
static struct envelope round_trip(const struct envelope *env)
{
	struct envelope out;
	buf_clear(&text);
	ck_assert_msg(envelope_write(env, &text, &err), "%s", err.text);
	char *copy = arena_view_dup(arena, buf_view(&text));
	ck_assert_msg(envelope_parse(copy, text.len, arena, &out, &err), "%s\n%s", err.text, buf_text(&text));
	return out;
}

static struct envelope_rcpt one_rcpt = { .address = "bob@example.net", .domain = "example.net", .orcpt = "", .status = RCPT_TODO, .last = "" };

static struct envelope simple(void)
{
	return (struct envelope){ .sender = "alice@example.com", .envid = "", .ret = "", .client = "", .helo = "", .auth_user = "",
		.tls = "", .session = "", .arrived = 1, .rcpt_count = 1, .rcpts = &one_rcpt };
}

START_TEST(all_fields)
{
	struct envelope_rcpt rcpts[] = {
		{ "bob@example.net", "example.net", NOTIFY_SUCCESS | NOTIFY_DELAY, "rfc822;Bob@example.net", RCPT_TODO, 0, "" },
		{ "\"a b\"@example.org", "example.org", NOTIFY_NEVER, "", RCPT_DONE, 0, "mx.example.org [192.0.2.1] 250 2.0.0 ok" },
		{ "postmaster", "", 0, "", RCPT_FAILED, 0, "x [::1] 550 5.1.1 100% no\r\nsuch user" },
	};
	struct envelope_note notes[] = { { "tag", "" }, { "x.y", "two\nlines and 50%" } };
	struct envelope env = { .sender = "alice@example.com", .envid = "id 1", .ret = "HDRS", .arrived = 1763690000123456, .flags = 127,
		.client = "192.0.2.7", .helo = "mx.example", .auth_user = "alice", .tls = "TLS1.3 AES", .session = "s1", .attempts = 7,
		.next = 1763699999, .deliver_by = 1763799999, .by_mode = "NT", .hold_until = 1763700000, .priority = -9,
		.rcpt_count = COUNT_OF(rcpts), .note_count = COUNT_OF(notes), .rcpts = rcpts, .notes = notes };
	struct envelope out = round_trip(&env);

	ck_assert_str_eq(out.sender, env.sender);
	ck_assert_str_eq(out.envid, env.envid);
	ck_assert_str_eq(out.ret, env.ret);
	ck_assert_str_eq(out.client, env.client);
	ck_assert_str_eq(out.helo, env.helo);
	ck_assert_str_eq(out.auth_user, env.auth_user);
	ck_assert_str_eq(out.tls, env.tls);
	ck_assert_str_eq(out.session, env.session);
	ck_assert_int_eq(out.arrived, env.arrived);
	ck_assert_int_eq(out.next, env.next);
	ck_assert_int_eq(out.deliver_by, env.deliver_by);
	ck_assert_str_eq(out.by_mode, env.by_mode);
	ck_assert_int_eq(out.hold_until, env.hold_until);
	ck_assert_int_eq(out.priority, env.priority);
	ck_assert_uint_eq(out.flags, env.flags);
	ck_assert_uint_eq(out.attempts, env.attempts);
	ck_assert_uint_eq(out.rcpt_count, env.rcpt_count);
	ck_assert_uint_eq(out.note_count, env.note_count);
	for (size_t i = 0; i < COUNT_OF(notes); i++) {
		ck_assert_str_eq(out.notes[i].key, notes[i].key);
		ck_assert_str_eq(out.notes[i].value, notes[i].value);
	}
	envelope_locate(&env, buf_view(&text));
	for (size_t i = 0; i < COUNT_OF(rcpts); i++) {
		ck_assert_str_eq(out.rcpts[i].address, rcpts[i].address);
		ck_assert_str_eq(out.rcpts[i].domain, rcpts[i].domain);
		ck_assert_str_eq(out.rcpts[i].orcpt, rcpts[i].orcpt);
		ck_assert_str_eq(out.rcpts[i].last, rcpts[i].last);
		ck_assert_uint_eq(out.rcpts[i].notify, rcpts[i].notify);
		ck_assert_int_eq((int)out.rcpts[i].status, (int)rcpts[i].status);
		ck_assert_uint_eq(out.rcpts[i].status_at, rcpts[i].status_at);
		ck_assert_int_eq(text.data[rcpts[i].status_at], (int)rcpts[i].status);
	}
}
END_TEST

/* Every byte in every text field, alone and as what an attacker would like to become a record. */
START_TEST(hostile_values)
{
	char value[64];
	struct envelope_note note = { value, value };
	struct envelope_rcpt rcpt = one_rcpt;
	struct envelope env = simple();
	env.sender = env.envid = env.ret = env.client = env.helo = env.auth_user = env.tls = env.session = value;
	rcpt.address = rcpt.domain = rcpt.orcpt = rcpt.last = value;
	env.rcpts = &rcpt;
	env.notes = &note;
	env.note_count = 1;
	if (_i == 0)
		memcpy(value, "%", 2);
	else
		snprintf(value, sizeof value, "%c\nrcpt T evil@x x 0  \n%c%%0A %c", _i, _i, _i);
	struct envelope out = round_trip(&env);
	ck_assert_uint_eq(out.rcpt_count, 1);
	ck_assert_uint_eq(out.note_count, 1);
	const char *all[] = { out.sender, out.envid, out.ret, out.client, out.helo, out.auth_user, out.tls, out.session,
		out.notes[0].key, out.notes[0].value, out.rcpts[0].address, out.rcpts[0].domain, out.rcpts[0].orcpt, out.rcpts[0].last };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		ck_assert_str_eq(all[i], value);
	ck_assert_ptr_null(memchr(text.data, '\r', text.len));
}
END_TEST

#define GOOD "from a@b\narrived 5\n"
#define RCPT "rcpt T x@y y 0  \n"

static const struct { const char *text; bool good; } parse_cases[] = {
	{ GOOD RCPT, true },
	{ GOOD "rcpt D x@y y 15 o l l\n", true },
	{ "from \narrived 9223372036854775807\n" RCPT, true },
	{ GOOD "flags \n" RCPT, true },
	{ GOOD "flags 8bit bounce\nattempts 4294967295\n" RCPT, true },
	{ "", false }, { "\n", false }, { GOOD, false }, { RCPT, false },
	{ "arrived 5\n" RCPT, false }, { "from a@b\n" RCPT, false },
	{ GOOD GOOD RCPT, false },				/* twice */
	{ GOOD RCPT "rcpt", false },				/* no line end */
	{ GOOD RCPT "\n", false }, { GOOD RCPT " \n", false }, { GOOD "from\n" RCPT, false },
	{ GOOD "colour blue\n" RCPT, false },			/* unknown */
	{ GOOD "envid a%0\n" RCPT, false }, { GOOD "envid %zz\n" RCPT, false }, { GOOD "envid %00\n" RCPT, false },
	{ GOOD "envid %0a\n" RCPT, false }, { GOOD "envid %41\n" RCPT, false }, { GOOD "envid a\tb\n" RCPT, false },
	{ GOOD "envid \x7f\n" RCPT, false }, { GOOD "envid %\n" RCPT, false },
	{ GOOD "flags 8bit purple\n" RCPT, false }, { GOOD "flags 8bit  dots\n" RCPT, false },
	{ GOOD "attempts 4294967296\n" RCPT, false }, { GOOD "attempts -1\n" RCPT, false }, { GOOD "attempts \n" RCPT, false },
	{ "from a@b\narrived 9223372036854775808\n" RCPT, false },
	{ GOOD "by 7\nby-mode RT\nhold 9\npriority -9\n" RCPT, true }, { GOOD "priority 10\n" RCPT, false },
	{ GOOD "priority --1\n" RCPT, false }, { GOOD "priority -\n" RCPT, false }, { GOOD "by -1\n" RCPT, false },
	{ GOOD "note key\n" RCPT, false },
	{ GOOD "rcpt T x@y y 0 \n", false }, { GOOD "rcpt T x@y y 64  \n", false }, { GOOD "rcpt Q x@y y 0  \n", false },
	{ GOOD "rcpt TT x@y y 0  \n", false }, { GOOD "rcpt  x@y y 0  \n", false }, { GOOD "rcpt T\n", false },
	{ GOOD "rcpt T x%20y y 0  \n", true }, { GOOD "rcpt T x y 0  %20\n", false },
};

START_TEST(parse_case)
{
	struct envelope out;
	char *copy = arena_strdup(arena, parse_cases[_i].text);
	ck_assert_msg(envelope_parse(copy, strlen(copy), arena, &out, &err) == parse_cases[_i].good, "%s", parse_cases[_i].text);
	ck_assert_int_eq(err.text[0] == '\0', parse_cases[_i].good);
}
END_TEST

START_TEST(nul_inside)
{
	struct envelope out;
	char lines[] = GOOD "envid a\0b\n" RCPT;
	ck_assert(!envelope_parse(lines, sizeof lines - 1, arena, &out, &err));
}
END_TEST

/* What the parser would refuse for its size, the writer refuses too. */
START_TEST(limits)
{
	struct envelope env = simple(), out;
	char *big = arena_alloc(arena, ENVELOPE_LINE_MAX + 1);
	memset(big, 'x', ENVELOPE_LINE_MAX);
	env.envid = big;
	ck_assert(!envelope_write(&env, &text, &err));
	big[ENVELOPE_LINE_MAX - strlen("envid ") - 1] = '\0';
	round_trip(&env);
	big[ENVELOPE_LINE_MAX - strlen("envid ") - 1] = 'x';
	buf_clear(&text);
	buf_printf(&text, GOOD RCPT "envid %s\n", big);
	ck_assert(!envelope_parse(text.data, text.len, arena, &out, &err));

	env = simple();
	env.rcpt_count = 0;
	ck_assert(!envelope_write(&env, &text, &err));
	env.rcpt_count = ENVELOPE_RCPTS_MAX + 1;
	ck_assert(!envelope_write(&env, &text, &err));
	env.rcpt_count = 1;
	env.note_count = ENVELOPE_NOTES_MAX + 1;
	ck_assert(!envelope_write(&env, &text, &err));
	buf_clear(&text);
	buf_puts(&text, GOOD RCPT);
	for (int i = 0; i <= ENVELOPE_NOTES_MAX; i++)
		buf_puts(&text, "note a b\n");
	ck_assert(!envelope_parse(text.data, text.len, arena, &out, &err));
}
END_TEST

START_TEST(too_many_recipients)
{
	struct envelope out;
	buf_puts(&text, GOOD);
	for (int i = 0; i < ENVELOPE_RCPTS_MAX; i++)
		buf_puts(&text, RCPT);
	char *copy = arena_view_dup(arena, buf_view(&text));
	ck_assert_msg(envelope_parse(copy, text.len, arena, &out, &err), "%s", err.text);
	ck_assert_uint_eq(out.rcpt_count, ENVELOPE_RCPTS_MAX);
	buf_puts(&text, RCPT);
	ck_assert(!envelope_parse(text.data, text.len, arena, &out, &err));
}
END_TEST

/* The checksum sees every byte but the status bytes. */
START_TEST(sum_masks_status)
{
	char lines[] = "from a@b\narrived 5\nnote rcpt x\nrcpt T x@y y 0  \nrcpt D z@y y 0  \n";
	struct view all = view_make(lines, strlen(lines));
	uint32_t sum = envelope_sum(7, all);
	for (size_t i = 0; i < all.len; i++) {
		char was = lines[i];
		bool status = i > 5 && strncmp(lines + i - 6, "\nrcpt ", 6) == 0;
		lines[i] = was == 'F' ? 'X' : 'F';
		ck_assert_msg((envelope_sum(7, all) == sum) == status, "byte %zu", i);
		lines[i] = was;
	}
	ck_assert_uint_ne(envelope_sum(8, all), sum);
}
END_TEST

/* Random damage: no crash, and no memory touched that is not ours (the sanitizers look). */
START_TEST(random_damage)
{
	static const char start[] = GOOD "flags 8bit dots\nnote a b%0A\n" RCPT "rcpt F \"q%20q\"@y y 4 rfc822;z h [1] 550 no\n";
	uint32_t seed = 1;
	for (int round = 0; round < 20000; round++) {
		struct envelope out;
		char copy[sizeof start];
		memcpy(copy, start, sizeof start);
		for (int i = 0; i < 3; i++) {
			seed = seed * 1664525u + 1013904223u;
			copy[(seed >> 8) % (sizeof start - 1)] = (char)(seed >> 24);
		}
		arena_reset(arena);
		err.text[0] = '\0';
		if (!envelope_parse(copy, sizeof copy - 1, arena, &out, &err))
			ck_assert_str_ne(err.text, "");
	}
}
END_TEST

static Suite *envelope_suite(void)
{
	Suite *s = suite_create("envelope");
	TCase *t = tcase_create("envelope");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, all_fields);
	tcase_add_loop_test(t, hostile_values, 0, 256);
	tcase_add_loop_test(t, parse_case, 0, (int)COUNT_OF(parse_cases));
	tcase_add_test(t, nul_inside);
	tcase_add_test(t, limits);
	tcase_add_test(t, too_many_recipients);
	tcase_add_test(t, sum_masks_status);
	tcase_add_test(t, random_damage);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(envelope_suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
