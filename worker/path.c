/* path.c - see path.h. */
#include "../lib/base.h"
#include "path.h"
#include "session.h"

/* qpsmtpd's plugin parse_addr_withhelo: who says HELO speaks RFC 821, where nothing stands behind a path, and is so old that
 * the angle brackets may be missing. */
static bool speaks_rfc821(const struct session *s)
{
	return s->settings->parse_addr_withhelo && !s->esmtp;
}

bool path_parse(struct session *s, struct command *c, const struct path_rule *rule, struct view *rest)
{
	unsigned lenient = s->settings->dont_require_anglebrackets || speaks_rfc821(s) ? ADDRESS_BARE_OK : 0;
	const char *why = "";

	*rest = c->args;
	if (!view_case_starts(*rest, rule->keyword)) {
		reply_set(&s->reply, 501, "5.5.4", "syntax: %s", rule->syntax);
		return false;
	}
	*rest = view_skip(*rest, rule->keyword.len);
	while (rest->len && *rest->data == ' ')	/* "FROM: <a@b>": wrong, and too common to refuse */
		*rest = view_skip(*rest, 1);
	if (!address_parse(rest, rule->flags | lenient, s->host->scratch, &c->address, &why)) {
		reply_set(&s->reply, 501, rule->enhanced, "bad %s address: %s", rule->who, why);
		return false;
	}
	*rest = view_trim(*rest);
	if (rest->len && speaks_rfc821(s)) {	/* RFC 5321 4.1.1.11 */
		reply_set(&s->reply, 555, "5.5.4", "no parameters after HELO; say EHLO");
		return false;
	}
	return true;
}

bool path_utf8_allowed(struct session *s, struct view address, bool given)
{
	if (given || view_is_ascii(address))
		return true;
	reply_set(&s->reply, 553, "5.6.7", "an address that is not ASCII needs MAIL with SMTPUTF8");
	return false;
}
