/* cmd_helo.c - HELO and EHLO (RFC 5321 4.1.1.1). Both end a transaction that is open (4.1.4). */
#include "../lib/base.h"
#include "hooks.h"
#include "session.h"

/* A name that proves wrong is no reason to refuse (RFC 5321 4.1.4); one that could end up in a header or log as something
 * else is. */
bool cmd_helo_fit(struct view name)
{
	return name.len && view_is_printable(name) && name.len <= ADDRESS_DOMAIN_MAX && view_find(name, ' ') == name.len;
}

bool cmd_helo_check(struct session *s, struct command *c)
{
	c->helo = c->args;
	if (cmd_helo_fit(c->helo))
		return true;
	reply_set(&s->reply, 501, "5.5.4", "syntax: %s", c->verb->syntax);
	return false;
}

void cmd_helo_accept(struct session *s, const struct command *c, bool esmtp)
{
	transaction_end(s);
	/* not in the session's arena, which would grow with each one said */
	if (!view_copy(c->helo, s->helo_text, sizeof(s->helo_text)))
		bug("HELO name of %zu octets", c->helo.len);
	s->helo = s->helo_text;
	s->esmtp = esmtp;
}

void cmd_helo(struct session *s, struct command *c)
{
	cmd_helo_accept(s, c, false);
	if (!s->reply.code)
		reply_set(&s->reply, 250, NULL, "%s", s->settings->me);
}

/* What is on offer: ours, then the plugins'. */
static void capabilities(struct session *s, struct buf *lines)
{
	struct reply ignored;

	extension_lines(s, lines);
	s->capabilities = lines;
	reply_clear(&ignored);
	hooks_run(s, HOOK_CAPABILITIES, &ignored);
	s->capabilities = NULL;
}

void cmd_ehlo(struct session *s, struct command *c)
{
	struct buf lines;

	cmd_helo_accept(s, c, true);
	buf_init(&lines, REPLY_TEXT - 1);
	buf_puts(&lines, s->settings->me);
	capabilities(s, &lines);
	reply_set(&s->reply, 250, NULL, "%s", buf_text(&lines));
	buf_free(&lines);
}
