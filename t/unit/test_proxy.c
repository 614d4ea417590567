/* test_proxy.c - PROXY headers: what is one and what is none, in both versions, whole and octet by octet, and that not an octet
 * behind it is touched. */
#include "unit.h"
#include "../../lib/proxy.h"

static struct buf header;

/* The header at the start of TEXT, in pieces of PIECE; what is left of TEXT goes to *REST. */
static enum proxy_feed feed(struct view text, size_t piece, struct view *rest, struct err *err)
{
	enum proxy_feed fed = PROXY_MORE;

	buf_clear(&header);
	while (text.len && fed == PROXY_MORE) {
		size_t used;

		fed = proxy_feed(&header, view_head(text, piece), &used, err);
		text = view_skip(text, used);
	}
	*rest = text;
	return fed;
}

static const char *told(const struct proxy_header *h)
{
	static char text[2 * NETADDR_TEXT + 32];
	char from[NETADDR_TEXT], to[NETADDR_TEXT];

	if (h->client != PROXY_ADDRESS)
		return h->client == PROXY_LOCAL ? "local" : "unknown";
	snprintf(text, sizeof(text), "%s %u %s %u", netaddr_text(&h->source, from), h->source.port, netaddr_text(&h->destination, to), h->destination.port);
	return text;
}

/* WANT NULL: it is refused. */
static void check(struct view text, const char *want)
{
	static const size_t pieces[] = { 1, 2, 15, 16, 17, 65536 };

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		char followed[1024];
		struct err err = { "" };
		struct proxy_header h;
		struct view rest;

		ck_assert_uint_le(text.len, 1000);
		memcpy(followed, text.data, text.len);
		memcpy(followed + text.len, "EHLO x\n", 7);
		enum proxy_feed fed = feed(view_make(followed, text.len + 7), pieces[i], &rest, &err);
		bool good = fed == PROXY_WHOLE && proxy_parse(buf_view(&header), &h, &err);

		ck_assert_msg(good == (want != NULL), "\"%.*s\": %s", VIEW_FMT(text), good ? told(&h) : err.text);
		ck_assert(good || (*err.text && view_is_printable(view_of(err.text))));
		if (good) {
			ck_assert_str_eq(told(&h), want);
			ck_assert(view_eq(rest, VIEW("EHLO x\n")));
		}
	}
}

static const struct { const char *text, *want; } lines[] = {
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n", "192.0.2.1 56324 198.51.100.2 25" },
	{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535 255.255.255.255 65535" },
	{ "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0 0.0.0.0 0" },
	{ "PROXY TCP6 2001:db8::1 ::1 1 25\r\n", "2001:db8::1 1 ::1 25" },
	{ "PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", NULL },
	{ "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 25\r\n", "192.0.2.1 1 2001:db8::2 25" },
	{ "PROXY UNKNOWN\r\n", "unknown" }, { "PROXY UNKNOWN ffff::1 junk\x01 \xff 65535\r\n", "unknown" },
	{ "PROXY UNKNOWN \r\n", "unknown" },
	{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "unknown" },	/* 107 */
	{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n", NULL },	/* 108 */
	{ "PROXY UNKNOWNx\r\n", NULL }, { "PROXY UNKNOWN\n", NULL }, { "PROXY UNKNOWN\rx\n", NULL }, { "PROXY \r\n", NULL }, { "PROXY \n", NULL },
	{ "PROXY TCP4\r\n", NULL }, { "PROXY TCP4 192.0.2.1\r\n", NULL }, { "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", NULL },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 1 25 \r\n", NULL }, { "PROXY TCP4  192.0.2.1 198.51.100.2 1 25\r\n", NULL },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 01 25\r\n", NULL }, { "PROXY TCP4 192.0.2.1 198.51.100.2 1 025\r\n", NULL },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n", NULL }, { "PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n", NULL },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2  25\r\n", NULL }, { "PROXY TCP4 192.0.2.1 198.51.100.2 1 0x19\r\n", NULL },
	{ "PROXY TCP4 192.0.2.01 198.51.100.2 1 25\r\n", NULL }, { "PROXY TCP4 192.0.2 198.51.100.2 1 25\r\n", NULL },
	{ "PROXY TCP4 [192.0.2.1] 198.51.100.2 1 25\r\n", NULL }, { "PROXY TCP4 ::1 198.51.100.2 1 25\r\n", NULL },
	{ "PROXY TCP6 192.0.2.1 ::1 1 25\r\n", NULL }, { "PROXY TCP6 [::1] ::1 1 25\r\n", NULL }, { "PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n", NULL },
	{ "PROXY TCP4 localhost 198.51.100.2 1 25\r\n", NULL }, { "PROXY TCP5 192.0.2.1 198.51.100.2 1 25\r\n", NULL },
	{ "PROXY UDP4 192.0.2.1 198.51.100.2 1 25\r\n", NULL }, { "proxy TCP4 192.0.2.1 198.51.100.2 1 25\r\n", NULL },
	{ "PROXY tcp4 192.0.2.1 198.51.100.2 1 25\r\n", NULL }, { "PROXY\tTCP4 192.0.2.1 198.51.100.2 1 25\r\n", NULL },
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 1 25\n", NULL }, { "PROXY TCP4 192.0.2.1 198.51.100.2 1 25\r\r\n", NULL },
	{ "EHLO PROXY\r\n", NULL }, { "\x16\x03\x01", NULL }, { "\r\n", NULL }, { "PROXX", NULL },
};

