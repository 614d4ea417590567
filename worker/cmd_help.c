/* cmd_help.c - HELP, printed from the verb table (RFC 5321 4.1.1.8). */
#include "../lib/base.h"
#include "session.h"

static void all(struct session *s)
{
	struct buf text;

	buf_init(&text, REPLY_TEXT - 1);
	buf_puts(&text, "this is postrider; commands:");
	for (size_t i = 0; i < verb_count(); i++)
		buf_printf(&text, "%s%s", i % 8 ? " " : "\n", verb_at(i)->name);
	reply_set(&s->reply, 214, "2.0.0", "%s", buf_text(&text));
	buf_free(&text);
}

void cmd_help(struct session *s, struct command *c)
{
	const struct verb *v = verb_find(c->args);

	if (s->reply.code)
		return;
	if (!c->args.len)
		all(s);
	else if (v)
		reply_set(&s->reply, 214, "2.0.0", "%s", v->syntax);
	else
		reply_set(&s->reply, 504, "5.5.4", "no help on that");
}
