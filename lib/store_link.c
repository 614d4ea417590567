/* store_link.c - see store_link.h. Name, connection, AUTH and SELECT come first; commands are held back until then, so that
 * none is ever carried out in another database. */
#include "base.h"
#include "store_link.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "store_name.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#define READ_SIZE 16384
#define OUT_MAX (4 << 20)

enum link_state { LINK_SHUT, LINK_NAMING, LINK_CONNECTING, LINK_GREETING, LINK_READY };

struct command {
	struct command *next;
	unsigned replies;	/* still to come */
	int64_t deadline;
	link_take *take;
	void *arg;
};

struct store_link {
	const struct store_address *address;
	int64_t connect_ms, timeout_ms;
	enum link_state state;
	int fd;
	int64_t deadline;	/* of what comes before READY */
	struct store_name name;
	struct netaddr addresses[STORE_NAME_MAX];
	size_t count, at;	/* addresses; the next to try */
	unsigned greetings;	/* replies to AUTH and SELECT still to come */
	redisReader *reader;
	size_t fed;		/* octets since the last whole reply */
	struct buf greeting, out;	/* what is to be sent: before, and after, we are greeted */
	struct command *first, **last;
	unsigned waiting;
	bool broken;		/* could not even begin to connect: told at the next turn */
	char why[256];
};

struct store_link *link_new(const struct store_address *address, int64_t connect_ms, int64_t timeout_ms)
{
	struct store_link *l = calloc(1, sizeof(*l));

	if (!l)
		bug("no memory for a connection");
	l->address = address;
	l->connect_ms = connect_ms;
	l->timeout_ms = timeout_ms;
	l->fd = l->name.fd = -1;
	l->last = &l->first;
	buf_init(&l->greeting, 4096);
	buf_init(&l->out, OUT_MAX);
	return l;
}

void link_free(struct store_link **l)
{
	if (!*l)
		return;
	link_shut(*l, NULL);
	free(*l);
	*l = NULL;
}

bool link_is_idle(const struct store_link *l)
{
	return l->state == LINK_READY && !l->first;
}

/* ---- the end ---- */

static bool fail(struct store_link *l, const char *format, ...) PRINTFLIKE(2, 3);
static bool fail(struct store_link *l, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(l->why, sizeof(l->why), format, ap);
	va_end(ap);
	return false;
}

void link_shut(struct store_link *l, const char *why)
{
	struct command *c = l->first, *next;
	char text[sizeof(l->why)] = "";

	if (why)
		snprintf(text, sizeof(text), "%s", why);
	if (l->fd >= 0)
		close(l->fd);
	if (l->reader)
		redisReaderFree(l->reader);
	store_name_end(&l->name);
	buf_free(&l->greeting);
	buf_free(&l->out);
	l->fd = -1;
	l->reader = NULL;
	l->state = LINK_SHUT;
	l->broken = false;
	l->first = NULL;
	l->last = &l->first;
	l->waiting = 0;
	for (; c; c = next) {
		next = c->next;
		c->take(c->arg, NULL, why ? text : NULL);
		free(c);
	}
}

/* ---- the reader ---- */

/* hiredis would take an array's word for its size, and end the process when there is not as much memory. */
static redisReplyObjectFunctions limited;
static __typeof__(limited.createArray) create_any_array;

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t elements)
#else
static void *create_array(const redisReadTask *task, int elements)
#endif
{
	return (size_t)elements > LINK_ELEMENTS_MAX ? NULL : create_any_array(task, elements);
}

static bool make_reader(struct store_link *l)
{
	l->reader = redisReaderCreate();
	l->fed = 0;
	if (!l->reader)
		return fail(l, "no memory");
	if (!create_any_array) {
		limited = *l->reader->fn;
		create_any_array = limited.createArray;
		limited.createArray = create_array;
	}
	l->reader->fn = &limited;
	return true;
}

/* ---- connecting ---- */

void link_command(struct buf *wire, size_t count, const struct view *words)
{
	const char *argv[LINK_WORDS_MAX];
	size_t lengths[LINK_WORDS_MAX];
	char *text;

	for (size_t i = 0; i < count && i < LINK_WORDS_MAX; i++) {
		argv[i] = words[i].data;
		lengths[i] = words[i].len;
	}
	int len = count <= LINK_WORDS_MAX ? redisFormatCommandArgv(&text, (int)count, argv, lengths) : -1;

	if (len < 0) {
		wire->failed = true;
		return;
	}
	buf_put(wire, text, (size_t)len);
	redisFreeCommand(text);
}

