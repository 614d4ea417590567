/* master.c - the first process: makes the place, binds the ports, starts the roles and watches them; reloads,
 * stops. It waits in one poll() for signals and for what its children say, and reads nothing else. */
#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/clock.h"
#include "../lib/drop.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "../queue/spool.h"
#include "listen.h"
#include "notify.h"
#include "place.h"
#include "role.h"
#include "run.h"
#include "supervise.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BIND_WAIT 10000		/* ms for the listeners of a master that was killed to vanish */
#define STOP_GRACE 3000		/* ms over shutdown_timeout before children are killed */
#define CHILDREN_MAX 64		/* polled at once; more than a handful means reload upon reload */
#define FILES_WANTED 262144

struct master {
	const struct cmdline *cmdline;
	struct settings *settings, *next_settings;	/* those of the generation in force; of the one starting */
	struct drop_target target;
	struct listen_set listeners;
	struct supervisor sv;
	char program[PATH_MAX];
	int presence_fd;				/* inherited by all processes: spool_presence */
	bool alone;					/* no process of a master before us lives */
	int lock_fd, signal_fd, detach_fd;		/* -1 none; detach_fd: where the waiting parent listens */
	bool announced, reload_again;
	int64_t stop_deadline;				/* 0: not stopping */
};

/* ---- start ---- */

/* The child goes on; the parent waits until it serves (or fails, having said why) and leaves with its status. */
static int detach(struct err *err)
{
	int ends[2], status = 0;
	char byte;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		err_sys(err, "cannot detach");
		return -1;
	}
	pid_t pid = fork();

	if (pid < 0) {
		err_sys(err, "cannot detach");
		return -1;
	}
	if (pid == 0) {
		close(ends[0]);
		setsid();
		return ends[1];
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_DIED);
}

static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
	setrlimit(RLIMIT_NOFILE, &files);
}

static bool find_program(struct master *m, struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", m->program, sizeof m->program - 1);

	if (len < 0)
		return err_sys(err, "/proc/self/exe");
	m->program[len] = '\0';
	return true;
}

/* Signals are blocked (the children unblock them) and read as bytes of a descriptor. SIGPIPE stays blocked. */
static bool catch_signals(struct master *m, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return m->signal_fd >= 0 || err_sys(err, "signalfd");
}

static bool take_place(struct master *m, struct err *err)
{
	const struct settings *s = m->settings;

	/* In the first there is a socket for everybody (the others are for our user alone); below the second there may be mailboxes. */
	if (!place_make(s->run_dir, 0711, &m->target, err) || !place_make(s->state_dir, 0711, &m->target, err))
		return false;
	m->lock_fd = place_lock(s->run_dir, err);
	if (m->lock_fd < 0 || !spool_create(s->spool_dir, m->target.uid, m->target.gid, err))
		return false;
	m->presence_fd = spool_presence(s->spool_dir, &m->alone, err);
	return m->presence_fd >= 0 && scoreboard_create(s->run_dir, m->target.uid, m->target.gid, err);
}

static bool write_pid_file(const struct master *m, struct err *err)
{
	char text[24];

	snprintf(text, sizeof text, "%d\n", (int)getpid());
	return m->cmdline->pid_file == NULL || place_write(m->cmdline->pid_file, NULL, text, err);
}

static bool bind_all(struct master *m, struct err *err)
{
	static struct listen_spec specs[LISTEN_MAX];
	size_t count = 0;

	return listen_plan(m->cmdline, m->settings, specs, &count, err) &&
		listen_open(specs, count, BIND_WAIT, &m->listeners, err) &&
		listen_add_sockets(m->settings->run_dir, m->target.uid, m->target.gid, &m->listeners, err);
}

static void warn(void *arg UNUSED, const char *text)
{
	log_warn("%s", text);
}

