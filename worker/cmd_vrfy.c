/* cmd_vrfy.c - VRFY: says neither yes nor no unless a plugin does (RFC 5321 3.5.3, 7.3). Behind the string the client may say
 * SMTPUTF8 (RFC 6531 3.7.4.2), which lets UTF-8 into it. Our replies are ASCII in any case. */
#include "../lib/base.h"
#include "path.h"
#include "session.h"

/* Takes SMTPUTF8 off the end of *ARGS; false when it is not there. */
static bool take_utf8(struct view *args)
{
	static const struct view keyword = VIEW(" SMTPUTF8");

	if (!view_case_ends(*args, keyword))
		return false;
	*args = view_trim(view_head(*args, args->len - keyword.len));
	return true;
}

bool cmd_vrfy_check(struct session *s, struct command *c)
{
	c->parameters.utf8 = extension_offered(s, EXTENSION_SMTPUTF8) && take_utf8(&c->args);
	if (view_is_utf8(c->args))
		return path_utf8_allowed(s, c->args, c->parameters.utf8);
	reply_set(&s->reply, 501, "5.5.4", "syntax: %s", c->verb->syntax);
	return false;
}

void cmd_vrfy(struct session *s, struct command *c UNUSED)
{
	if (!s->reply.code)
		reply_set(&s->reply, 252, "2.5.0", "cannot verify, try RCPT and send some mail");
}
