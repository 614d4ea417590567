/* dsn.c - see dsn.h. */
#include "dsn.h"
#include <strings.h>

#define ENVID_MAX 100		/* characters, encoded: RFC 3461 4.4 */
#define ORCPT_MAX 500		/* RFC 3461 4.2 */

/* RFC 3461 4: printable ASCII but for "+" and "=" stands for itself. False for octets that it cannot hold. */
static bool put_xtext(struct buf *out, struct view v)
{
	size_t before = out->len;

	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.data[i];

		if (c < 0x20 || c > 0x7e) {
			buf_cut(out, before);
			return false;
		}
		if (c == ' ' || c == '+' || c == '=')
			buf_printf(out, "+%02X", c);
		else
			buf_putc(out, (char)c);
	}
	return true;
}

/* The code point of a sequence of LEN octets that is known to be right (RFC 3629 3). */
static uint32_t code_point(struct view v, size_t len)
{
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)v.data[0] & first[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)v.data[i] & 0x3f);
	return code;
}

bool dsn_put_utf8_address(struct buf *out, struct view v)
{
	size_t before = out->len, n;

	for (; v.len; v = view_skip(v, n)) {
		n = (unsigned char)v.data[0] < 0x80 ? 1 : view_utf8(v);
		uint32_t code = n ? code_point(v, n) : 0;

		if (code == 0) {
			buf_cut(out, before);
			return false;
		}
		if (code > 0x20 && code < 0x7f && code != '+' && code != '=' && code != '\\')
			buf_putc(out, (char)code);
		else
			buf_printf(out, code < 0x10 ? "\\x{0%X}" : "\\x{%X}", code);
	}
	return true;
}

struct view dsn_split_orcpt(const char *orcpt, struct view *type)
{
	struct view rest = view_of(orcpt);

	*type = view_cut(&rest, ';');
	if (type->len == strlen(orcpt))
		*type = view_head(*type, 0);
	return rest;
}

void dsn_put_mail(struct buf *out, const struct envelope *env)
{
	size_t before = out->len;

	/* nobody to report to: RFC 3461 6.1 */
	if (*env->sender && (strcasecmp(env->ret, "FULL") == 0 || strcasecmp(env->ret, "HDRS") == 0))
		buf_printf(out, " RET=%s", env->ret);
	if (!*env->envid)
		return;
	before = out->len;
	buf_puts(out, " ENVID=");
	size_t start = out->len;
	if (!put_xtext(out, view_of(env->envid)) || out->len - start > ENVID_MAX)
		buf_cut(out, before);
}

static void put_notify(struct buf *out, unsigned notify)
{
	static const struct { unsigned bit; const char *word; } words[] = {
		{ NOTIFY_SUCCESS, "SUCCESS" }, { NOTIFY_FAILURE, "FAILURE" }, { NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";

	if (notify & NOTIFY_NEVER) {	/* stands alone: RFC 3461 4.1 */
		buf_puts(out, " NOTIFY=NEVER");
		return;
	}
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!(notify & words[i].bit))
			continue;
		buf_printf(out, "%s%s", before, words[i].word);
		before = ",";
	}
}

void dsn_put_rcpt(struct buf *out, const struct envelope_rcpt *rcpt)
{
	struct view type, address;
	size_t before;

	put_notify(out, rcpt->notify);
	if (!*rcpt->orcpt)
		return;
	address = dsn_split_orcpt(rcpt->orcpt, &type);
	before = out->len;
	buf_puts(out, " ORCPT=");
	size_t start = out->len;
	bool good = type.len && address.len && put_xtext(out, type) && buf_putc(out, ';');
	good = good && (view_case_eq(type, VIEW("utf-8")) ? dsn_put_utf8_address(out, address) : put_xtext(out, address));
	if (!good || out->len - start > ORCPT_MAX)
		buf_cut(out, before);
}
