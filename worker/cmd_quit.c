/* cmd_quit.c - QUIT (RFC 5321 4.1.1.10). A plugin may choose the words, but not keep the client. */
#include "../lib/base.h"
#include "hooks.h"
#include "session.h"

void cmd_quit(struct session *s, struct command *c UNUSED)
{
	if (hooks_run(s, HOOK_QUIT, &s->reply) != OK || s->reply.code != 221)
		reply_set(&s->reply, 221, "2.0.0", "%s closing connection", s->settings->me);
	s->end = SESSION_QUIT;
}