/* What has waited for the connection has its own time from now on. */
static void become_ready(struct store_link *l)
{
	int64_t deadline = clock_ms() + l->timeout_ms;

	l->state = LINK_READY;
	for (struct command *c = l->first; c; c = c->next)
		c->deadline = deadline;
}

/* Connected: log in and choose the database. */
static bool greet(struct store_link *l)
{
	const struct store_address *a = l->address;
	char database[16];

	l->greetings = 0;
	buf_clear(&l->greeting);
	if (*a->password && *a->user)
		LINK_COMMAND(&l->greeting, VIEW("AUTH"), view_of(a->user), view_of(a->password));
	else if (*a->password)
		LINK_COMMAND(&l->greeting, VIEW("AUTH"), view_of(a->password));
	l->greetings += *a->password != '\0';
	snprintf(database, sizeof(database), "%u", a->database);
	if (a->database)
		LINK_COMMAND(&l->greeting, VIEW("SELECT"), view_of(database));
	l->greetings += a->database != 0;
	l->state = LINK_GREETING;
	if (!l->greetings)
		become_ready(l);
	return make_reader(l) && (!l->greeting.failed || fail(l, "no memory"));
}

static int try_connect(const struct sockaddr *sa, socklen_t len)
{
	int one = 1, fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (sa->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, sa, len) == 0 || errno == EINPROGRESS)
		return fd;
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static bool connect_unix(struct store_link *l)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, l->address->path, sizeof(un.sun_path));
	l->fd = try_connect((const struct sockaddr *)&un, sizeof(un));
	return l->fd >= 0 || fail(l, "%s", strerror(errno));
}

static bool connect_next(struct store_link *l)
{
	struct sockaddr_storage sa;
	char text[NETADDR_TEXT];

	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	while (l->at < l->count) {
		const struct netaddr *a = &l->addresses[l->at++];

		l->fd = try_connect((struct sockaddr *)&sa, netaddr_to(a, &sa));
		if (l->fd >= 0) {
			l->state = LINK_CONNECTING;
			return true;
		}
		fail(l, "%s: %s", netaddr_text(a, text), strerror(errno));
	}
	return false;
}

static bool begin(struct store_link *l)
{
	const struct store_address *a = l->address;
	struct err err = { "" };

	l->deadline = clock_ms() + l->connect_ms;
	l->at = l->count = 0;
	if (*a->path) {
		l->state = LINK_CONNECTING;
		return connect_unix(l);
	}
	if (netaddr_parse(view_of(a->host), &l->addresses[0])) {
		l->addresses[0].port = a->port;
		l->count = 1;
		return connect_next(l);
	}
	l->state = LINK_NAMING;
	return store_name_start(&l->name, a->host, a->port, &err) || fail(l, "%.200s", err.text);
}

static bool on_name(struct store_link *l)
{
	int count = store_name_take(&l->name);

	if (count < 0)
		return true;
	if (count == 0)
		return fail(l, "no address for %s", l->address->host);
	l->count = (size_t)count;
	memcpy(l->addresses, l->name.got.list, sizeof(l->addresses));
	return connect_next(l);
}

static bool on_connected(struct store_link *l)
{
	socklen_t len = sizeof(int);
	int error = 0;

	getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0)
		return greet(l);
	fail(l, "%s", strerror(error));
	return connect_next(l);
}

/* ---- sending and receiving ---- */

static struct buf *to_send(struct store_link *l)
{
	return l->greeting.len ? &l->greeting : &l->out;
}

static bool send_some(struct store_link *l)
{
	struct buf *b = to_send(l);

	while (b->len && (l->state == LINK_READY || b == &l->greeting)) {
		ssize_t n = send(l->fd, b->data, b->len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0)
			return fail(l, "%s", strerror(errno));
		buf_drop(b, (size_t)n);
		b = to_send(l);
	}
	return true;
}

