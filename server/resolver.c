/* resolver.c - the process that asks the DNS for all workers: one libunbound context (cache, DNSSEC), one event
 * loop, one SEQPACKET connection a worker. It does not trust its clients either: questions are checked,
 * open ones counted, and who does not fetch answers is cut off. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/dns.h"
#include "../lib/drop.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/scoreboard.h"
#include "control.h"
#include "role.h"
#include <event2/event.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unbound.h>
#include <utlist.h>

#define OPEN_MAX 128		/* questions of one client at once */
#define CLIENTS_MAX 20000	/* over the highest max_workers */
#define TIMEOUT_MAX 60000	/* ms */
#define DRAIN_TIME 10000	/* ms that an old generation still serves its connections */
#define ACCEPTS_PER_TURN 64

struct client {
	struct client *prev, *next;
	struct resolver *resolver;
	int fd;
	struct event *event;
	struct question *questions;
	unsigned open;
};

struct question {
	struct question *prev, *next;
	struct client *client;
	uint32_t id;
	struct dns_query *query;
};

struct resolver {
	const struct role_args *args;
	struct event_base *base;
	struct ub_ctx *ctx;
	int listen_fd;			/* -1 before serving and when draining */
	struct event *control, *listener, *term, *end;
	struct client *clients;
	unsigned client_count;
	bool draining;
};

static void set_time(struct event *timer, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(timer, &tv);
}

/* ---- clients ---- */

static void client_end(struct client *c)
{
	struct resolver *r = c->resolver;

	while (c->questions != NULL) {
		struct question *q = c->questions;

		dns_cancel(&q->query);
		DL_DELETE(c->questions, q);
		free(q);
	}
	event_free(c->event);
	close(c->fd);
	DL_DELETE(r->clients, c);
	r->client_count--;
	free(c);
	if (r->draining && r->clients == NULL)
		event_base_loopbreak(r->base);
}

static bool send_answer(struct client *c, uint32_t id, const struct dns_answer *answer)
{
	static struct ipc_out m;
	struct err err = { "" };

	ipc_begin(&m, IPC_ANSWER);
	ipc_put_u32(&m, id);
	dns_answer_put(answer, &m);
	if (ipc_send(c->fd, &m, &err))
		return true;
	log_warn("a client that does not fetch its answers is cut off: %s", err.text);
	return false;
}

/* A client that is in the middle of being read is ended by its reader, through the hang-up that this causes. */
static void give(struct client *c, uint32_t id, struct dns_answer *answer)
{
	if (answer->status == DNS_TEMPORARY || answer->status == DNS_BOGUS)
		scoreboard_count(COUNT_LOOKUPS_FAILED, 1);
	if (!send_answer(c, id, answer))
		shutdown(c->fd, SHUT_RDWR);
	dns_answer_free(&answer);
}

static void on_answered(void *arg, struct dns_answer *answer)
{
	struct question *q = arg;
	struct client *c = q->client;

	DL_DELETE(c->questions, q);
	c->open--;
	give(c, q->id, answer);
	free(q);
}

static bool type_known(uint16_t type)
{
	return type == DNS_A || type == DNS_AAAA || type == DNS_MX || type == DNS_TXT || type == DNS_PTR || type == DNS_CNAME || type == DNS_TLSA;
}

static void ask(struct client *c, uint32_t id, uint16_t type, uint32_t timeout, const char *name)
{
	struct resolver *r = c->resolver;
	struct question *q = c->open < OPEN_MAX && type_known(type) ? calloc(1, sizeof *q) : NULL;

	scoreboard_count(COUNT_LOOKUPS, 1);
	if (q == NULL) {
		give(c, id, dns_answer_empty(DNS_TEMPORARY));
		return;
	}
	q->client = c;
	q->id = id;
	DL_APPEND(c->questions, q);
	c->open++;
	struct dns_query *query = dns_ask(r->ctx, r->base, name, (enum dns_type)type, timeout < TIMEOUT_MAX ? timeout : TIMEOUT_MAX, on_answered, q);

	if (query != NULL)	/* else it is answered, and q is gone */
		q->query = query;
}

/* False: not a question; its sender is cut off. */
static bool read_question(struct client *c, struct ipc_in *m, struct err *err)
{
	uint32_t id = ipc_get_u32(m);
	uint16_t type = ipc_get_u16(m);
	uint32_t timeout = ipc_get_u32(m);
	struct view text = ipc_get_view(m);
	char name[DNS_NAME_SIZE];

	if (!ipc_end(m, err))
		return false;
	if (view_copy(text, name, sizeof name))
		ask(c, id, type, timeout, name);
	else
		give(c, id, dns_answer_empty(DNS_NXDOMAIN));
	return true;
}

