/* sched.c - see sched.h. Each step that leads to no delivery takes a flow or a turn out of the way until something happens that
 * lets it go on, so the steps are paid for by what happens. */
#include "sched.h"

#include "../lib/err.h"
#include "crowd.h"
#include <utlist.h>

void sched_init(struct sched *s, unsigned max, int64_t dead_time)
{
	*s = (struct sched){ .load = { .max = max, .dead_time = dead_time }, .asking_max = UINT_MAX };
}

/* ---- senders ---- */

static struct sender *sender_get(struct sched *s, const struct sender_key *who)
{
	size_t len = strlen(who->key);
	struct sender *w;

	HASH_FIND(hh, s->senders, who->key, len, w);
	if (w)
		return w;
	w = calloc(1, sizeof(*w) + len + 1);
	if (!w)
		bug("no memory for a sender");
	memcpy(w->key, who->key, len);
	w->weight = w->left = who->weight ? who->weight : 1;
	w->last = who->last;
	HASH_ADD_KEYPTR(hh, s->senders, w->key, len, w);
	return w;
}

static void sender_release(struct sched *s, struct turn *t)
{
	struct sender *w = t->sender;

	t->sender = NULL;
	if (--w->turns > 0)
		return;
	HASH_DEL(s->senders, w);
	free(w);
}

static struct sender **ring_of(struct sched *s, const struct sender *w)
{
	return w->last ? &s->ring_last : &s->ring;
}

/* ---- flows ---- */

static void flow_try(struct sched *s, struct flow *f)
{
	struct sender *w = f->of.sender, **ring = ring_of(s, w);

	f->blocked = false;
	if (!w->ring)
		CDL_APPEND(*ring, w);
	CDL_APPEND(w->ring, f);
}

static void flow_take(struct sched *s, struct flow *f)
{
	struct sender *w = f->of.sender, **ring = ring_of(s, w);

	if (f->blocked) {
		DL_DELETE(f->of.site->blocked, f);
		return;
	}
	CDL_DELETE(w->ring, f);
	if (!w->ring)
		CDL_DELETE(*ring, w);
}

static void flow_block(struct sched *s, struct flow *f)
{
	flow_take(s, f);
	f->blocked = true;
	DL_APPEND(f->of.site->blocked, f);
}

static struct flow *flow_get(struct sched *s, struct sender *w, struct site *site)
{
	struct flow key = { .of = { w, site } }, *f;

	HASH_FIND(hh, s->flows, &key.of, sizeof(key.of), f);
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		bug("no memory for a sender's line");
	f->of = key.of;
	HASH_ADD(hh, s->flows, of, sizeof(f->of), f);
	flow_try(s, f);
	return f;
}

static struct band *band_get(struct flow *f, int priority)
{
	struct band **at = &f->bands, *b;

	while (*at && (*at)->priority > priority)
		at = &(*at)->next;
	if (*at && (*at)->priority == priority)
		return *at;
	b = calloc(1, sizeof(*b));
	if (!b)
		bug("no memory for a sender's line");
	*b = (struct band){ .priority = priority, .flow = f, .next = *at };
	*at = b;
	return b;
}

/* B is empty: it ends, and with its last band the flow. */
static void band_end(struct sched *s, struct band *b)
{
	struct flow *f = b->flow;
	struct band **at = &f->bands;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	free(b);
	if (f->bands)
		return;
	flow_take(s, f);
	HASH_DEL(s->flows, f);
	free(f);
}

/* ---- sites ---- */

/* Whether something waits or is under way at SITE may have changed; BEFORE: it was so. */
static bool is_engaged(const struct site *site)
{
	return site->waiting || site->usage.active;
}

static void count_engaged(struct sched *s, const struct site *site, bool before)
{
	s->load.engaged += is_engaged(site);
	s->load.engaged -= before;
}

struct site *sched_site(struct sched *s, const char *key, const struct limits *limits, int64_t now)
{
	struct site *site;

