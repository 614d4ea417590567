/* cmd_rset.c - RSET (RFC 5321 4.1.1.5). */
#include "../lib/base.h"
#include "session.h"

void cmd_rset(struct session *s, struct command *c UNUSED)
{
	transaction_end(s);
	reply_set(&s->reply, 250, "2.0.0", "ok");
}
