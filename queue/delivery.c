/* delivery.c - see delivery.h. Which failure leads where:
 *   before anything of the message was decided    the next address; after the last one the recipients are deferred
 *   TLS handshake, an earlier session in it       the same address once more, without that
 *   TLS handshake                                 the same address once more, in clear (opportunistic TLS)
 *   no TLS, AUTH or valid certificate, where      the next address; deferred, never sent without
 *   they are demanded
 *   our own source address                        deferred: no server is to blame
 *   a pooled connection that had died             the same address over a fresh connection; not counted as an attempt
 *   after the final dot                           deferred: another address could mean a second delivery
 *   no descriptors                                back to the head of the line, the destination is not to blame */
#include "delivery.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "../lib/tls_nogo.h"
#include "approach.h"
#include "enforce.h"
#include "obey.h"
#include "permit.h"
#include <utlist.h>

#define DELIVERY_ADDRESSES 8		/* addresses tried for one delivery */
#define DELIVERY_DOWN 300000		/* ms, at most, for which an address that failed comes last */

struct delivery *delivery_new(struct job *j, const size_t *rcpts, size_t count)
{
	struct delivery *d = arena_alloc(j->arena, sizeof(*d));

	d->job = j;
	d->count = count;
	d->rcpts = arena_alloc(j->arena, count * sizeof(*rcpts));
	memcpy(d->rcpts, rcpts, count * sizeof(*rcpts));
	for (size_t i = 0; i < count; i++)
		j->rcpts[rcpts[i]].placed = true;
	d->sibling = j->deliveries;
	j->deliveries = d;
	j->open++;
	return d;
}

static struct result *result_of(struct delivery *d, size_t i)
{
	return &d->job->rcpts[d->rcpts[i]].result;
}

static bool undecided(struct delivery *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (result_of(d, i)->outcome == OUTCOME_NONE)
			return true;
	return false;
}

static void decide_rest(struct delivery *d, const struct result *result)
{
	for (size_t i = 0; i < d->count; i++)
		if (result_of(d, i)->outcome == OUTCOME_NONE)
			*result_of(d, i) = *result;
}

/* ---- the end ---- */

static void delivery_drop(struct delivery *d)
{
	store_cancel(&d->nogo);
	client_close(&d->client);
	targets_release(&d->targets);
}

static void delivery_end(struct delivery *d, enum site_end end)
{
	struct runner *r = d->job->runner;
	const char *why = end == SITE_OK ? NULL : d->failure.text;

	obey_results(d);
	delivery_drop(d);
	DL_DELETE(r->active, d);
	sched_done(&r->sched, &d->turn, end, why, clock_ms());
	runner_go_on(r);
	job_delivered(d->job, d);
	runner_wake(r);
}

/* First in line again. */
static void delivery_put_back(struct delivery *d, enum site_end end)
{
	struct runner *r = d->job->runner;

	delivery_drop(d);
	d->begun = d->plain = d->anew = d->fresh = d->busy = d->unfit = d->reached = false;
	d->wait_until = 0;
	DL_DELETE(r->active, d);
	sched_back(&r->sched, &d->turn, end, d->failure.text, clock_ms());
}

/* Nothing could be begun: when there is something to begin with. */
static void delivery_postpone(struct delivery *d)
{
	struct job *j = d->job;
	struct runner *r = j->runner;
	struct entry *e = j->entry;

	delivery_put_back(d, SITE_UNTRIED);
	job_withdraw(j);		/* one descriptor less */
	if (!e->job)
		intake_add(r, e->id, (enum spool_state)e->state);
	runner_rest(r, true);
}

/* No address may be used before WAIT_UNTIL. */
static void delivery_pause(struct delivery *d)
{
	struct runner *r = d->job->runner;
	struct site *site = d->turn.site;
	int64_t until = d->wait_until;

	delivery_put_back(d, SITE_UNTRIED);
	sched_pause(&r->sched, site, until);
	runner_wake(r);
}

/* Our own workers are being replaced: that is no failure of the message. */
static void delivery_wait_again(struct delivery *d)
{
	struct runner *r = d->job->runner;

	log_debug("our own socket does not answer: %s", d->failure.text);
	delivery_put_back(d, SITE_FAILED);
	runner_wake(r);
}

void delivery_decide(struct delivery *d, const struct result *result, bool untried, int64_t not_before)
{
	struct job *j = d->job;

	d->times.arrived_us = j->file.env.arrived;
	for (size_t i = 0; i < d->count; i++) {
		j->rcpts[d->rcpts[i]].untried = untried;
		j->rcpts[d->rcpts[i]].not_before = not_before;
	}
	decide_rest(d, result);
	job_delivered(j, d);
}

