/* crash_point.h - numbered steps at which a test may kill the process: when the environment variable POSTRIDER_CRASH_AT is
 * "NAME" or "NAME:N", the process kills itself with SIGKILL the Nth time (first, without N) that it passes NAME. With
 * POSTRIDER_CRASH_TOKEN=FILE it does so only if it could remove FILE: one death among all processes and restarts. Compiled
 * in always: it costs one comparison when unset, and what is tested is what is shipped. */
#ifndef CRASH_POINT_H
#define CRASH_POINT_H

#include "../lib/base.h"

void crash_point(const char *name);
/* All names that exist, for `postrider-forkserver --crash-points`; NULL past the end. */
const char *crash_point_name(size_t index);

#endif
