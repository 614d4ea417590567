/* test_convert.c - messages for servers that lack 8BITMIME or BINARYMIME: what is encoded and how, what stays, what is refused. In
 * the tables "|" stands for CRLF. */
#include "unit.h"
#include "../../queue/convert.h"
#include "../../queue/encode.h"
#include <sys/mman.h>

static struct arena *arena;

static struct view with_lines(const char *text)
{
	return unit_lines(text, arena_alloc(arena, 2 * strlen(text) + 1));
}

/* TEXT without what AWAY says, as it goes into DATA, into OUT; NULL, or why not. */
static const char *convert(struct view text, unsigned away, struct buf *out)
{
	struct spool_file f = { .fd = memfd_create("message", MFD_CLOEXEC), .message_at = 3, .message_len = text.len };
	struct conversion c;
	struct content content;
	struct err err = { "" };
	const char *why = NULL;

	ck_assert_int_eq(write(f.fd, "xyz", 3), 3);
	ck_assert_int_eq(write(f.fd, text.data, text.len), (ssize_t)text.len);
	buf_init(out, 1 << 26);
	if (convert_plan(&f, "", away, arena, &c, &why)) {
		content_init(&content, f.fd, 3, text.len, 0, "");
		content_replace(&content, c.pieces, c.count);
		while (!content.finished)
			ck_assert_msg(content_fill(&content, out, &err), "%s", err.text);
		why = NULL;
	}
	close(f.fd);
	return why;
}

#define PART "Content-Type: text/plain; charset=utf-8|"
#define BOTH (CONVERT_8BIT | CONVERT_BINARY)

static const struct { unsigned away; const char *in, *out; } table[] = {
	/* nothing of it is in the way */
	{ CONVERT_8BIT, "X: y||body|", "X: y||body|.|" },
	{ BOTH, "Content-Transfer-Encoding: base64||eA==|", "Content-Transfer-Encoding: base64||eA==|.|" },
	/* text, mostly ASCII; its label replaced, or put in; a message that is no MIME */
	{ CONVERT_8BIT, "MIME-Version: 1.0|" PART "Content-Transfer-Encoding: 8bit|X: y||Gr\xc3\xbc\xc3\x9f" "e an alle, die das = lesen |.|",
	  "MIME-Version: 1.0|" PART "Content-Transfer-Encoding: quoted-printable|X: y||Gr=C3=BC=C3=9F" "e an alle, die das =3D lesen=20|..|.|" },
	{ CONVERT_8BIT, "MIME-Version: 1.0|" PART "||\xc3\xbc and more than that|",
	  "MIME-Version: 1.0|" PART "Content-Transfer-Encoding: quoted-printable|||=C3=BC and more than that|.|" },
	{ CONVERT_8BIT, "Subject: x||\xfc and more than that|", "Subject: x|MIME-Version: 1.0|Content-Type: text/plain; charset=unknown-8bit|"
	  "Content-Transfer-Encoding: quoted-printable||=FC and more than that|.|" },
	{ CONVERT_8BIT, PART "|\xfc and more than that", PART "MIME-Version: 1.0|Content-Transfer-Encoding: quoted-printable||=FC and more than that|.|" },
	/* text, mostly not; not text */
	{ CONVERT_8BIT, "MIME-Version: 1.0|" PART "|\xc3\xbc|", "MIME-Version: 1.0|" PART "Content-Transfer-Encoding: base64||w7wNCg==|.|" },
	{ CONVERT_8BIT, "MIME-Version: 1.0|Content-Type: image/x|Content-Transfer-Encoding: 8bit||abcdefgh\xff|",
	  "MIME-Version: 1.0|Content-Type: image/x|Content-Transfer-Encoding: base64||YWJjZGVmZ2j/DQo=|.|" },
	/* only the part in question; labels around it */
	{ CONVERT_8BIT, "MIME-Version: 1.0|Content-Transfer-Encoding: 8bit|Content-Type: multipart/mixed; boundary=b||pre|--b|X: 1||plain|--b|" PART "|a lot of ASCII \xfc|--b--|",
	  "MIME-Version: 1.0|Content-Transfer-Encoding: 7bit|Content-Type: multipart/mixed; boundary=b||pre|--b|X: 1||plain|--b|" PART
	  "Content-Transfer-Encoding: quoted-printable||a lot of ASCII =FC|--b--|.|" },
	/* 8-bit stays where only binary must go */
	{ CONVERT_BINARY, "Content-Type: multipart/mixed; boundary=b|Content-Transfer-Encoding: binary||--b|" PART "Content-Transfer-Encoding: binary||\xc3\xbc|--b|"
	  "Content-Type: image/x|Content-Transfer-Encoding: binary||a\nb\rc|--b--|",
	  "Content-Type: multipart/mixed; boundary=b|Content-Transfer-Encoding: 8bit||--b|" PART "Content-Transfer-Encoding: 8bit||\xc3\xbc|--b|"
	  "Content-Type: image/x|Content-Transfer-Encoding: base64||YQpiDWM=|--b--|.|" },
	{ BOTH, "MIME-Version: 1.0|Content-Type: image/x|Content-Transfer-Encoding: binary||a\n", "MIME-Version: 1.0|Content-Type: image/x|Content-Transfer-Encoding: base64||YQo=|.|" },
	/* a message in a message */
	{ CONVERT_8BIT, "Content-Type: message/rfc822|Content-Transfer-Encoding: 8bit||MIME-Version: 1.0|" PART "|a lot of ASCII \xfc|",
	  "Content-Type: message/rfc822|Content-Transfer-Encoding: 7bit||MIME-Version: 1.0|" PART "Content-Transfer-Encoding: quoted-printable||a lot of ASCII =FC|.|" },
	/* signed, and not in the way: not an octet changes */
	{ BOTH, "DKIM-Signature: x|Content-Transfer-Encoding: binary||body|", "DKIM-Signature: x|Content-Transfer-Encoding: binary||body|.|" },
	/* a soft line break does not make a boundary */
	{ CONVERT_8BIT, "MIME-Version: 1.0|Content-Type: multipart/mixed; boundary=b||--b|" PART
	  "|\xc3\xbc" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa--b|--b--|",
	  "MIME-Version: 1.0|Content-Type: multipart/mixed; boundary=b||--b|" PART "Content-Transfer-Encoding: quoted-printable||"
	  "=C3=BC" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=|=2D-b|--b--|.|" },
};

START_TEST(converted)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct buf out;
		const char *why = convert(with_lines(table[i].in), table[i].away, &out);
		struct view expected = with_lines(table[i].out);

		ck_assert_msg(!why, "%s: %s", table[i].in, why);
		ck_assert_msg(view_eq(buf_view(&out), expected), "%s:\n%s\nexpected:\n%.*s", table[i].in, buf_text(&out), VIEW_FMT(expected));
		buf_free(&out);
	}
}
END_TEST