void delivery_abort(struct delivery *d, bool hard)
{
	struct runner *r = d->job->runner;

	if (d->client && (hard ? client_committed(d->client) : client_sending(d->client)))
		return;
	delivery_drop(d);
	DL_DELETE(r->active, d);
	sched_done(&r->sched, &d->turn, SITE_UNTRIED, NULL, clock_ms());
	job_abandon(d->job, d);
}

/* ---- the parcel ---- */

static const char *received_line(struct delivery *d)
{
	const struct settings *s = d->job->runner->settings;
	const char *text = s->outbound_received_header;
	char date[CLOCK_DATE_SIZE];

	if (!*text || strcmp(text, "disabled") == 0 || d->turn.destination->route->internal)
		return "";
	return arena_printf(d->job->arena, "Received: by %s (%s) id %s;\r\n\t%s\r\n", s->me, text, job_id(d->job),
			    clock_date(clock_now(), date));
}

static void make_parcel(struct delivery *d)
{
	permit_send(d, &d->targets->list[d->at], clock_ms());
	struct job *j = d->job;
	struct parcel *p = &d->parcel;

	*p = (struct parcel){ .file = &j->file, .head = received_line(d), .own = d->turn.destination->route->internal,
		.lmtp = d->targets->list[d->at].lmtp, .arena = j->arena };
	p->rcpts = arena_alloc(j->arena, d->count * sizeof(*p->rcpts));
	for (size_t i = 0; i < d->count; i++)
		if (result_of(d, i)->outcome == OUTCOME_NONE)
			p->rcpts[p->total++] = (struct parcel_rcpt){ .rcpt = &j->file.env.rcpts[d->rcpts[i]], .index = i };
}

void delivery_cut(struct delivery *d, size_t most)
{
	struct job *j = d->job;

	if (d->count <= most)
		return;
	struct delivery *rest = delivery_new(j, d->rcpts + most, d->count - most);

	d->count = most;
	rest->turn.priority = d->turn.priority;
	sched_wait(&j->runner->sched, d->turn.destination, &rest->turn, &j->who, true, clock_ms());
}

/* What the hook delivered tells of the connection, which may be gone by then. */
static void note_connection(struct delivery *d)
{
	d->lmtp = client_target(d->client)->lmtp;
	d->authenticated = client_authenticated(d->client);
}

static void take_results(struct delivery *d)
{
	if (d->parcel.total)
		note_connection(d);
	for (size_t i = 0; i < d->parcel.total; i++)
		*result_of(d, d->parcel.rcpts[i].index) = d->parcel.rcpts[i].result;
	d->parcel.total = 0;
}

/* ---- addresses ---- */

static void try_next(struct delivery *d);

static void failed(struct delivery *d, const struct target *t, enum outcome outcome, const char *enhanced, const char *text)
{
	char ip[NETADDR_TEXT];

	d->failure = result_local(d->job->arena, outcome, enhanced, text);
	if (!t)
		return;
	d->failure.host = arena_strdup(d->job->arena, t->name);
	d->failure.ip = t->addr.family ? arena_strdup(d->job->arena, netaddr_text(&t->addr, ip)) : "";
	d->failure.port = t->addr.port;
}

static void address_down(struct delivery *d, const struct target *t)
{
	struct runner *r = d->job->runner;
	int64_t ms = r->settings->outbound_dead_host_time;

	if (ms)
		target_down(&r->downs, t, clock_ms() + (ms < DELIVERY_DOWN ? ms : DELIVERY_DOWN));
}

static void next_address(struct delivery *d)
{
	d->at++;
	d->plain = d->anew = d->fresh = false;
	try_next(d);
}

/* ---- what the client tells ---- */

static void on_ready(void *arg)
{
	struct delivery *d = arg;

	d->times.connected = clock_ms();
	sched_progress(&d->job->runner->sched, d->turn.site, clock_ms());
	if (client_warning(d->client)) {
		log_id(job_id(d->job));
		log_warn("%s: %s", client_target(d->client)->name, client_warning(d->client));
		log_id("");
	}
	make_parcel(d);
	client_send(d->client, &d->parcel);
}

/* Some recipients were too many for the server (452): another parcel, as long as each one gets somewhere. */
static bool again(struct delivery *d, bool progress)
{
	if (!undecided(d))
		return false;
	if (progress && client_reusable(d->client, d->turn.site->rule->deliveries)) {
		make_parcel(d);
		client_send(d->client, &d->parcel);
		return true;
	}
	struct result result = result_local(d->job->arena, OUTCOME_DEFER, "4.5.3", "too many recipients at once for the server");
	decide_rest(d, &result);
	return false;
}

