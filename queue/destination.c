/* destination.c - see destination.h. The ring holds exactly the destinations that have something to hand out now, so that a
 * turn costs the same with one destination as with a hundred thousand. */
#include "destination.h"
#include "targets.h"
#include <utlist.h>

void destinations_init(struct destinations *set, int64_t dead_time)
{
	*set = (struct destinations){ .dead_time = dead_time };
}

static void destination_unlist(struct destinations *set, struct destination *d)
{
	if (d->listed == DESTINATION_IN_RING)
		CDL_DELETE(set->ring, d);
	else if (d->listed == DESTINATION_ASLEEP)
		CDL_DELETE(set->asleep, d);
	d->listed = DESTINATION_QUIET;
}

static void destination_free(struct destinations *set, struct destination *d)
{
	destination_unlist(set, d);
	HASH_DEL(set->all, d);
	targets_release(&d->targets);
	free(d->route);
	free(d->key);
	free(d);
}

void destinations_free(struct destinations *set)
{
	struct destination *d, *next;

	HASH_ITER(hh, set->all, d, next)
		destination_free(set, d);
}

struct destination *destination_find(struct destinations *set, const char *key, unsigned max, int64_t now)
{
	struct destination *d;

	HASH_FIND_STR(set->all, key, d);
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d || !(d->key = strdup(key)))
		bug("no memory for a destination");
	d->max = max ? max : 1;
	d->window = d->max < DESTINATION_WINDOW ? d->max : DESTINATION_WINDOW;
	d->used = now;
	HASH_ADD_KEYPTR(hh, set->all, d->key, strlen(d->key), d);
	return d;
}

/* Puts D where it belongs after a change of its state or of what waits. */
static void destination_place(struct destinations *set, struct destination *d)
{
	int listed = DESTINATION_QUIET;

	if (d->state == DESTINATION_READY || d->state == DESTINATION_LIMITED)
		d->state = d->active >= d->window ? DESTINATION_LIMITED : DESTINATION_READY;
	if (d->waiting && (d->state == DESTINATION_READY || d->state == DESTINATION_DEAD))
		listed = DESTINATION_IN_RING;
	else if (d->waiting && d->state == DESTINATION_BACKING_OFF)
		listed = DESTINATION_ASLEEP;
	if ((int)d->listed == listed)
		return;
	destination_unlist(set, d);
	if (listed == DESTINATION_IN_RING)
		CDL_APPEND(set->ring, d);
	else if (listed == DESTINATION_ASLEEP)
		CDL_APPEND(set->asleep, d);
	d->listed = listed;
}

void destination_wait(struct destinations *set, struct destination *d, struct turn *t, bool front)
{
	t->destination = d;
	if (front)
		DL_PREPEND(d->waiting, t);
	else
		DL_APPEND(d->waiting, t);
	d->waiting_count++;
	set->waiting_count++;
	destination_place(set, d);
}

void destination_forget(struct destinations *set, struct turn *t)
{
	struct destination *d = t->destination;

	DL_DELETE(d->waiting, t);
	d->waiting_count--;
	set->waiting_count--;
	destination_place(set, d);
}

void destination_park(struct destinations *set, struct destination *d, struct park *p)
{
	p->destination = d;
	DL_APPEND(d->parked, p);
	d->parked_count++;
	set->parked_count++;
}

void destination_unpark(struct destinations *set, struct park *p)
{
	struct destination *d = p->destination;

	DL_DELETE(d->parked, p);
	d->parked_count--;
	set->parked_count--;
}

/* Ends the back-offs whose time has come. */
static void destination_wake(struct destinations *set, int64_t now)
{
	struct destination *d, *one, *two;

	if (set->woken == now)		/* not for each of the many that start in one turn */
		return;
	set->woken = now;
	CDL_FOREACH_SAFE(set->asleep, d, one, two) {
		if (d->retry_at > now)
			continue;
		d->state = DESTINATION_READY;
		destination_place(set, d);
	}
}

struct turn *destination_next(struct destinations *set, int64_t now, bool *dead)
{
	struct destination *d;
	struct turn *t;

	if (set->asleep)
		destination_wake(set, now);
	d = set->ring;
	if (!d)
		return NULL;
	set->ring = d->next;		/* to the end of the line */
	t = d->waiting;
	*dead = d->state == DESTINATION_DEAD && (d->probing || now < d->retry_at);
	if (!*dead) {
		d->probing = d->state == DESTINATION_DEAD;
		d->active++;
		set->active++;
	}
	d->used = now;
	destination_forget(set, t);
	return t;
}

