/* cmd_vrfy.c - VRFY: says neither yes nor no unless a plugin does (RFC 5321 3.5.3, 7.3). */
#include "../lib/base.h"
#include "session.h"

void cmd_vrfy(struct session *s, struct command *c UNUSED)
{
	if (!s->reply.code)
		reply_set(&s->reply, 252, "2.5.0", "cannot verify, try RCPT and send some mail");
}
