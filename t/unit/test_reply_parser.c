/* test_reply_parser.c - replies of remote servers: well-formed and odd ones, split at every byte, and those of
 * servers that mean harm: endless lines, endless replies, wrong codes, control bytes. */
#include "unit.h"
#include "../../lib/reply.h"

static const struct good {
	const char *in, *text, *enhanced;
	unsigned code;
	bool keep_lines;
} good[] = {
	{ "220 mx.example ESMTP\r\n", "mx.example ESMTP", "", 220, false },
	{ "250 2.1.0 Ok\r\n", "2.1.0 Ok", "2.1.0", 250, false },
	{ "250\r\n", "", "", 250, false },
	{ "250 \r\n", "", "", 250, false },
	{ "250\n", "", "", 250, false },
	{ "250-one\n250 two\n", "one two", "", 250, false },
	{ "250-\r\n250-\r\n250 x\r\n", "x", "", 250, false },
	{ "250-mx\r\n250-SIZE 5\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", "mx\nSIZE 5\nAUTH PLAIN\nSTARTTLS\n", "", 250, true },
	{ "250 mx\r\n", "mx\n", "", 250, true },
	{ "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n", "5.7.1 one two three", "5.7.1", 550, false },
	{ "550-one\r\n550-5.7.1 two\r\n550 5.7.2 three\r\n", "one 5.7.1 two 5.7.2 three", "5.7.1", 550, false },
	{ "550-5.7.1\r\n550 5.7.1\r\n", "5.7.1 ", "5.7.1", 550, false },
	{ "450 5.7.1 wrong class\r\n", "5.7.1 wrong class", "", 450, false },
	{ "450 4.7 not one\r\n", "4.7 not one", "", 450, false },
	{ "450 4.7.1000 not one\r\n", "4.7.1000 not one", "", 450, false },
	{ "450  4.7.1 not there\r\n", " 4.7.1 not there", "", 450, false },
	{ "450 4.7.1x\r\n", "4.7.1x", "", 450, false },
	{ "354 3.0.0 go\r\n", "3.0.0 go", "3.0.0", 354, false },
	{ "421 a\x1b[2J\tb\x7f\xff" "c\rd\r\n", "a?[2J?b??c?d", "", 421, false },
	{ "421 a\r\r\n", "a?", "", 421, false },
	{ "599 9\r\n", "9", "", 599, false },
};

/* Feeds in two pieces, cut at CUT. */
static enum reply_parse feed(struct reply_parser *p, struct view in, size_t cut, size_t *used)
{
	enum reply_parse result = reply_parser_feed(p, in.data, cut, used);
	size_t more = 0;

	if (result == REPLY_MORE) {
		ck_assert_uint_eq(*used, cut);
		result = reply_parser_feed(p, in.data + cut, in.len - cut, &more);
		*used += more;
	}
	return result;
}

static void check_good(const struct good *c, const struct reply_parser *p)
{
	ck_assert_uint_eq(p->code, c->code);
	ck_assert_str_eq(p->text, c->text);
	ck_assert_str_eq(p->enhanced, c->enhanced);
	ck_assert_uint_eq(p->text_len, strlen(c->text));
	ck_assert(p->last);
}

/* Another reply follows in the same piece and is not touched. */
START_TEST(test_good)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		size_t len = strlen(good[i].in);

		for (size_t cut = 0; cut <= len; cut++) {
			struct reply_parser p;
			size_t used;
			char *both;

			ck_assert_int_gt(asprintf(&both, "%s250 next\r\n", good[i].in), 0);
			reply_parser_start(&p, good[i].keep_lines);
			ck_assert_msg(feed(&p, view_of(both), cut, &used) == REPLY_DONE, "%s", both);
			ck_assert_uint_eq(used, len);
			ck_assert_uint_eq(p.bytes, len);
			check_good(&good[i], &p);
			free(both);
		}
	}
}
END_TEST

START_TEST(test_byte_by_byte)
{
	struct reply_parser p;
	size_t used;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		size_t len = strlen(good[i].in);

		reply_parser_start(&p, good[i].keep_lines);
		for (size_t k = 0; k < len; k++) {
			ck_assert_int_eq(reply_parser_feed(&p, good[i].in + k, 1, &used), k + 1 == len ? REPLY_DONE : REPLY_MORE);
			ck_assert_uint_eq(used, 1);
		}
		check_good(&good[i], &p);
	}
	reply_parser_start(&p, false);
	ck_assert_int_eq(reply_parser_feed(&p, NULL, 0, &used), REPLY_MORE);
}
END_TEST

