/* run.h - what main() chooses between, the master or one role (each returns the exit status), and how all begin. */
#ifndef RUN_H
#define RUN_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/settings.h"
#include "cmdline.h"

/* Serves until it is told to stop. ERR says why it could not start (exit status not 0); told once, by main. */
int master_run(const struct cmdline *c, struct err *err);
/* Becomes the role that the command line names. */
int role_run(const struct cmdline *c);
/* The settings of the command line's directory with its options applied; NULL with all errors in ERR. */
struct settings *run_settings(const struct cmdline *c, struct err *err);
/* Opens the log that the settings name. */
bool run_open_log(const struct settings *s, struct err *err) MUST_CHECK;

#endif
