/* forkserver.c - loads configuration, keys and plugins once, gives up root, and forks workers that share all of
 * it. Waits for: the master's orders, dead workers, workers that call for more, and the second to pass. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/drop.h"
#include "../lib/log.h"
#include "../lib/ipc.h"
#include "../lib/plugin.h"
#include "../lib/scoreboard.h"
#include "../lib/secret.h"
#include "../lib/tls.h"
#include "check.h"
#include "control.h"
#include "listen.h"
#include "crew.h"
#include "role.h"
#include "stapler.h"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#define TICK 1000		/* ms between two rounds of crew_tick */
#define DAY 86400000		/* ms between two warnings of certificates that are at their end */
#define HURRY 100		/* ms between two looks at sessions when stopping */
#define KILL_AFTER 2000		/* ms from "421, go away" to SIGKILL */

enum leaving { STAYING, DRAINING, STOPPING };

struct forkserver {
	const struct role_args *args;
	struct plugin_list *plugins;
	struct tls_context *tls;
	struct keyholder keys;
	struct store *store;
	struct crew *crew;
	struct stapler stapler;
	int signal_fd;
	int control_fd;		/* -1 when the master is gone */
	bool serving;
	enum leaving leaving;
	int64_t deadline;	/* clock_ms: sessions that last longer are ended */
	int64_t tick;		/* clock_ms of the next crew_tick */
	int64_t warn_at;	/* clock_ms: see DAY */
};

static bool catch_signals(struct forkserver *f, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return f->signal_fd >= 0 || err_sys(err, "signalfd");
}

static bool make_crew(struct forkserver *f, struct err *err)
{
	const struct role_args *a = f->args;
	struct crew_setup setup = { .settings = a->settings, .plugins = f->plugins, .tls = f->tls, .keys = &f->keys, .store = f->store,
		.listener_count = a->listener_count, .listeners = a->listeners, .generation = a->generation, .control_fd = a->control_fd, .signal_fd = f->signal_fd };

	f->crew = crew_new(&setup, err);
	return f->crew != NULL;
}

/* With the generations before and after this one: tickets, and the files whose change makes an end of it. */
static void share_tls(const struct forkserver *f, const unsigned char *secret)
{
	const char *const *paths;
	uint64_t fingerprint;
	size_t count = tls_context_files(f->tls, &paths, &fingerprint);

	tls_context_secret(f->tls, secret, CONTROL_SECRET);
	control_watch(f->args->control_fd, fingerprint, paths, count);
}

static bool prepare(struct forkserver *f, struct err *err)
{
	const struct role_args *a = f->args;
	unsigned char secret[CONTROL_SECRET];

	if (a->listener_count == 0)
		return err_set(err, "no listeners were handed over");
	control_secret(a->control_fd, secret);
	if (!check_load(a->settings, &f->plugins, &f->tls, &f->store, &f->keys, a, err))
		return false;
	if (f->tls != NULL)
		share_tls(f, secret);
	explicit_bzero(secret, sizeof secret);
	for (size_t i = 0; i < a->listener_count; i++)
		if (!check_listener(a->settings, a->listeners[i].role, a->listeners[i].proxy, f->tls, err))
			return false;
	return secret_open(a->settings->state_dir, err) && scoreboard_open(a->settings->run_dir, false, err) && catch_signals(f, err) && make_crew(f, err);
}

/* For `postrider status`: what the plugin numbers in the slots mean. */
static void publish_plugins(const struct plugin_list *plugins)
{
	struct scoreboard *sb = scoreboard();
	size_t count = plugin_count(plugins), room = COUNT_OF(sb->plugin_names);

	atomic_store(&sb->plugin_count, 0);
	for (size_t i = 0; i < count && i < room; i++)
		snprintf(sb->plugin_names[i], sizeof sb->plugin_names[i], "%s", plugin_name_at(plugins, i));
	atomic_store(&sb->plugin_count, (uint32_t)(count < room ? count : room));
}

