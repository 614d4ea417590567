/* doorman.c - see doorman.h. It listens at the doors only while everybody is busy: else each connection would wake it, too. Two
 * things decide: the scoreboard's count of idle workers, and whether the forkserver may start more (crew_full). */
#include "doorman.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/netaddr.h"
#include "../lib/reply.h"
#include "../lib/scoreboard.h"
#include "listen.h"
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define GUESTS 256		/* told and not gone yet; the oldest gives way */
#define LINGER 2000		/* ms that one may take to go: closing at once could take the answer from him */
#define FORKS_COMING 20		/* ms between two looks while more workers may come */
#define TELL_EVERY 1000		/* ms between two log lines */
#define SHORT_OF_FDS 100	/* ms to wait when the system has no descriptor left */
#define TURNED_AT_ONCE 64	/* between two looks at who has left */

struct guest { int fd; int64_t until; };

struct doorman {
	const struct doorman_args *args;
	struct buf text;		/* what is said */
	bool awake;
	int64_t round;			/* clock_ms when those who wait have waited long enough; 0: nobody waits */
	uint64_t waiting, taken;	/* at its beginning: how many waited, and how many had ever been served */
	size_t count;
	struct guest guests[GUESTS];	/* in the order they came */
	uint64_t untold;		/* turned away since the last log line */
	int64_t told;
	char last[NETADDR_TEXT];
};

/* ---- is there need ---- */

static bool scarce(const struct doorman *d)
{
	return atomic_load(&scoreboard()->idle) <= d->args->inside;
}

/* The slots tell idle workers that clients are of use to from those that hear the internal socket alone. */
static bool all_busy(const struct doorman *d)
{
	struct scoreboard *sb = scoreboard();
	uint32_t high = atomic_load(&sb->high_slot);

	if (!scarce(d))
		return false;
	for (uint32_t i = 0; i < high && i < SCOREBOARD_SLOTS; i++)
		if (atomic_load(&sb->slot[i].phase) == PHASE_IDLE && !sb->slot[i].inside)
			return false;
	return true;
}

static bool full(const struct doorman *d)
{
	return atomic_load(&scoreboard()->crew_full) && all_busy(d);
}

static void wake(struct doorman *d)
{
	uint64_t calls;

	(void)!read(d->args->door_fd, &calls, sizeof calls);
	d->awake = true;
	atomic_store(&scoreboard()->door, d->args->generation);
}

/* A worker that turns busy either sees that we doze, and calls, or has been counted when we look again. */
static void doze(struct doorman *d)
{
	d->round = 0;
	atomic_store(&scoreboard()->door, 0);
	d->awake = scarce(d);
	if (d->awake)
		atomic_store(&scoreboard()->door, d->args->generation);
}

/* ---- guests ---- */

static void let_go(struct doorman *d, size_t at)
{
	close(d->guests[at].fd);
	memmove(&d->guests[at], &d->guests[at + 1], (--d->count - at) * sizeof d->guests[0]);
}

