/* auth_checkpassword - AUTH PLAIN and LOGIN by a program with the checkpassword interface (cr.yp.to/checkpwd/interface.html): it reads
 * "login NUL password NUL timestamp NUL" from descriptor 3 and exits with 0, or runs the program that its arguments name, when they fit;
 * with 1 when they do not. No shell is involved, and a program that takes too long is killed. */
#define _GNU_SOURCE 1
#include <postrider.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INTERFACE_MAX 512	/* octets that such a program reads */
#define WORDS_MAX 32
#define FILE_NAME "smtpauth-checkpassword"	/* qpsmtpd's */

struct checker {
	char *argv[WORDS_MAX + 1];
	int64_t timeout;		/* seconds */
};

/* ---- start ---- */

/* Appends the words of TEXT, which blanks separate. */
static bool add_words(struct plugin *self, struct checker *c, const char *text)
{
	size_t count = 0;
	while (c->argv[count])
		count++;
	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");
		if (count == WORDS_MAX)
			return pr_fail(self, "found a command of more than %d words", WORDS_MAX);
		c->argv[count] = pr_alloc(self, len + 1);
		memcpy(c->argv[count++], text, len);
		text += len;
	}
	return true;
}

static bool check_program(struct plugin *self, const char *path)
{
	if (!path)
		return pr_fail(self, "found no program, expected \"checkpw PROGRAM\"");
	if (path[0] != '/')
		return pr_fail(self, "found the program \"%s\", expected an absolute path", path);
	return access(path, X_OK) == 0 || pr_fail(self, "cannot run %s: %s", path, strerror(errno));
}

static bool init(struct plugin *self)
{
	struct checker *c = pr_alloc(self, sizeof *c);
	const char *program = pr_option(self, "checkpw"), *then = pr_option(self, "true");
	bool good = pr_option_int(self, "timeout", 1, 300, 30, &c->timeout);
	good &= pr_auth_options(self);
	good &= pr_no_more_options(self);
	if (program)
		good = good && add_words(self, c, program) && add_words(self, c, then ? then : "/bin/true");
	else
		good = good && add_words(self, c, pr_config(self, FILE_NAME, ""));
	pr_set_data(self, c);
	return good && check_program(self, c->argv[0]);
}

/* ---- running it ---- */

/* In the child: nothing of ours but descriptor 3. Only what may be called between fork and exec. */
__attribute__((noreturn)) static void become(char *const argv[], char *const env[], int from)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* dup2 onto itself would leave close-on-exec set: 3 may be either of them */
	from = fcntl(from, F_DUPFD, 10);
	null = fcntl(null, F_DUPFD, 10);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (from < 0 || null < 0 || dup2(from, 3) != 3 || syscall(SYS_close_range, 4, ~0U, 0) != 0)
		_exit(111);
	execve(argv[0], argv, env);
	_exit(111);
}

static pid_t start(struct hook_call *call, const struct checker *c, const char *text, size_t len)
{
	char address[80];
	char *env[] = { (char[]){ "PATH=/usr/local/bin:/usr/bin:/bin" }, (char[]){ "PROTO=TCP" }, address, NULL };
	int pipe_fds[2];
	pid_t pid = -1;
	snprintf(address, sizeof address, "TCPREMOTEIP=%.60s", pr_remote_ip(call));
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -1;
	/* so little fits into a pipe: this cannot wait for a reader */
	if (write(pipe_fds[1], text, len) == (ssize_t)len)
		pid = fork();
	if (pid == 0)
		become(c->argv, env, pipe_fds[0]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return pid;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the child has ended; false when it takes too long. */
static bool wait_for(pid_t pid, int64_t until)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	int n = 0;
	while (fd >= 0 && (left = until - now_ms()) > 0) {
		n = poll(&p, 1, (int)left);
		if (n > 0 || (n < 0 && errno != EINTR))
			break;
	}
	if (fd >= 0)
		close(fd);
	return n > 0;
}

/* The exit status; -1 when there is none. */
static int finish(struct hook_call *call, const struct checker *c, pid_t pid)
{
	int status = 0;
	bool late = !wait_for(pid, now_ms() + c->timeout * 1000);
	if (late) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);	/* before it has a group of its own */
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late)
		pr_log(call, PR_WARN, "%s: no answer within %d seconds", c->argv[0], (int)c->timeout);
	else if (WIFSIGNALED(status))
		pr_log(call, PR_WARN, "%s: ended by signal %d", c->argv[0], WTERMSIG(status));
	return !late && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0, 1, and the rest: 2 for misuse, 111 for temporary trouble. */
static enum verdict judge(struct hook_call *call, const struct checker *c, int status)
{
	if (status == 0)
		return OK;
	if (status == 1)
		return DECLINED;
	if (status > 0)
		pr_log(call, PR_WARN, "%s: exit status %d", c->argv[0], status);
	return DENYSOFT;
}

static enum verdict on_auth(struct hook_call *call)
{
	const struct checker *c = pr_data(pr_self(call));
	char text[INTERFACE_MAX];
	int n = snprintf(text, sizeof text, "%s%c%s%c%lld", pr_auth_login(call), 0, pr_auth_password(call), 0, (long long)time(NULL));
	if (n < 0 || n >= (int)sizeof text)
		return DECLINED;	/* longer than the interface knows */
	pid_t pid = start(call, c, text, (size_t)n + 1);
	explicit_bzero(text, sizeof text);
	if (pid < 0) {
		pr_log(call, PR_ERROR, "cannot run %s: %s", c->argv[0], strerror(errno));
		return DENYSOFT;
	}
	return judge(call, c, finish(call, c, pid));
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "auth_checkpassword",
	.init = init,
	.hooks = { [HOOK_AUTH_PLAIN] = on_auth, [HOOK_AUTH_LOGIN] = on_auth },
};