	HASH_FIND_STR(s->sites, key, site);
	if (site)
		return site;
	site = calloc(1, sizeof(*site));
	if (!site || !(site->key = strdup(key)))
		bug("no memory for a site");
	site_init(site, limits, now);
	site->crowd = crowd_join('s', key);
	site->wakeup.owner = site;
	HASH_ADD_KEYPTR(hh, s->sites, site->key, strlen(site->key), site);
	return site;
}

static struct site **site_list(struct sched *s, const struct site *site)
{
	switch (site->listed) {
	case SITE_HUNGRY:
		return &s->hungry;
	case SITE_WAITS_UNPROVEN:
		return &s->crowded[0];
	default:
		return &s->crowded[1];
	}
}

static void site_unlist(struct sched *s, struct site *site)
{
	if (site->listed)
		DL_DELETE(*site_list(s, site), site);
	site->listed = SITE_UNLISTED;
}

static void site_relist(struct sched *s, struct site *site, int where)
{
	site_unlist(s, site);
	site->listed = where;
	DL_APPEND(*site_list(s, site), site);
}

void sched_site_moved(struct sched *s, struct site *site)
{
	if (site->blocked && site->listed != SITE_HUNGRY)
		site_relist(s, site, SITE_HUNGRY);
}

static void site_free(struct sched *s, struct site *site)
{
	site_unlist(s, site);
	wakeup_set(&s->site_wakeups, &site->wakeup, 0);
	HASH_DEL(s->sites, site);
	crowd_leave(site->crowd);
	free(site->key);
	free(site);
}

/* WORD is why SITE can take nothing now: it is looked at again when that may have changed. */
static void site_waits(struct sched *s, struct site *site, enum site_word word, int64_t when)
{
	if (when)
		wakeup_set(&s->site_wakeups, &site->wakeup, when);
	if (word == SITE_CROWD_UNPROVEN || word == SITE_CROWD_GREEDY)
		site_relist(s, site, word == SITE_CROWD_UNPROVEN ? SITE_WAITS_UNPROVEN : SITE_WAITS_GREEDY);
	else
		site_unlist(s, site);
}

/* One blocked flow of one site that can take more may be tried again. False: there is none. */
static bool feed(struct sched *s, int64_t now)
{
	struct site *site = s->hungry;
	int64_t when;

	if (!site)
		return false;
	enum site_word word = site_ask(site, &s->load, now, &when);
	if (!site->blocked || (word != SITE_GO && word != SITE_REFUSES)) {
		site_waits(s, site, site->blocked ? word : SITE_WAIT, when);
		return true;
	}
	struct flow *f = site->blocked;

	DL_DELETE(site->blocked, f);
	flow_try(s, f);
	site_unlist(s, site);
	sched_site_moved(s, site);	/* behind the others */
	return true;
}

/* Those who wait for others to end are looked at again, one of each kind: when it still must wait, so must they. */
static void relieve(struct sched *s)
{
	for (size_t i = 0; i < COUNT_OF(s->crowded); i++)
		if (s->crowded[i])
			site_relist(s, s->crowded[i], SITE_HUNGRY);
}

/* ---- turns ---- */

void sched_enter(struct sched *s, struct turn *t, bool front)
{
	struct destination *d = t->destination;

	t->band = NULL;
	if (!d->site) {
		if (front)
			DL_PREPEND(d->line, t);
		else
			DL_APPEND(d->line, t);
		destination_list(s, d);
		return;
	}
	bool before = is_engaged(d->site);

	t->band = band_get(flow_get(s, t->sender, d->site), t->priority);
	if (front)
		DL_PREPEND(t->band->turns, t);
	else
		DL_APPEND(t->band->turns, t);
	d->site->waiting++;
	count_engaged(s, d->site, before);
}

/* Out of the line in which it stands. */
static void leave(struct sched *s, struct turn *t)
{
	struct destination *d = t->destination;
	struct band *b = t->band;

	if (!b) {
		DL_DELETE(d->line, t);
		destination_list(s, d);
		return;
	}
	struct site *site = b->flow->of.site;
	bool before = is_engaged(site);

	t->band = NULL;
	DL_DELETE(b->turns, t);
	if (!b->turns)
		band_end(s, b);
	site->waiting--;
	count_engaged(s, site, before);
}

