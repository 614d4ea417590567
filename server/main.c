/* main.c - postrider-forkserver: looks at the command line and hands over. */
#include "../lib/base.h"
#include "../lib/err.h"
#include "../queue/spool.h"
#include "check.h"
#include "cmdline.h"
#include "role.h"
#include "run.h"

static int fail(const struct err *err, int status)
{
	fprintf(stderr, "postrider-forkserver: %s\n", err->text);
	return status;
}

static int check(const struct cmdline *c)
{
	struct err err = { "" };
	struct settings *s = run_settings(c, &err);

	if (s == NULL || !run_open_log(s, &err) || !check_run(s, c, &err))
		return fail(&err, EXIT_CONFIGURATION);
	printf("%s: fine\n", s->dir);
	return 0;
}

static int print_crash_points(void)
{
	for (size_t i = 0; crash_point_name(i) != NULL; i++)
		printf("%s\n", crash_point_name(i));
	return 0;
}

static int serve(const struct cmdline *c)
{
	struct err err = { "" };
	int status = master_run(c, &err);

	return err.text[0] != '\0' ? fail(&err, status) : status;
}

int main(int argc, char **argv)
{
	struct cmdline c;
	struct err err = { "" };

	if (!cmdline_parse(argc, argv, &c, &err))
		return fail(&err, EXIT_CONFIGURATION);
	if (c.help)
		cmdline_print_help(stdout);
	if (c.version)
		printf("postrider %s\n", POSTRIDER_VERSION);
	if (c.help || c.version)
		return 0;
	if (c.crash_points)
		return print_crash_points();
	if (c.role != NULL)
		_exit(role_run(&c));	/* nothing of the master's or of a library's is tidied up by a role */
	return c.check ? check(&c) : serve(&c);
}