static void on_client(evutil_socket_t fd, short what UNUSED, void *arg)
{
	static struct ipc_in m;
	struct client *c = arg;
	struct err err = { "" };
	int got;

	while ((got = ipc_receive(fd, &m, &err)) == 1)
		if (m.type != IPC_LOOKUP || !read_question(c, &m, &err)) {
			got = -2;
			break;
		}
	if (got == -2)
		log_warn("a client is cut off: %s", err.text[0] != '\0' ? err.text : "not a question");
	if (got != -1)
		client_end(c);
}

static void client_begin(struct resolver *r, int fd)
{
	struct client *c = r->client_count < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;

	if (c != NULL)
		c->event = event_new(r->base, fd, EV_READ | EV_PERSIST, on_client, c);
	if (c == NULL || c->event == NULL || event_add(c->event, NULL) != 0) {
		log_warn("cannot take another client");
		if (c != NULL && c->event != NULL)
			event_free(c->event);
		free(c);
		close(fd);
		return;
	}
	c->resolver = r;
	c->fd = fd;
	DL_APPEND(r->clients, c);
	r->client_count++;
}

static void on_listener(evutil_socket_t fd, short what UNUSED, void *arg)
{
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0)
			return;
		client_begin(arg, client);
	}
}

/* ---- orders ---- */

static void serve(struct resolver *r)
{
	struct err err = { "" };
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/resolver", r->args->settings->run_dir);
	r->listen_fd = ipc_listen(path, SOCK_SEQPACKET, 0600, &err);
	if (r->listen_fd >= 0)
		r->listener = event_new(r->base, r->listen_fd, EV_READ | EV_PERSIST, on_listener, r);
	if (r->listener != NULL && event_add(r->listener, NULL) == 0)
		return;
	log_error("cannot serve: %s", err.text);
	event_base_loopbreak(r->base);	/* ends with EXIT_DIED: the master tries again */
}

/* The path belongs to the next generation already: it is not removed. */
static void drain(struct resolver *r, int64_t within)
{
	if (r->listener != NULL)
		event_free(r->listener);
	r->listener = NULL;
	if (r->listen_fd >= 0)
		close(r->listen_fd);
	r->listen_fd = -1;
	r->draining = true;
	set_time(r->end, within);
	if (r->clients == NULL)
		event_base_loopbreak(r->base);
}

static void on_control(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct resolver *r = arg;

	switch (control_next(fd)) {
	case CONTROL_NONE:
		return;
	case CONTROL_SERVE:
		serve(r);
		return;
	case CONTROL_DRAIN:
		drain(r, DRAIN_TIME);
		return;
	case CONTROL_STOP:
		drain(r, r->args->settings->shutdown_timeout);	/* sessions that finish still ask */
		return;
	case CONTROL_ORPHANED:
		log_warn("the master is gone");
		event_del(r->control);
		drain(r, r->args->settings->drain_timeout);
		return;
	}
}

static void on_term(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	drain(arg, 0);
}

static void on_end(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct resolver *r = arg;

	event_base_loopbreak(r->base);
}

/* ---- start ---- */

static bool make_events(struct resolver *r, struct err *err)
{
	r->control = event_new(r->base, r->args->control_fd, EV_READ | EV_PERSIST, on_control, r);
	r->term = evsignal_new(r->base, SIGTERM, on_term, r);
	r->end = evtimer_new(r->base, on_end, r);
	if (r->control != NULL && r->term != NULL && r->end != NULL && event_add(r->control, NULL) == 0 && event_add(r->term, NULL) == 0)
		return true;
	return err_set(err, "cannot make the events of the loop");
}

static bool prepare(struct resolver *r, struct err *err)
{
	const struct settings *s = r->args->settings;
	struct drop_target target;

	r->base = event_base_new();
	if (r->base == NULL)
		return err_set(err, "cannot make an event loop");
	if (!drop_lookup(s->user, s->group, &target, err) || !drop_root(&target, err) || !scoreboard_open(s->run_dir, false, err))
		return false;
	r->ctx = dns_context(r->base, s, err);
	return r->ctx != NULL && make_events(r, err);
}

int resolver_main(const struct role_args *args)
{
	struct resolver r = { .args = args, .listen_fd = -1 };
	struct err err = { "" };

	prctl(PR_SET_NAME, "pr:resolver");
	ipc_self(IPC_CHILD | IPC_RESOLVER);
	if (!prepare(&r, &err))
		return control_failed(args->control_fd, &err);
	control_ready(args->control_fd);
	event_base_dispatch(r.base);
	return r.draining ? EXIT_RETIRED : EXIT_DIED;
}
