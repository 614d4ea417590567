/* test_headers.c - the header section: fields one by one, what may be added, what becomes of the message. */
#include "unit.h"
#include "../../lib/field.h"
#include "../../queue/spool.h"
#include "../../worker/headers.h"

#define ORIGINAL "From: a@b\r\nSubject: one\r\n two\r\nnonsense\r\nX-A: 1\r\nx-a : 2\r\n"

static void check_head(const struct headers *h, const char *want, uint64_t skip)
{
	struct buf out;

	buf_init(&out, 65536);
	ck_assert(headers_head(h, &out));
	assert_view_eq(buf_view(&out), want);
	ck_assert_uint_eq(headers_head_size(h), strlen(want));
	ck_assert_uint_eq(headers_skip(h), skip);
	buf_free(&out);
}

START_TEST(reading)
{
	struct arena *a = arena_new(1024);
	struct headers h;

	headers_begin(&h, a, view_of(ORIGINAL));
	ck_assert_uint_eq(headers_count(&h, "from"), 1);
	ck_assert_uint_eq(headers_count(&h, "X-A"), 2);
	ck_assert_uint_eq(headers_count(&h, "nonsense"), 0);
	ck_assert_str_eq(headers_get(&h, "Subject", 0, a), "one two");
	ck_assert_str_eq(headers_get(&h, "X-A", 1, a), "2");
	ck_assert_str_eq(headers_get(&h, "X-A", -1, a), "2");
	ck_assert_str_eq(headers_get(&h, "X-A", -2, a), "1");
	ck_assert_ptr_null(headers_get(&h, "X-A", -3, a));
	ck_assert_ptr_null(headers_get(&h, "X-A", 2, a));
	check_head(&h, "", 0);
	arena_free(&a);
}
END_TEST

START_TEST(writing)
{
	struct arena *a = arena_new(1024);
	struct headers h;

	headers_begin(&h, a, view_of(ORIGINAL));
	ck_assert(headers_prepend(&h, "X-One", "1", false));
	ck_assert(headers_prepend(&h, "X-Two", "2\n\tmore", false));
	check_head(&h, "X-Two: 2\r\n\tmore\r\nX-One: 1\r\n", 0);
	ck_assert_str_eq(headers_get(&h, "x-two", 0, a), "2\tmore");
	ck_assert(headers_append(&h, "X-Three", "3"));
	ck_assert_uint_eq(headers_remove(&h, "x-a"), 2);
	ck_assert_uint_eq(headers_remove(&h, "X-One"), 1);
	ck_assert_uint_eq(headers_remove(&h, "X-One"), 0);
	check_head(&h, "X-Two: 2\r\n\tmore\r\nFrom: a@b\r\nSubject: one\r\n two\r\nnonsense\r\nX-Three: 3\r\n", strlen(ORIGINAL));
	arena_free(&a);
}
END_TEST

static const struct { const char *name, *value; bool good; } fits[] = {
	{ "X", "", true }, { "X-Y", "a b", true }, { "X", "a\r\n b", true }, { "X", "a\n\tb", true }, { "X", "caf\xc3\xa9", true },
	{ "", "a", false }, { "X Y", "a", false }, { "X:", "a", false }, { "X\r\nY", "a", false }, { "X\xc3", "a", false },
	{ "X", "a\nb", false }, { "X", "a\r\nb", false }, { "X", "a\r\n", false }, { "X", "a\n", false }, { "X", "a\r b", false },
	{ "X", "a\n \n", false }, { "X", "a\n  ", false }, { "X", "a\x01", false }, { "X", "a\x7f", false }, { "X", "a\r\n\r\n b", false },
	{ "X", "a\r\n \r\n b", false }, { "X", "a\n\t \n b", false }, { "X", "a\r\n \r b", false }, { "X", "a\n b\n c", true }, { "X", "\r\n a", true },
};

START_TEST(fit)
{
	for (size_t i = 0; i < COUNT_OF(fits); i++) {
		struct arena *a = arena_new(1024);
		struct headers h;

		headers_begin(&h, a, VIEW(""));
		ck_assert_msg(headers_prepend(&h, fits[i].name, fits[i].value, false) == fits[i].good, "%zu", i);
		arena_free(&a);
	}
}
END_TEST

START_TEST(limit)
{
	struct arena *a = arena_new(1024);
	char value[801];
	struct headers h;
	size_t n = 0;

	memset(value, 'x', 800);
	value[800] = '\0';
	headers_begin(&h, a, VIEW(""));
	while (headers_prepend(&h, "X", value, false))
		n++;
	ck_assert_uint_eq(n, (HEADERS_ADDED_MAX - HEADERS_RESERVE) / 805);
	ck_assert(headers_prepend(&h, "Received", value, true));
	ck_assert_uint_le(headers_head_size(&h), HEADERS_ADDED_MAX);
	arena_free(&a);
}
END_TEST

