/* destination.c - see destination.h and sched.h. */
#include "destination.h"

#include "../lib/err.h"
#include "crowd.h"
#include "route.h"
#include "sched.h"
#include "targets.h"
#include <utlist.h>

struct destination *destination_find(struct sched *s, const char *key, const struct limits *limits, int64_t now)
{
	struct destination *d;

	HASH_FIND_STR(s->destinations, key, d);
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d || !(d->key = strdup(key)))
		bug("no memory for a destination");
	d->limits = *limits;
	d->crowd = crowd_join('d', key);
	d->used = now;
	d->wakeup.owner = d;
	HASH_ADD_KEYPTR(hh, s->destinations, d->key, strlen(d->key), d);
	return d;
}

static void unlist(struct sched *s, struct destination *d)
{
	if (d->listed == DESTINATION_TO_ASK)
		DL_DELETE(s->to_ask, d);
	else if (d->listed == DESTINATION_TO_TELL)
		DL_DELETE(s->to_tell, d);
	d->listed = DESTINATION_UNLISTED;
}

void destination_free(struct sched *s, struct destination *d)
{
	unlist(s, d);
	wakeup_set(&s->destination_wakeups, &d->wakeup, 0);
	if (d->site)
		d->site->destinations--;
	HASH_DEL(s->destinations, d);
	crowd_leave(d->crowd);
	targets_release(&d->targets);
	route_free(&d->route);
	free(d->key);
	free(d);
}

/* All that waits can be told its result. */
static bool is_final(const struct destination *d)
{
	return d->state == DESTINATION_ANSWERED || (d->state == DESTINATION_FAILED && (d->tell || d->failures >= DESTINATION_DEATH));
}

void destination_list(struct sched *s, struct destination *d)
{
	int where = DESTINATION_UNLISTED;

	if (d->line && d->state == DESTINATION_UNKNOWN)
		where = DESTINATION_TO_ASK;
	else if (d->line && is_final(d))
		where = DESTINATION_TO_TELL;
	if ((int)d->listed == where)
		return;
	unlist(s, d);
	if (where == DESTINATION_TO_ASK)
		DL_APPEND(s->to_ask, d);
	else if (where == DESTINATION_TO_TELL)
		DL_APPEND(s->to_tell, d);
	d->listed = where;
}

/* ---- where it is ---- */

static void become(struct sched *s, struct destination *d, enum destination_state state)
{
	if (d->site)
		d->site->destinations--;
	d->site = NULL;
	d->state = state;
	d->tell = false;
	wakeup_set(&s->destination_wakeups, &d->wakeup, 0);
	if (state != DESTINATION_KNOWN)
		targets_release(&d->targets);
}

void destination_age(struct sched *s, struct destination *d, int64_t now)
{
	if (d->state == DESTINATION_UNKNOWN || d->state == DESTINATION_ASKING || now < d->until)
		return;
	become(s, d, DESTINATION_UNKNOWN);
	destination_list(s, d);
}

void destination_forget(struct sched *s, struct destination *d)
{
	d->failures = 0;
	if (d->state == DESTINATION_ASKING)
		return;
	become(s, d, DESTINATION_UNKNOWN);
	destination_list(s, d);
}

struct destination *destination_ask_next(struct sched *s)
{
	struct destination *d = s->to_ask;

	if (!d || s->asking >= s->asking_max)
		return NULL;
	s->asking++;
	d->state = DESTINATION_ASKING;
	destination_list(s, d);
	return d;
}

void destination_resolved(struct sched *s, struct destination *d, const char *key, const struct limits *limits, bool own, int64_t until, int64_t now)
{
	struct turn *t;

	s->asking--;
	become(s, d, DESTINATION_KNOWN);
	d->failures = 0;
	d->until = until;
	d->site = sched_site(s, key, limits, now);
	d->site->destinations++;
	d->site->own |= own;
	while ((t = d->line)) {
		DL_DELETE(d->line, t);
		sched_enter(s, t, false);
	}
	destination_list(s, d);
}

static void set_result(struct destination *d, enum outcome outcome, const char *enhanced, const char *why)
{
	d->outcome = outcome;
	snprintf(d->enhanced, sizeof(d->enhanced), "%s", enhanced);
	snprintf(d->why, sizeof(d->why), "%s", why);
}

void destination_answered(struct sched *s, struct destination *d, enum outcome outcome, const char *enhanced, const char *why, int64_t until)
{
	s->asking--;
	become(s, d, DESTINATION_ANSWERED);
	d->failures = 0;
	d->until = until;
	set_result(d, outcome, enhanced, why);
	destination_list(s, d);
}

void destination_unresolved(struct sched *s, struct destination *d, const char *enhanced, const char *why, int64_t now)
{
	s->asking--;
	become(s, d, DESTINATION_FAILED);
	d->failures++;
	d->tell = true;
	d->until = now + (d->failures < DESTINATION_DEATH ? (int64_t)DESTINATION_PAUSE << (d->failures - 1) : DESTINATION_LONGEST);
	set_result(d, OUTCOME_DEFER, enhanced, why);
	wakeup_set(&s->destination_wakeups, &d->wakeup, d->until);
	destination_list(s, d);
}

/* ---- its line ---- */

bool destination_ask(struct sched *s, struct destination *d, int64_t now)
{
	struct limits limits = crowd_share(d->crowd, &d->limits);

	destination_age(s, d, now);
	if (d->state != DESTINATION_KNOWN || (limits.connections && d->usage.active >= limits.connections))
		return false;
	int64_t due = pace_when(&limits.message_pace, d->usage.messages, now * 1000);
	if (due <= now * 1000)
		return true;
	wakeup_set(&s->destination_wakeups, &d->wakeup, (due + 999) / 1000);
	return false;
}

void destination_feed(struct sched *s, struct destination *d, int64_t now)
{
	struct turn *t = d->line;

	if (!t || d->state != DESTINATION_KNOWN || !destination_ask(s, d, now))
		return;
	DL_DELETE(d->line, t);
	sched_enter(s, t, true);
}

struct turn *destination_tell(struct sched *s, int64_t now, struct sched_order *order)
{
	struct destination *d;

	while ((d = s->to_tell) && now >= d->until)
		destination_age(s, d, now);
	if (!d)
		return NULL;
	struct turn *t = d->line;
	bool put_off = d->state == DESTINATION_FAILED && !d->tell;

	*order = (struct sched_order){ .kind = put_off ? SCHED_PUT_OFF : SCHED_ANSWER, .until = d->until, .why = d->why };
	d->tell = false;
	sched_withdraw(s, t);
	return t;
}