START_TEST(test_version_1)
{
	buf_init(&header, PROXY_HEADER_MAX);
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		check(view_of(lines[i].text), lines[i].want);
	check(VIEW("PROXY UNKNOWN \0\r\n"), "unknown");
	buf_free(&header);
}
END_TEST

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x00\x19"		/* 192.0.2.1:56324 to 198.51.100.2:25 */
#define V4_TOLD "192.0.2.1 56324 198.51.100.2 25"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" "\0\x01\0\x19"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" "\0\x01\0\x19"
#define CASE(text, want) { VIEW(text), want }

static const struct { struct view text; const char *want; } binaries[] = {
	CASE(SIGNATURE "\x21\x11\0\x0c" V4, V4_TOLD),
	CASE(SIGNATURE "\x21\x21\0\x24" V6, "2001:db8::1 1 ::1 25"),
	CASE(SIGNATURE "\x21\x21\0\x24" MAPPED, "192.0.2.1 1 ::1 25"),
	/* the proxy itself; family and the rest are nothing to us */
	CASE(SIGNATURE "\x20\0\0\0", "local"), CASE(SIGNATURE "\x20\x11\0\x0c" V4, "local"), CASE(SIGNATURE "\x20\xff\0\x05" "xxxxx", "local"),
	CASE(SIGNATURE "\x21\0\0\0", "unknown"), CASE(SIGNATURE "\x21\0\0\x03" "\x04\0\0", "unknown"), CASE(SIGNATURE "\x21\0\0\x01" "x", "unknown"),
	/* vectors: of no octets, of unknown type, several */
	CASE(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0", V4_TOLD), CASE(SIGNATURE "\x21\x11\0\x11" V4 "\xea\0\x02zz", V4_TOLD),
	CASE(SIGNATURE "\x21\x11\0\x16" V4 "\x02\0\x04host\x04\0\0", V4_TOLD),
	/* a checksum that is wrong; for right ones see below */
	CASE(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0", NULL),
	/* versions, commands, families, transports that there are not */
	CASE(SIGNATURE "\x11\x11\0\x0c" V4, NULL), CASE(SIGNATURE "\x31\x11\0\x0c" V4, NULL), CASE(SIGNATURE "\x22\x11\0\x0c" V4, NULL),
	CASE(SIGNATURE "\x01\x11\0\x0c" V4, NULL), CASE(SIGNATURE "\x21\x12\0\x0c" V4, NULL), CASE(SIGNATURE "\x21\x10\0\x0c" V4, NULL),
	CASE(SIGNATURE "\x21\x22\0\x24" V6, NULL), CASE(SIGNATURE "\x21\x41\0\x0c" V4, NULL), CASE(SIGNATURE "\x21\xff\0\x0c" V4, NULL),
	CASE(SIGNATURE "\x21\x01\0\0", NULL),
	/* lengths that do not fit: addresses cut off, vectors cut off or longer than what there is */
	CASE(SIGNATURE "\x21\x11\0\0", NULL), CASE(SIGNATURE "\x21\x11\0\x0b" "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x00", NULL),
	CASE(SIGNATURE "\x21\x21\0\x0c" V4, NULL), CASE(SIGNATURE "\x21\x31\0\x0c" V4, NULL), CASE(SIGNATURE "\x21\x11\0\x0d" V4 "\x04", NULL),
	CASE(SIGNATURE "\x21\x11\0\x0e" V4 "\x04\0", NULL), CASE(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\x01", NULL),
	CASE(SIGNATURE "\x21\x11\0\x10" V4 "\x04\xff\xff" "x", NULL), CASE(SIGNATURE "\x21\x11\0\x12" V4 "\x03\0\x03" "abc", NULL),
	/* not the signature */
	CASE("\r\n\r\n\0\r\nQUIT\r\n", NULL), CASE("\r\n\r\n\0\r\nquit\n\x21\x11\0\x0c" V4, NULL), CASE("\r\n\r\n\r\n\r\nQUIT\n\x21\0\0\0", NULL),
};

START_TEST(test_version_2)
{
	buf_init(&header, PROXY_HEADER_MAX);
	for (size_t i = 0; i < COUNT_OF(binaries); i++)
		check(binaries[i].text, binaries[i].want);
	buf_free(&header);
}
END_TEST

START_TEST(test_unix)
{
	char text[PROXY_V2_FIXED + 216];

	memset(text, 0, sizeof(text));
	memcpy(text, SIGNATURE "\x21\x31\0\xd8", PROXY_V2_FIXED);
	snprintf(text + PROXY_V2_FIXED, 108, "/run/smtp.sock");
	buf_init(&header, PROXY_HEADER_MAX);
	check(view_make(text, sizeof(text)), "unknown");
	text[15] = (char)0xd7;
	check(view_make(text, sizeof(text) - 1), NULL);
	buf_free(&header);
}
END_TEST

/* The checksums were computed by a program of another make (Python, table-driven), of these very headers. */
START_TEST(test_checksum)
{
	static const struct view good[] = {
		VIEW(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04" "\x7f\xab\x4a\xb2"),
		VIEW(SIGNATURE "\x21\x11\0\x1a" V4 "\x02\0\x04host" "\x03\0\x04" "\x3f\xf2\x1a\xea"),
		VIEW(SIGNATURE "\x21\x11\0\x16" V4 "\x03\0\x04" "\x72\xe0\xc9\x29" "\x04\0\0"),
	};
	char bad[64];

	buf_init(&header, PROXY_HEADER_MAX);
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		check(good[i], V4_TOLD);
		for (size_t bit = 0; bit < 8 * 12; bit++) {	/* of the addresses */
			struct err err = { "" };
			struct proxy_header h;

			memcpy(bad, good[i].data, good[i].len);
			bad[PROXY_V2_FIXED + bit / 8] ^= (char)(1 << bit % 8);
			ck_assert(!proxy_parse(view_make(bad, good[i].len), &h, &err) && strstr(err.text, "wrong checksum"));
		}
	}
	check(VIEW(SIGNATURE "\x21\x11\0\x1a" V4 "\x03\0\x04" "\x7f\xab\x4a\xb2" "\x03\0\x04" "\x7f\xab\x4a\xb2"), NULL);	/* two of them */
	buf_free(&header);
}
END_TEST

/* As long as the length field can say. */
START_TEST(test_longest)
{
	static char text[PROXY_HEADER_MAX + 1];
	static const size_t pieces[] = { 1, 1024, sizeof(text) };
	struct view rest;
	struct err err = { "" };
	struct proxy_header h;

	memcpy(text, SIGNATURE "\x21\x11\xff\xff" V4, PROXY_V2_FIXED + 12);
	for (size_t at = PROXY_V2_FIXED + 12; at < PROXY_HEADER_MAX; ) {
		size_t len = PROXY_HEADER_MAX - at - 3 < 60000 ? PROXY_HEADER_MAX - at - 3 : 60000;

		text[at] = 0x04;
		text[at + 1] = (char)(len >> 8);
		text[at + 2] = (char)len;
		at += 3 + len;
	}
	buf_init(&header, PROXY_HEADER_MAX);
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		ck_assert_int_eq(feed(view_make(text, sizeof(text)), pieces[i], &rest, &err), PROXY_WHOLE);
		ck_assert_uint_eq(rest.len, 1);
		ck_assert_msg(proxy_parse(buf_view(&header), &h, &err), "%s", err.text);
		ck_assert_str_eq(told(&h), V4_TOLD);
	}
	ck_assert(!proxy_parse(view_make(text, PROXY_HEADER_MAX - 1), &h, &err));
	buf_free(&header);
}
END_TEST

UNIT_MAIN("proxy", test_version_1, test_version_2, test_unix, test_checksum, test_longest)
