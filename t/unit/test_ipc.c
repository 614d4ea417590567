/* test_ipc.c - messages between processes: what is put in comes out, and every way in which a hostile one can be
 * wrong is an error; sockets at a path. */
#include "unit.h"
#include "../../lib/ipc.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct ipc_out out;
static struct ipc_in in;
static int pair[2];

static void open_pair(int type)
{
	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
}

static void close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

START_TEST(test_round_trip)
{
	struct err err = { .text = "" };

	open_pair(SOCK_SEQPACKET);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), -1);
	ipc_begin(&out, IPC_ANSWER);
	ipc_put_u8(&out, 0xfe);
	ipc_put_u16(&out, 0xfedc);
	ipc_put_u32(&out, 0xfedcba98);
	ipc_put_u64(&out, 0xfedcba9876543210);
	ipc_put_view(&out, VIEW("te\0xt"));
	ipc_put_view(&out, view_make(NULL, 0));
	ck_assert(ipc_send(pair[0], &out, &err));
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	ck_assert_uint_eq(in.type, IPC_ANSWER);
	ck_assert_uint_eq(ipc_get_u8(&in), 0xfe);
	ck_assert_uint_eq(ipc_get_u16(&in), 0xfedc);
	ck_assert_uint_eq(ipc_get_u32(&in), 0xfedcba98);
	ck_assert_uint_eq(ipc_get_u64(&in), 0xfedcba9876543210);
	ck_assert(view_eq(ipc_get_view(&in), VIEW("te\0xt")));
	ck_assert_uint_eq(ipc_get_view(&in).len, 0);
	ck_assert_msg(ipc_end(&in, &err), "%s", err.text);
	close(pair[0]);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 0);
	ck_assert(!ipc_send(pair[1], &out, &err));
	close(pair[1]);
}
END_TEST

START_TEST(test_full)
{
	static char data[IPC_MAX + 1];
	struct err err = { .text = "" };

	open_pair(SOCK_SEQPACKET);
	ipc_begin(&out, IPC_FAILED);
	ipc_put_view(&out, view_make(data, IPC_MAX - 6));
	ck_assert_msg(ipc_send(pair[0], &out, &err), "%s", err.text);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	ck_assert_uint_eq(ipc_get_view(&in).len, IPC_MAX - 6);
	ck_assert(ipc_end(&in, &err));
	ipc_put_u8(&out, 1);
	ck_assert(out.failed);
	ck_assert(!ipc_send(pair[0], &out, &err));
	ipc_begin(&out, IPC_FAILED);
	ipc_put_view(&out, view_make(data, SIZE_MAX));
	ck_assert(!ipc_send(pair[0], &out, &err));
	/* Nothing of them was sent. */
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), -1);
	/* Nobody reads: an error at some time, not a wait. */
	ipc_begin(&out, IPC_FAILED);
	ipc_put_view(&out, view_make(data, 60000));
	for (int i = 0; ipc_send(pair[0], &out, &err); i++)
		ck_assert_int_lt(i, 10000);
	ck_assert_int_eq(errno, EAGAIN);
	close_pair();
}
END_TEST

START_TEST(test_hostile)
{
	static char long_body[70000];
	static const struct view bad[] = {
		VIEW("\x01"), VIEW("\x00\x01"), VIEW("\x02\x01"), VIEW("\xff\xff"), VIEW("\x01\x00"), VIEW("\x01\xff"), VIEW("\x01\x01x"), VIEW("\x01\x03zzzz"),
		VIEW("\x01\x02"), VIEW("\x01\x02\x01\x00\x00"), VIEW("\x01\x06"), VIEW("\x01\x06" "1234567890123"),
	};
	struct err err;

	open_pair(SOCK_SEQPACKET);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		err.text[0] = '\0';
		ck_assert_int_eq(send(pair[0], bad[i].data, bad[i].len, 0), (ssize_t)bad[i].len);
		ck_assert_msg(ipc_receive(pair[1], &in, &err) == -2, "case %zu", i);
		ck_assert_str_ne(err.text, "");
	}
	memcpy(long_body, "\x01\x02", 2);
	ck_assert_int_eq(send(pair[0], long_body, sizeof(long_body), 0), (ssize_t)sizeof(long_body));
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), -2);
	/* A poke longer than any id. */
	memcpy(long_body, "\x01\x08", 2);
	ck_assert_int_eq(send(pair[0], long_body, 2 + 4 + 65, 0), 71);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), -2);
	close_pair();
}
END_TEST

/* The type numbers that the raw messages of these tests rely on. */
_Static_assert(IPC_READY == 1 && IPC_FAILED == 2 && IPC_DRAIN == 3 && IPC_LOOKUP == 6 && IPC_POKE == 8, "numbers");

