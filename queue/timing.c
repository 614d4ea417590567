/* timing.c - see timing.h. */
#include "timing.h"

#define BY_MAX 999999999	/* seconds: 9 digits, RFC 2852 4 */

int64_t timing_start_ms(const struct envelope *env)
{
	int64_t released = env->hold_until < INT64_MAX / 1000 ? env->hold_until * 1000 : 0, arrived = env->arrived / 1000;

	return released > arrived ? released : arrived;
}

bool timing_held(const struct envelope *env, int64_t now)
{
	return now < env->hold_until;
}

/* A file of the spool may say anything. */
static bool is_mode(const struct envelope *env, char mode)
{
	return env->deliver_by && *env->by_mode == mode;
}

bool timing_asked(const struct envelope *env)
{
	return is_mode(env, 'R') || is_mode(env, 'N');
}

bool timing_returns(const struct envelope *env)
{
	return is_mode(env, 'R');
}

bool timing_over(const struct envelope *env, int64_t now)
{
	return timing_returns(env) && now >= env->deliver_by;
}

bool timing_late(const struct envelope *env, int64_t now)
{
	return is_mode(env, 'N') && now >= env->deliver_by;
}

int64_t timing_next(const struct envelope *env, int64_t now, int64_t when)
{
	if (!timing_asked(env) || when <= env->deliver_by || timing_late(env, now))
		return when;
	return env->deliver_by > now ? env->deliver_by : now;
}

bool timing_traced(const struct envelope *env, bool known)
{
	return known ? timing_asked(env) && env->by_mode[1] == 'T' : is_mode(env, 'N');
}

void timing_put_by(struct buf *out, const struct envelope *env, int64_t now)
{
	int64_t left = env->deliver_by - now;

	left = left > BY_MAX ? BY_MAX : left < -BY_MAX ? -BY_MAX : left;
	if (timing_returns(env) && left < 1)	/* it was in time a moment ago, and what is not would be no command */
		left = 1;
	buf_printf(out, " BY=%lld;%c%s", (long long)left, *env->by_mode, env->by_mode[1] == 'T' ? "T" : "");
}
