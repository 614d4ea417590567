/* test_connection.c - a connection to a next hop: a content that is slow, and one that has gone out whole all the same. */
#include "unit.h"
#include "../../lib/clock.h"
#include "../../queue/connection.h"
#include <event2/event.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define RATE 1000000000

static struct event_base *base;
static struct connection *connection;
static int peer;
static unsigned sent, slow;

static void on_nothing(void *arg UNUSED)
{
	ck_abort();
}

static void on_sent(void *arg UNUSED)
{
	sent++;
	connection_close(&connection);
}

static void on_failed(void *arg UNUSED, enum connection_failure f, const char *why)
{
	ck_assert_msg(f == CONNECTION_TIMEOUT && strstr(why, "too slow"), "%s", why);
	slow++;
	connection_close(&connection);
}

/* Sends SIZE octets when all the time that there is for them is over. */
static void send_late(size_t size)
{
	static const struct connection_user user = { .connected = on_nothing, .input = on_nothing, .sent = on_sent, .failed = on_failed };
	int64_t begun = clock_ms();
	struct content content;
	int ends[2], file = memfd_create("content", MFD_CLOEXEC);

	ck_assert(file >= 0 && ftruncate(file, (off_t)size) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	base = event_base_new();
	peer = ends[1];
	sent = slow = 0;
	connection = connection_adopt(base, ends[0], &user, NULL);
	content_init(&content, file, 0, size, 0, "");
	connection_deadline(connection, 1);
	connection_send(connection, &content, RATE);
	while (clock_ms() - begun < 20)
		usleep(1000);
	event_base_dispatch(base);
	event_base_free(base);
	close(peer);
	close(file);
}

START_TEST(breaks_off)
{
	send_late(16 << 20);
	ck_assert(slow == 1 && sent == 0);
}
END_TEST

/* The final dot is with the server: to break off now would mean to send it all again. */
START_TEST(whole_is_whole)
{
	send_late(100);
	ck_assert(slow == 0 && sent == 1);
}
END_TEST

UNIT_MAIN("connection", breaks_off, whole_is_whole)
