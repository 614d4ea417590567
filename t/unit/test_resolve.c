/* test_resolve.c - the worker's side of DNS questions against a stand-in for the resolver process: answers in any order,
 * a resolver that is away, dies with the question, or talks nonsense. */
#include "unit.h"
#include "../../lib/clock.h"
#include "../../lib/ipc.h"
#include "../../lib/resolve.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char dir[64], path[96];

static void make_dir(void)
{
	snprintf(dir, sizeof dir, "/tmp/postrider-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/resolver", dir);
}

static void remove_dir(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* ---- the stand-in, in a process of its own ---- */

static struct ipc_in in;
static struct ipc_out out;

static int accept_one(int listener)
{
	struct pollfd pfd = { .fd = listener, .events = POLLIN };

	poll(&pfd, 1, 10000);
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static uint32_t read_question(int fd, char name[DNS_NAME_SIZE])
{
	if (ipc_receive(fd, &in, NULL) != 1 || in.type != IPC_LOOKUP)
		_exit(2);
	uint32_t id = ipc_get_u32(&in);

	ipc_get_u16(&in);
	ipc_get_u32(&in);
	if (!view_copy(ipc_get_view(&in), name, DNS_NAME_SIZE) || !ipc_end(&in, NULL))
		_exit(3);
	return id;
}

/* An MX record that repeats the name that was asked for. */
static void give(int fd, uint32_t id, const char *name)
{
	struct dns_record record = { .preference = 7 };
	struct dns_answer answer = { .status = DNS_OK, .count = 1, .records = &record };

	snprintf(record.name, sizeof record.name, "%s", name);
	ipc_begin(&out, IPC_ANSWER);
	ipc_put_u32(&out, id);
	dns_answer_put(&answer, &out);
	if (!ipc_send(fd, &out, NULL))
		_exit(4);
}

static pid_t stand_in(void (*play)(int listener))
{
	struct err err = { "" };
	int listener = ipc_listen(path, SOCK_SEQPACKET, 0600, &err);
	pid_t pid;

	ck_assert_msg(listener >= 0, "%s", err.text);
	pid = fork();
	if (pid == 0) {
		play(listener);
		_exit(0);
	}
	close(listener);
	return pid;
}

static void check_stand_in(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the stand-in ended with 0x%x", (unsigned)status);
}

static void expect(uint32_t ticket, enum dns_status status, const char *name)
{
	struct dns_answer *a = resolve_wait(ticket, clock_ms() + 10000);

	ck_assert_msg(a->status == status, "%s", dns_status_text(a->status));
	if (name != NULL)
		ck_assert_str_eq(a->records[0].name, name);
	dns_answer_free(&a);
}

/* ---- plays ---- */

static void play_backwards(int listener)
{
	char names[3][DNS_NAME_SIZE];
	uint32_t ids[3];
	int fd = accept_one(listener);

	for (int i = 0; i < 3; i++)
		ids[i] = read_question(fd, names[i]);
	for (int i = 2; i >= 0; i--)
		give(fd, ids[i], names[i]);
}

START_TEST(test_any_order)
{
	make_dir();
	pid_t pid = stand_in(play_backwards);

	resolve_init(path, 10000);
	uint32_t a = resolve_ask("a.test", DNS_MX), b = resolve_ask("b.test", DNS_MX), c = resolve_ask("c.test", DNS_MX);

	expect(b, DNS_OK, "b.test");
	expect(a, DNS_OK, "a.test");
	expect(c, DNS_OK, "c.test");
	expect(c, DNS_TEMPORARY, NULL);	/* fetched already */
	check_stand_in(pid);
	remove_dir();
}
END_TEST

/* Takes the question and dies; the next generation, on a new socket, gets it again. */
static void play_death(int listener)
{
	char name[DNS_NAME_SIZE];
	int fd = accept_one(listener);

	read_question(fd, name);
	close(fd);
	close(listener);
	listener = ipc_listen(path, SOCK_SEQPACKET, 0600, NULL);
	fd = accept_one(listener);
	give(fd, read_question(fd, name), name);
}

START_TEST(test_resolver_dies)
{
	make_dir();
	pid_t pid = stand_in(play_death);

	resolve_init(path, 10000);
	expect(resolve_ask("a.test", DNS_MX), DNS_OK, "a.test");
	check_stand_in(pid);
	remove_dir();
}
END_TEST

static void play_nonsense(int listener)
{
	char name[DNS_NAME_SIZE];
	int fd = accept_one(listener);
	uint32_t id = read_question(fd, name);

	give(fd, id + 77, "stranger.test");	/* to nobody's question */
	ipc_begin(&out, IPC_ANSWER);
	ipc_put_u32(&out, id);
	ipc_put_u64(&out, 0x0505050505050505);
	if (!ipc_send(fd, &out, NULL))
		_exit(4);
	id = read_question(fd, name);
	(void)!write(fd, "\xff\xff\xff", 3);	/* no message of ours: the connection is given up and made anew */
	fd = accept_one(listener);
	give(fd, read_question(fd, name), name);
}

START_TEST(test_nonsense)
{
	make_dir();
	pid_t pid = stand_in(play_nonsense);

	resolve_init(path, 10000);
	expect(resolve_ask("a.test", DNS_MX), DNS_TEMPORARY, NULL);
	expect(resolve_ask("b.test", DNS_MX), DNS_OK, "b.test");
	check_stand_in(pid);
	remove_dir();
}
END_TEST

START_TEST(test_nobody_there)
{
	int64_t start = clock_ms();
	struct dns_answer *a;

	resolve_init("/nonexistent/resolver", 100);
	uint32_t ticket = resolve_ask("a.test", DNS_MX);

	ck_assert_uint_ne(ticket, 0);
	a = resolve_wait(ticket, 0);
	ck_assert_int_eq(a->status, DNS_TEMPORARY);
	ck_assert_int_ge(clock_ms() - start, 90);
	dns_answer_free(&a);
	start = clock_ms();
	ticket = resolve_ask("a.test", DNS_MX);
	a = resolve_wait(ticket, start);	/* the caller's deadline has passed */
	ck_assert_int_eq(a->status, DNS_TEMPORARY);
	ck_assert_int_lt(clock_ms() - start, 90);
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_names_and_tickets)
{
	char name[400];
	uint32_t last = 0;

	resolve_init("/nonexistent/resolver", 1);
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	expect(resolve_ask(name, DNS_MX), DNS_NXDOMAIN, NULL);
	for (int i = 0; i < 200; i++) {		/* nobody fetches them: old ones make room */
		uint32_t ticket = resolve_ask("a.test", DNS_MX);

		ck_assert_uint_ne(ticket, last);
		last = ticket;
	}
	resolve_forget_all();
	expect(last, DNS_TEMPORARY, NULL);
}
END_TEST

UNIT_MAIN("resolve", test_any_order, test_resolver_dies, test_nonsense, test_nobody_there, test_names_and_tickets)
