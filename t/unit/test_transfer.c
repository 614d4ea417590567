/* test_transfer.c - base64 and quoted-printable, right and wrong, whole and in pieces of every size. */
#include "unit.h"
#include "../../lib/buf.h"
#include "../../lib/transfer.h"

#define B TRANSFER_BASE64
#define QP TRANSFER_QUOTED
#define S40 "                                        "

static const struct { enum transfer_kind kind; const char *in, *out; } cases[] = {
	{ TRANSFER_IDENTITY, "", "" }, { TRANSFER_IDENTITY, "a=41 \r\n", "a=41 \r\n" },
	{ B, "", "" }, { B, "Zm9vYmFy", "foobar" }, { B, "Zm9vYg==", "foob" }, { B, "Zm9vYmE=", "fooba" }, { B, "Zm9v\r\nYmFy\r\n", "foobar" },
	{ B, " Z m\t9-v!YmFy", "foobar" }, { B, "Zm9vYg", "foob" }, { B, "Zm9vYmE", "fooba" }, { B, "Zm9vY", "foo" }, { B, "Zg==Zg==", "ff" },
	{ B, "Zg=Zg==", "ff" }, { B, "====", "" }, { B, "Zg==\r\n--x\r\n", "f" }, { B, "\xff\xfe", "" },
	{ QP, "", "" }, { QP, "a=3Db", "a=b" }, { QP, "a=3db", "a=b" }, { QP, "=41=42=43", "ABC" }, { QP, "one=\r\ntwo", "onetwo" }, { QP, "one=\ntwo", "onetwo" },
	{ QP, "one= \t \r\ntwo", "onetwo" }, { QP, "one \t \r\ntwo", "one\r\ntwo" }, { QP, "one \ntwo", "one\ntwo" }, { QP, "one two", "one two" }, { QP, "one=20\r\n", "one \r\n" },
	{ QP, "end ", "end" }, { QP, "end=", "end" }, { QP, "end= ", "end" }, { QP, "end=\r", "end" }, { QP, "a=", "a" }, { QP, "a=4", "a=4" }, { QP, "a=4G", "a=4G" }, { QP, "a=G4", "a=G4" },
	{ QP, "==41", "=A" }, { QP, "=\r=41", "=\rA" }, { QP, "a_b", "a_b" }, { QP, "caf\xc3\xa9", "caf\xc3\xa9" }, { QP, "a\r\n\r\nb", "a\r\n\r\nb" }, { QP, "= x", "= x" },
	{ QP, S40 S40 S40 S40 "\r\nx", S40 S40 S40 S40 "\r\nx" } /* longer than a line can be: not all is looked through */,
	{ QP, "=" S40 S40 S40 S40 "x", "=" S40 S40 S40 S40 "x" }, { QP, S40 S40 S40 S40 "x", S40 S40 S40 S40 "x" },
	{ TRANSFER_Q, "a_b=20c=3D_", "a b c= " }, { TRANSFER_Q, "a =", "a =" }, { TRANSFER_Q, "=\r\nx", "=\r\nx" }, { TRANSFER_Q, "=4", "=4" },
};

/* Takes at least TRANSFER_WINDOW octets at a time, as callers must. */
static void decode(size_t i, size_t piece, size_t room, struct buf *out)
{
	struct view rest = view_of(cases[i].in);
	struct transfer t;
	char some[256];
	size_t used, n;

	transfer_begin(&t, cases[i].kind);
	do {
		struct view in = view_head(rest, piece);

		n = transfer_decode(&t, in, in.len == rest.len, some, room, &used);
		ck_assert_msg(n <= room && used <= in.len && (used || n || !in.len), "%s: stuck", cases[i].in);
		buf_put(out, some, n);
		rest = view_skip(rest, used);
	} while (rest.len);
}

START_TEST(table)
{
	static const size_t rooms[] = { 3, 4, 5, 7, 64, 256 };

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t k = 0; k < COUNT_OF(rooms); k++)
			for (size_t piece = TRANSFER_WINDOW; piece < TRANSFER_WINDOW + 4; piece++) {
				struct buf out;

				buf_init(&out, 1000);
				decode(i, piece, rooms[k], &out);
				ck_assert_msg(strcmp(buf_text(&out), cases[i].out) == 0, "%s: %s", cases[i].in, buf_text(&out));
				buf_free(&out);
			}
}
END_TEST

/* Quoted-printable that is all blanks, or all "=": time in proportion to its length. */
START_TEST(long_runs)
{
	static char in[4 << 20], out[4096];
	static const char fills[][3] = { " ", "=", "= ", "\t", " =" };

	for (size_t i = 0; i < COUNT_OF(fills); i++) {
		struct transfer t;
		struct view rest = view_make(in, sizeof(in));
		size_t used, total = 0;

		for (size_t k = 0; k < sizeof(in); k++)
			in[k] = fills[i][k % strlen(fills[i])];
		transfer_begin(&t, QP);
		while (rest.len) {
			total += transfer_decode(&t, view_head(rest, 8192), rest.len <= 8192, out, sizeof(out), &used);
			rest = view_skip(rest, used);
		}
		ck_assert_uint_ge(total, sizeof(in) - TRANSFER_WINDOW);
	}
}
END_TEST

START_TEST(names)
{
	bool known;

	ck_assert(transfer_named(VIEW("BASE64"), &known) == TRANSFER_BASE64 && known);
	ck_assert(transfer_named(VIEW("Quoted-Printable"), &known) == TRANSFER_QUOTED && known);
	ck_assert(transfer_named(VIEW("8bit"), &known) == TRANSFER_IDENTITY && known);
	ck_assert(transfer_named(VIEW("x-uuencode"), &known) == TRANSFER_IDENTITY && !known);
	ck_assert(transfer_named(VIEW(""), &known) == TRANSFER_IDENTITY && !known);
}
END_TEST

UNIT_MAIN("transfer", table, long_runs, names)
