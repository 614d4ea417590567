/* spawn.c - fork and exec of a role. Between the two the child only makes descriptors inheritable and signals
 * default; everything else happens in fresh memory. */
#include "spawn.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

static const char *const names[ROLE_COUNT] = {
	[ROLE_RESOLVER] = "resolver", [ROLE_RUNNER] = "queue-runner", [ROLE_FORKSERVER] = "forkserver",
};

const char *spawn_role_name(enum role role)
{
	return names[role];
}

#define EXTRA_ARGUMENTS 20

struct arguments {
	char **list;
	size_t count;
	char control[16], generation[16], part[16], parts[16];
	struct buf listeners;
};

static void push(struct arguments *a, const char *text)
{
	a->list[a->count++] = (char *)(uintptr_t)text;	/* execv does not write, whatever its prototype says */
}

static void push_option(struct arguments *a, const char *name, const char *value)
{
	push(a, name);
	push(a, value);
}

/* What we were given, then what makes a role of it: the last value of an option counts. */
static bool arguments_make(struct arguments *a, const struct spawn_request *r, int control_fd)
{
	size_t given = 0;

	while (r->cmdline->argv[given] != NULL)
		given++;
	a->list = calloc(given + EXTRA_ARGUMENTS, sizeof *a->list);
	if (a->list == NULL)
		return false;
	for (size_t i = 0; i < given; i++)
		push(a, r->cmdline->argv[i]);
	snprintf(a->control, sizeof a->control, "%d", control_fd);
	snprintf(a->generation, sizeof a->generation, "%u", r->generation);
	push_option(a, "--config", r->config_dir);
	push_option(a, "--role", names[r->role]);
	push_option(a, "--control-fd", a->control);
	push_option(a, "--generation", a->generation);
	if (r->role == ROLE_RUNNER) {
		snprintf(a->part, sizeof a->part, "%u", r->part);
		snprintf(a->parts, sizeof a->parts, "%u", r->parts);
		push_option(a, "--part", a->part);
		push_option(a, "--parts", a->parts);
	}
	if (r->cold_start)
		push(a, "--cold-start");
	if (r->flush)
		push(a, "--flush");
	if (r->replaces)
		push(a, "--replaces");
	buf_init(&a->listeners, 8192);
	if (r->role == ROLE_FORKSERVER) {
		listen_encode(r->listeners, &a->listeners);
		push_option(a, "--listeners", buf_text(&a->listeners));
	}
	return !a->listeners.failed;
}

static void arguments_free(struct arguments *a)
{
	free(a->list);
	buf_free(&a->listeners);
}

static void keep_over_exec(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

void spawn_silence(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i <= 2; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

NORETURN static void become(const struct spawn_request *r, const struct arguments *a, int control_fd)
{
	sigset_t none;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	keep_over_exec(control_fd);
	if (r->cmdline->detach)		/* what goes wrong is told over the control socket */
		spawn_silence();
	for (size_t i = 0; r->role == ROLE_FORKSERVER && i < r->listeners->count; i++)
		keep_over_exec(r->listeners->listeners[i].fd);
	execv(r->program, a->list);
	dprintf(STDERR_FILENO, "postrider-forkserver: cannot execute %s: %s\n", r->program, strerror(errno));
	_exit(127);
}

pid_t spawn_role(const struct spawn_request *r, int *control_fd, struct err *err)
{
	struct arguments a = { 0 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		err_sys(err, "cannot make a control socket");
		return -1;
	}
	bool ok = arguments_make(&a, r, pair[1]);
	pid_t pid = ok ? fork() : -1;

	if (pid == 0)
		become(r, &a, pair[1]);
	if (pid < 0)
		err_sys(err, "cannot start the %s", names[r->role]);
	arguments_free(&a);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	setpgid(pid, pid);	/* both do it: whoever comes first */
	*control_fd = pair[0];
	return pid;
}

void spawn_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);	/* its group may not exist yet */
}