static bool log_start(const struct master *m, struct err *err)
{
	log_process("master");
	ipc_self(IPC_MASTER);
	if (!run_open_log(m->settings, err) || !log_chown(m->target.uid, m->target.gid, err))
		return false;
	settings_warnings(m->settings, warn, NULL);
	return true;
}

static bool set_up(struct master *m, struct err *err)
{
	m->settings = run_settings(m->cmdline, err);
	if (m->settings == NULL || !drop_lookup(m->settings->user, m->settings->group, &m->target, err) || !find_program(m, err))
		return false;
	if (m->cmdline->detach) {
		m->detach_fd = detach(err);
		if (m->detach_fd < 0)
			return false;
	}
	umask(0027);
	raise_file_limit();
	prctl(PR_SET_CHILD_SUBREAPER, 1);	/* workers whose forkserver died are reaped here */
	if (m->cmdline->ready_fd >= 0)
		fcntl((int)m->cmdline->ready_fd, F_SETFD, FD_CLOEXEC);
	return log_start(m, err) && take_place(m, err) && bind_all(m, err) && write_pid_file(m, err) && catch_signals(m, err);
}

/* ---- everything serves ---- */

static void say_ready(const struct master *m, const char *text)
{
	int fd = (int)m->cmdline->ready_fd;

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			log_warn("cannot write to --ready-fd: %s", strerror(errno));
		close(fd);
	}
	if (m->detach_fd >= 0) {
		(void)!write(m->detach_fd, "r", 1);
		close(m->detach_fd);
		spawn_silence();
	}
	notify("READY=1");
}

static void announce(struct master *m)
{
	struct err err = { "" };
	struct buf text;

	m->announced = true;
	buf_init(&text, 65536);
	listen_describe(&m->listeners, &text);
	if (!place_write(m->settings->run_dir, "listeners", buf_text(&text), &err))
		log_error("%s", err.text);
	log_info("%.*s", (int)strcspn(buf_text(&text), "\n"), buf_text(&text));
	say_ready(m, buf_text(&text));
	buf_free(&text);
}

/* ---- reload ---- */

static void take_settings(struct master *m)
{
	struct err err = { "" };

	settings_free(&m->settings);
	m->settings = m->next_settings;
	m->next_settings = NULL;
	m->sv.drain_timeout = m->settings->drain_timeout;
	m->sv.watch_interval = m->settings->tls_watch_interval;
	m->sv.how.config_dir = m->settings->dir;
	if (!run_open_log(m->settings, &err) || !log_chown(m->target.uid, m->target.gid, &err))
		log_error("%s", err.text);
}

static bool same(const char *what, const char *now, const char *then, struct err *err)
{
	return strcmp(now, then) == 0 || err_set(err, "%s was changed from \"%s\" to \"%s\", which needs a restart", what, now, then);
}

/* What the running processes hang on cannot be changed under them. */
static bool reloadable(const struct settings *now, const struct settings *then, struct err *err)
{
	return same("run_dir", now->run_dir, then->run_dir, err) && same("spool_dir", now->spool_dir, then->spool_dir, err) &&
		same("state_dir", now->state_dir, then->state_dir, err) && same("user", now->user, then->user, err) && same("group", now->group, then->group, err);
}

static void reload(struct master *m)
{
	struct err err = { "" };

	if (m->sv.stage == STAGE_STARTING || m->sv.stage == STAGE_RELOADING) {
		m->reload_again = true;	/* files may have changed since it read them */
		return;
	}
	log_info("reload");
	m->next_settings = run_settings(m->cmdline, &err);
	if (m->next_settings != NULL && reloadable(m->settings, m->next_settings, &err)) {
		supervise_reload(&m->sv, (unsigned)m->next_settings->outbound_runners);
		return;
	}
	settings_free(&m->next_settings);
	log_error("not reloaded, nothing changed: %s", err.text);
}

