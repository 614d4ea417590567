/* worker.c - see worker.h. A worker waits on all listeners with EPOLLEXCLUSIVE, which wakes one of many, takes one client,
 * serves it to the end, and tries at once for the next from the same listener: under load that saves the wait.
 *
 * SIGUSR1 is let through only while waiting, so it can never cut a session. SIGTERM may come at any time: it makes
 * the read in hand end, the session says 421, and the SIGUSR1 that the handler leaves pending ends the next wait. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/resolve.h"
#include "../lib/tls_key.h"
#include "host.h"
#include "session.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define STRAIGHT 8		/* clients in a row without a look at the other listeners and the life line */
#define REST_AFTER 1000		/* ms without a client until memory is given back */
#define SHORT_OF_FDS 100	/* ms to wait when the system has no descriptor left */

static const struct worker_args *worker_args;	/* for the handler */
static volatile sig_atomic_t worker_retired, worker_interrupted, worker_fd = -1;

struct worker {
	const struct worker_args *args;
	struct session_host host;
	char resolver[108];
	int epoll;
	sigset_t waiting;		/* the mask while waiting */
	size_t last;			/* listener of the last client */
	unsigned straight;
	bool resting;			/* memory has been given back since the last client */
};

static void on_retire(int signal UNUSED)
{
	worker_retired = 1;
}

static void on_terminate(int signal UNUSED)
{
	int saved = errno;

	worker_interrupted = worker_retired = 1;
	if (worker_fd >= 0)
		stream_interrupt(worker_fd);
	kill(getpid(), SIGUSR1);
	errno = saved;
}

/* Our parent has died: the forkserver, or the master that has taken us over from it. When neither is left, nobody will serve
 * what waits at the listeners, and a new master wants the ports: they end here, the session in hand goes on. */
static void on_orphaned(int signal UNUSED)
{
	struct scoreboard *board = scoreboard();
	int saved = errno;

	if (board && getppid() != atomic_load_explicit(&board->master_pid, memory_order_relaxed))
		for (size_t i = 0; i < worker_args->listener_count; i++)
			shutdown(worker_args->listeners[i].fd, SHUT_RDWR);
	errno = saved;
}

static void watch_parent(const struct worker_args *args)
{
	struct sigaction orphaned = { .sa_handler = on_orphaned };

	worker_args = args;
	sigaction(SIGUSR2, &orphaned, NULL);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
}

static void set_signals(struct worker *w)
{
	struct sigaction retire = { .sa_handler = on_retire }, terminate = { .sa_handler = on_terminate };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGUSR1, &retire, NULL);
	sigaction(SIGTERM, &terminate, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);	/* of the terminal: the master sees to it */
	sigaction(SIGHUP, &ignore, NULL);
	sigprocmask(SIG_SETMASK, NULL, &w->waiting);
	sigdelset(&w->waiting, SIGUSR1);
}

#define LIFE_LINE SIZE_MAX	/* in epoll's data; else the listener's index */

static bool watch(struct worker *w, int fd, uint32_t events, size_t index)
{
	struct epoll_event e = { .events = events, .data.u64 = index };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool watch_all(struct worker *w)
{
	int yes = 1;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0 || !watch(w, w->args->life_fd, EPOLLIN, LIFE_LINE))
		return false;
	for (size_t i = 0; i < w->args->listener_count; i++) {
		const struct listener *l = &w->args->listeners[i];

		/* Accepted sockets inherit it. Some answers must not wait for the client's acknowledgement (RFC 2920 3.2). */
		if (l->role != LISTENER_LOCAL && l->role != LISTENER_INTERNAL)
			setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (!watch(w, l->fd, EPOLLIN | EPOLLEXCLUSIVE, i))
			return false;
	}
	return true;
}

/* A client of listener INDEX, or -1 when none is there (any more). */
static int accept_from(struct worker *w, size_t index, struct netaddr *peer)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd = accept4(w->args->listeners[index].fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);

	if (fd >= 0) {
		w->last = index;
		*peer = netaddr_from((struct sockaddr *)&sa, len);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_error("accept: %s", strerror(errno));
		poll(NULL, 0, SHORT_OF_FDS);
	}
	return fd;
}

