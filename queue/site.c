/* site.c - see site.h. */
#include "site.h"

#include "../lib/err.h"
#include "crowd.h"

#define PATIENCE 60000	/* ms: what waits for the end of a shorter suspension stays in line */

static unsigned most(const struct limits *l)
{
	return l->connections ? l->connections : UINT_MAX;
}

void site_init(struct site *s, const struct limits *limits, int64_t now)
{
	s->limits = *limits;
	s->window = 1;
	s->used = s->progress = now;
}

/* ---- may it? ---- */

/* While the slots run low, a quarter is kept for sites that have few; unless there is only one site. */
static bool is_greedy(const struct site *s, const struct site_load *load)
{
	unsigned share = load->max / 8 ? load->max / 8 : 1;

	return load->active >= load->max - load->max / 4 && load->engaged > 1 && s->usage.active >= share;
}

/* Unproven sites, which may all hang, never use more than half of the slots. */
static bool is_crowded(const struct site *s, const struct site_load *load)
{
	return !s->proven && !s->own && load->unproven >= (load->max + 1) / 2;
}

/* Where it stands by its state alone: SITE_GO when that lets a delivery begin. */
static enum site_word ask_state(struct site *s, int64_t now, int64_t *when)
{
	if (s->state == SITE_READY)
		return SITE_GO;
	if (s->state == SITE_DEAD)
		return s->probing || now < s->retry_at ? SITE_REFUSES : SITE_GO;
	if (now >= s->retry_at) {
		s->state = SITE_READY;
		return SITE_GO;
	}
	*when = s->retry_at;
	return s->state == SITE_SUSPENDED && s->retry_at - now > PATIENCE ? SITE_REFUSES : SITE_WAIT;
}

enum site_word site_ask(struct site *s, const struct site_load *load, int64_t now, int64_t *when)
{
	*when = 0;
	enum site_word word = ask_state(s, now, when);

	if (word != SITE_GO || s->state == SITE_DEAD)
		return word;
	if (now < s->paused_until) {
		*when = s->paused_until;
		return SITE_WAIT;
	}
	struct limits limits = crowd_share(s->crowd, &s->limits);

	if (s->usage.active >= s->window || (s->crowd && s->usage.active >= most(&limits)) || (s->usage.active && !s->own && now - s->progress >= SITE_STALL))
		return SITE_WAIT;
	int64_t due = pace_when(&limits.message_pace, s->usage.messages, now * 1000);
	if (due > now * 1000) {
		*when = (due + 999) / 1000;
		return SITE_WAIT;
	}
	if (is_crowded(s, load))
		return SITE_CROWD_UNPROVEN;
	return is_greedy(s, load) ? SITE_CROWD_GREEDY : SITE_GO;
}

bool site_begin(struct site *s, struct site_load *load, int64_t now)
{
	struct limits limits = crowd_share(s->crowd, &s->limits);
	bool probe = s->state == SITE_DEAD;

	if (s->usage.active == 0)
		s->progress = now;
	s->usage.active++;
	s->usage.messages = pace_take(&limits.message_pace, s->usage.messages, now * 1000);
	s->probing |= probe;
	s->used = now;
	load->active++;
	load->unproven += !s->proven;
	return probe;
}

/* ---- what is learned ---- */

/* What is under way counts as what the site is now. */
static void prove(struct site *s, struct site_load *load, bool proven)
{
	if (s->proven != proven)
		load->unproven = proven ? load->unproven - s->usage.active : load->unproven + s->usage.active;
	s->proven = proven;
}

static void succeeded(struct site *s, struct site_load *load)
{
	bool first = !s->proven && s->window < SITE_WINDOW;

	s->failures = s->deaths = 0;
	s->why[0] = '\0';
	if (s->state == SITE_BACKING_OFF || s->state == SITE_DEAD)
		s->state = SITE_READY;
	prove(s, load, true);
	s->successes++;
	/* While it never failed: one more with each success (doubling); afterwards one more with each full window. */
	if (first && !s->shrunk) {
		s->window = SITE_WINDOW;
		s->successes = 0;
	} else if (!s->shrunk || s->successes >= s->window) {
		s->window++;
		s->successes = 0;
	}
	if (s->window > most(&s->limits))
		s->window = most(&s->limits);
}

static void shrink(struct site *s)
{
	s->window = s->window > 1 ? s->window / 2 : 1;
	s->successes = 0;
	s->shrunk = true;
}

void site_slow(struct site *s)
{
	shrink(s);
}

static void back_off(struct site *s, int64_t now)
{
	unsigned doublings = s->failures ? s->failures - 1 : 0, limit = s->own ? SITE_OWN_DOUBLINGS : SITE_DEATH;

	s->state = SITE_BACKING_OFF;
	s->retry_at = now + ((int64_t)SITE_PAUSE << (doublings < limit ? doublings : limit));
}

static void failed(struct site *s, struct site_load *load, bool probe, int64_t now)
{
	if (s->state == SITE_SUSPENDED || (s->state == SITE_DEAD && !probe))
		return;			/* begun before that was known */
	if (s->state == SITE_BACKING_OFF && now < s->retry_at)
		return;			/* of the same moment as the failure that is known */
	shrink(s);
	s->failures++;
	if (s->failures > 1)
		prove(s, load, false);
	if (!probe && (s->failures < SITE_DEATH || load->dead_time == 0 || s->own)) {
		back_off(s, now);
		return;
	}
	s->state = SITE_DEAD;
	s->window = 1;
	s->retry_at = now + (load->dead_time << (s->deaths < SITE_DEATH_GROWTH ? s->deaths : SITE_DEATH_GROWTH));
	s->deaths++;
}

static void was_busy(struct site *s, struct site_load *load, bool probe, int64_t now)
{
	if (s->state == SITE_DEAD) {
		failed(s, load, probe, now);
	} else if (s->state != SITE_SUSPENDED) {
		if (s->state != SITE_BACKING_OFF)
			shrink(s);
		back_off(s, now);
	}
}

void site_finish(struct site *s, struct site_load *load, bool probe, enum site_end end, const char *why, int64_t now)
{
	s->usage.active--;
	load->active--;
	load->unproven -= !s->proven;
	s->used = now;
	s->probing &= !probe;
	if (why && s->state != SITE_SUSPENDED)
		snprintf(s->why, sizeof(s->why), "%s", why);
	if (end != SITE_UNTRIED) {
		s->progress = now;
		s->paused_until = 0;
	}
	if (end == SITE_OK)
		succeeded(s, load);
	else if (end == SITE_FAILED)
		failed(s, load, probe, now);
	else if (end == SITE_BUSY)
		was_busy(s, load, probe, now);
}

void site_suspend(struct site *s, int64_t until, const char *why)
{
	s->state = SITE_SUSPENDED;
	s->probing = false;
	s->retry_at = until;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

void site_revive(struct site *s)
{
	s->failures = s->deaths = 0;
	s->probing = false;
	s->state = SITE_READY;
}

const char *site_state_name(const struct site *s)
{
	static const char *const names[] = {
		[SITE_READY] = "ready", [SITE_BACKING_OFF] = "backing-off", [SITE_DEAD] = "dead", [SITE_SUSPENDED] = "suspended",
	};

	return s->state == SITE_READY && s->usage.active >= s->window ? "limited" : names[s->state];
}
