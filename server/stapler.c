/* stapler.c - see stapler.h. The child says how it went by one octet in a pipe; the end of the pipe is its own. */
#include "stapler.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#define LOOK 600000		/* ms from one look to the next */
#define RETRY 60000		/* ms after a failure, doubled up to LOOK */

void stapler_init(struct stapler *s, const struct role_args *args, struct tls_context *tls)
{
	*s = (struct stapler){ .args = args, .tls = tls && tls_context_staples(tls) ? tls : NULL, .fd = -1 };
}

/* The program lies beside ours in the build tree, else where it was installed. */
static void find_fetch(char path[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 32);
	char *slash;

	path[len < 0 ? 0 : len] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		snprintf(slash, 32, "/postrider-fetch");
	if (!slash || access(path, X_OK) != 0)
		snprintf(path, PATH_MAX, "%s/postrider-fetch", POSTRIDER_LIBEXEC_DIR);
}

NORETURN static void fetch(const struct stapler *s, int result)
{
	char program[PATH_MAX];
	sigset_t none;

	prctl(PR_SET_NAME, "pr:ocsp");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_process("ocsp");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(s->args->control_fd);
	for (size_t i = 0; i < s->args->listener_count; i++)
		close(s->args->listeners[i].fd);
	find_fetch(program);
	bool ok = tls_context_refresh(s->tls, program);
	(void)!write(result, ok ? "y" : "n", 1);
	_exit(0);
}

static void start(struct stapler *s)
{
	int ends[2];
	pid_t pid;

	s->next = clock_ms() + LOOK;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		fetch(s, ends[1]);
	}
	close(ends[1]);
	s->fd = ends[0];
	if (pid < 0) {
		log_error("no process to fetch OCSP responses: %s", strerror(errno));
		close(s->fd);
		s->fd = -1;
	}
}

static void hear(struct stapler *s)
{
	char result = 'n';
	ssize_t n = read(s->fd, &result, 1);

	if (n < 0)
		return;		/* still at work */
	close(s->fd);
	s->fd = -1;
	s->failures = n == 1 && result == 'y' ? 0 : s->failures + 1;
	if (s->failures) {
		int64_t pause = s->failures > 4 ? LOOK : (int64_t)RETRY << (s->failures - 1);

		s->next = clock_ms() + (pause < LOOK ? pause : LOOK);
	}
}

void stapler_tick(struct stapler *s)
{
	if (!s->tls)
		return;
	if (s->fd >= 0)
		hear(s);
	if (s->fd < 0 && clock_ms() >= s->next)
		start(s);
}
