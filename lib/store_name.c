/* store_name.c - see store_name.h. */
#include "base.h"
#include "store_name.h"
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/wait.h>

#define LONGEST 30	/* seconds that the process may live, should nobody end it */

NORETURN static void look_up(const char *host, uint16_t port, int out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
	static const int signals[] = { SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };
	sigset_t none;
	int count = 0;

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		signal(signals[i], SIG_DFL);	/* the parent's handlers mean the parent */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(LONGEST);
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		_exit(1);
	for (const struct addrinfo *a = found; a && count < STORE_NAME_MAX; a = a->ai_next) {
		struct netaddr addr = netaddr_from(a->ai_addr, a->ai_addrlen);

		addr.port = port;
		if (addr.family && write(out, &addr, sizeof(addr)) != (ssize_t)sizeof(addr))
			_exit(1);
		count++;
	}
	_exit(0);
}

bool store_name_start(struct store_name *n, const char *host, uint16_t port, struct err *err)
{
	int ends[2];

	*n = (struct store_name){ .fd = -1 };
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_sys(err, "cannot look up %s", host);
	n->pid = fork();
	if (n->pid == 0)
		look_up(host, port, ends[1]);
	close(ends[1]);
	if (n->pid < 0) {
		close(ends[0]);
		return err_sys(err, "cannot look up %s", host);
	}
	n->fd = ends[0];
	return fcntl(n->fd, F_SETFL, O_NONBLOCK) == 0;
}

int store_name_take(struct store_name *n)
{
	ssize_t got = 1;

	while (n->len < sizeof(n->got.octets) && (got = read(n->fd, n->got.octets + n->len, sizeof(n->got.octets) - n->len)) > 0)
		n->len += (size_t)got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	store_name_end(n);
	return (int)(n->len / sizeof(struct netaddr));
}

void store_name_end(struct store_name *n)
{
	if (n->fd < 0)
		return;
	close(n->fd);
	n->fd = -1;
	kill(n->pid, SIGKILL);
	while (waitpid(n->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
