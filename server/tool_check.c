/* tool_check.c - `postrider check`: what start-up would do, without binding anything; and all that is wrong, not the first. */
#include "tool.h"
#include "check.h"
#include "../lib/drop.h"
#include "../lib/listfile.h"
#include "../lib/log.h"
#include "../lib/tls.h"
#include "../queue/tls_policy.h"

#include <sys/stat.h>
#include <sys/wait.h>

static void problem(void *arg, const char *text)
{
	++*(unsigned *)arg;
	printf("%s\n", text);
}

static void warning(void *arg UNUSED, const char *text)
{
	printf("warning: %s\n", text);
}

/* ---- directories ---- */

static void check_directory(const char *name, const char *path, const struct drop_target *t, unsigned *problems)
{
	struct err err = { "" };
	char parent[PATH_MAX];
	struct stat st;
	char *slash;

	if (stat(path, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			err_set(&err, "%s: %s is not a directory", name, path);
		else if (st.st_uid != t->uid && st.st_uid != geteuid())
			err_set(&err, "%s: %s belongs to user id %u, expected %s", name, path, (unsigned)st.st_uid, t->user);
		else if (st.st_uid == t->uid && (st.st_mode & 0700) != 0700)
			err_set(&err, "%s: %s cannot be written by %s", name, path, t->user);
	} else {
		snprintf(parent, sizeof(parent), "%s", path);
		slash = strrchr(parent, '/');
		slash[slash == parent] = '\0';
		if (access(parent, W_OK | X_OK) < 0)
			err_sys(&err, "%s: %s does not exist and cannot be made", name, path);
	}
	if (*err.text)
		problem(problems, err.text);
}

static void check_directories(const struct settings *s, unsigned *problems)
{
	struct drop_target target;
	struct err err = { "" };

	if (!drop_lookup(s->user, s->group, &target, &err)) {
		problem(problems, err.text);
		return;
	}
	check_directory("spool_dir", s->spool_dir, &target, problems);
	check_directory("run_dir", s->run_dir, &target, problems);
	check_directory("state_dir", s->state_dir, &target, problems);
}

/* ---- lists that the core reads itself ---- */

static void check_hosts(const struct settings *s, const char *name, unsigned *problems)
{
	struct hostset *set = hostset_new();
	struct listfile list;
	struct err err = { "" };

	if (!listfile_read(s->dir, name, s->arena, &list, &err))
		problem(problems, err.text);
	for (size_t i = 0; !*err.text && i < list.count; i++) {
		struct err wrong = { "" };
		if (!hostset_add(set, list.lines[i], "", &wrong))
			problem(problems, arena_printf(s->arena, "%s:%u: %s", list.path, list.numbers[i], wrong.text));
	}
	hostset_free(&set);
}

/* ---- the certificates ---- */

static void tell_certificate(void *arg UNUSED, bool worry, const char *text)
{
	printf("%s%s\n", worry ? "warning: " : "", text);
}

/* Certificates and keys of tls.conf, if they are there: whether they are needed is for the tls plugin to say. */
static void check_certificates(const struct settings *s, unsigned *problems)
{
	const struct tls_settings *t = settings_tls(s, "inbound");
	struct tls_context *tls;
	struct err err = { "" };

	if ((!t->cert[0] || access(settings_path(s, t->cert[0]), F_OK) < 0) && access(settings_path(s, "tls"), F_OK) < 0)
		return;
	tls = tls_server_context(s, t, true, &err);
	if (!tls) {
		problem(problems, err.text);
		return;
	}
	tls_context_certificates(tls, tell_certificate, NULL);
	tls_context_free(&tls);
}

/* What is told the servers that we deliver to. */
static void check_outbound(const struct settings *s, unsigned *problems)
{
	struct err err = { "" };
	struct tls_policy *tls = tls_policy_new(s, &err);

	if (!tls)
		problem(problems, err.text);
	tls_policy_free(&tls);
}

/* ---- plugins and the rest: in a process of its own, since that gives up root and runs foreign code ---- */

static void check_start(const struct settings *s, unsigned *problems)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct err err = { "" };

		log_process("check");
		bool ok = check_run(s, NULL, &err);
		if (!ok)
			printf("%s\n", err.text);
		fflush(stdout);
		_exit(ok ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		problem(problems, arena_printf(s->arena, "cannot start a process: %s", strerror(errno)));
	else if (WIFSIGNALED(status))
		problem(problems, arena_printf(s->arena, "loading the plugins ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status))));
	else if (status != 0)
		++*problems;	/* which the child has told */
}

int tool_check(const struct tool *tool, int argc, char **argv UNUSED)
{
	struct err err = { "" };
	unsigned problems = 0;
	struct settings *s;

	if (argc > 1)
		return tool_usage(tool);
	if (!log_open("stderr", false, LOG_LEVEL_WARN, &err))
		return tool_fail("%s", err.text);
	s = settings_read_each(tool->config_dir, problem, &problems);
	if (s) {
		settings_warnings(s, warning, NULL);
		check_directories(s, &problems);
		check_hosts(s, "rcpthosts", &problems);
		check_hosts(s, "morercpthosts", &problems);
		check_certificates(s, &problems);
	check_outbound(s, &problems);
		check_start(s, &problems);
	}
	printf("%s: %s\n", tool->config_dir, problems ? "not fit to start with" : "fine");
	settings_free(&s);
	return problems ? TOOL_FAILED : TOOL_OK;
}
