/* view.c - looking at, comparing and cutting up sized pieces of memory. Nothing here allocates, and nothing
 * reads a byte whose index has not been compared with the length first. */
#include "base.h"
#include "view.h"

struct view view_make(const char *data, size_t len)
{
	return (struct view){ data, len };
}

struct view view_of(const char *text)
{
	return text ? view_make(text, strlen(text)) : view_make("", 0);
}

/* memcmp and friends must not be given NULL, not even for no bytes. */
static bool same_bytes(const char *a, const char *b, size_t len)
{
	return len == 0 || memcmp(a, b, len) == 0;
}

/* Not tolower(3), which follows the locale. */
static unsigned char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : (unsigned char)c;
}

static bool same_folded(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

bool view_eq(struct view a, struct view b)
{
	return a.len == b.len && same_bytes(a.data, b.data, a.len);
}

bool view_case_eq(struct view a, struct view b)
{
	return a.len == b.len && same_folded(a.data, b.data, a.len);
}

bool view_starts(struct view v, struct view prefix)
{
	return v.len >= prefix.len && same_bytes(v.data, prefix.data, prefix.len);
}

bool view_case_starts(struct view v, struct view prefix)
{
	return v.len >= prefix.len && same_folded(v.data, prefix.data, prefix.len);
}

bool view_case_ends(struct view v, struct view suffix)
{
	return v.len >= suffix.len && view_case_eq(view_skip(v, v.len - suffix.len), suffix);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

struct view view_trim(struct view v)
{
	while (v.len && is_space(v.data[0]))
		v = view_skip(v, 1);
	while (v.len && is_space(v.data[v.len - 1]))
		v.len--;
	return v;
}

size_t view_find(struct view v, char c)
{
	const char *at = v.len ? memchr(v.data, c, v.len) : NULL;

	return at ? (size_t)(at - v.data) : v.len;
}

struct view view_head(struct view v, size_t n)
{
	return view_make(v.data, n < v.len ? n : v.len);
}

struct view view_skip(struct view v, size_t n)
{
	if (n == 0)
		return v;
	if (n > v.len)
		n = v.len;
	return view_make(v.len ? v.data + n : v.data, v.len - n);
}

struct view view_cut(struct view *rest, char sep)
{
	size_t at = view_find(*rest, sep);
	struct view head = view_head(*rest, at);

	*rest = view_skip(*rest, at < rest->len ? at + 1 : at);
	return head;
}

struct view view_word(struct view *rest)
{
	struct view word;
	size_t n = 0;

	while (rest->len && is_blank(rest->data[0]))
		*rest = view_skip(*rest, 1);
	while (n < rest->len && !is_blank(rest->data[n]))
		n++;
	word = view_head(*rest, n);
	*rest = view_skip(*rest, n);
	return word;
}

bool view_u64(struct view v, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		unsigned digit = (unsigned char)v.data[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

bool view_has_line_break(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] == '\r' || v.data[i] == '\n' || v.data[i] == '\0')
			return true;
	return false;
}

bool view_is_ascii(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.data[i] > 0x7f)
			return false;
	return true;
}

bool view_is_printable(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] < 0x20 || v.data[i] > 0x7e)
			return false;
	return true;
}

uint64_t view_hash(uint64_t hash, struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		hash = (hash ^ (unsigned char)v.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

bool view_copy(struct view v, char *out, size_t size)
{
	if (size == 0)
		return false;
	out[0] = '\0';
	if (v.len >= size || (v.len && memchr(v.data, '\0', v.len)))
		return false;
	if (v.len)
		memcpy(out, v.data, v.len);
	out[v.len] = '\0';
	return true;
}

size_t view_utf8(struct view v)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *p = (const unsigned char *)v.data;

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (v.len < forms[i].len || p[0] < forms[i].first_low || p[0] > forms[i].first_high)
			continue;
		if (p[1] < forms[i].second_low || p[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

bool view_is_utf8(struct view v)
{
	while (v.len) {
		size_t n = (unsigned char)v.data[0] < 0x80 ? 1 : view_utf8(v);

		if (!n)
			return false;
		v = view_skip(v, n);
	}
	return true;
}
