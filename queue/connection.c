/* connection.c - see connection.h. Sockets are read 4 KiB at a time (replies are short) and written as far as they take it;
 * a big content gives way to other connections after each MiB. */
#include "connection.h"
#include "../lib/clock.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#define CONNECTION_IN 4096
#define CONNECTION_OUT_MAX (20 * 1024 * 1024)	/* cap of the output buffer: 10,000 recipients sent ahead, with all parameters, stay below it */
#define CONNECTION_TURN (1024 * 1024)		/* bytes written before others get their turn */
#define CONNECTION_BIG (512 * 1024)		/* a content of which the kernel takes no more ahead than: */
#define CONNECTION_UNSENT 131072		/* bytes that the kernel holds ahead of what the server lets it send */

struct connection {
	int fd;
	enum { CONNECTING, OPEN, HANDSHAKE } state;
	bool broken;			/* nothing can be written any more */
	struct event reading, writing, timer;
	int64_t timeout;		/* ms, renewed while content makes progress */
	struct tls_session *tls;
	size_t tls_again;		/* length of the write that GnuTLS wants to see again */
	struct buf out;
	bool secret;			/* what it holds */
	size_t out_at;
	struct content *content;
	bool content_failed, too_slow;
	int64_t min_rate;		/* octets a second of content; 0: any */
	int64_t content_began;		/* clock_ms */
	uint64_t content_sent;		/* octets since then, as the kernel has taken them */
	const struct connection_user *user;
	void *arg;
	size_t in_len;
	char in[CONNECTION_IN];
};

static unsigned connections;

unsigned connection_count(void)
{
	return connections;
}

static void connection_fail(struct connection *c, enum connection_failure f, const char *why)
{
	event_del(&c->reading);
	event_del(&c->writing);
	event_del(&c->timer);
	c->user->failed(c->arg, f, why);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	connection_fail(arg, CONNECTION_TIMEOUT, "timed out");
}

void connection_deadline(struct connection *c, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	c->timeout = ms;
	if (ms)
		event_add(&c->timer, &tv);
	else
		event_del(&c->timer);
}

static void empty_buffer(struct connection *c)
{
	if (c->secret && c->out.data)
		explicit_bzero(c->out.data, c->out.size);
	c->secret = false;
	buf_clear(&c->out);
	c->out_at = 0;
}

/* Writes from the buffer. Bytes, 0 when it must wait, -1 when the connection is broken. */
static ssize_t write_buffer(struct connection *c)
{
	const char *data = c->out.data + c->out_at;
	size_t len = c->out.len - c->out_at;
	ssize_t n;

	if (c->tls) {
		n = tls_write(c->tls, data, c->tls_again ? c->tls_again : len, NULL);
		if (n == TLS_WANT_WRITE || n == TLS_WANT_READ) {
			if (!c->tls_again)
				c->tls_again = len;
			return 0;
		}
		c->tls_again = 0;
		if (n <= 0)
			return -1;
	} else {
		n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	c->out_at += (size_t)n;
	if (c->out_at == c->out.len)
		empty_buffer(c);
	return n;
}

/* As write_buffer, for content that needs no change. */
static ssize_t write_file(struct connection *c)
{
	ssize_t n = content_sendfile(c->content, c->fd, CONNECTION_TURN);

	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == 0 || errno == EIO)
		c->content_failed = true;
	return -1;
}

static ssize_t write_some(struct connection *c)
{
	struct content *content = c->content;

	if (!c->out.len && content && !c->tls && content_raw(content))
		return write_file(c);
	while (content && c->out.len < CONTENT_CHUNK && !content->finished && (c->tls || !content_raw(content)))
		if (!content_fill(content, &c->out, NULL)) {
			c->content_failed = true;
			return -1;
		}
	return write_buffer(c);
}

/* N octets of content have been taken. A server that takes just enough to be alive must not hold the connection, and a
 * message that others wait for, for ever. */
static void content_moved(struct connection *c, ssize_t n)
{
	c->content_sent += (uint64_t)n;
	if (c->min_rate && clock_ms() - c->content_began > c->timeout + (int64_t)(c->content_sent / (uint64_t)c->min_rate) * 1000)
		c->too_slow = true;
	connection_deadline(c, c->timeout);
}

