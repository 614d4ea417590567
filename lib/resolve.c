/* resolve.c - a worker's questions to the resolver process: sent at once, answered while the worker does
 * something else, waited for when the answer is needed. When the resolver goes away (a reload, a crash),
 * what is still open is asked again of the next one, until its deadline. */
#include "base.h"
#include "resolve.h"
#include "clock.h"
#include "ipc.h"
#include <poll.h>
#include <sys/socket.h>

#define TICKETS 64
#define RETRY_MS 25		/* between two attempts to reach a resolver that is away */

enum state { FREE, OPEN, ANSWERED };

struct question {
	enum state state;
	uint32_t ticket;
	enum dns_type type;
	char name[DNS_NAME_SIZE];
	int64_t deadline;
	bool sent;		/* over the present connection */
	struct dns_answer *answer;
};

static struct {
	const char *path;
	int64_t timeout_ms;
	int fd;			/* -1: not connected */
	uint32_t last_ticket;
	struct question questions[TICKETS];
} r = { .fd = -1 };

void resolve_init(const char *socket_path, int64_t timeout_ms)
{
	if (r.fd >= 0)
		close(r.fd);
	r.fd = -1;
	r.path = socket_path;
	r.timeout_ms = timeout_ms;
	resolve_forget_all();
}

/* ---- the connection ---- */

static void disconnect(void)
{
	close(r.fd);
	r.fd = -1;
	for (size_t i = 0; i < TICKETS; i++)
		r.questions[i].sent = false;
}

static bool connected(void)
{
	if (r.fd < 0 && r.path != NULL)
		r.fd = ipc_connect(r.path, SOCK_SEQPACKET | SOCK_NONBLOCK, NULL);
	return r.fd >= 0;
}

static bool send_question(struct question *q)
{
	static struct ipc_out m;
	int64_t left = q->deadline - clock_ms();

	ipc_begin(&m, IPC_LOOKUP);
	ipc_put_u32(&m, q->ticket);
	ipc_put_u16(&m, (uint16_t)q->type);
	ipc_put_u32(&m, left > 0 ? (uint32_t)left : 0);
	ipc_put_view(&m, view_of(q->name));
	q->sent = ipc_send(r.fd, &m, NULL);
	return q->sent;
}

/* Whatever is open and not on its way goes out. */
static void send_open(void)
{
	for (size_t i = 0; i < TICKETS && connected(); i++) {
		struct question *q = &r.questions[i];

		if (q->state == OPEN && !q->sent && !send_question(q))
			disconnect();
	}
}

/* ---- questions ---- */

static struct question *find(uint32_t ticket)
{
	for (size_t i = 0; i < TICKETS; i++)
		if (r.questions[i].state != FREE && r.questions[i].ticket == ticket)
			return &r.questions[i];
	return NULL;
}

static void forget(struct question *q)
{
	dns_answer_free(&q->answer);
	*q = (struct question){ 0 };
}

/* A free place; without one, that of the oldest question, whose answer nobody came for. */
static struct question *place(void)
{
	struct question *oldest = &r.questions[0];

	for (size_t i = 0; i < TICKETS; i++) {
		if (r.questions[i].state == FREE)
			return &r.questions[i];
		if (r.last_ticket - r.questions[i].ticket > r.last_ticket - oldest->ticket)
			oldest = &r.questions[i];
	}
	forget(oldest);
	return oldest;
}

static void answer(struct question *q, struct dns_answer *given)
{
	q->state = ANSWERED;
	q->answer = given;
}

uint32_t resolve_ask(const char *name, enum dns_type type)
{
	struct question *q = place();

	r.last_ticket += r.last_ticket == UINT32_MAX ? 2 : 1;	/* never 0 */
	*q = (struct question){ .state = OPEN, .ticket = r.last_ticket, .type = type, .deadline = clock_ms() + r.timeout_ms };
	if (!view_copy(view_of(name), q->name, sizeof q->name))
		answer(q, dns_answer_empty(DNS_NXDOMAIN));	/* longer than any name there is */
	send_open();
	return q->ticket;
}

static void take_answer(struct ipc_in *m)
{
	struct question *q = find(ipc_get_u32(m));
	struct dns_answer *given = dns_answer_get(m);

	if (!ipc_end(m, NULL)) {
		dns_answer_free(&given);
		given = dns_answer_empty(DNS_TEMPORARY);
	}
	if (q != NULL && q->state == OPEN)
		answer(q, given);
	else
		dns_answer_free(&given);	/* forgotten meanwhile */
}

static void receive(void)
{
	static struct ipc_in m;
	int got;

	while ((got = ipc_receive(r.fd, &m, NULL)) == 1)
		take_answer(&m);
	if (got != -1)
		disconnect();
}

static void wait_a_little(int64_t deadline)
{
	struct pollfd pfd = { .fd = r.fd, .events = POLLIN };
	int left = clock_left(deadline);

	if (r.fd < 0)
		poll(NULL, 0, left < RETRY_MS ? left : RETRY_MS);
	else if (poll(&pfd, 1, left) > 0)
		receive();
}

struct dns_answer *resolve_wait(uint32_t ticket, int64_t deadline)
{
	struct question *q = find(ticket);
	struct dns_answer *given;

	if (q == NULL)
		return dns_answer_empty(DNS_TEMPORARY);
	if (deadline == 0 || q->deadline < deadline)
		deadline = q->deadline;
	while (q->state == OPEN && clock_left(deadline) > 0) {
		send_open();
		wait_a_little(deadline);
	}
	given = q->answer != NULL ? q->answer : dns_answer_empty(DNS_TEMPORARY);
	q->answer = NULL;
	forget(q);
	return given;
}

void resolve_forget_all(void)
{
	for (size_t i = 0; i < TICKETS; i++)
		if (r.questions[i].state != FREE)
			forget(&r.questions[i]);
}
