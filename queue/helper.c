/* helper.c - see helper.h. A helper is forked from the running queue-runner, so it has what the plugins made ready in init; it closes
 * every descriptor but its own and never touches the event loop, whose memory it shares until one of both writes to it. */
#include "helper.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/resolve.h"
#include "helper_call.h"
#include "hook_run.h"
#include "runner.h"
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <utlist.h>

#define HELPER_WAITING 10000		/* calls that wait for a helper; more are refused */
#define HELPER_GRACE 100		/* ms more than the hook has, whose time is over first */
#define HELPER_DEAD 128
#define HELPER_WRITER 16384		/* lowest writer number of those that are no workers (spool.h) */

struct helper {
	struct runner *runner;
	pid_t pid;
	int fd;
	struct event *event;
	uint64_t busy;			/* the call it is at; 0: none */
	char what[64];			/* plugin and hook of that, for the log */
	struct helper *prev, *next;
};

struct request {
	uint64_t id;
	char what[64];
	size_t len;
	struct request *prev, *next;
	uint8_t data[];
};

static struct helper *helpers;
static int64_t helper_count;
static struct request *requests;
static size_t request_count;
static pid_t dead[HELPER_DEAD];		/* killed, and not waited for yet */
static size_t dead_count;

/* ---- the helper ---- */

/* Not every C library has close_range(2), nor every kernel. */
static void close_between(unsigned from, unsigned to)
{
	if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
		return;
	long most = sysconf(_SC_OPEN_MAX);

	for (unsigned fd = from; fd <= to && (long)fd < most; fd++)
		close((int)fd);
}

static void keep_only(int fd)
{
	int log = log_keep();
	unsigned low = (unsigned)(log >= 0 && log < fd ? log : fd), high = (unsigned)(log > fd ? log : fd);

	close_between(3, low - 1);
	close_between(low + 1, high - 1);
	close_between(high + 1, ~0u);
}

/* What is the loop's in the copy R of the queue-runner gives way to what can be waited for. */
static bool settle_in(struct runner *r, struct err *err)
{
	r->helping = true;
	log_process("helper");
	ipc_self(IPC_HELPER | IPC_WORKER);	/* the resolver answers as it does to workers */
	resolve_init(arena_printf(r->arena, "%s/resolver", r->settings->run_dir), r->settings->resolver_timeout);
	r->store = store_new(r->settings, err);
	r->spool = spool_open(r->settings->spool_dir, HELPER_WRITER + (unsigned)getpid() % HELPER_WRITER, err);
	return r->store && r->spool;
}

/* The queue-runner says when it is over. Not SIG_IGN, which programs that a plugin starts would inherit. */
static void on_term(int number UNUSED)
{
}

NORETURN static void serve(struct runner *parent, int fd, pid_t parent_pid)
{
	static struct ipc_in in;
	static struct ipc_out out;
	struct runner r = *parent;
	struct err err = { "" };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent_pid)
		_exit(0);
	prctl(PR_SET_NAME, "pr:helper");
	signal(SIGTERM, on_term);
	alarm(0);
	keep_only(fd);
	if (!settle_in(&r, &err)) {
		log_error("%s", err.text);
		_exit(1);
	}
	while (ipc_receive(fd, &in, &err) == 1)
		if (!helper_call_serve(&r, &in, &out) || !ipc_send(fd, &out, &err))
			break;
	_exit(0);
}

/* ---- the queue-runner's side ---- */

void helpers_reap(void)
{
	for (size_t i = dead_count; i > 0; i--)
		if (waitpid(dead[i - 1], NULL, WNOHANG) != 0)
			dead[i - 1] = dead[--dead_count];
}

static void helper_kill(struct helper *h)
{
	kill(h->pid, SIGKILL);
	helpers_reap();
	if (dead_count == HELPER_DEAD)
		waitpid(dead[--dead_count], NULL, 0);
	dead[dead_count++] = h->pid;
	DL_DELETE(helpers, h);
	helper_count--;
	event_free(h->event);
	close(h->fd);
	free(h);
}

static void dispatch(struct runner *r);

