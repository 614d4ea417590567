/* floor.c - the floor that postrider's acceptance is measured against: the cheapest acceptor that can be written and
 * still keeps the promise of durability. PROCESSES preforked processes answer canned replies without looking at what
 * they are told and do create, write, fsync, close for each message in DIRECTORY. Prints its port and serves until
 * killed. Not a mail server: it checks nothing.
 *
 *   floor DIRECTORY PROCESSES */
#include "../../lib/base.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>

static char buffer[1 << 20];

static void store(const char *directory, const char *data, size_t len)
{
	static unsigned count;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%d-%u", directory, (int)getpid(), count++);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fsync(fd) < 0)
		_exit(1);
	close(fd);
}

static bool say(int fd, const char *text)
{
	size_t len = strlen(text);

	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Reads until the buffer ends with TAIL; the length, 0 at the end of the connection. */
static size_t read_until(int fd, const char *tail, size_t tail_len)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, buffer + len, sizeof(buffer) - len, 0);

		if (n <= 0)
			return 0;
		len += (size_t)n;
		if (len >= tail_len && memcmp(buffer + len - tail_len, tail, tail_len) == 0)
			return len;
		if (len == sizeof(buffer))
			return 0;
	}
}

static void session(int fd, const char *directory)
{
	if (!say(fd, "220 floor ESMTP\r\n"))
		return;
	for (;;) {
		size_t len = read_until(fd, "\r\n", 2);

		if (!len)
			return;
		switch (buffer[0] & ~0x20) {
		case 'D':
			if (!say(fd, "354 go\r\n") || !(len = read_until(fd, "\r\n.\r\n", 5)))
				return;
			store(directory, buffer, len - 3);
			break;
		case 'Q':
			say(fd, "221 bye\r\n");
			return;
		}
		if (!say(fd, "250 ok\r\n"))
			return;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 3) {
		fprintf(stderr, "usage: floor DIRECTORY PROCESSES\n");
		return 2;
	}
	if (bind(listener, (struct sockaddr *)&sa, len) < 0 || listen(listener, 4096) < 0)
		return 1;
	getsockname(listener, (struct sockaddr *)&sa, &len);
	printf("%u\n", ntohs(sa.sin_port));
	fflush(stdout);
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) {
				int fd = accept(listener, NULL, NULL);
				if (fd >= 0) {
					session(fd, argv[1]);
					close(fd);
				}
			}
		}
	}
	pause();
	return 0;
}
