/* test_worker.c - a worker as a process: serves one client after another, leaves at the end of its life line, when it has
 * served its number, and on signals, with 421 for the client in hand. */
#include "session_fixture.h"
#include <arpa/inet.h>
#include <signal.h>
#include <sys/wait.h>

struct fork {
	struct fixture f;
	int life[2];
	uint16_t port;
	pid_t pid;
};

static void fork_begin(struct fork *w, const char *conf)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	sigset_t mask;

	fixture_begin(&w->f, conf);
	fixture_want(&w->f, HOOK_RCPT, OK);
	fixture_want(&w->f, HOOK_QUEUE, OK);
	w->f.listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(w->f.listener.fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(w->f.listener.fd, 16), 0);
	ck_assert_int_eq(getsockname(w->f.listener.fd, (struct sockaddr *)&sa, &len), 0);
	w->port = ntohs(sa.sin_port);
	ck_assert_int_eq(pipe(w->life), 0);
	w->f.args.life_fd = w->life[0];
	w->pid = fork();
	if (w->pid == 0) {
		close(w->life[1]);
		sigemptyset(&mask);
		sigaddset(&mask, SIGUSR1);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		_exit(worker_main(&w->f.args));
	}
	ck_assert_int_gt(w->pid, 0);
	close(w->life[0]);
}

static void fork_end(struct fork *w)
{
	int status;

	ck_assert_int_eq(waitpid(w->pid, &status, 0), w->pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_RETIRED, "status %x", (unsigned)status);
	close(w->f.listener.fd);
	if (w->life[1] >= 0)
		close(w->life[1]);
	fixture_end(&w->f);
}

static int client(const struct fork *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(w->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Reads up to and with the line that begins with CODE and a blank; false at the end of file. */
static bool hear(int fd, const char *code)
{
	char line[1024];
	size_t n = 0;

	while (read(fd, line + n, 1) == 1) {
		if (line[n] != '\n') {
			n += n < sizeof(line) - 1;
			continue;
		}
		if (n > 3 && memcmp(line, code, 3) == 0 && line[3] == ' ')
			return true;
		n = 0;
	}
	return false;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void converse(const struct fork *w)
{
	int fd = client(w);

	ck_assert(hear(fd, "220"));
	say(fd, "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@local.test>\r\nDATA\r\n");
	ck_assert(hear(fd, "354"));
	say(fd, "Subject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n");
	ck_assert(hear(fd, "250"));
	ck_assert(hear(fd, "221"));
	ck_assert(!hear(fd, "999"));
	close(fd);
}

START_TEST(one_after_another)
{
	struct fork w;

	fork_begin(&w, "");
	for (int i = 0; i < 30; i++)
		converse(&w);
	close(w.life[1]);
	w.life[1] = -1;
	fork_end(&w);
}
END_TEST

START_TEST(retires_by_number)
{
	struct fork w;

	fork_begin(&w, "sessions_per_worker = 2\n");
	converse(&w);
	converse(&w);
	fork_end(&w);
}
END_TEST

START_TEST(retires_when_idle)
{
	struct fork w;
	int fd;

	fork_begin(&w, "");
	fd = client(&w);
	ck_assert(hear(fd, "220"));
	kill(w.pid, SIGUSR1);		/* waits for the end of the session */
	say(fd, "NOOP\r\n");
	ck_assert(hear(fd, "250"));
	say(fd, "QUIT\r\n");
	ck_assert(hear(fd, "221"));
	close(fd);
	fork_end(&w);
}
END_TEST

START_TEST(ends_the_session_in_hand)
{
	struct fork w;
	int fd;

	fork_begin(&w, "");
	fd = client(&w);
	ck_assert(hear(fd, "220"));
	say(fd, "EHLO c.test\r\n");
	ck_assert(hear(fd, "250"));
	kill(w.pid, SIGTERM);
	ck_assert(hear(fd, "421"));
	ck_assert(!hear(fd, "999"));
	close(fd);
	fork_end(&w);
}
END_TEST

START_TEST(leaves_at_once_when_idle)
{
	struct fork w;

	fork_begin(&w, "");
	converse(&w);
	kill(w.pid, SIGTERM);
	fork_end(&w);
}
END_TEST

UNIT_MAIN("worker", one_after_another, retires_by_number, retires_when_idle, ends_the_session_in_hand, leaves_at_once_when_idle)