static void settled(void *arg, bool committed)
{
	struct master *m = arg;

	if (committed && m->next_settings != NULL)
		take_settings(m);
	if (committed && !m->announced)
		announce(m);
	else if (committed)
		log_info("reloaded");
	else if (m->announced)
		log_error("not reloaded, nothing changed: %s", m->sv.failure.text);
	settings_free(&m->next_settings);
}

/* ---- stop ---- */

static void stop(struct master *m)
{
	if (m->stop_deadline != 0) {		/* asked twice: at once */
		m->stop_deadline = clock_ms();
		return;
	}
	log_info("stopping");
	notify("STOPPING=1");
	m->stop_deadline = clock_ms() + m->settings->shutdown_timeout + STOP_GRACE;
	listen_shut(m->listeners.listeners, m->listeners.count);
	m->listeners.count = 0;
	supervise_stop(&m->sv);
}

static void clear_up(struct master *m)
{
	listen_shut(m->listeners.listeners, m->listeners.count);
	if (m->lock_fd >= 0 && m->cmdline->pid_file != NULL)
		place_remove(m->cmdline->pid_file, NULL);
	if (m->lock_fd >= 0)
		place_remove(m->settings->run_dir, "listeners");
	if (m->lock_fd >= 0)
		place_unlock(m->settings->run_dir, &m->lock_fd);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	settings_free(&m->settings);
	settings_free(&m->next_settings);
}

/* ---- the loop ---- */

static void reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		supervise_died(&m->sv, pid, status);
}

static void on_signals(struct master *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap(m);
		else if (info.ssi_signo == SIGHUP)
			reload(m);
		else
			stop(m);
	}
}

static int timeout_until(const struct master *m, int64_t next)
{
	if (m->stop_deadline != 0 && (next == 0 || m->stop_deadline < next))
		next = m->stop_deadline;
	return clock_left(next);
}

static void turn(struct master *m)
{
	struct pollfd fds[CHILDREN_MAX + 1] = { { .fd = m->signal_fd, .events = POLLIN } };
	int64_t next = supervise_tick(&m->sv);
	size_t count = 1 + supervise_poll(&m->sv, fds + 1, CHILDREN_MAX);

	if (poll(fds, count, timeout_until(m, next)) < 0)
		return;
	for (size_t i = 1; i < count; i++)
		if (fds[i].revents != 0)
			supervise_heard(&m->sv, fds[i].fd);
	if (fds[0].revents != 0)
		on_signals(m);
	if (m->reload_again && m->sv.stage == STAGE_STEADY) {
		m->reload_again = false;
		reload(m);
	}
	if (m->stop_deadline != 0 && m->stop_deadline <= clock_ms()) {
		supervise_kill(&m->sv);
		m->stop_deadline = clock_ms() + STOP_GRACE;
	}
}

static int supervise(struct master *m, struct err *err)
{
	m->sv.how = (struct spawn_request){ .program = m->program, .cmdline = m->cmdline, .config_dir = m->settings->dir, .listeners = &m->listeners };
	m->sv.drain_timeout = m->settings->drain_timeout;
	m->sv.watch_interval = m->settings->tls_watch_interval;
	m->sv.settled = settled;
	m->sv.arg = m;
	supervise_start(&m->sv, (unsigned)m->settings->outbound_runners, m->alone);
	while (m->sv.stage != STAGE_STOPPING || supervise_count(&m->sv) > 0)
		turn(m);
	if (m->announced || m->stop_deadline != 0)
		return 0;
	err_set(err, "%s", m->sv.failure.text);
	return m->sv.configuration ? EXIT_CONFIGURATION : EXIT_DIED;
}

int master_run(const struct cmdline *c, struct err *err)
{
	static struct master m;
	int status = EXIT_CONFIGURATION;

	m = (struct master){ .cmdline = c, .lock_fd = -1, .signal_fd = -1, .detach_fd = -1 };
	if (set_up(&m, err))
		status = supervise(&m, err);
	log_info("ended");
	clear_up(&m);
	return status;
}
