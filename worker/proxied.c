/* proxied.c - see proxied.h. The header is looked at in the socket before it is taken out, so that its end is known without
 * passing it; a proxy that sends it in one piece, as it should, costs two calls of the system. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/netaddr.h"
#include "../lib/proxy.h"
#include "../lib/scoreboard.h"
#include "proxied.h"
#include "session.h"
#include <poll.h>
#include <sys/socket.h>

#define PIECE 1024

/* 4xx: what is wrong is the set-up, and no reason to return anybody's mail. */
static bool refuse(struct session *s, const char *enhanced, const char *text)
{
	scoreboard_count(COUNT_REFUSED_PROXY, 1);
	reply_set(&s->reply, 421, enhanced, "%s %s", s->settings->me, text);
	return false;
}

static bool wait_until(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, clock_left(deadline));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* One look into the socket. PROXY_MORE also when nothing is there yet; *LEFT: nothing will come any more. */
static enum proxy_feed take(int fd, struct buf *header, bool *left, struct err *err)
{
	char piece[PIECE];
	ssize_t n = recv(fd, piece, sizeof(piece), MSG_PEEK | MSG_DONTWAIT);
	size_t used;

	*left = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return PROXY_MORE;
	enum proxy_feed fed = proxy_feed(header, view_make(piece, (size_t)n), &used, err);

	if (fed != PROXY_BAD && recv(fd, piece, used, MSG_DONTWAIT) != (ssize_t)used)
		*left = true;
	return fed;
}

static bool read_header(struct session *s, struct buf *header)
{
	int64_t deadline = clock_ms() + s->settings->proxy_timeout;
	struct err err = { "" };
	bool left;

	for (;;) {
		enum proxy_feed fed = take(stream_fd(s->stream), header, &left, &err);

		if (fed == PROXY_WHOLE)
			return true;
		if (fed == PROXY_BAD)
			return refuse(s, "4.5.0", err.text);
		if (left) {
			s->end = *s->host->interrupted ? SESSION_SHUTDOWN : SESSION_EOF;
			return false;
		}
		if (!wait_until(stream_fd(s->stream), deadline))
			return refuse(s, "4.4.2", "no PROXY header came in time");
	}
}

bool proxied_begin(struct session *s)
{
	struct proxy_header told;
	struct err err = { "" };
	struct buf header;

	if (!netlist_has(s->settings->proxies, &s->peer))
		return refuse(s, "4.7.1", "this port is for proxies, and you are none of ours");
	buf_init(&header, PROXY_HEADER_MAX);
	bool whole = read_header(s, &header), good = whole && proxy_parse(buf_view(&header), &told, &err);

	buf_free(&header);
	if (whole && !good)
		return refuse(s, "4.5.0", err.text);
	if (!whole || told.client == PROXY_LOCAL)
		return whole;
	session_client_is(s, &told.source, &told.destination);
	return true;
}