static void wait(struct sched *s, struct turn *t, bool front, int64_t now)
{
	struct destination *d = t->destination;

	destination_age(s, d, now);
	t->waiting = true;
	t->site = NULL;
	t->probe = false;
	s->waiting++;
	s->parked += t->parked;
	d->waiting++;
	d->loaded += !t->parked;
	d->used = now;
	sched_enter(s, t, front);
}

void sched_wait(struct sched *s, struct destination *d, struct turn *t, const struct sender_key *who, bool front, int64_t now)
{
	t->destination = d;
	t->sender = sender_get(s, who);
	t->sender->turns++;
	wait(s, t, front, now);
}

void sched_take(struct sched *s, struct turn *t)
{
	struct destination *d = t->destination;

	leave(s, t);
	t->waiting = false;
	s->waiting--;
	s->parked -= t->parked;
	d->waiting--;
	d->loaded -= !t->parked;
}

void sched_withdraw(struct sched *s, struct turn *t)
{
	sched_take(s, t);
	sender_release(s, t);
}

/* F's sender has had a turn, which may be his last one in a row. */
static void rotate(struct sched *s, struct flow *f)
{
	struct sender *w = f->of.sender, **ring = ring_of(s, w);

	w->ring = f->next;
	s->since_last = w->last ? 0 : s->since_last + 1;
	if (--w->left > 0)
		return;
	w->left = w->weight;
	*ring = w->next;
}

/* F's first turn, if it can be begun: else that is out of the way now. */
static struct turn *begin(struct sched *s, struct flow *f, int64_t now)
{
	struct turn *t = f->bands->turns;
	struct destination *d = t->destination;
	struct site *site = f->of.site;

	if (d->site != site || !destination_ask(s, d, now)) {
		bool moved = d->site && d->site != site;	/* its mail goes elsewhere now */

		leave(s, t);
		if (moved) {
			sched_enter(s, t, true);
			return NULL;
		}
		DL_APPEND(d->line, t);
		destination_list(s, d);
		return NULL;
	}
	rotate(s, f);
	sched_take(s, t);
	struct limits limits = crowd_share(d->crowd, &d->limits);
	bool before = is_engaged(site);

	t->site = site;
	t->probe = site_begin(site, &s->load, now);
	count_engaged(s, site, before);
	d->usage.active++;
	d->usage.messages = pace_take(&limits.message_pace, d->usage.messages, now * 1000);
	d->used = now;
	destination_feed(s, d, now);
	return t;
}

/* The head of W's ring; NULL: it is out of the way now. */
static struct turn *try(struct sched *s, struct sender *w, int64_t now, struct sched_order *order)
{
	struct flow *f = w->ring;
	struct site *site = f->of.site;
	struct turn *t;
	int64_t when;
	enum site_word word = site_ask(site, &s->load, now, &when);

	if (word == SITE_GO) {
		*order = (struct sched_order){ .kind = SCHED_START };
		return begin(s, f, now);
	}
	if (word == SITE_REFUSES) {
		*order = (struct sched_order){ .kind = SCHED_PUT_OFF, .until = site->retry_at, .why = site->why };
		t = f->bands->turns;
		sched_withdraw(s, t);
		return t;
	}
	flow_block(s, f);
	site_waits(s, site, word, when);
	return NULL;
}

static struct sender *choose(struct sched *s)
{
	if (s->ring && (s->since_last < SCHED_LAST_SHARE || !s->ring_last))
		return s->ring;
	return s->ring_last;
}

struct turn *sched_next(struct sched *s, int64_t now, struct sched_order *order)
{
	struct destination *d;
	struct sender *w;
	struct site *site;

	while ((site = wakeup_due(&s->site_wakeups, now)))
		sched_site_moved(s, site);
	while ((d = wakeup_due(&s->destination_wakeups, now))) {
		destination_age(s, d, now);
		destination_feed(s, d, now);
	}
	struct turn *t = destination_tell(s, now, order);
	if (t || s->load.active >= s->load.max)
		return t;
	relieve(s);
	for (bool fed = true; !t;) {
		w = choose(s);
		if (!w && !fed)
			return NULL;
		if (w)
			t = try(s, w, now, order);
		fed = feed(s, now);
	}
	return t;
}

