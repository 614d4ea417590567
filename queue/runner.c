/* runner.c - the queue-runner's process: from start to end, and its loop. See runner.h for the parts.
 *
 * A turn is taken whenever something changed (runner_wake): what is due and new is read, then deliveries are begun as long as
 * limits allow. A turn is short; when there is more to do, the next one follows after
 * the sockets have been looked at. Idle, the process wakes up once a minute. */
#include "runner.h"
#include "../lib/clock.h"
#include "../lib/drop.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "../lib/tls_key.h"
#include "../server/control.h"
#include "crowd.h"
#include "delivery.h"
#include "enforce.h"
#include "gate.h"
#include "helper.h"
#include "hook_run.h"
#include "job.h"
#include "part.h"
#include "plugin_dns.h"
#include "queue_flush.h"
#include <event2/event.h>
#include <signal.h>
#include <sys/resource.h>
#include <unbound.h>
#include <utlist.h>

#define RUNNER_READS 32			/* messages read in one turn */
#define RUNNER_ASKS 200			/* destinations that DNS is asked for at once */
#define RUNNER_REST 1000		/* ms after running out of descriptors */
#define RUNNER_SLEEP 60000		/* ms between turns without a reason: lost pokes, sweeping */
#define RUNNER_QUIET 300000		/* ms after which a destination without mail is forgotten */
#define RUNNER_GATES 86400000		/* and one with a limit: the longest time of a rate */
#define RUNNER_SPARE_FDS 320		/* descriptors for the directories of the spool, logs, sockets, plugins */
#define RUNNER_WRITER 16384		/* lowest writer number of those that are no workers (spool.h) */

/* ---- the id in the scoreboard ---- */

static unsigned row;			/* there: our part */

void runner_mark_plugin(struct runner *r, const char *id, const char *plugin, const char *hook)
{
	struct scoreboard *s = scoreboard();

	if (s)
		snprintf(s->working_on[row], sizeof(s->working_on[0]), "%s %d %s %s", id, strcmp(id, r->suspect) == 0, plugin, hook);
	log_id(id);
}

void runner_mark(struct runner *r, const char *id)
{
	runner_mark_plugin(r, id, "", "");
}

void runner_unmark(void)
{
	struct scoreboard *s = scoreboard();

	if (s)
		s->working_on[row][0] = '\0';
	log_id("");
}

/* Our predecessor left its mark: it died with this message in hand. Once may be chance (power, SIGKILL); twice is not. */
static void take_mark(struct runner *r)
{
	struct scoreboard *s = scoreboard();
	char mark[sizeof(s->working_on[0])] = "";
	struct err err = { "" };

	if (s)
		memcpy(mark, s->working_on[row], sizeof(mark) - 1);
	struct view rest = view_of(mark), id = view_cut(&rest, ' '), again = view_cut(&rest, ' '), plugin = view_cut(&rest, ' ');
	struct log_line l;

	runner_unmark();
	if (!spool_id_valid(id) || !view_copy(id, r->suspect, sizeof(r->suspect)))
		return;
	if (part_of(r->suspect, r->parts) != r->part) {	/* the queue was split in another way for it */
		r->suspect[0] = '\0';
		return;
	}
	log_id(r->suspect);
	log_begin(&l, LOG_LEVEL_WARN, "the queue-runner died while it worked on this message");
	if (plugin.len) {
		log_view(&l, "plugin", plugin);
		log_view(&l, "hook", rest);
	}
	log_end(&l);
	if (view_eq(again, VIEW("1"))) {
		if (spool_move(r->spool, r->suspect, SPOOL_NEW, SPOOL_BAD, NULL) || spool_move(r->spool, r->suspect, SPOOL_LATER, SPOOL_BAD, &err))
			log_error("message set aside in bad: the queue-runner died of it twice");
		else
			log_error("message cannot be set aside: %s", err.text);
		scoreboard_count(COUNT_SET_ASIDE, 1);
	}
	log_id("");
}

/* ---- DNS ---- */

/* libunbound cannot be told to forget: it is replaced, and goes when the questions that it has are answered. At most once
 * at a time, however often that is asked for. */
void runner_forget_dns(struct runner *r)
{
	struct err err = { "" };

	if (r->old_dns)
		return;
	struct ub_ctx *ctx = dns_context(r->base, r->settings, &err);

	if (!ctx) {
		log_error("names are not forgotten: %s", err.text);
		return;
	}
	r->old_dns = r->dns;
	r->dns = ctx;
	mx_use(r->mx, ctx);
}

