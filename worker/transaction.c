/* transaction.c - see transaction.h. Refused recipients leave nothing behind: what a command parses lives in the scratch
 * arena and is copied here only when it has been accepted. */
#include "../lib/base.h"
#include "hooks.h"
#include "session.h"

static struct address address_copy(const struct address *from, struct arena *a)
{
	struct address to = *from;
	size_t len = strlen(from->text);

	to.text = arena_strdup(a, from->text);
	/* the parts are views into the text: local part first, domain last */
	to.local = view_make(to.text, from->local.len);
	to.domain = view_make(to.text + len - from->domain.len, from->domain.len);
	return to;
}

const char *transaction_domain(const struct address *addr, const char *me, struct arena *a)
{
	char *domain;

	if (!addr->domain.len)
		return *addr->text ? me : "";
	domain = address_domain_canonical(addr->domain, a);
	return domain ? domain : arena_view_dup(a, addr->domain);
}

void transaction_begin(struct session *s, const struct command *c)
{
	struct transaction *t = &s->transaction;

	t->arena = s->host->transaction;
	t->sender = address_copy(&c->address, t->arena);
	t->sender_domain = transaction_domain(&t->sender, s->settings->me, t->arena);
	parameters_copy(&t->parameters, &c->parameters, t->arena);
}

void transaction_accept(struct session *s)
{
	s->transaction.open = true;
	s->stray_chunks = 0;
}

void transaction_add(struct session *s, const struct command *c, bool local)
{
	struct transaction *t = &s->transaction;

	if (t->recipient_count == t->recipient_room) {
		size_t room = t->recipient_room ? t->recipient_room * 2 : 4;
		struct recipient *list = arena_alloc(t->arena, room * sizeof(*list));

		if (t->recipient_count)
			memcpy(list, t->recipients, t->recipient_count * sizeof(*list));
		t->recipients = list;
		t->recipient_room = room;
	}
	struct recipient *r = &t->recipients[t->recipient_count++];
	r->address = address_copy(&c->address, t->arena);
	r->domain = transaction_domain(&r->address, s->settings->me, t->arena);
	r->local = local;
	r->notify = c->parameters.notify;
	r->orcpt = arena_strdup(t->arena, parameters_text(&c->parameters, "ORCPT"));
}

bool transaction_spooled(const struct transaction *t)
{
	if (t->parameters.hold_until)	/* only the queue-runner can wait */
		return true;
	for (size_t i = 0; i < t->recipient_count; i++)
		if (!t->recipients[i].local)
			return true;
	return false;
}

void transaction_end(struct session *s)
{
	struct transaction *t = &s->transaction;

	if (!t->arena)
		return;
	if (t->open)
		hooks_notify(s, HOOK_RESET_TRANSACTION);
	body_end(&t->body);
	spool_write_end(&t->writer);
	arena_reset(t->arena);
	*t = (struct transaction){ 0 };
}