/* Every operation on "A: 1 / B: 2 / a: 3" below one line that was added on top, and what is stored then. */
static const struct {
	char op;			/* insert, change, remove_at, append, prepend, Remove all */
	size_t index;
	const char *name, *value;
	bool good;
	const char *head;		/* stored in front of what is left of the original */
	bool rewritten;
} ops[] = {
	{ 'p', 0, "T", "x", true, "T: x\r\nO: 0\r\n", false },
	{ 'i', 0, "T", "x", true, "T: x\r\nO: 0\r\n", false },
	{ 'i', 1, "T", "x", true, "O: 0\r\nT: x\r\n", false },
	{ 'i', 2, "T", "x", true, "O: 0\r\nA: 1\r\nT: x\r\nB: 2\r\n b\r\nnone\r\na: 3\r\n", true },
	{ 'i', 5, "T", "x", true, "O: 0\r\nA: 1\r\nB: 2\r\n b\r\nnone\r\na: 3\r\nT: x\r\n", true },
	{ 'i', 99, "T", "x", true, "O: 0\r\nA: 1\r\nB: 2\r\n b\r\nnone\r\na: 3\r\nT: x\r\n", true },
	{ 'a', 0, "T", "x", true, "O: 0\r\nA: 1\r\nB: 2\r\n b\r\nnone\r\na: 3\r\nT: x\r\n", true },
	{ 'c', 0, "", "x\n y", true, "O: x\r\n y\r\n", false },
	{ 'c', 2, "", "x", true, "O: 0\r\nA: 1\r\nB: x\r\nnone\r\na: 3\r\n", true },
	{ 'c', 4, "", "", true, "O: 0\r\nA: 1\r\nB: 2\r\n b\r\nnone\r\na: \r\n", true },
	{ 'c', 3, "", "x", false, "O: 0\r\n", false },
	{ 'c', 5, "", "x", false, "O: 0\r\n", false },
	{ 'c', 1, "", "x\ny: z", false, "O: 0\r\n", false },
	{ 'r', 0, "", "", true, "", false },
	{ 'r', 1, "", "", true, "O: 0\r\nB: 2\r\n b\r\nnone\r\na: 3\r\n", true },
	{ 'r', 3, "", "", true, "O: 0\r\nA: 1\r\nB: 2\r\n b\r\na: 3\r\n", true },
	{ 'r', 5, "", "", false, "O: 0\r\n", false },
	{ 'r', SIZE_MAX, "", "", false, "O: 0\r\n", false },
	{ 'R', 2, "A", "", true, "O: 0\r\nB: 2\r\n b\r\nnone\r\n", true },
	{ 'R', 0, "none", "", true, "O: 0\r\n", false },
	{ 'R', 0, "", "", true, "O: 0\r\n", false },
};

static bool operate(struct headers *h, size_t i)
{
	switch (ops[i].op) {
	case 'p':
		return headers_prepend(h, ops[i].name, ops[i].value, false);
	case 'i':
		return headers_insert(h, ops[i].index, ops[i].name, ops[i].value);
	case 'a':
		return headers_append(h, ops[i].name, ops[i].value);
	case 'c':
		return headers_change(h, ops[i].index, ops[i].value);
	case 'r':
		return headers_remove_at(h, ops[i].index);
	default:
		return headers_remove(h, ops[i].name) == ops[i].index;
	}
}

#define THREE "A: 1\r\nB: 2\r\n b\r\nnone\r\na: 3\r\n"

START_TEST(operations)
{
	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		struct arena *a = arena_new(1024);
		struct headers h;

		headers_begin(&h, a, view_of(THREE));
		ck_assert(headers_prepend(&h, "O", "0", true));
		ck_assert_msg(operate(&h, i) == ops[i].good, "%zu", i);
		check_head(&h, ops[i].head, ops[i].rewritten ? strlen(THREE) : 0);
		arena_free(&a);
	}
}
END_TEST

