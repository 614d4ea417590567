/* cmd_noop.c - NOOP (RFC 5321 4.1.1.9). */
#include "../lib/base.h"
#include "session.h"

void cmd_noop(struct session *s, struct command *c UNUSED)
{
	if (!s->reply.code)
		reply_set(&s->reply, 250, "2.0.0", "ok");
}