START_TEST(test_short_and_long)
{
	struct err err = { .text = "" };

	open_pair(SOCK_SEQPACKET);
	/* A string whose length says more than there is. */
	ck_assert_int_eq(send(pair[0], "\x01\x02\x05\x00\x00\x00" "four", 10, 0), 10);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	ck_assert_uint_eq(ipc_get_view(&in).len, 0);
	ck_assert(in.failed);
	/* Nothing comes after the first failure, not even what would be there. */
	ck_assert_uint_eq(ipc_get_u8(&in), 0);
	ck_assert_uint_eq(ipc_get_u64(&in), 0);
	ck_assert(!ipc_end(&in, &err));
	ck_assert_int_eq(send(pair[0], "\x01\x02\xff\xff\xff\xff" "four", 10, 0), 10);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	ck_assert_uint_eq(ipc_get_view(&in).len, 0);
	ck_assert(!ipc_end(&in, &err));
	/* Left over. */
	err.text[0] = '\0';
	ck_assert_int_eq(send(pair[0], "\x01\x02\x04\x00\x00\x00" "fourX", 11, 0), 11);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	assert_view_eq(ipc_get_view(&in), "four");
	ck_assert(!ipc_end(&in, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "1 bytes too many"));
	close_pair();
}
END_TEST

START_TEST(test_datagram)
{
	struct err err = { .text = "" };

	open_pair(SOCK_DGRAM);
	/* An empty one is no end of file. */
	ck_assert_int_eq(send(pair[0], "", 0, 0), 0);
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), -2);
	ipc_begin(&out, IPC_POKE);
	ipc_put_view(&out, VIEW("0123456789ABCDEF00"));
	ck_assert(ipc_send(pair[0], &out, &err));
	ck_assert_int_eq(ipc_receive(pair[1], &in, &err), 1);
	assert_view_eq(ipc_get_view(&in), "0123456789ABCDEF00");
	ck_assert(ipc_end(&in, &err));
	close_pair();
}
END_TEST

START_TEST(test_parties)
{
	static const struct { unsigned self; enum ipc_type type; int result; } cases[] = {
		{ IPC_MASTER, IPC_READY, 1 }, { IPC_CHILD, IPC_READY, -2 }, { IPC_CHILD, IPC_DRAIN, 1 }, { IPC_MASTER, IPC_STOP, -2 },
		{ IPC_CHILD | IPC_QUEUE_RUNNER, IPC_SERVE, 1 }, { IPC_CHILD | IPC_QUEUE_RUNNER, IPC_QUEUE_STATS, 1 }, { IPC_WORKER, IPC_QUEUE_STATS, -2 },
	};
	struct err err = { .text = "" };

	open_pair(SOCK_SEQPACKET);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ipc_begin(&out, cases[i].type);
		ck_assert(ipc_send(pair[0], &out, &err));
		ipc_self(cases[i].self);
		ck_assert_msg(ipc_receive(pair[1], &in, &err) == cases[i].result, "case %zu", i);
	}
	ipc_self(IPC_ANYONE);
	close_pair();
}
END_TEST

START_TEST(test_paths)
{
	char dir[128], path[160], too_long[300];
	struct err err = { .text = "" };
	const char *tmp = getenv("TMPDIR");
	struct stat st;
	int fd, again, client, server;

	snprintf(dir, sizeof(dir), "%s/ipc.XXXXXX", tmp && strlen(tmp) < 60 ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	ck_assert_int_eq(ipc_connect(path, SOCK_SEQPACKET, &err), -1);
	fd = ipc_listen(path, SOCK_SEQPACKET, 0600, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* A successor takes the path; the old socket goes on. */
	again = ipc_listen(path, SOCK_SEQPACKET, 0660, &err);
	ck_assert_int_ge(again, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	client = ipc_connect(path, SOCK_SEQPACKET, &err);
	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(accept(fd, NULL, NULL), -1);
	server = accept(again, NULL, NULL);
	ck_assert_int_ge(server, 0);
	close(server);
	close(client);
	close(again);
	close(fd);
	/* Not a socket: stays. */
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(ipc_listen(path, SOCK_DGRAM, 0600, &err), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	ck_assert_int_eq(ipc_listen(too_long, SOCK_DGRAM, 0600, &err), -1);
	ck_assert_int_eq(ipc_connect(too_long, SOCK_DGRAM, &err), -1);
	unlink(path);
	rmdir(dir);
}
END_TEST

UNIT_MAIN("ipc", test_round_trip, test_full, test_hostile, test_short_and_long, test_datagram, test_parties, test_paths)