/* Sends what there is. True when all of it has gone out. */
static bool push(struct connection *c)
{
	ssize_t turn = 0;

	while (c->out.len || (c->content && !c->content->finished)) {
		ssize_t n = turn < CONNECTION_TURN ? write_some(c) : 0;

		if (n < 0) {
			c->broken = true;
			empty_buffer(c);
			return false;
		}
		if (n == 0) {
			event_add(&c->writing, NULL);
			return false;
		}
		turn += n;
		if (c->content)
			content_moved(c, n);
	}
	return true;
}

static void read_input(struct connection *c)
{
	size_t room = sizeof(c->in) - c->in_len;
	ssize_t n;

	if (room == 0)
		bug("connection: input that nobody eats");
	if (c->tls)
		n = tls_read(c->tls, c->in + c->in_len, room, NULL);
	else
		n = recv(c->fd, c->in + c->in_len, room, MSG_DONTWAIT);
	if (n > 0) {
		c->in_len += (size_t)n;
		if ((c->tls && tls_pending(c->tls)) || c->broken)
			event_active(&c->reading, EV_READ, 0);
		c->user->input(c->arg);
		return;
	}
	if (n == 0)
		connection_fail(c, CONNECTION_CLOSED, "connection closed by the other side");
	else if (c->tls ? n == TLS_FAILED : errno != EAGAIN && errno != EINTR)
		connection_fail(c, CONNECTION_CLOSED, c->tls ? "TLS connection broken" : strerror(errno));
	else if (c->broken)
		connection_fail(c, CONNECTION_CLOSED, "connection broken while sending");
	else if (c->tls && n == TLS_WANT_WRITE)
		event_add(&c->writing, NULL);
	else if (c->tls && tls_pending(c->tls))
		event_active(&c->reading, EV_READ, 0);	/* a session ticket was no input, but there is more behind it */
}

static void handshake(struct connection *c)
{
	struct err err = { "" };
	int r = tls_handshake(c->tls, &err);

	if (r == TLS_WANT_WRITE)
		event_add(&c->writing, NULL);
	if (r == TLS_FAILED)
		connection_fail(c, tls_untrusted(c->tls) ? CONNECTION_UNTRUSTED : tls_own_fault(c->tls) ? CONNECTION_ERROR : CONNECTION_TLS, err.text);
	if (r != 1)
		return;
	c->state = OPEN;
	if (tls_pending(c->tls))
		event_active(&c->reading, EV_READ, 0);
	c->user->connected(c->arg);
}

static void on_read(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct connection *c = arg;

	if (c->state == HANDSHAKE)
		handshake(c);
	else
		read_input(c);
}

static void finish_connect(struct connection *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		connection_fail(c, CONNECTION_CLOSED, strerror(error));
		return;
	}
	c->state = OPEN;
	event_add(&c->reading, NULL);
	c->user->connected(c->arg);
}

static void on_write(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct connection *c = arg;

	if (c->state == CONNECTING) {
		finish_connect(c);
	} else if (c->state == HANDSHAKE) {
		handshake(c);
	} else if (!c->broken && push(c)) {	/* what has gone out whole was fast enough: the server has the message */
		if (c->content) {
			c->content = NULL;
			c->user->sent(c->arg);
		} else if (c->tls && tls_pending(c->tls)) {
			read_input(c);
		}
	} else if (c->too_slow) {
		connection_fail(c, CONNECTION_TIMEOUT, "too slow: it takes less than the data rate that is asked for");
	} else if (c->content_failed) {
		connection_fail(c, CONNECTION_ERROR, "the message cannot be read");
	} else if (c->broken) {
		read_input(c);	/* a last word may have come before the end */
	}
}

static struct connection *connection_new(struct event_base *base, int fd, const struct connection_user *user, void *arg)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		bug("no memory for a connection");
	c->fd = fd;
	c->user = user;
	c->arg = arg;
	buf_init(&c->out, CONNECTION_OUT_MAX);
	event_assign(&c->reading, base, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(&c->writing, base, fd, EV_WRITE, on_write, c);
	evtimer_assign(&c->timer, base, on_timer, c);
	connections++;
	return c;
}

