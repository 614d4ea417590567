/* auth_oauth.c - bearer tokens: OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2 (Google's). Whether a token is good the hooks say. A
 * refusal comes in two steps: a challenge in JSON, an answer without meaning, and only then 535. */
#include "../lib/base.h"
#include "auth.h"

#define SEPARATOR '\x01'
#define BEARER VIEW("Bearer ")

/* Without blanks; RFC 6750 2.1 has fewer characters, but not every issuer keeps to it. Empty: the client only asks what is needed (RFC 7628
 * 4.3), and no hook may take that for a token. */
static bool is_token(struct view v)
{
	return view_is_printable(v) && view_find(v, ' ') == v.len;
}

static bool set_token(struct auth *a, struct view value)
{
	if (!value.len)
		return true;
	if (!view_case_starts(value, BEARER))
		return false;
	a->token = view_trim(view_skip(value, BEARER.len));
	return is_token(a->token);
}

/* The part of the answer, NUL-terminated in place of its separator. */
static const char *in_place(struct auth *a, struct view part)
{
	a->raw[(size_t)(part.data - a->raw) + part.len] = '\0';
	return part.data;
}

/* One "key=value" (RFC 7628 3.1). Keys that we do not know are the client's affair. */
static bool take_pair(struct auth *a, struct view pair)
{
	struct view value = pair, key = view_cut(&value, '=');

	if (!key.len || key.len == pair.len || view_has_line_break(value))
		return false;
	if (view_case_eq(key, VIEW("auth")))
		return set_token(a, value);
	if (view_case_eq(key, VIEW("host")))
		a->host = in_place(a, value);
	if (view_case_eq(key, VIEW("port")))
		a->port = in_place(a, value);
	return true;
}

/* Pairs, each with a separator behind it, and one more at the end of all. */
static bool take_pairs(struct auth *a, struct view rest)
{
	while (rest.len && rest.data[0] != SEPARATOR) {
		if (view_find(rest, SEPARATOR) == rest.len || !take_pair(a, view_cut(&rest, SEPARATOR)))
			return false;
	}
	return rest.len == 1;
}

static const char *default_error(const struct auth *a)
{
	return a->token.len ? "{\"status\":\"invalid_token\",\"schemes\":\"bearer\"}" : "{\"status\":\"invalid_request\",\"schemes\":\"bearer\"}";
}

/* After the hooks, in both mechanisms. */
static enum auth_next conclude(struct auth *a, const char *error)
{
	if (a->turn > 1)
		return AUTH_REFUSE;
	if (a->verdict == OK && a->token.len)
		return auth_verdict(a);
	if (!a->out[0])
		snprintf(a->out, sizeof(a->out), "%s", error);
	return AUTH_REFUSE_ASK;
}

/* gs2-header: "n," or "y,", then "," or "a=USER,": the header names the user, if the client wants to. */
static bool read_header(struct view header, struct view *user)
{
	struct view rest = header, flag = view_cut(&rest, ',');

	*user = view_cut(&rest, ',');
	return (view_eq(flag, VIEW("n")) || view_eq(flag, VIEW("y"))) && header.len == 2 + user->len + 1 && view_case_ends(header, VIEW(",")) &&
	       (!user->len || view_starts(*user, VIEW("a=")));
}

static enum auth_next begin_bearer(struct auth *a, struct view answer)
{
	struct view rest = answer, header = view_cut(&rest, SEPARATOR), user;
	char name[AUTH_TEXT];

	if (!read_header(header, &user) || !take_pairs(a, rest))
		return auth_malformed(a, "malformed OAUTHBEARER response");
	if (!user.len)
		return AUTH_HOOKS;
	return scram_name(view_skip(user, 2), name, sizeof(name)) && auth_set_login(a, view_of(name)) ? AUTH_HOOKS : AUTH_REFUSE;
}

enum auth_next auth_oauthbearer(struct auth *a, struct view answer)
{
	return a->turn == 0 ? begin_bearer(a, answer) : conclude(a, default_error(a));
}

enum auth_next auth_xoauth2(struct auth *a, struct view answer)
{
	struct view rest = answer, user = view_cut(&rest, SEPARATOR);

	if (a->turn)
		return conclude(a, "{\"status\":\"401\",\"schemes\":\"bearer\"}");
	if (!view_starts(user, VIEW("user=")) || !take_pairs(a, rest))
		return auth_malformed(a, "malformed XOAUTH2 response");
	return auth_set_login(a, view_skip(user, 5)) ? AUTH_HOOKS : AUTH_REFUSE;
}