/* Waits for something to do: a client, or -1 for nothing this time. Events are taken in the order they come in: the first
 * is the one that this worker, and no other, was woken for; passing it over would leave that client unheard. For the
 * same reason a client is still served when the life line has ended. */
static int wait_for_client(struct worker *w, struct netaddr *peer)
{
	struct epoll_event e[16];
	int n = epoll_pwait(w->epoll, e, COUNT_OF(e), w->resting ? -1 : REST_AFTER, &w->waiting), fd = -1;

	if (n == 0) {
		host_rest(&w->host);
		w->resting = true;
	}
	for (int i = 0; i < n; i++) {
		if (e[i].data.u64 == LIFE_LINE)
			worker_retired = 1;
		else if (fd < 0)
			fd = accept_from(w, (size_t)e[i].data.u64, peer);
	}
	return fd;
}

static int next_client(struct worker *w, struct netaddr *peer)
{
	int fd = -1;

	if (w->straight && !worker_retired) {
		w->straight--;
		fd = accept_from(w, w->last, peer);
	}
	while (fd < 0 && !worker_retired) {
		fd = wait_for_client(w, peer);
		w->straight = STRAIGHT;
	}
	return fd;
}

/* Keeps the totals; calls the forkserver when spares run low and there may be more. Both whom it calls count idle workers by
 * their phases, so this one's is changed first. */
static void turn_busy(const struct worker_args *args, struct scoreboard_slot *slot, bool internal)
{
	struct scoreboard *board = scoreboard();
	uint64_t one = 1;

	if (!board)
		return;
	atomic_store(&slot->phase, PHASE_CONNECT);
	int32_t idle = atomic_fetch_sub(&board->idle, 1) - 1;
	int32_t busy = atomic_fetch_add_explicit(&board->busy, !internal, memory_order_relaxed) + 1;
	if (idle < args->wake_below && idle + busy < args->settings->max_workers + args->wake_below - args->settings->min_spare &&
	    write(args->wake_fd, &one, sizeof(one)) < 0)
		log_debug("forkserver not woken: %s", strerror(errno));
	if (idle <= args->door_below && atomic_load(&board->door) != args->generation && write(args->door_fd, &one, sizeof(one)) < 0)
		log_debug("doorman not woken: %s", strerror(errno));
}

static void turn_idle(struct session_host *host, bool internal)
{
	struct scoreboard *board = scoreboard();
	struct scoreboard_slot *slot = host->slot;

	if (!board)
		return;
	slot->peer_family = slot->proxy_family = 0;
	slot->id[0] = '\0';
	atomic_fetch_add_explicit(&slot->sessions, 1, memory_order_relaxed);
	atomic_store_explicit(&slot->since, clock_ms(), memory_order_relaxed);
	atomic_store_explicit(&slot->phase, PHASE_IDLE, memory_order_release);
	atomic_fetch_sub_explicit(&board->busy, !internal, memory_order_relaxed);
	atomic_fetch_add_explicit(&board->idle, 1, memory_order_relaxed);
}

static void serve(struct worker *w, int fd, const struct netaddr *peer)
{
	bool internal = w->args->listeners[w->last].role == LISTENER_INTERNAL;

	turn_busy(w->args, w->host.slot, internal);
	w->resting = false;
	worker_fd = fd;
	session_run(&w->host, fd, &w->args->listeners[w->last], peer);
	worker_fd = -1;
	turn_idle(&w->host, internal);
}

int worker_main(const struct worker_args *args)
{
	struct worker w = { .args = args };
	int64_t most = args->settings->sessions_per_worker;
	struct netaddr peer;
	int fd;

	worker_retired = worker_interrupted = 0;
	set_signals(&w);
	watch_parent(args);
	snprintf(w.resolver, sizeof(w.resolver), "%s/resolver", args->settings->run_dir);
	resolve_init(w.resolver, args->settings->resolver_timeout);
	host_open(&w.host, args, &worker_interrupted);
	if (!watch_all(&w)) {
		log_error("worker: epoll: %s", strerror(errno));
		host_close(&w.host);
		return EXIT_DIED;
	}
	while ((fd = next_client(&w, &peer)) >= 0) {
		serve(&w, fd, &peer);
		if ((most && w.host.sessions >= (uint64_t)most) || tls_key_lost())
			break;
	}
	close(w.epoll);
	host_close(&w.host);
	return EXIT_RETIRED;
}