static void on_done(void *arg)
{
	struct delivery *d = arg;
	bool progress = false;

	for (size_t i = 0; i < d->parcel.count; i++)
		progress |= d->parcel.rcpts[i].result.outcome == OUTCOME_DONE;
	take_results(d);
	if (again(d, progress))
		return;
	pool_put(d->job->runner->pool, &d->client, d->turn.site, d->turn.site->rule->deliveries);
	delivery_end(d, SITE_OK);
}

/* The session ended before the parcel was decided: the words for it. */
static void lost_words(struct delivery *d, const struct target *t, const struct client_loss *loss)
{
	char text[REPLY_TEXT + 256], where[TARGET_TEXT];
	enum outcome outcome = OUTCOME_DEFER;
	const char *enhanced = "4.4.2";

	/* A refusal of our name or of TLS is final when all say so; one in place of the greeting is the host's, not the mail's. */
	if (loss->kind == LOSS_REFUSED && loss->code / 100 == 5 && loss->step != STEP_GREETING && d->failure.outcome != OUTCOME_DEFER) {
		outcome = OUTCOME_FAIL;
		enhanced = *loss->enhanced ? loss->enhanced : "5.0.0";
	} else if (loss->step == STEP_CONNECT) {
		enhanced = "4.4.1";
	} else if (loss->kind == LOSS_PROTOCOL) {
		enhanced = "4.5.0";
	} else if (loss->kind == LOSS_LOCAL) {
		enhanced = "4.3.0";
	} else if (loss->kind == LOSS_SECURITY && *loss->enhanced) {
		enhanced = loss->enhanced;	/* a 5xx becomes 4.0.0 */
		/* in our own words it is what the message demands (RFC 8689 4.2.1): no server has it */
		if (!loss->code && enhanced[0] == '5' && d->failure.outcome != OUTCOME_DEFER)
			outcome = OUTCOME_FAIL;
	}
	target_text(t, where);
	if (loss->code)
		snprintf(text, sizeof(text), "%s said %u %s (while %s)", where, loss->code, loss->text, step_row(loss->step)->phrase);
	else
		snprintf(text, sizeof(text), "%s: %s (while %s)", where, loss->text, step_row(loss->step)->phrase);
	failed(d, t, outcome, enhanced, text);
}

/* ---- servers whose TLS has failed ---- */

static const struct tls_settings *tls_settings_of(const struct delivery *d, const struct target *t)
{
	return tls_policy_settings(d->job->runner->shared.tls, t->access);
}

/* Where TLS is demanded no memory of failures changes that. */
static bool remembers(const struct delivery *d, const struct target *t)
{
	const struct runner *r = d->job->runner;

	return r->store && t->addr.family && tls_policy_need(r->settings, t) == ACCESS_TLS_MAY && tls_settings_of(d, t)->disable_for_failed_hosts;
}

static void on_nogo(void *arg, const struct store_answer *answer)
{
	struct delivery *d = arg;
	char where[TARGET_TEXT];

	d->nogo = NULL;
	if (answer->result != STORE_OK || !client_forgo_tls(d->client))
		return;
	log_id(job_id(d->job));
	log_info("TLS is not tried with %s: it failed lately", target_text(client_target(d->client), where));
	log_id("");
}

/* Asked while the connection is made, which waits for nothing: an answer that comes after that to EHLO has come too late, and TLS is
 * tried. */
static void ask_nogo(struct delivery *d, const struct target *t)
{
	if (!d->plain && remembers(d, t))
		d->nogo = tls_nogo_server(d->job->runner->store, t->name, &t->addr, on_nogo, d);
}

static void tls_failed(struct delivery *d, const struct target *t, const char *why)
{
	const struct runner *r = d->job->runner;

	log_id(job_id(d->job));
	log_warn("TLS failed, trying in clear: %s", d->failure.text);
	log_id("");
	if (remembers(d, t))
		tls_nogo_server_failed(r->store, t->name, &t->addr, tls_settings_of(d, t)->disable_expiry, why);
}

static void on_lost(void *arg, const struct client_loss *loss)
{
	struct delivery *d = arg;
	struct target target = *client_target(d->client);

	lost_words(d, &target, loss);
	obey_loss(d, loss);
	d->failure.tls = result_tls_of(client_tls(d->client), d->job->arena);
	d->busy = loss->kind == LOSS_BUSY;
	d->unfit = loss->kind == LOSS_SECURITY && d->job->file.env.flags & ENVELOPE_REQUIRETLS;
	d->reached |= loss->step > STEP_GREETING;
	take_results(d);
	store_cancel(&d->nogo);
	client_close(&d->client);
	if (loss->stale || (loss->took_up && !d->anew)) {
		d->anew |= loss->took_up;
		d->fresh = true;
		try_next(d);
	} else if (!undecided(d)) {
		delivery_end(d, SITE_OK);
	} else if (loss->committed || loss->kind == LOSS_LOCAL) {
		d->failure.outcome = OUTCOME_DEFER;
		decide_rest(d, &d->failure);
		delivery_end(d, loss->kind == LOSS_LOCAL ? SITE_UNTRIED : SITE_BUSY);
	} else if (loss->kind == LOSS_TLS && !d->plain) {
		tls_failed(d, &target, loss->text);
		d->plain = d->fresh = true;
		try_next(d);
	} else {
		if (loss->step < STEP_MAIL && loss->kind != LOSS_SECURITY)
			address_down(d, &target);
		next_address(d);
	}
}