static socklen_t address_of(const struct target *t, struct sockaddr_storage *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;

	if (t->addr.family)
		return netaddr_to(&t->addr, out);
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, t->path, strnlen(t->path, sizeof(un->sun_path) - 1));
	return sizeof(*un);
}

/* Our own address; the port is chosen when it is known where it goes, so that there are enough of them. */
static bool bind_source(int fd, const struct target *t, struct err *err)
{
	const struct netaddr *source = target_source(t);
	struct sockaddr_storage address;
	char ip[NETADDR_TEXT];
	int one = 1;

	if (!source)
		return true;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	socklen_t len = netaddr_to(source, &address);
	return bind(fd, (struct sockaddr *)&address, len) == 0 || err_sys(err, "source address %s cannot be used", netaddr_text(source, ip));
}

struct connection *connection_open(struct event_base *base, const struct target *target, int64_t timeout_ms,
				   const struct connection_user *user, void *arg, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(target, &address);
	int one = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, "socket"), NULL;
	if (target->addr.family)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!bind_source(fd, target, err)) {
		close(fd);
		errno = ENODEV;
		return NULL;
	}
	if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS && errno != EINTR) {
		int error = errno;

		close(fd);
		err_set(err, "%s", strerror(error));
		errno = error;
		return NULL;
	}
	struct connection *c = connection_new(base, fd, user, arg);
	event_add(&c->writing, NULL);
	connection_deadline(c, timeout_ms);
	return c;
}

struct connection *connection_adopt(struct event_base *base, int fd, const struct connection_user *user, void *arg)
{
	struct connection *c = connection_new(base, fd, user, arg);

	evutil_make_socket_nonblocking(fd);
	c->state = OPEN;
	event_add(&c->reading, NULL);
	return c;
}

void connection_close(struct connection **cp)
{
	struct connection *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	event_del(&c->reading);
	event_del(&c->writing);
	event_del(&c->timer);
	if (c->tls) {
		if (c->state == OPEN && !c->broken)
			tls_bye(c->tls);
		tls_session_free(&c->tls);
	}
	close(c->fd);
	empty_buffer(c);
	buf_free(&c->out);
	free(c);
	connections--;
}

void connection_put(struct connection *c, struct view v)
{
	if (!c->broken && !buf_put_view(&c->out, v))
		c->broken = true;
}

void connection_flush(struct connection *c)
{
	if (!c->broken)
		push(c);
	if (c->broken)
		event_active(&c->writing, EV_WRITE, 0);
}

void connection_wipe(struct connection *c)
{
	c->secret = true;
}

/* Of a big content the kernel would take megabytes at once and then, from a slow server, nothing for minutes: as if that stood
 * still. This way what it has taken follows what the server takes. */
static void follow_closely(struct connection *c, const struct content *content)
{
	int most = CONNECTION_UNSENT;

	if (content_size(content) > CONNECTION_BIG)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
}

void connection_send(struct connection *c, struct content *content, int64_t min_rate)
{
	follow_closely(c, content);
	c->content = content;
	c->min_rate = min_rate;
	c->content_began = clock_ms();
	c->content_sent = 0;
	c->too_slow = false;
	event_active(&c->writing, EV_WRITE, 0);
}

struct view connection_input(const struct connection *c)
{
	return view_make(c->in, c->in_len);
}

void connection_eat(struct connection *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

bool connection_start_tls(struct connection *c, struct tls_context *ctx, const struct tls_wish *wish, int64_t timeout_ms, struct err *err)
{
	c->tls = tls_session_new(ctx, c->fd, wish, err);
	if (!c->tls)
		return false;
	c->state = HANDSHAKE;
	connection_deadline(c, timeout_ms);
	event_active(&c->writing, EV_WRITE, 0);
	return true;
}

bool connection_took_up(const struct connection *c)
{
	return c->state == HANDSHAKE && c->tls && tls_took_up(c->tls);
}

const struct tls_session *connection_tls(const struct connection *c)
{
	return c->state == OPEN ? c->tls : NULL;
}