START_TEST(test_bad)
{
	static const struct view bad[] = {
		VIEW("\r\n"), VIEW("\n"), VIEW("25\r\n"), VIEW("25 0 x\r\n"), VIEW("2500 x\r\n"), VIEW("250x\r\n"), VIEW("250\tx\r\n"), VIEW("abc x\r\n"),
		VIEW("150 x\r\n"), VIEW("099 x\r\n"), VIEW("600 x\r\n"), VIEW("999 x\r\n"), VIEW(" 250 x\r\n"), VIEW("+25 x\r\n"), VIEW("HTTP/1.1 400 Bad\r\n"),
		VIEW("250-one\r\n251 two\r\n"), VIEW("250-one\r\n550 two\r\n"), VIEW("250-one\r\ntwo\r\n"), VIEW("250-one\r\n\r\n"), VIEW("250-one\r\n250_two\r\n"),
		VIEW("\0\r\n"), VIEW("2\0" "50 x\r\n"), VIEW("250\0x\r\n"), VIEW("\x1b[2J\r\n"), VIEW("\xff\xff\xff x\r\n"),
		VIEW("\x16\x03\x01\x02\x00\x01\x00\n"),
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		for (size_t cut = 0; cut <= bad[i].len; cut++) {
			struct reply_parser p;
			size_t used;

			reply_parser_start(&p, false);
			ck_assert_msg(feed(&p, bad[i], cut, &used) == REPLY_BAD, "case %zu", i);
			ck_assert_int_eq(reply_parser_feed(&p, "250 ok\r\n", 8, &used), REPLY_BAD);
			reply_parser_start(&p, false);
			ck_assert_int_eq(reply_parser_feed(&p, "250 ok\r\n", 8, &used), REPLY_DONE);
		}
}
END_TEST

START_TEST(test_nul)
{
	struct view in = VIEW("250 a\0b\r\n");
	struct reply_parser p;
	size_t used;

	reply_parser_start(&p, false);
	ck_assert_int_eq(reply_parser_feed(&p, in.data, in.len, &used), REPLY_DONE);
	ck_assert_str_eq(p.text, "a?b");
}
END_TEST

START_TEST(test_many_lines)
{
	struct reply_parser p;
	size_t used;

	for (unsigned lines = REPLY_LINES_MAX - 1; lines <= REPLY_LINES_MAX + 1; lines++) {
		enum reply_parse result = REPLY_MORE;

		reply_parser_start(&p, false);
		for (unsigned i = 0; i + 1 < lines && result == REPLY_MORE; i++)
			result = reply_parser_feed(&p, "250-x\r\n", 7, &used);
		if (result == REPLY_MORE)
			result = reply_parser_feed(&p, "250 x\r\n", 7, &used);
		ck_assert_int_eq(result, lines <= REPLY_LINES_MAX ? REPLY_DONE : REPLY_BAD);
	}
	reply_parser_start(&p, true);
	for (unsigned i = 0; i < 1000; i++)
		if (reply_parser_feed(&p, "250-\r\n", 6, &used) == REPLY_BAD)
			return;
	ck_abort_msg("endless");
}
END_TEST

/* A megabyte without a line end, in pieces of many sizes: ends at the limit, whatever the pieces. */
START_TEST(test_endless_line)
{
	static char data[1 << 20];
	struct reply_parser p;
	size_t used;

	memset(data, 'x', sizeof(data));
	memcpy(data, "250 ", 4);
	for (size_t piece = 1; piece <= sizeof(data); piece = piece * 3 + 1) {
		enum reply_parse result = REPLY_MORE;
		size_t at = 0;

		reply_parser_start(&p, false);
		for (; at + piece <= sizeof(data) && result == REPLY_MORE; at += piece)
			result = reply_parser_feed(&p, data + at, piece, &used);
		ck_assert_int_eq(result, REPLY_BAD);
		ck_assert_uint_le(at, REPLY_BYTES_MAX + piece);
	}
	/* Long, but within it: the text is cut, the code is there. */
	data[REPLY_BYTES_MAX - 2] = '\r';
	data[REPLY_BYTES_MAX - 1] = '\n';
	reply_parser_start(&p, false);
	ck_assert_int_eq(reply_parser_feed(&p, data, REPLY_BYTES_MAX, &used), REPLY_DONE);
	ck_assert_uint_eq(used, REPLY_BYTES_MAX);
	ck_assert_uint_eq(p.code, 250);
	ck_assert_uint_le(strlen(p.text), sizeof(p.text) - 1);
	reply_parser_start(&p, false);
	data[REPLY_BYTES_MAX] = '\n';
	data[REPLY_BYTES_MAX - 1] = 'x';
	ck_assert_int_eq(reply_parser_feed(&p, data, REPLY_BYTES_MAX + 1, &used), REPLY_BAD);
}
END_TEST

/* Lines around the size of the line buffer, and texts around that of the text. */
START_TEST(test_long_lines)
{
	for (size_t n = 1000; n < 1100; n++)
		for (int keep = 0; keep < 2; keep++) {
			char line[1200];
			struct reply_parser p;
			size_t used, len = (size_t)snprintf(line, sizeof(line), "250 %0*d\r\n", (int)n, 0);

			reply_parser_start(&p, keep);
			ck_assert_int_eq(reply_parser_feed(&p, line, len, &used), REPLY_DONE);
			ck_assert_uint_eq(strlen(p.text), p.text_len);
			ck_assert_uint_ge(p.text_len, 1000);
			ck_assert_uint_eq(strspn(p.text, "0\n"), p.text_len);
		}
}
END_TEST

UNIT_MAIN("reply_parser", test_good, test_byte_by_byte, test_bad, test_nul, test_many_lines, test_endless_line, test_long_lines)
