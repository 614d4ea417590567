/* tool_signal.c - `postrider reload` and `postrider stop`: a signal to the master, once it is sure that the process is
 * it. The run directory belongs to the user that workers run as, so what stands there is not enough: the process must
 * have our server's name too, else a broken worker could choose what root ends. */
#include "tool.h"
#include "../lib/clock.h"
#include "../lib/scoreboard.h"
#include "../lib/view.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

static pid_t read_pid(const char *run_dir, struct err *err)
{
	char path[PATH_MAX], text[32];
	uint64_t pid;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/master.pid", run_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, "not running: %s", path), -1;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n <= 0 || !view_u64(view_trim(view_make(text, (size_t)n)), INT32_MAX, &pid) || pid < 2)
		return err_set(err, "%s: found no process id", path), -1;
	return (pid_t)pid;
}

static bool is_master(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	in = fopen(path, "re");
	if (!in)
		return false;
	if (!fgets(name, sizeof(name), in))
		name[0] = '\0';
	fclose(in);
	return strncmp(name, "postrider-forks", 15) == 0;	/* the kernel keeps 15 bytes */
}

/* A descriptor of the master's process, which cannot come to mean another one; -1 when there is no master. */
static int open_master(const struct settings *s, pid_t *pid, struct err *err)
{
	int fd;

	*pid = read_pid(s->run_dir, err);
	if (*pid < 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, *pid, 0);
	if (fd < 0)
		return err_sys(err, "not running: process %d", (int)*pid), -1;
	if (scoreboard_open(s->run_dir, true, err) && atomic_load(&scoreboard()->master_pid) != *pid)
		err_set(err, "%s: master.pid says %d, scoreboard %d: no signal sent", s->run_dir, (int)*pid,
			(int)atomic_load(&scoreboard()->master_pid));
	else if (!*err->text && !is_master(*pid))
		err_set(err, "process %d is not postrider-forkserver: no signal sent", (int)*pid);
	if (*err->text) {
		close(fd);
		return -1;
	}
	return fd;
}

static int send_signal(const struct tool *tool, int signal_number, bool wait)
{
	struct settings *s = tool_settings(tool);
	struct err err = { "" };
	struct pollfd ended = { .events = POLLIN };
	int status = TOOL_OK;
	pid_t pid;

	if (!s)
		return TOOL_FAILED;
	ended.fd = open_master(s, &pid, &err);
	if (ended.fd < 0)
		status = tool_fail("%s", err.text);
	else if (syscall(SYS_pidfd_send_signal, ended.fd, signal_number, NULL, 0) < 0)
		status = tool_fail("cannot signal process %d: %s", (int)pid, strerror(errno));
	else if (wait)
		while (poll(&ended, 1, -1) < 0 && errno == EINTR)
			;
	if (ended.fd >= 0)
		close(ended.fd);
	settings_free(&s);
	return status;
}

int tool_reload(const struct tool *tool, int argc, char **argv UNUSED)
{
	return argc > 1 ? tool_usage(tool) : send_signal(tool, SIGHUP, false);
}

int tool_stop(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "wait", no_argument, NULL, 'w' }, { NULL, 0, NULL, 0 } };
	bool wait = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'w')
			return tool_usage(tool);
		wait = true;
	}
	return optind < argc ? tool_usage(tool) : send_signal(tool, SIGTERM, wait);
}