static bool take_greeting(struct store_link *l, const redisReply *r)
{
	if (r->type == REDIS_REPLY_ERROR)
		return fail(l, "login or database refused: %.200s", r->str);
	if (r->type != REDIS_REPLY_STATUS)
		return fail(l, "what it answers to a login is not Redis");
	if (--l->greetings == 0)
		become_ready(l);
	return true;
}

static bool take_reply(struct store_link *l, const redisReply *r)
{
	struct command *c = l->first;

	if (l->greetings)
		return take_greeting(l, r);
	if (!c)
		return fail(l, "it answers without being asked");
	bool good = c->take(c->arg, r, l->why);

	if (--c->replies == 0) {
		l->first = c->next;
		if (!l->first)
			l->last = &l->first;
		l->waiting--;
		free(c);
	}
	return good;
}

static bool take_replies(struct store_link *l)
{
	void *reply = NULL;
	bool good = true;

	while (good) {
		if (redisReaderGetReply(l->reader, &reply) != REDIS_OK)
			return fail(l, "what it answers is not Redis: %.200s", l->reader->errstr);
		if (!reply)
			return l->fed <= LINK_REPLY_MAX || fail(l, "an answer of more than %d octets", LINK_REPLY_MAX);
		l->fed = l->reader->len - l->reader->pos;
		good = take_reply(l, reply);
		freeReplyObject(reply);
	}
	return false;
}

static bool receive_some(struct store_link *l)
{
	char data[READ_SIZE];
	ssize_t n = recv(l->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0)
		return fail(l, "%s", strerror(errno));
	if (n == 0)
		return fail(l, "it closed the connection");
	if (redisReaderFeed(l->reader, data, (size_t)n) != REDIS_OK)
		return fail(l, "what it answers is not Redis: %.200s", l->reader->errstr);
	l->fed += (size_t)n;
	return take_replies(l);
}

/* ---- for the store ---- */

bool link_send(struct store_link *l, const char *wire, size_t len, unsigned replies, link_take *take, void *arg)
{
	struct command *c = l->waiting < LINK_COMMANDS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c || !buf_put(&l->out, wire, len)) {
		free(c);
		l->out.failed = false;
		return false;
	}
	*c = (struct command){ .replies = replies, .take = take, .arg = arg, .deadline = clock_ms() + l->timeout_ms };
	*l->last = c;
	l->last = &c->next;
	l->waiting++;
	if (l->state == LINK_SHUT)
		l->broken = !begin(l);
	return true;
}

struct pollfd link_poll(const struct store_link *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (l->state == LINK_NAMING)
		p.fd = l->name.fd;
	else if (l->state == LINK_CONNECTING)
		p.events = POLLOUT;
	else if (l->greeting.len || (l->state == LINK_READY && l->out.len))
		p.events = POLLIN | POLLOUT;
	return p;
}

int64_t link_deadline(const struct store_link *l)
{
	if (l->broken)
		return 1;	/* passed */
	if (l->state == LINK_READY)
		return l->first ? l->first->deadline : 0;
	return l->state == LINK_SHUT ? 0 : l->deadline;
}

static bool is_late(struct store_link *l)
{
	static const char *const doings[] = { [LINK_NAMING] = "looking up its name", [LINK_CONNECTING] = "connecting", [LINK_GREETING] = "logging in",
		[LINK_READY] = "waiting for an answer" };

	if (l->broken)
		return true;
	if (link_deadline(l) == 0 || clock_left(link_deadline(l)) > 0)
		return false;
	fail(l, "time-out while %s", doings[l->state]);
	return true;
}

static bool advance(struct store_link *l, short revents)
{
	switch (l->state) {
	case LINK_SHUT:
		return true;
	case LINK_NAMING:
		return !revents || on_name(l);
	case LINK_CONNECTING:
		if (!revents || !on_connected(l))
			return !revents;
		break;
	default:
		if (revents & (POLLIN | POLLHUP | POLLERR) && !receive_some(l))
			return false;
	}
	return l->state < LINK_GREETING || send_some(l);
}

void link_turn(struct store_link *l, short revents)
{
	/* What has come in counts even when it is late: we may have slept. */
	if ((l->broken || advance(l, revents)) && !is_late(l))
		return;
	char why[sizeof(l->why)];

	memcpy(why, l->why, sizeof(why));
	link_shut(l, why);
}