/* From how many clients on there is stress: that share of what may be, rounded up; but a single one is none. */
static void publish_stress(const struct settings *s)
{
	int64_t most = s->limit_connections ? s->limit_connections : s->max_workers, at = (most * s->stress_percent + 99) / 100;

	atomic_store(&scoreboard()->stress_at, (int32_t)(s->stress_percent && at < 2 ? 2 : at));
}

/* ---- orders ---- */

static void leave(struct forkserver *f, enum leaving how, int64_t within)
{
	if (f->leaving < how) {
		f->leaving = how;
		f->deadline = clock_ms() + within;
	}
	crew_drain(f->crew);
}

static void obey(struct forkserver *f, enum control_order order)
{
	const struct settings *s = f->args->settings;

	switch (order) {
	case CONTROL_NONE:
		return;
	case CONTROL_SERVE:
		f->serving = true;
		publish_plugins(f->plugins);
		publish_stress(s);
		return;
	case CONTROL_DRAIN:
		leave(f, DRAINING, s->drain_timeout);
		return;
	case CONTROL_STOP:
		leave(f, STOPPING, s->shutdown_timeout);
		return;
	case CONTROL_ORPHANED:
		log_warn("the master is gone");
		f->control_fd = -1;
		/* A new master will want the ports, which busy workers would hold until their sessions end. */
		if (f->leaving == STAYING)
			listen_shut(f->args->listeners, f->args->listener_count);
		leave(f, DRAINING, s->drain_timeout);
		return;
	}
}

static void on_signals(struct forkserver *f)
{
	struct signalfd_siginfo info;

	while (read(f->signal_fd, &info, sizeof info) == sizeof info)
		if (info.ssi_signo == SIGTERM)
			leave(f, STOPPING, f->args->settings->shutdown_timeout);
	crew_reap(f->crew);
}

/* ---- time ---- */

static void end_sessions(struct forkserver *f, int64_t now)
{
	if (f->deadline + KILL_AFTER <= now)
		crew_kill(f->crew);
	else if (f->deadline <= now)
		crew_hurry(f->crew, true);
	else if (f->leaving == STOPPING)
		crew_hurry(f->crew, false);
}

static void on_time(struct forkserver *f)
{
	int64_t now = clock_ms();

	if (f->tick > now)
		return;
	f->tick = now + (f->leaving == STAYING ? TICK : HURRY);
	crew_tick(f->crew);
	if (f->serving && f->leaving == STAYING)
		stapler_tick(&f->stapler);
	if (f->tls != NULL && f->warn_at <= now) {
		if (f->warn_at != 0)
			tls_context_warn(f->tls);
		f->warn_at = now + DAY;
	}
	if (f->leaving != STAYING)
		end_sessions(f, now);
}

static void turn(struct forkserver *f)
{
	bool more = f->serving && crew_fill(f->crew);
	struct pollfd fds[] = {
		{ .fd = f->signal_fd, .events = POLLIN },
		{ .fd = f->control_fd, .events = POLLIN },
		{ .fd = crew_wake_fd(f->crew), .events = POLLIN },
	};

	if (poll(fds, COUNT_OF(fds), more ? 0 : clock_left(f->tick)) < 0 && errno != EINTR)
		bug("poll: %s", strerror(errno));
	on_signals(f);
	if (f->control_fd >= 0)
		obey(f, control_next(f->control_fd));
	on_time(f);
}

int forkserver_main(const struct role_args *args)
{
	struct forkserver f = { .args = args, .control_fd = args->control_fd, .signal_fd = -1 };
	struct err err = { "" };

	prctl(PR_SET_NAME, "pr:forkserver");
	ipc_self(IPC_CHILD);
	if (!prepare(&f, &err))
		return control_failed(args->control_fd, &err);
	plugin_take_log(f.plugins);
	stapler_init(&f.stapler, args, f.tls);
	control_ready(args->control_fd);
	while (f.leaving == STAYING || crew_count(f.crew) > 0) {
		turn(&f);
		if (f.leaving == STAYING && keyholder_died(&f.keys)) {
			/* Only root can read keys: the master starts a successor, the workers end their sessions and leave. */
			log_error("a key process has ended");
			return EXIT_DIED;
		}
	}
	crew_free(&f.crew);
	return EXIT_RETIRED;
}
