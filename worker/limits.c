/* limits.c - see limits.h. */
#include "../lib/base.h"
#include "../lib/rate.h"
#include "../lib/scoreboard.h"
#include "limits.h"
#include "session.h"

unsigned limits_sessions_from(const struct session *s)
{
	return 1 + scoreboard_sessions_from(session_counted(s), (unsigned)s->settings->client_prefix6, s->host->args->slot);
}

int64_t limits_now(int64_t limit, int64_t stressed)
{
	if (!stressed || !scoreboard_stressed())
		return limit;
	return limit && limit < stressed ? limit : stressed;
}

const char *limits_spent(const struct session *s)
{
	const struct settings *set = s->settings;

	if (session_internal(s))
		return NULL;
	if (session_reached(limits_now(set->max_errors, set->stress_max_errors), s->errors))
		return "too many errors";
	if (session_reached(set->max_unrecognized, s->unrecognized))
		return "too many unrecognized commands";
	return NULL;
}

bool limits_idle(struct session *s)
{
	const struct settings *set = s->settings;

	return session_internal(s) || !session_reached(limits_now(set->max_noops, set->stress_max_noops), s->idle_commands++);
}

static bool refuse(struct session *s, enum counter why, const char *enhanced, const char *text)
{
	scoreboard_count(why, 1);
	reply_set(&s->reply, 421, enhanced, "%s %s", s->settings->me, text);
	return false;
}

/* Also those that are refused count, so that hammering does not help. */
static bool too_often(const struct session *s)
{
	const struct settings *set = s->settings;
	char key[RATE_CLIENT_KEY];

	return set->connection_rate && rate_add(RATE_CONNECTIONS, rate_client(session_counted(s), (unsigned)set->client_prefix6, key),
						set->connection_rate_window / 1000, 1) > set->connection_rate;
}

bool limits_admit(struct session *s)
{
	const struct settings *set = s->settings;
	struct scoreboard *board = scoreboard();
	int64_t most = set->limit_connections ? set->limit_connections : set->max_workers;

	if (!board || session_internal(s))
		return true;
	if (atomic_load_explicit(&board->busy, memory_order_relaxed) > most)
		return refuse(s, COUNT_REFUSED_BUSY, "4.3.2", "too many connections, try again later");
	if (netlist_has(set->exempt, session_counted(s)))
		return true;
	if (!session_from_user(s) && too_often(s))
		return refuse(s, COUNT_REFUSED_RATE, "4.7.0", "too many connections from your address lately");
	if (set->max_from_ip && limits_sessions_from(s) > set->max_from_ip)
		return refuse(s, COUNT_REFUSED_IP, "4.7.0", "too many connections from your address");
	return true;
}