static const struct client_user user = { .ready = on_ready, .done = on_done, .lost = on_lost };

/* ---- connecting ---- */

/* A connection that is there already: to the address whose turn it is, or at the first try to one as good. */
static bool use_pooled(struct delivery *d)
{
	const struct targets *t = d->targets;

	for (size_t i = d->at; i < t->count && t->list[i].preference == t->list[d->at].preference; i++) {
		if (!permit_ask(d, &t->list[i], false, clock_ms(), &d->wait_until))
			continue;
		d->client = pool_take(d->job->runner->pool, &t->list[i]);
		if (!d->client && d->at == 0)
			continue;
		if (!d->client)
			return false;
		d->at = i;
		client_set_user(d->client, &user, d);
		d->times.connected = clock_ms();
		make_parcel(d);
		client_send(d->client, &d->parcel);
		return true;
	}
	return false;
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EADDRNOTAVAIL;
}

/* Opens a connection to the next address that lets itself be tried. */
static void try_next(struct delivery *d)
{
	struct runner *r = d->job->runner;

	if (!d->fresh && d->at < d->targets->count && use_pooled(d))
		return;
	for (; d->at < d->targets->count && d->at < DELIVERY_ADDRESSES; d->at++) {
		const struct target *t = &d->targets->list[d->at];
		struct err err = { "" };

		/* one that must wait is no reason to go to worse ones */
		if (d->wait_until && d->at && t->preference > t[-1].preference)
			break;
		if (!permit_ask(d, t, true, clock_ms(), &d->wait_until))
			continue;
		if (r->sched.load.active + pool_count(r->pool) > r->sched.load.max)
			pool_trim(r->pool);
		d->client = client_open(&r->shared, t, d->plain, &user, d, &err);
		if (d->client) {
			permit_open(d, t, d->client, clock_ms());
			ask_nogo(d, t);
			return;
		}
		d->misplaced = errno == ENODEV;
		if (is_shortage(errno)) {
			log_warn("no connection can be made now: %s", err.text);
			delivery_postpone(d);
			return;
		}
		struct client_loss loss = { .kind = LOSS_NETWORK, .step = STEP_CONNECT };
		snprintf(loss.text, sizeof(loss.text), "%.*s", (int)sizeof(loss.text) - 1, err.text);
		lost_words(d, t, &loss);
		if (d->misplaced)
			log_warn("no connection can be made: %s", err.text);
		else
			address_down(d, t);
		d->plain = d->anew = d->fresh = false;
	}
	if (d->wait_until) {
		delivery_pause(d);
		return;
	}
	if (d->turn.destination->route->internal && !d->reached) {
		delivery_wait_again(d);
		return;
	}
	decide_rest(d, &d->failure);
	delivery_end(d, d->misplaced ? SITE_UNTRIED : d->unfit ? SITE_OK : d->busy ? SITE_BUSY : SITE_FAILED);
}

void delivery_start(struct delivery *d)
{
	struct runner *r = d->job->runner;
	struct err err = { "" };

	DL_APPEND(r->active, d);
	d->begun = true;
	d->times = (struct result_times){ .arrived_us = d->job->file.env.arrived, .started = clock_ms() };
	scoreboard_count(COUNT_DELIVERIES, 1);
	d->targets = targets_copy(d->turn.destination->targets);
	mx_shuffle(r->mx, d->targets);
	targets_prefer_up(d->targets, &r->downs, clock_ms());
	d->at = 0;
	if (enforce_delivery(d)) {
		delivery_end(d, SITE_UNTRIED);
		return;
	}
	const struct route *route = d->turn.destination->route;
	if (approach(d->targets, &d->job->file, route->kind == ROUTE_MX ? route->domain : "", &err)) {
		try_next(d);
		return;
	}
	log_id(job_id(d->job));
	log_warn("%s", err.text);
	log_id("");
	failed(d, NULL, OUTCOME_DEFER, "4.3.5", err.text);	/* RFC 3463: system incorrectly configured */
	decide_rest(d, &d->failure);
	delivery_end(d, SITE_UNTRIED);
}