/* For its answer, or its end. */
static void watch(struct helper *h)
{
	int64_t ms = h->runner->settings->outbound_hook_timeout + HELPER_GRACE;
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(h->event, h->busy ? &time : NULL);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	static struct ipc_in in;
	struct helper *h = arg;
	struct runner *r = h->runner;
	struct err err = { "" };
	uint64_t id = h->busy;
	int got = what & EV_TIMEOUT ? 0 : ipc_receive(fd, &in, &err);

	if (got == -1) {
		watch(h);
		return;
	}
	h->busy = 0;
	if (got == 1 && helper_call_take(&in, id)) {
		watch(h);
	} else {
		log_error("a helper process %s%s%s%s%s", what & EV_TIMEOUT ? "was killed, it took too long" : "has died", id ? " at " : "",
			  id ? h->what : "", *err.text ? ": " : "", err.text);
		helper_kill(h);
		hook_answer(id, DENYSOFT);
	}
	dispatch(r);
}

static struct helper *helper_start(struct runner *r)
{
	struct helper *h = calloc(1, sizeof(*h));
	pid_t self = getpid();
	int pair[2];

	if (!h || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(h);
		return NULL;
	}
	h->runner = r;
	h->fd = pair[0];
	h->event = event_new(r->base, h->fd, EV_READ, on_answer, h);
	h->pid = h->event ? fork() : -1;
	if (h->pid == 0)
		serve(r, pair[1], self);
	close(pair[1]);
	fcntl(h->fd, F_SETFL, O_NONBLOCK);
	if (h->pid < 0) {
		log_error("cannot start a helper process: %s", strerror(errno));
		if (h->event)
			event_free(h->event);
		close(h->fd);
		free(h);
		return NULL;
	}
	watch(h);
	DL_APPEND(helpers, h);
	helper_count++;
	return h;
}

static struct helper *idle_helper(struct runner *r)
{
	struct helper *h;

	DL_FOREACH(helpers, h)
		if (!h->busy)
			return h;
	return helper_count < r->settings->outbound_helpers ? helper_start(r) : NULL;
}

static void request_free(struct request *q)
{
	DL_DELETE(requests, q);
	request_count--;
	free(q);
}

static void hand_out(struct helper *h, const struct request *q)
{
	h->busy = q->id;
	memcpy(h->what, q->what, sizeof(h->what));
	hook_renew(q->id);
	watch(h);
}

/* Hands out what waits, as far as there are hands. */
static void dispatch(struct runner *r)
{
	while (requests) {
		struct request *q = requests;
		struct helper *h = idle_helper(r);
		uint64_t id = q->id;

		if (!h && helper_count > 0)
			return;
		bool sent = h && send(h->fd, q->data, q->len, MSG_NOSIGNAL) == (ssize_t)q->len;

		if (sent)
			hand_out(h, q);
		request_free(q);
		if (h && !sent)
			helper_kill(h);
		if (!sent)
			hook_answer(id, DENYSOFT);
	}
}

/* From the loop: who has asked waits for the answer by then. */
static void on_request(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	dispatch(arg);
}

bool helper_ask(struct runner *r, struct hook_call *call, uint64_t id)
{
	static struct ipc_out m;

	if (request_count >= HELPER_WAITING || !helper_call_put(call, id, &m))
		return false;
	struct request *q = malloc(sizeof(*q) + m.len);

	if (!q)
		return false;
	*q = (struct request){ .id = id, .len = m.len };
	snprintf(q->what, sizeof(q->what), "%s, %s", plugin_hook_name(call->hook), pr_name(call->self));
	memcpy(q->data, m.data, m.len);
	DL_APPEND(requests, q);
	request_count++;
	event_base_once(r->base, -1, EV_TIMEOUT, on_request, r, &(struct timeval){ .tv_sec = 0 });
	return true;
}

void helper_forget(uint64_t id)
{
	struct request *q;

	DL_FOREACH(requests, q)
		if (q->id == id) {
			request_free(q);
			return;
		}
}

void helpers_end(void)
{
	struct helper *h, *next;
	struct request *q, *next_request;

	DL_FOREACH_SAFE(requests, q, next_request)
		request_free(q);
	DL_FOREACH_SAFE(helpers, h, next)
		helper_kill(h);
}
