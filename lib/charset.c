/* charset.c - see charset.h. UTF-8, and Latin-1 and its kin, are converted here; the rest by iconv(3), of which only the sets named below
 * are used: others would load code of the C library that no mail needs, and a name from outside is never handed to it. */
#include "base.h"
#include "charset.h"
#include <iconv.h>

#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD */

/* Names in mail, each with the name that iconv(3) has for it. Microsoft's supersets stand in for the sets they extend, as everywhere. */
static const struct { const char *name, *iconv; } sets[] = {
	{ "iso-8859-2", "ISO-8859-2" }, { "iso-8859-3", "ISO-8859-3" }, { "iso-8859-4", "ISO-8859-4" }, { "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" }, { "iso-8859-7", "ISO-8859-7" }, { "iso-8859-8", "ISO-8859-8" }, { "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "ISO-8859-9" }, { "iso-8859-10", "ISO-8859-10" }, { "iso-8859-11", "CP874" }, { "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" }, { "iso-8859-15", "ISO-8859-15" }, { "iso-8859-16", "ISO-8859-16" },
	{ "windows-1250", "CP1250" }, { "windows-1251", "CP1251" }, { "windows-1253", "CP1253" }, { "windows-1254", "CP1254" },
	{ "windows-1255", "CP1255" }, { "windows-1256", "CP1256" }, { "windows-1257", "CP1257" }, { "windows-1258", "CP1258" },
	{ "cp1250", "CP1250" }, { "cp1251", "CP1251" }, { "windows-874", "CP874" }, { "tis-620", "CP874" },
	{ "koi8-r", "KOI8-R" }, { "koi8-u", "KOI8-U" }, { "ibm866", "CP866" }, { "cp866", "CP866" }, { "ibm850", "CP850" }, { "cp850", "CP850" },
	{ "ibm437", "CP437" }, { "cp437", "CP437" }, { "macintosh", "MACINTOSH" },
	{ "gb2312", "GB18030" }, { "gbk", "GB18030" }, { "gb18030", "GB18030" }, { "big5", "BIG5-HKSCS" }, { "big5-hkscs", "BIG5-HKSCS" },
	{ "shift_jis", "CP932" }, { "windows-31j", "CP932" }, { "cp932", "CP932" }, { "euc-jp", "EUC-JP" }, { "iso-2022-jp", "ISO-2022-JP" },
	{ "euc-kr", "UHC" }, { "ks_c_5601-1987", "UHC" }, { "iso-2022-kr", "ISO-2022-KR" },
	{ "utf-7", "UTF-7" }, { "utf-16", "UTF-16" }, { "utf-16le", "UTF-16LE" }, { "utf-16be", "UTF-16BE" },
};

static bool one_of(struct view name, const char *const *names)
{
	for (; *names; names++)
		if (view_case_eq(name, view_of(*names)))
			return true;
	return false;
}

static void *open_iconv(struct view name)
{
	for (size_t i = 0; i < COUNT_OF(sets); i++)
		if (view_case_eq(name, view_of(sets[i].name)))
			return iconv_open("UTF-8", sets[i].iconv);
	return (iconv_t)-1;
}

bool charset_begin(struct charset *c, struct view name)
{
	static const char *const utf8[] = { "", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968", NULL };
	static const char *const latin[] = { "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252", NULL };

	*c = (struct charset){ .kind = CHARSET_UTF8, .cd = (iconv_t)-1 };
	if (one_of(name, utf8))
		return true;
	c->kind = CHARSET_LATIN;
	if (one_of(name, latin))
		return true;
	c->cd = open_iconv(name);
	c->kind = c->cd == (iconv_t)-1 ? CHARSET_UNKNOWN : CHARSET_ICONV;
	return c->kind == CHARSET_ICONV;
}

void charset_end(struct charset *c)
{
	if (c->cd != (iconv_t)-1)
		iconv_close(c->cd);
	c->cd = (iconv_t)-1;
}

/* Windows-1252, of which ISO 8859-1 is a part but for controls that no mail means. */
static unsigned latin_code(unsigned char c)
{
	static const uint16_t high[32] = {
		0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
		0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
	};

	return c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c;
}

static size_t put_code(unsigned code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | code >> 12);
	out[1] = (char)(0x80 | (code >> 6 & 0x3f));
	out[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

/* Whether the sequence that begins V may go on behind its end. */
static bool cut_short(struct view v)
{
	unsigned char first = (unsigned char)v.data[0];
	size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0xc2 || first > 0xf4 || v.len >= len)
		return false;
	for (size_t i = 1; i < v.len; i++)
		if (((unsigned char)v.data[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* One character of UTF-8, or one octet that is none: its length; 0 when more is needed to tell. */
static size_t utf8_step(struct view v, bool last, char *out, size_t *len)
{
	size_t n = (unsigned char)v.data[0] < 0x80 ? 1 : view_utf8(v);

	if (n == 0 && !last && cut_short(v))
		return 0;
	*len = n ? n : strlen(REPLACEMENT);
	memcpy(out, n ? v.data : REPLACEMENT, *len);
	return n ? n : 1;
}

static size_t by_hand(const struct charset *c, struct view in, bool last, char *out, size_t size, size_t *used)
{
	size_t len = 0, n, k = 0;

	for (*used = 0; *used < in.len && len + 4 <= size; *used += n, len += k) {
		struct view rest = view_skip(in, *used);
		unsigned char octet = (unsigned char)rest.data[0];

		n = 1;
		if (c->kind == CHARSET_UTF8)
			n = utf8_step(rest, last, out + len, &k);
		else
			k = put_code(c->kind == CHARSET_LATIN ? latin_code(octet) : octet < 0x80 ? octet : 0xfffd, out + len);
		if (n == 0)
			break;
	}
	return len;
}

static size_t by_iconv(const struct charset *c, struct view in, bool last, char *out, size_t size, size_t *used)
{
	char *from = (char *)(uintptr_t)in.data, *to = out;
	size_t left = in.len, room = size;

	while (left > 0) {
		if (iconv(c->cd, &from, &left, &to, &room) != (size_t)-1)
			break;
		if (errno == E2BIG || (errno == EINVAL && !last) || room < strlen(REPLACEMENT))
			break;
		memcpy(to, REPLACEMENT, strlen(REPLACEMENT));
		to += strlen(REPLACEMENT);
		room -= strlen(REPLACEMENT);
		from++;
		left--;
	}
	*used = in.len - left;
	return size - room;
}

size_t charset_convert(struct charset *c, struct view in, bool last, char *out, size_t size, size_t *used)
{
	return c->kind == CHARSET_ICONV ? by_iconv(c, in, last, out, size, used) : by_hand(c, in, last, out, size, used);
}

void charset_text(struct charset *c, struct view text, struct buf *out)
{
	char piece[1024];
	size_t used, n;

	while (text.len && !out->failed) {
		n = charset_convert(c, text, true, piece, sizeof(piece), &used);
		buf_put(out, piece, n);
		text = view_skip(text, used);
	}
	if (c->kind == CHARSET_ICONV)
		iconv(c->cd, NULL, NULL, NULL, NULL);
}

void charset_tidy(struct buf *out, size_t from)
{
	for (size_t i = from; i < out->len; i++)
		if ((unsigned char)out->data[i] < ' ' || out->data[i] == 0x7f)
			out->data[i] = ' ';
}