static void end_old_dns(struct runner *r)
{
	if (!r->old_dns || r->sched.asking > 0 || plugin_dns_open() > 0)
		return;
	ub_ctx_delete(r->old_dns);
	r->old_dns = NULL;
}

/* ---- turns ---- */

void runner_wake(struct runner *r)
{
	event_active(r->turn, EV_TIMEOUT, 0);
}

void runner_rest(struct runner *r, bool sockets)
{
	if (sockets)
		r->no_sockets = true;
	else
		r->no_files = true;
	if (r->jobs_max > r->jobs / 2 + 1)
		r->jobs_max = r->jobs / 2 + 1;
	runner_wake(r);		/* which sets the clock */
}

void runner_go_on(struct runner *r)
{
	r->no_files = r->no_sockets = false;
}

static void set_gauges(const struct runner *r)
{
	scoreboard_gauge(r->part, GAUGE_QUEUE_NEW, (int64_t)r->backlog_count);
	scoreboard_gauge(r->part, GAUGE_QUEUE_ACTIVE, (int64_t)(r->jobs + r->sched.parked));
	scoreboard_gauge(r->part, GAUGE_QUEUE_DEFERRED, (int64_t)index_count(r->index));
	scoreboard_gauge(r->part, GAUGE_QUEUE_HELD, r->held);
	scoreboard_gauge(r->part, GAUGE_OUT_CONNECTIONS, connection_count());
}

