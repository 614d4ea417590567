/* address.c - reads a path as RFC 5321 4.1.2 writes it, in one pass and without going back: whatever is not in the
 * grammar is refused with a sentence that says what is wrong. */
#include "base.h"
#include "address.h"
#include "netaddr.h"

/* RFC 5321 4.5.3.1.3: a path, with its brackets. */
#define PATH_MAX_OCTETS (ADDRESS_MAX + 2)

/* What is left to read, and why reading failed. */
struct reader {
	struct view rest;
	unsigned flags;
	const char *why;
};

/* U+0080 to U+009F, U+2028 and U+2029: orders for terminals and printers, and line ends for some who read logs. */
static bool is_wide_control(struct view v)
{
	const unsigned char *p = (const unsigned char *)v.data;

	return (v.len > 1 && p[0] == 0xc2 && p[1] < 0xa0) ||
	       (v.len > 2 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9));
}

static bool fail(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static bool at(const struct reader *r, char c)
{
	return r->rest.len && r->rest.data[0] == c;
}

static bool take(struct reader *r, char c)
{
	if (!at(r, c))
		return false;
	r->rest = view_skip(r->rest, 1);
	return true;
}

/* Octets of the character at the start of V that is not ASCII (RFC 6531 3.3: UTF8-non-ascii), 0 when there is none. */
static size_t non_ascii(struct view v)
{
	return is_wide_control(v) ? 0 : view_utf8(v);
}

/* Octets of the next character of an atom (RFC 5322 atext, RFC 6531 adds UTF-8), 0 when it is none. */
static size_t atext(struct view v, bool utf8)
{
	unsigned char c;

	if (v.len == 0)
		return 0;
	c = (unsigned char)v.data[0];
	if (c > 0x7f)
		return utf8 ? non_ascii(v) : 0;
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return 1;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/* Of a quoted string: qtextSMTP or quoted-pairSMTP. */
static size_t qcontent(struct view v, bool utf8)
{
	unsigned char c;

	if (v.len == 0)
		return 0;
	c = (unsigned char)v.data[0];
	if (c > 0x7f)
		return utf8 ? non_ascii(v) : 0;
	if (c == '\\')
		return v.len > 1 && v.data[1] >= 0x20 && v.data[1] <= 0x7e ? 2 : 0;
	return c >= 0x20 && c <= 0x7e && c != '"';
}

/* What is wrong with the octet that stopped us. */
static bool fail_octet(struct reader *r, const char *why)
{
	if ((r->flags & ADDRESS_UTF8_OK) && is_wide_control(r->rest))
		return fail(r, "address holds a control character");
	if (r->rest.len && (unsigned char)r->rest.data[0] > 0x7f)
		return fail(r, r->flags & ADDRESS_UTF8_OK ? "address is not valid UTF-8" : "address holds octets over 127; SMTPUTF8 is needed");
	if (r->rest.len && ((unsigned char)r->rest.data[0] < 0x20 || r->rest.data[0] == 0x7f))
		return fail(r, "address holds a control character");
	return fail(r, why);
}

/* Dot-string or Quoted-string. */
static bool read_local(struct reader *r, struct view *local)
{
	struct view start = r->rest;
	bool utf8 = r->flags & ADDRESS_UTF8_OK, quoted = take(r, '"');
	size_t n;

	if (quoted) {
		while ((n = qcontent(r->rest, utf8)) > 0)
			r->rest = view_skip(r->rest, n);
		if (!take(r, '"'))
			return fail_octet(r, "quoted local part is not closed");
	} else {
		do {
			if (atext(r->rest, utf8) == 0)
				return fail_octet(r, "local part is missing, has an empty piece between dots, or needs quotes");
			while ((n = atext(r->rest, utf8)) > 0)
				r->rest = view_skip(r->rest, n);
		} while (take(r, '.'));
	}
	*local = view_head(start, start.len - r->rest.len);
	return true;
}

/* Domain or address literal; ends at the first octet that can belong to neither. */
static bool read_domain(struct reader *r, struct view *domain, bool *literal)
{
	struct view start = r->rest;
	struct netaddr addr;
	size_t n = 0;

	*literal = at(r, '[');
	if (*literal) {
		n = view_find(start, ']');
		if (n == start.len || !netaddr_parse_literal(view_skip(view_head(start, n), 1), &addr))
			return fail(r, "address literal is not valid");
		n++;
	}
	while (!*literal && n < start.len && !strchr(">,: \t", start.data[n]))
		n++;
	*domain = view_head(start, n);
	if (n == 0)
		return fail(r, "domain is missing");
	if (!*literal && !address_domain_valid(*domain, r->flags & ADDRESS_UTF8_OK))
		return fail(r, "domain name is not valid");
	r->rest = view_skip(start, n);
	return true;
}

/* A-d-l ":" (RFC 5321 appendix C: to be accepted, and ignored). */
static bool skip_source_route(struct reader *r)
{
	struct view domain;
	bool literal;

	if (!at(r, '@'))
		return true;
	do {
		if (!take(r, '@') || !read_domain(r, &domain, &literal))
			return fail(r, "source route is not valid");
	} while (take(r, ','));
	return take(r, ':') || fail(r, "source route is not valid");
}

static bool read_mailbox(struct reader *r, struct address *out)
{
	if (!skip_source_route(r) || !read_local(r, &out->local))
		return false;
	/* RFC 5321 4.5.1: the one name that needs no domain. */
	if (!at(r, '@') && (r->flags & ADDRESS_POSTMASTER_OK) && view_case_eq(out->local, VIEW("postmaster"))) {
		out->domain = view_head(r->rest, 0);
		out->literal = false;
		return true;
	}
	if (!take(r, '@'))
		return fail_octet(r, r->rest.len == 0 || at(r, '>') ? "domain is missing" : "local part holds a character that needs quotes");
	return read_domain(r, &out->domain, &out->literal);
}

/* Behind the path there is nothing, or a blank before the parameters. */
static bool at_end(const struct reader *r)
{
	return r->rest.len == 0 || at(r, ' ') || at(r, '\t');
}

static bool read_path(struct reader *r, struct address *out)
{
	struct view start = r->rest;
	bool bracket = take(r, '<');

	if (!bracket && !(r->flags & ADDRESS_BARE_OK))
		return fail(r, "address must be in angle brackets");
	if ((r->flags & ADDRESS_NULL_OK) && (bracket ? at(r, '>') : at_end(r))) {	/* "MAIL FROM:" and nothing, as qpsmtpd takes it */
		*out = (struct address){ .local = view_head(r->rest, 0), .domain = view_head(r->rest, 0) };
	} else if (!read_mailbox(r, out)) {
		return false;
	}
	if (bracket && !take(r, '>'))
		return fail_octet(r, "closing angle bracket is missing");
	if (!at_end(r))
		return fail_octet(r, "something stands behind the address without a blank");
	if (start.len - r->rest.len + (bracket ? 0 : 2) > PATH_MAX_OCTETS)
		return fail(r, "address is longer than 254 octets");
	return true;
}

/* The parts move from the command line into one text of the arena. */
static void keep(struct address *out, struct arena *a)
{
	size_t len = out->local.len + (out->domain.len ? 1 + out->domain.len : 0);
	char *text = arena_view_dup(a, view_make(out->local.data, len));

	out->text = text;
	out->local = view_make(text, out->local.len);
	out->domain = view_make(text + len - out->domain.len, out->domain.len);
}

bool address_parse(struct view *input, unsigned flags, struct arena *a, struct address *out, const char **why)
{
	struct reader r = { .rest = *input, .flags = flags };

	*out = (struct address){ .text = "" };
	if (!read_path(&r, out)) {
		*out = (struct address){ .text = "" };
		*why = r.why;
		return false;
	}
	keep(out, a);
	*input = r.rest;
	return true;
}

bool address_split(struct view text, unsigned flags, struct address *out)
{
	struct reader r = { .rest = text, .flags = flags | ADDRESS_BARE_OK };

	*out = (struct address){ .text = "", .local = view_head(text, 0), .domain = view_head(text, 0) };
	if (text.len == 0)
		return flags & ADDRESS_NULL_OK;
	if (text.data[0] != '<' && text.data[0] != '@' && read_path(&r, out) && r.rest.len == 0)
		return true;
	*out = (struct address){ .text = "" };
	return false;
}

bool address_parse_bare(struct view text, unsigned flags, struct arena *a, struct address *out)
{
	if (!address_split(text, flags, out))
		return false;
	if (text.len)
		keep(out, a);
	return true;
}

bool address_is_dot_string(struct view local)
{
	struct reader r = { .rest = local, .flags = ADDRESS_UTF8_OK };
	struct view read;

	return local.len && local.data[0] != '"' && read_local(&r, &read) && read.len == local.len;
}