/* Reads away what one still says, such as the header of a proxy: closing over unread octets would reset the connection. */
static void hear_out(struct doorman *d, size_t at)
{
	char waste[4096];
	ssize_t n = recv(d->guests[at].fd, waste, sizeof waste, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		let_go(d, at);
}

static void farewell(struct doorman *d, int fd)
{
	(void)!send(fd, d->text.data, d->text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	if (d->count == GUESTS)
		let_go(d, 0);
	d->guests[d->count++] = (struct guest){ .fd = fd, .until = clock_ms() + LINGER };
}

/* In front of TLS nothing can be said. False: nobody is there. */
static bool turn_away(struct doorman *d, const struct listener *l)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	int fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		poll(NULL, 0, SHORT_OF_FDS);
	if (fd < 0)
		return false;
	struct netaddr peer = netaddr_from((struct sockaddr *)&sa, len);

	netaddr_text(&peer, d->last);
	if (l->role == LISTENER_SMTPS)
		close(fd);
	else
		farewell(d, fd);
	d->untold++;
	scoreboard_count(COUNT_REFUSED_BUSY, 1);
	return true;
}

static void tell(struct doorman *d, int64_t now)
{
	struct log_line l;

	if (d->untold == 0 || now - d->told < TELL_EVERY)
		return;
	log_begin(&l, LOG_LEVEL_WARN, "clients turned away: all workers are busy");
	log_int(&l, "clients", (int64_t)d->untold);
	log_str(&l, "last", d->last);
	log_end(&l);
	d->untold = 0;
	d->told = now;
}

/* ---- who waits ---- */

static bool is_door(const struct listener *l)
{
	return l->role != LISTENER_INTERNAL;
}

/* Of a listening socket, tcpi_unacked is the number of connections that nobody has accepted. */
static uint64_t count_waiting(const struct doorman *d)
{
	uint64_t all = 0;

	for (size_t i = 0; i < d->args->listener_count; i++) {
		struct tcp_info info = { 0 };
		socklen_t len = sizeof info;

		if (is_door(&d->args->listeners[i]) && getsockopt(d->args->listeners[i].fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
			all += info.tcpi_unacked;
	}
	return all;
}

static uint64_t count_taken(void)
{
	return atomic_load_explicit(&scoreboard()->counters[COUNT_CONNECTIONS], memory_order_relaxed);
}

static void turn_many(struct doorman *d, uint64_t most)
{
	for (size_t i = 0; i < d->args->listener_count && most > 0; i++)
		while (is_door(&d->args->listeners[i]) && most > 0 && full(d) && turn_away(d, &d->args->listeners[i]))
			most--;
}

/* Somebody knocks: he is told at once, or a round of waiting begins. */
static void on_knock(struct doorman *d, int64_t now)
{
	int64_t patience = d->args->settings->busy_wait;

	if (patience == 0) {
		turn_many(d, TURNED_AT_ONCE);
		return;
	}
	d->round = now + patience;
	d->waiting = count_waiting(d);
	d->taken = count_taken();
}

/* Those who were there when the round began and are not served yet have waited for all of busy_wait; who came later has not. */
static void end_round(struct doorman *d)
{
	uint64_t served = count_taken() - d->taken;

	d->round = 0;
	if (served < d->waiting)
		turn_many(d, d->waiting - served);
}

/* ---- the loop ---- */

enum { AT_LIFE, AT_DOOR, AT_LISTENERS };

struct look {
	struct pollfd fds[AT_LISTENERS + LISTEN_MAX + 1 + GUESTS];
	size_t listeners, count;	/* listeners come first, guests after them up to COUNT */
};

static void look_at(struct doorman *d, bool doors, struct look *l)
{
	l->fds[AT_LIFE] = (struct pollfd){ .fd = d->args->life_fd, .events = POLLIN };
	l->fds[AT_DOOR] = (struct pollfd){ .fd = d->awake ? -1 : d->args->door_fd, .events = POLLIN };
	l->count = AT_LISTENERS;
	for (size_t i = 0; doors && i < d->args->listener_count; i++)
		if (is_door(&d->args->listeners[i]))
			l->fds[l->count++] = (struct pollfd){ .fd = d->args->listeners[i].fd, .events = POLLIN };
	l->listeners = l->count;
	for (size_t i = 0; i < d->count; i++)
		l->fds[l->count++] = (struct pollfd){ .fd = d->guests[i].fd, .events = POLLIN };
}

static int sooner(int a, int64_t ms)
{
	int b = ms < 0 ? 0 : (int)ms;

	return a < 0 || b < a ? b : a;
}

/* ms, -1 for as long as it takes. */
static int how_long(const struct doorman *d, bool doors, int64_t now)
{
	int wait = -1;

	if (d->awake && !doors && !d->round)
		wait = FORKS_COMING;
	if (d->round)
		wait = sooner(wait, d->round - now);
	if (d->count > 0)
		wait = sooner(wait, d->guests[0].until - now);
	if (d->untold > 0)
		wait = sooner(wait, d->told + TELL_EVERY - now);
	return wait;
}

static void see_to_guests(struct doorman *d, const struct look *l, int64_t now)
{
	for (size_t i = l->count - l->listeners; i-- > 0; )
		if (l->fds[l->listeners + i].revents != 0)
			hear_out(d, i);
	while (d->count > 0 && d->guests[0].until <= now)
		let_go(d, 0);
}

static bool knocked(const struct look *l)
{
	for (size_t i = AT_LISTENERS; i < l->listeners; i++)
		if (l->fds[i].revents & POLLIN)
			return true;
	return false;
}

/* False: it is time to leave. */
static bool turn(struct doorman *d)
{
	static struct look l;
	int64_t now = clock_ms();

	if (d->awake && !scarce(d))
		doze(d);
	bool doors = d->awake && d->round == 0 && full(d);

	look_at(d, doors, &l);
	if (poll(l.fds, l.count, how_long(d, doors, now)) < 0)
		return errno == EINTR;
	now = clock_ms();
	if (l.fds[AT_LIFE].revents != 0)
		return false;
	see_to_guests(d, &l, now);
	if (l.fds[AT_DOOR].revents != 0)
		wake(d);
	if (knocked(&l))
		on_knock(d, now);
	if (d->round != 0 && d->round <= now)
		end_round(d);
	tell(d, now);
	return true;
}

int doorman_main(const struct doorman_args *args)
{
	static struct doorman d;
	struct reply r;

	d = (struct doorman){ .args = args };
	buf_init(&d.text, REPLY_TEXT + 64);
	reply_set(&r, 421, "4.3.2", "%s all workers are busy, try again later", args->settings->me);
	if (!reply_write(&r, &d.text))
		bug("doorman: the answer is too long");
	wake(&d);		/* one before us may have missed a call */
	while (turn(&d))
		;
	while (d.count > 0)
		let_go(&d, 0);
	buf_free(&d.text);
	return EXIT_RETIRED;
}
