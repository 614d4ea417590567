/* auth_limit.c - how often AUTH may fail, counted over all workers (lib/rate.h) by the client's address and by the login that was tried,
 * whether there is one or not. Only failures count, and only where a back end was asked: at most so many guesses in any window.
 * Attempts that are under way at the same moment do not see each other's failures.
 *
 * A success takes nothing off: it would give the others who guess at that login, or an attacker with a login of his own at his address,
 * a fresh start. Instead an address from which a login has succeeded lately is not held up by what others do to that login. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/rate.h"
#include "auth.h"
#include "session.h"
#include <poll.h>

#define KNOWN_FOR (7 * 24 * 3600)	/* seconds that an address is known for a login that succeeded there, and up to twice that */
#define KNOWN_WEIGHT 1000	/* rates fade: what counts that much is seen to the end of the second window */

static int64_t window(const struct session *s)
{
	return s->settings->auth_failure_window / 1000;
}

static struct view client_key(const struct session *s, char out[RATE_CLIENT_KEY])
{
	return rate_client(session_counted(s), (unsigned)s->settings->client_prefix6, out);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Back ends tend not to tell upper from lower case. */
static struct view login_key(const char *login, char *out, size_t size)
{
	size_t len = 0;

	while (login[len] && len < size) {
		out[len] = lower(login[len]);
		len++;
	}
	return view_make(out, len);
}

/* Both of them. */
static struct view known_key(const struct session *s, const char *login, char out[RATE_CLIENT_KEY + AUTH_TEXT])
{
	size_t len = client_key(s, out).len;

	return view_make(out, len + login_key(login, out + len, AUTH_TEXT).len);
}

bool auth_limit_address(const struct session *s)
{
	char key[RATE_CLIENT_KEY];
	int64_t most = s->settings->auth_failures_per_address;

	return most && session_counted(s)->family && !netlist_has(s->settings->exempt, session_counted(s)) &&
	       rate_look(RATE_AUTH_ADDRESS, client_key(s, key), window(s)) >= most;
}

bool auth_limit_login(const struct session *s, const struct auth *a)
{
	char key[RATE_CLIENT_KEY + AUTH_TEXT];
	int64_t most = s->settings->auth_failures_per_login;

	return most && a->login[0] && rate_look(RATE_AUTH_LOGIN, login_key(a->login, key, AUTH_TEXT), window(s)) >= most &&
	       rate_look(RATE_AUTH_KNOWN, known_key(s, a->login, key), KNOWN_FOR) == 0;
}

void auth_limit_failed(const struct session *s, const struct auth *a)
{
	char key[RATE_CLIENT_KEY + AUTH_TEXT];

	if (s->settings->auth_failures_per_address && session_counted(s)->family)
		rate_add(RATE_AUTH_ADDRESS, client_key(s, key), window(s), 1);
	if (s->settings->auth_failures_per_login && a->login[0])
		rate_add(RATE_AUTH_LOGIN, login_key(a->login, key, AUTH_TEXT), window(s), 1);
}

void auth_limit_passed(const struct session *s, const struct auth *a)
{
	char key[RATE_CLIENT_KEY + AUTH_TEXT];

	if (s->settings->auth_failures_per_login)
		rate_add(RATE_AUTH_KNOWN, known_key(s, a->login, key), KNOWN_FOR, KNOWN_WEIGHT);
}

void auth_limit_delay(const struct session *s, int64_t since)
{
	int64_t until = since + s->settings->auth_failure_delay;
	struct pollfd p = { .fd = stream_fd(s->stream) };	/* no events: only a connection that is dead wakes us */

	if (until > s->deadline)
		until = s->deadline;
	while (!*s->host->interrupted && clock_left(until) > 0)
		if (poll(&p, 1, clock_left(until)) > 0)
			return;
}
