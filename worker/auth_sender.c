/* auth_sender.c - which senders somebody who has authenticated may use (the argument constrain_sender of the plugin that accepted him):
 * those in the domain of his login and below, or his own address only. The null sender is everybody's: receipts and vacation notices
 * have it (RFC 8098 3, RFC 3834 3.3). */
#include "../lib/base.h"
#include "../lib/address.h"
#include "auth.h"
#include "session.h"

static bool same_domain_or_below(struct view domain, struct view of)
{
	if (domain.len > of.len && domain.data[domain.len - of.len - 1] == '.')
		domain = view_skip(domain, domain.len - of.len);
	return view_eq(domain, of);
}

/* What stands behind the last "@"; empty when there is none. */
static struct view domain_of(struct view login)
{
	size_t at = login.len;

	while (at && login.data[at - 1] != '@')
		at--;
	return at ? view_skip(login, at) : VIEW("");
}

static bool domain_fits(struct view login, const struct address *sender)
{
	char of[ADDRESS_DOMAIN_MAX + 1], used[ADDRESS_DOMAIN_MAX + 1];
	struct view domain = domain_of(login);

	return !domain.len || (address_domain_fold(domain, of) && address_domain_fold(sender->domain, used) &&
			       same_domain_or_below(view_of(used), view_of(of)));
}

/* A login without a domain is a mailbox of this host. */
static bool address_fits(const struct session *s, const struct address *sender)
{
	struct view login = view_of(s->auth_user), own = login;
	char of[ADDRESS_KEY_SIZE], used[ADDRESS_KEY_SIZE];

	if (!domain_of(login).len)
		own = view_of(arena_printf(s->host->scratch, "%s@%s", s->auth_user, s->settings->me));
	return address_key(own, true, of) && address_key(view_of(sender->text), true, used) && strcmp(of, used) == 0;
}

bool auth_sender_allowed(const struct session *s, const struct address *sender)
{
	enum plugin_constrain how = s->auth_plugin ? plugin_constrains(s->auth_plugin) : CONSTRAIN_NO;

	if (how == CONSTRAIN_NO || !sender->text[0])
		return true;
	return how == CONSTRAIN_DOMAIN ? domain_fits(view_of(s->auth_user), sender) : address_fits(s, sender);
}
