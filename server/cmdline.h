/* cmdline.h - the options of postrider-forkserver: those of qpsmtpd-forkserver and qpsmtpd-prefork with the
 * same letters and meaning, ours, and the internal ones by which the master tells a role what it is. One
 * table in cmdline.c holds them all. */
#ifndef CMDLINE_H
#define CMDLINE_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/settings.h"

#define CMDLINE_LIST_MAX 64

struct cmdline_list {
	size_t count;
	const char *values[CMDLINE_LIST_MAX];
};

struct cmdline {
	/* what to do instead of serving */
	bool check, version, help, crash_points;
	/* where and how to serve */
	struct cmdline_list ports, addresses;	/* as written; listen.c reads them */
	const char *config_dir;
	const char *user, *pid_file;		/* NULL: not given */
	int64_t limit_connections, max_from_ip, children, idle_children;	/* -1: not given */
	int64_t ready_fd;			/* -1: not given */
	bool detach, no_rdns;
	/* from the master to a role only */
	const char *role, *listeners;		/* "forkserver"; "5:smtp,6:smtps" (descriptor and role) */
	int64_t control_fd, generation, part, parts;
	bool cold_start, flush, replaces;
	/* as given, for handing on */
	char **argv;
};

/* Values point into ARGV. Fails with what is wrong and which option it is. */
bool cmdline_parse(int argc, char **argv, struct cmdline *out, struct err *err) MUST_CHECK;
/* The command line wins over the files, in the master and in every role. */
void cmdline_apply(const struct cmdline *c, struct settings *s);
void cmdline_print_help(FILE *out);

#endif
