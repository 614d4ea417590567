/* auth_plain.c - the mechanisms in which the client says a name and, if anything, the password as it is: PLAIN (RFC 4616), LOGIN
 * (draft-murchison-sasl-login), EXTERNAL (RFC 4422 appendix A). */
#include "../lib/base.h"
#include "auth.h"

static bool set_password(struct auth *a, struct view password)
{
	return view_copy(password, a->password, sizeof(a->password));
}

enum auth_next auth_plain(struct auth *a, struct view answer)
{
	struct view rest = answer, authzid, authcid;

	if (a->turn)
		return auth_verdict(a);
	/* [authzid] NUL authcid NUL passwd */
	authzid = view_cut(&rest, '\0');
	if (authzid.len == answer.len || view_find(rest, '\0') == rest.len)
		return auth_malformed(a, "malformed PLAIN response");
	authcid = view_cut(&rest, '\0');
	if (!set_password(a, rest))
		return auth_malformed(a, "password too long or with NUL");
	/* acting for somebody else is not offered */
	return auth_set_login(a, authcid) && (!authzid.len || view_eq(authzid, authcid)) ? AUTH_HOOKS : AUTH_REFUSE;
}

enum auth_next auth_login(struct auth *a, struct view answer)
{
	switch (a->turn) {
	case 0:
		/* a name that cannot be is refused only when the password was given, as any other */
		if (answer.len >= sizeof(a->login))
			return auth_malformed(a, "user name too long");
		auth_set_login(a, answer);
		snprintf(a->out, sizeof(a->out), "Password:");
		return AUTH_ASK;
	case 1:
		if (!set_password(a, answer))
			return auth_malformed(a, "password too long or with NUL");
		return a->login[0] ? AUTH_HOOKS : AUTH_REFUSE;
	default:
		return auth_verdict(a);
	}
}

/* The answer is the name to act as, empty for the one that the certificate says. */
enum auth_next auth_external(struct auth *a, struct view answer)
{
	if (a->turn)
		return auth_verdict(a);
	return !answer.len || auth_set_login(a, answer) ? AUTH_HOOKS : AUTH_REFUSE;
}