static const struct { unsigned away; const char *in, *why; } refusals[] = {
	{ CONVERT_8BIT, "Subject: \xfc||x|", "its header" }, { CONVERT_8BIT, "Content-Type: multipart/mixed; boundary=b||\xfc|--b--|", "its header" },
	{ CONVERT_BINARY, "Subject: a\rb||x|", "its header" }, { CONVERT_BINARY, "Subject: a\n\nx", "its header" },
	{ CONVERT_8BIT, "DKIM-Signature: x||\xfc|", "signature" }, { CONVERT_BINARY, "ARC-Message-Signature: x||a\n|", "signature" },
	{ CONVERT_8BIT, "Content-Type: multipart/signed; boundary=b||--b||\xfc|--b--|", "signature" },
	{ CONVERT_8BIT, "Content-Type: message/partial||\xfc|", "of a kind" }, { CONVERT_8BIT, "Content-Transfer-Encoding: base64||\xfc|", "does not allow" },
	{ CONVERT_8BIT, "Content-Type: multipart/mixed||\xfc|", "no boundary" },
};

START_TEST(refused)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct buf out;
		const char *why = convert(with_lines(refusals[i].in), refusals[i].away, &out);

		ck_assert_msg(why && strstr(why, refusals[i].why), "%s: %s", refusals[i].in, why ? why : buf_text(&out));
		buf_free(&out);
	}
}
END_TEST

START_TEST(too_large)
{
	static char text[CONVERT_MAX + 1];
	struct buf out;

	memset(text, 'x', sizeof(text));
	ck_assert_str_eq(convert(view_make(text, sizeof(text)), CONVERT_8BIT, &out), "it is too large to be converted");
	buf_free(&out);
}
END_TEST

/* ---- encoders: in pieces as in one go ---- */

typedef size_t encoder(struct view in, bool last, size_t *column, struct buf *out);

static void encode_in(encoder *encode, struct view in, size_t piece, struct buf *out)
{
	size_t column = 0, have = 0;

	buf_init(out, 1 << 22);
	while (have < in.len || have == 0) {
		struct view head = view_head(view_skip(in, have), piece);
		size_t used = encode(head, have + head.len == in.len, &column, out);

		ck_assert_uint_le(used, head.len);
		ck_assert(used > 0 || in.len == 0);
		have += used;
		if (in.len == 0)
			break;
	}
}

START_TEST(pieces)
{
	static encoder *const encoders[] = { encode_base64, encode_quoted };
	char text[3000];

	srand(1);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "\r\n\t =-.a\xff\0zZ"[rand() % 13];
	for (size_t e = 0; e < COUNT_OF(encoders); e++) {
		struct buf whole, cut;

		encode_in(encoders[e], view_make(text, sizeof(text)), sizeof(text), &whole);
		for (size_t n = 64; n < 400; n += 7) {
			encode_in(encoders[e], view_make(text, sizeof(text)), n, &cut);
			ck_assert(view_eq(buf_view(&whole), buf_view(&cut)));
			buf_free(&cut);
		}
		for (struct view rest = buf_view(&whole); rest.len;)
			ck_assert_uint_le(view_cut(&rest, '\n').len, 77);
		buf_free(&whole);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { converted, refused, too_large, pieces };
	int failed;

	arena = arena_new(4096);
	failed = unit_run("convert", tests, COUNT_OF(tests));
	arena_free(&arena);
	return failed;
}