void sched_pass(struct turn *from, struct turn *to)
{
	to->destination = from->destination;
	to->sender = from->sender;
	to->site = from->site;
	to->probe = from->probe;
	from->sender = NULL;
	from->site = NULL;
}

/* T's attempt is over. */
static void finish(struct sched *s, struct turn *t, enum site_end end, const char *why, int64_t now)
{
	struct site *site = t->site;
	struct destination *d = t->destination;
	bool before = is_engaged(site);

	site_finish(site, &s->load, t->probe, end, why, now);
	count_engaged(s, site, before);
	t->site = NULL;
	d->usage.active--;
	d->used = now;
	sched_site_moved(s, site);
}

void sched_done(struct sched *s, struct turn *t, enum site_end end, const char *why, int64_t now)
{
	finish(s, t, end, why, now);
	sender_release(s, t);
	destination_feed(s, t->destination, now);
}

void sched_back(struct sched *s, struct turn *t, enum site_end end, const char *why, int64_t now)
{
	finish(s, t, end, why, now);
	wait(s, t, true, now);
	destination_feed(s, t->destination, now);
}

void sched_progress(struct sched *s, struct site *site, int64_t now)
{
	bool stalled = now - site->progress >= SITE_STALL;

	site->progress = now;
	if (stalled)
		sched_site_moved(s, site);
}

/* ---- the whole ---- */

void sched_pause(struct sched *s, struct site *site, int64_t until)
{
	site->paused_until = until;
	sched_site_moved(s, site);
}

void sched_suspend(struct sched *s, struct site *site, int64_t until, const char *why)
{
	site_suspend(site, until, why);
	sched_site_moved(s, site);	/* what waits is put off, or waits until then */
}

void sched_revive_site(struct sched *s, struct site *site)
{
	site_revive(site);
	sched_site_moved(s, site);
}

void sched_revive(struct sched *s, struct destination *d)
{
	struct destination *next;
	struct site *site, *next_site;

	if (d) {
		if (d->site)
			sched_revive_site(s, d->site);
		destination_forget(s, d);
		return;
	}
	HASH_ITER(hh, s->destinations, d, next)
		destination_forget(s, d);
	HASH_ITER(hh, s->sites, site, next_site)
		sched_revive_site(s, site);
}

int64_t sched_wake_at(const struct sched *s)
{
	int64_t one = wakeup_next(&s->site_wakeups), two = wakeup_next(&s->destination_wakeups);

	return one == 0 || (two && two < one) ? two : one;
}

void sched_sweep(struct sched *s, int64_t now, int64_t age)
{
	struct destination *d, *next;
	struct site *site, *next_site;

	HASH_ITER(hh, s->destinations, d, next)
		if (!d->waiting && !d->held && !d->usage.active && d->state != DESTINATION_ASKING && now - d->used >= age &&
		    (d->state != DESTINATION_FAILED || now >= d->until))
			destination_free(s, d);
	HASH_ITER(hh, s->sites, site, next_site)
		if (!is_engaged(site) && !site->destinations && !site->open && now - site->used >= age && now >= site->retry_at)
			site_free(s, site);
}

static void free_lines(struct sched *s)
{
	struct flow *f, *next;
	struct sender *w, *next_sender;

	HASH_ITER(hh, s->flows, f, next) {
		for (struct band *b; (b = f->bands);) {
			f->bands = b->next;
			free(b);
		}
		HASH_DEL(s->flows, f);
		free(f);
	}
	HASH_ITER(hh, s->senders, w, next_sender) {
		HASH_DEL(s->senders, w);
		free(w);
	}
}

void sched_free(struct sched *s)
{
	struct destination *d, *next;
	struct site *site, *next_site;

	free_lines(s);
	HASH_ITER(hh, s->destinations, d, next)
		destination_free(s, d);
	HASH_ITER(hh, s->sites, site, next_site)
		site_free(s, site);
	wakeups_free(&s->site_wakeups);
	wakeups_free(&s->destination_wakeups);
}