START_TEST(walking)
{
	static const struct { const char *name, *raw; } want[] = {
		{ "T", "T: x\r\n" }, { "A", "A: 1\r\n" }, { "B", "B: 2\r\n b\r\n" }, { "", "none\r\n" }, { "a", "a: 3\r\n" } };
	struct arena *a = arena_new(1024);
	struct headers h;
	size_t index;

	headers_begin(&h, a, view_of(THREE));
	ck_assert(headers_prepend(&h, "T", "x", false));
	ck_assert_uint_eq(headers_total(&h), COUNT_OF(want));
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		assert_view_eq(field_name(headers_at(&h, i)), want[i].name);
		assert_view_eq(headers_at(&h, i)->raw, want[i].raw);
	}
	ck_assert_ptr_null(headers_at(&h, COUNT_OF(want)));
	ck_assert(headers_find(&h, "A", 0, &index) && index == 1);
	ck_assert(headers_find(&h, "a", -1, &index) && index == 4);
	ck_assert(!headers_find(&h, "A", 2, &index) && !headers_find(&h, "A", -3, &index) && !headers_find(&h, "", 0, &index));
	ck_assert(!headers_find(&h, "A", INT_MAX, &index) && !headers_find(&h, "A", INT_MIN, &index));
	arena_free(&a);
}
END_TEST

static const struct { const char *text, *name; size_t lines, fields; } surveys[] = {
	{ "", "Received", 0, 0 }, { "Received: a\r\n b\r\nreceived : c\r\nReceivedx: d\r\nReceived", "Received", 5, 2 },
	{ "X: Received: y\r\n Received: z\r\n", "Received", 2, 0 }, { "Received:", "Received", 1, 1 },
};

START_TEST(counting)
{
	for (size_t i = 0; i < COUNT_OF(surveys); i++) {
		struct headers h;
		size_t fields;

		headers_begin(&h, NULL, view_of(surveys[i].text));
		ck_assert_uint_eq(headers_lines(&h, surveys[i].name, &fields), surveys[i].lines);
		ck_assert_uint_eq(fields, surveys[i].fields);
	}
}
END_TEST

/* A message that is a header section and nothing else, its last line without an end. */
START_TEST(no_line_end)
{
	struct arena *a = arena_new(1024);
	struct headers h;

	headers_begin(&h, a, VIEW("A: 1\r\nB: 2"));
	ck_assert(headers_append(&h, "C", "3"));
	check_head(&h, "A: 1\r\nB: 2\r\nC: 3\r\n", 10);
	arena_free(&a);
}
END_TEST

/* What is taken away makes room; what is made in all has a limit, too. */
START_TEST(room)
{
	struct arena *a = arena_new(1024);
	char value[801];
	struct headers h;
	size_t n = 0;

	memset(value, 'x', 800);
	value[800] = '\0';
	headers_begin(&h, a, view_of(THREE));
	while (headers_append(&h, "X", value))
		n++;
	ck_assert(headers_change(&h, 4, value));
	ck_assert(headers_remove_at(&h, 4) && headers_append(&h, "X", value) && !headers_append(&h, "X", value));
	ck_assert_uint_le(headers_head_size(&h), SPOOL_HEAD_ROOM + headers_skip(&h));
	for (n = 0; headers_change(&h, 4, value) && n < 10000;)
		n++;
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_lt(n, 10000);
	ck_assert_uint_lt(arena_used(a), 3 * HEADERS_MADE_MAX);
	arena_free(&a);
}
END_TEST

START_TEST(versions)
{
	struct arena *a = arena_new(1024);
	struct headers h;

	headers_begin(&h, a, VIEW("Content-Type: text/plain\r\nSubject: x\r\n"));
	unsigned first = h.version;
	ck_assert(headers_prepend(&h, "X-A", "1", false) && headers_remove(&h, "subject") == 1 && h.version == first);
	ck_assert(headers_change(&h, 1, "text/html") && h.version != first);
	first = h.version;
	ck_assert(headers_append(&h, "content-language", "x") && h.version != first);
	first = h.version;
	ck_assert(headers_remove(&h, "content-TYPE") == 1 && h.version != first);
	arena_free(&a);
}
END_TEST

START_TEST(finding)
{
	struct field f;
	struct view section = VIEW(ORIGINAL "\r\nX-B: in the body\r\n");

	ck_assert(field_find(section, VIEW("x-a"), &f));
	assert_view_eq(f.raw, "X-A: 1\r\n");
	ck_assert(field_find(section, VIEW("SUBJECT"), &f));
	assert_view_eq(f.raw, "Subject: one\r\n two\r\n");
	ck_assert(!field_find(section, VIEW("X-B"), &f) && !field_find(section, VIEW("nonsense"), &f) && !field_find(VIEW(""), VIEW("X"), &f));
	ck_assert(!field_find(VIEW("\nX: 1\n"), VIEW("X"), &f) && field_find(VIEW("X: 1"), VIEW("X"), &f));
}
END_TEST

UNIT_MAIN("headers", reading, finding, writing, fit, limit, operations, walking, counting, no_line_end, room, versions)