static void set_clock(struct runner *r, int64_t now)
{
	int64_t ms = RUNNER_SLEEP, due = index_next(r->index), wake = sched_wake_at(&r->sched);

	if (due != INT64_MAX && due * 1000 - clock_now_us() / 1000 < ms)
		ms = due * 1000 - clock_now_us() / 1000;
	if (wake && wake - now < ms)
		ms = wake - now;
	if ((r->no_files || r->no_sockets || r->rescan) && ms > RUNNER_REST)
		ms = RUNNER_REST;
	ms = ms < 1 ? 1 : ms;
	event_add(r->clock, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
}

/* Nothing is delivered until UNTIL (seconds since 1970; 0: not by time). */
static void sleep_until(struct runner *r, int64_t until)
{
	int64_t ms = until ? until * 1000 - clock_now_us() / 1000 : RUNNER_SLEEP;

	ms = ms > RUNNER_SLEEP ? RUNNER_SLEEP : ms < 1 ? 1 : ms;
	event_add(r->clock, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
}

static void leave_when_done(struct runner *r)
{
	struct delivery *d, *next;

	DL_FOREACH_SAFE(r->active, d, next)
		delivery_abort(d, r->stopping);
	if (r->stopping)
		hook_hurry();
	if (!r->active && hook_waiting_after() == 0)
		event_base_loopbreak(r->base);
}

static void leave(struct runner *r, bool stop)
{
	int64_t ms = r->settings->shutdown_timeout;	/* for draining too: our successor waits for us */

	r->stopping |= stop;
	if (!r->leaving || stop)
		event_add(r->leave, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
	r->leaving = true;
	queue_control_end(r);
	runner_wake(r);
}

/* Only root can read keys: our successor can, once the master has started it. */
static void leave_keyless(struct runner *r)
{
	r->keyless = true;
	leave(r, false);
}

static void on_key_end(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	log_error("the key process has ended");
	leave_keyless(arg);
}

static void on_turn(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct runner *r = arg;
	int64_t now = clock_ms();

	if (tls_key_lost() && !r->keyless)	/* it is there, and does not answer */
		leave_keyless(r);
	if (r->leaving) {
		leave_when_done(r);
		return;
	}
	if (!r->serving || enforce_stopped(r)) {
		set_gauges(r);
		sleep_until(r, enforce_stopped_until(r));
		return;
	}
	bool more = intake_turn(r, now, RUNNER_READS);
	more |= turns_take(r, now);
	if (more)
		runner_wake(r);
	set_gauges(r);
	set_clock(r, now);
}

static void on_clock(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct runner *r = arg;

	runner_go_on(r);
	end_old_dns(r);
	helpers_reap();
	sched_sweep(&r->sched, clock_ms(), RUNNER_QUIET);
	gate_sweep(&r->gates, clock_ms(), RUNNER_GATES);
	gate_sweep(&r->sources, clock_ms(), RUNNER_GATES);
	runner_wake(r);
}

/* ---- orders ---- */

static void on_leave(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct runner *r = arg;

	log_warn("leaving with deliveries under way");
	event_base_loopbreak(r->base);
}

static void on_term(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	leave(arg, true);
}

static void serve(struct runner *r)
{
	struct err err = { "" };

	if (r->serving || r->leaving)
		return;
	if (spool_lock(r->spool, true, &err) != 1) {
		log_error("cannot lock the spool: %s", err.text);
		event_base_loopbreak(r->base);
		return;
	}
	take_mark(r);
	crowd_begin(r->part, r->parts);
	if (!intake_begin(r, &err) || !queue_control_begin(r, &err)) {
		log_error("cannot serve: %s", err.text);
		event_base_loopbreak(r->base);
		return;
	}
	enforce_begin(r);
	r->serving = true;
	if (enforce_stopped(r))
		log_warn("outbound delivery is disabled");
	else
		log_info("serving, %zu messages deferred, %lld held", index_count(r->index), (long long)r->held);
	runner_wake(r);
}

static void on_orders(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct runner *r = arg;
	enum control_order order;

	while ((order = control_next(fd)) != CONTROL_NONE) {
		if (order == CONTROL_SERVE) {
			serve(r);
			continue;
		}
		leave(r, order == CONTROL_STOP);
		if (order == CONTROL_ORPHANED) {
			event_del(r->orders);
			return;
		}
	}
}

/* ---- the process ---- */

/* Raises the limit of descriptors as far as it goes. A delivery needs two, for its message and its connection; a message that
 * waits in memory one. Returns how many deliveries there may be at once. */
static unsigned set_limits(struct runner *r)
{
	const struct settings *s = r->settings;
	struct rlimit limit;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = limit.rlim_max = 1024;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		getrlimit(RLIMIT_NOFILE, &limit);
	room = limit.rlim_cur > RUNNER_SPARE_FDS + 60 ? (limit.rlim_cur - RUNNER_SPARE_FDS) / 3 : 20;
	size_t jobs = part_share((size_t)s->outbound_active_max, r->parts), deliveries = part_share((size_t)s->outbound_concurrency_max, r->parts);

	r->jobs_max = jobs < room ? jobs : (size_t)room;
	return deliveries < room ? (unsigned)deliveries : (unsigned)room;
}

/* Keys are in a process of their own here too, of which we wait for each signature: it takes what we would need ourselves. */
static bool load_tls(struct runner *r, struct err *err)
{
	bool keys = r->settings->tls_key_process && tls_policy_has_keys(r->settings);
	int fd;

	if (keys && !keyholder_start(&r->keys, r->args, 1, err))
		return false;
	r->tls = tls_policy_new(r->settings, err);
	if (!r->tls || !keys)
		return r->tls != NULL;
	if (!keyholder_seal(&r->keys, err) || (fd = keyholder_connect(&r->keys, err)) < 0)
		return false;
	tls_key_remote(fd);
	r->key_end = event_new(r->base, r->keys.control[0], EV_READ, on_key_end, r);
	return (r->key_end && event_add(r->key_end, NULL) == 0) || err_set(err, "cannot watch the key process");
}

static bool load_plugins(struct runner *r, const struct drop_target *who, struct err *err)
{
	r->plugins = plugin_load(r->settings, err);
	if (!r->plugins)
		return false;
	plugin_will_deliver(r->plugins);
	/* TLS in any case: a route may demand it, whatever outbound.conf says. Before the store, which the key process has no business with. */
	if (!plugin_before_drop(r->plugins, err) || !load_tls(r, err) || !(r->store = store_new(r->settings, err)))
		return false;
	return drop_root(who, err) && plugin_init(r->plugins, err);
}

static bool open_all(struct runner *r, struct err *err)
{
	const struct settings *s = r->settings;

	r->bounce.me = s->me;
	r->bounce.double_to = s->outbound_double_bounce_to;
	r->bounce.plugins = r->plugins;
	r->bounce.parts = r->parts;
	r->bounce.max_return = (uint64_t)s->outbound_bounce_max_return;
	if (!schedule_parse(&r->schedule, s->outbound_temp_fail_intervals, s->outbound_max_temp_failures, err) ||
	    !bounce_read_texts(s->dir, r->arena, &r->bounce, err) || !routing_init(&r->routing, s, r->plugins, r->tls, err))
		return false;
	r->shaping = shaping_read(s, r->arena, err);
	if (!r->shaping)
		return false;
	r->spool = spool_open(s->spool_dir, RUNNER_WRITER + (unsigned)getpid() % RUNNER_WRITER, err);
	if (!r->spool)
		return false;
	spool_take_part(r->spool, r->part, r->parts);
	if (!(r->dns = dns_context(r->base, s, err)))
		return false;
	store_prove(r->store);
	store_attach(r->store, r->base);
	r->shared.base = r->base;
	r->shared.settings = s;
	r->shared.tls = r->tls;
	r->mx = mx_new(r->base, r->dns, s, r->tls);
	r->pool = pool_new(r->base, s->outbound_pool_timeout, s->outbound_pool_concurrency_max ? part_share((size_t)s->outbound_pool_concurrency_max, r->parts) : 0);
	r->index = index_new();
	sched_init(&r->sched, set_limits(r), s->outbound_dead_host_time);
	r->sched.asking_max = RUNNER_ASKS;
	return r->index || err_set(err, "out of memory");
}

static bool prepare(struct runner *r, struct err *err)
{
	const struct settings *s = r->settings;
	struct drop_target who;

	signal(SIGPIPE, SIG_IGN);
	r->base = event_base_new();
	r->turn = event_new(r->base, -1, 0, on_turn, r);
	r->clock = evtimer_new(r->base, on_clock, r);
	r->leave = evtimer_new(r->base, on_leave, r);
	r->orders = event_new(r->base, r->args->control_fd, EV_READ | EV_PERSIST, on_orders, r);
	r->term = evsignal_new(r->base, SIGTERM, on_term, r);
	if (!r->base || !r->turn || !r->clock || !r->leave || !r->orders || !r->term || event_add(r->orders, NULL) < 0 || event_add(r->term, NULL) < 0)
		return err_set(err, "cannot make an event loop");
	if (!scoreboard_open(s->run_dir, false, err) || !drop_lookup(s->user, s->group, &who, err))
		return false;
	return load_plugins(r, &who, err) && open_all(r, err);
}

static void clean_up(struct runner *r)
{
	queue_flush_end(r);
	helpers_end();
	hook_end();
	plugin_dns_end();
	enforce_end(r);
	pool_free(&r->pool);
	queue_control_end(r);
	intake_end(r);
	turns_end(r);
	gate_sweep(&r->gates, clock_ms(), 0);
	gate_sweep(&r->sources, clock_ms(), 0);
	target_downs_clear(&r->downs);
	sched_free(&r->sched);
	mx_free(&r->mx);
	if (r->dns)
		ub_ctx_delete(r->dns);
	if (r->old_dns)
		ub_ctx_delete(r->old_dns);
	whereabouts_free(&r->whereabouts);
	index_free(&r->index);
	spool_close(&r->spool);
	routing_free(&r->routing);
	tls_policy_free(&r->tls);
	if (r->key_end)
		event_free(r->key_end);
	keyholder_close(&r->keys);
	store_free(&r->store);
	plugin_list_free(&r->plugins);
	event_free(r->turn);
	event_free(r->clock);
	event_free(r->leave);
	event_free(r->orders);
	event_free(r->term);
	event_base_free(r->base);
	arena_free(&r->arena);
}

int runner_main(const struct role_args *args)
{
	struct runner runner = { .settings = args->settings, .args = args, .part = args->part, .parts = args->parts,
		.poke_fd = -1, .control_fd = -1, .arena = arena_new(4096) };
	struct runner *r = &runner;
	struct err err = { "" };

	log_process("queue");
	row = r->part;
	ipc_self(IPC_CHILD | IPC_QUEUE_RUNNER);
	if (!prepare(r, &err))
		return control_failed(args->control_fd, &err);
	plugin_take_log(r->plugins);
	const char *const *files;
	uint64_t fingerprint;
	size_t count = tls_policy_files(r->tls, &files, &fingerprint);
	if (count)
		control_watch(args->control_fd, fingerprint, files, count);
	control_ready(args->control_fd);
	event_base_dispatch(r->base);
	bool retired = r->leaving && !r->keyless;
	if (!r->active)
		clean_up(r);
	return retired ? EXIT_RETIRED : EXIT_DIED;
}
