/* parameter_dsn.c - what a sender wants to hear of a message's fate (RFC 3461), and the xtext that such values come in. */
#include "../lib/base.h"
#include "../queue/spool.h"
#include "parameter_value.h"

#define ENVID_MAX 100		/* characters as they are given: RFC 3461 4.4 */
#define ORCPT_MAX 500		/* RFC 3461 4.2 */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octet that the xtext at the start of V stands for; *USED is how much of it. -1: not xtext, or nothing printable. */
static int xtext_octet(struct view v, size_t *used)
{
	int octet = (unsigned char)v.data[0];

	*used = 1;
	if (octet == '+') {
		*used = 3;
		if (v.len < 3 || hex(v.data[1]) < 0 || hex(v.data[2]) < 0)
			return -1;
		octet = hex(v.data[1]) * 16 + hex(v.data[2]);
		return octet < 0x20 || octet > 0x7e ? -1 : octet;
	}
	return octet <= ' ' || octet > '~' || octet == '=' ? -1 : octet;
}

bool parameter_xtext_valid(struct view v)
{
	size_t used, len = v.len;

	for (; v.len; v = view_skip(v, used))
		if (xtext_octet(v, &used) < 0)
			return false;
	return len > 0;
}

const char *parameter_xtext_decode(struct view v, struct arena *a)
{
	char *text, *to;
	size_t used;

	if (!parameter_xtext_valid(v))
		return NULL;
	text = to = arena_alloc(a, v.len + 1);
	for (; v.len; v = view_skip(v, used))
		*to++ = (char)xtext_octet(v, &used);
	return text;
}

enum value parameter_ret(struct view v, struct value_in *in)
{
	in->p->ret = view_case_eq(v, VIEW("FULL")) ? "FULL" : "HDRS";
	return value_good(view_case_eq(v, view_of(in->p->ret)));
}

enum value parameter_envid(struct view v, struct value_in *in)
{
	if (v.len <= ENVID_MAX)
		in->text = parameter_xtext_decode(v, in->arena);
	return value_good(in->text != NULL);
}

static unsigned notify_bit(struct view word)
{
	static const struct { struct view word; unsigned bit; } bits[] = {
		{ VIEW("NEVER"), NOTIFY_NEVER }, { VIEW("SUCCESS"), NOTIFY_SUCCESS },
		{ VIEW("FAILURE"), NOTIFY_FAILURE }, { VIEW("DELAY"), NOTIFY_DELAY },
	};

	for (size_t i = 0; i < COUNT_OF(bits); i++)
		if (view_case_eq(word, bits[i].word))
			return bits[i].bit;
	return 0;
}

enum value parameter_notify(struct view v, struct value_in *in)
{
	bool more;

	do {
		size_t comma = view_find(v, ',');
		unsigned bit = notify_bit(view_head(v, comma));

		if (!bit)
			return VALUE_BAD;
		in->p->notify |= bit;
		more = comma < v.len;
		v = view_skip(v, comma + 1);
	} while (more);
	/* RFC 3461 4.1: NEVER stands alone */
	return value_good(!(in->p->notify & NOTIFY_NEVER) || in->p->notify == NOTIFY_NEVER);
}

/* ---- ORCPT ---- */

static bool is_atom(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] <= ' ' || v.data[i] > '~' || strchr("()<>@,;:\\\"[].", v.data[i]))
			return false;
	return v.len > 0;
}

/* "\x{HEX}" at the start of V (RFC 6533 3, EmbeddedUnicodeChar); 0: none. */
static uint32_t embedded(struct view v, size_t *used)
{
	uint32_t code = 0;
	size_t end = view_find(v, '}');

	if (!view_starts(v, VIEW("\\x{")) || end == v.len || end < 5 || end > 9)
		return 0;
	for (size_t i = 3; i < end; i++) {
		char c = v.data[i] >= 'a' && v.data[i] <= 'f' ? (char)(v.data[i] - 'a' + 'A') : v.data[i];

		if (hex(c) < 0)
			return 0;
		code = code << 4 | (uint32_t)hex(c);
	}
	*used = end + 1;
	/* of ASCII only what cannot stand for itself */
	return code > 0x7f || code == ' ' || code == '+' || code == '=' || code == '\\' ? code : 0;
}

/* Not NUL and no control character, those of U+0080 to U+009F included: it becomes a line of a report. */
static bool is_graphic(uint32_t code)
{
	return code >= 0x20 && code != 0x7f && (code < 0x80 || code > 0x9f) && (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;
}

static char *put_utf8(char *to, uint32_t code)
{
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (len == 1) {
		*to = (char)code;
		return to + 1;
	}
	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(first[len] | code);
	return to + len;
}

/* The character at the start of V; 0: none that may stand here. */
static uint32_t utf8_character(struct view v, size_t *used)
{
	size_t len = view_utf8(v);

	if (len) {	/* as it is: SMTPUTF8 was given */
		*used = len;
		uint32_t code = (unsigned char)v.data[0] & (0x7fu >> len);
		for (size_t i = 1; i < len; i++)
			code = code << 6 | ((unsigned char)v.data[i] & 0x3f);
		return code;
	}
	if (v.data[0] == '\\')
		return embedded(v, used);
	int octet = xtext_octet(v, used);
	return octet < 0 ? 0 : (uint32_t)octet;
}

/* An address of the type utf-8 (RFC 6533 3) as the UTF-8 that it stands for; NULL when it is none. */
static const char *utf8_decode(struct view v, struct arena *a)
{
	char *text = arena_alloc(a, v.len + 1), *to = text;
	size_t used;

	for (; v.len; v = view_skip(v, used)) {
		uint32_t code = utf8_character(v, &used);

		if (!is_graphic(code))
			return NULL;
		to = put_utf8(to, code);	/* never longer than what stood for it */
	}
	return to > text ? text : NULL;
}

enum value parameter_orcpt(struct view v, struct value_in *in)
{
	struct view rest = v, type = view_cut(&rest, ';');
	const char *address;

	if (v.len > ORCPT_MAX || !is_atom(type))
		return VALUE_BAD;
	address = view_case_eq(type, VIEW("utf-8")) ? utf8_decode(rest, in->arena) : parameter_xtext_decode(rest, in->arena);
	if (!address)
		return VALUE_BAD;
	in->text = arena_printf(in->arena, "%.*s;%s", VIEW_FMT(type), address);
	return VALUE_GOOD;
}