static void destination_succeeded(struct destination *d)
{
	d->failures = d->deaths = 0;
	d->why[0] = '\0';
	if (d->state != DESTINATION_READY && d->state != DESTINATION_LIMITED)
		d->state = DESTINATION_READY;
	d->successes++;
	/* While it never failed: one more with each success (doubling); afterwards one more with each full window. */
	if (d->window < d->max && (!d->shrunk || d->successes >= d->window)) {
		d->window++;
		d->successes = 0;
	}
}

static void destination_shrink(struct destination *d)
{
	d->window = d->window > 1 ? d->window / 2 : 1;
	d->successes = 0;
	d->shrunk = true;
}

static void destination_back_off(struct destination *d, int64_t now)
{
	unsigned doublings = d->failures ? d->failures - 1 : 0, most = d->our_own ? DESTINATION_OWN_DOUBLINGS : DESTINATION_DEATH;

	d->state = DESTINATION_BACKING_OFF;
	d->retry_at = now + ((int64_t)DESTINATION_PAUSE << (doublings < most ? doublings : most));
}

static void destination_failed(struct destinations *set, struct destination *d, bool probe, int64_t now)
{
	if (d->state == DESTINATION_DEAD && !probe)
		return;			/* begun before it was found dead */
	if (d->state == DESTINATION_BACKING_OFF && now < d->retry_at)
		return;			/* of the same moment as the failure that is known */
	destination_shrink(d);
	d->failures++;
	if (!probe && (d->failures < DESTINATION_DEATH || set->dead_time == 0 || d->our_own)) {
		destination_back_off(d, now);
		return;
	}
	d->state = DESTINATION_DEAD;
	d->retry_at = now + (set->dead_time << (d->deaths < DESTINATION_DEATH_GROWTH ? d->deaths : DESTINATION_DEATH_GROWTH));
	d->deaths++;
}

void destination_done(struct destinations *set, struct destination *d, enum destination_end end, const char *why, int64_t now)
{
	bool probe = d->probing && d->state == DESTINATION_DEAD;

	d->active--;
	set->active--;
	d->used = now;
	if (probe)
		d->probing = false;
	if (why)
		snprintf(d->why, sizeof(d->why), "%s", why);
	if (end == DESTINATION_OK) {
		destination_succeeded(d);
	} else if (end == DESTINATION_FAILED) {
		destination_failed(set, d, probe, now);
	} else if (end == DESTINATION_BUSY && d->state != DESTINATION_DEAD) {
		if (d->state != DESTINATION_BACKING_OFF)
			destination_shrink(d);
		destination_back_off(d, now);
	} else if (end == DESTINATION_BUSY) {
		destination_failed(set, d, probe, now);
	}
	destination_place(set, d);
}

int64_t destination_wake_at(const struct destinations *set)
{
	const struct destination *d;
	int64_t first = 0;

	CDL_FOREACH(set->asleep, d)
		if (first == 0 || d->retry_at < first)
			first = d->retry_at;
	return first;
}

static void destination_revive_one(struct destinations *set, struct destination *d)
{
	targets_release(&d->targets);
	d->failures = d->deaths = 0;
	d->probing = false;
	if (d->state == DESTINATION_DEAD || d->state == DESTINATION_BACKING_OFF)
		d->state = DESTINATION_READY;
	destination_place(set, d);
}

void destination_revive(struct destinations *set, struct destination *d)
{
	struct destination *next;

	if (d) {
		destination_revive_one(set, d);
		return;
	}
	HASH_ITER(hh, set->all, d, next)
		destination_revive_one(set, d);
}

bool destination_sweep(struct destinations *set, int64_t now, int64_t age)
{
	struct destination *d, *next;

	HASH_ITER(hh, set->all, d, next) {
		bool idle = !d->waiting && !d->parked && d->active == 0;

		if (idle && now - d->used >= age && now >= d->retry_at)
			destination_free(set, d);
	}
	return set->all != NULL;
}

int64_t destination_dead_until(const struct destination *d)
{
	return d->state == DESTINATION_DEAD ? d->retry_at : 0;
}

const char *destination_state_name(enum destination_state state)
{
	static const char *const names[] = {
		[DESTINATION_READY] = "ready", [DESTINATION_LIMITED] = "limited",
		[DESTINATION_BACKING_OFF] = "backing-off", [DESTINATION_DEAD] = "dead",
	};

	return names[state];
}
