/* place.h - the run and state directories: made and owned; the first held by one master at a time; the small files in it. */
#ifndef PLACE_H
#define PLACE_H

#include "../lib/base.h"
#include "../lib/drop.h"
#include "../lib/err.h"

/* Makes the directory PATH if it is missing, and gives it to TARGET with MODE. */
bool place_make(const char *path, mode_t mode, const struct drop_target *target, struct err *err) MUST_CHECK;
/* Takes RUN_DIR/master.pid: locked, with our process id in it. Returns its descriptor (the lock lives as long),
 * -1 when another master has it or on error. */
int place_lock(const char *run_dir, struct err *err);
void place_unlock(const char *run_dir, int *fd);
/* Replaces DIR/NAME (NAME NULL: DIR is the whole path) by TEXT, mode 0644, in one step. */
bool place_write(const char *dir, const char *name, const char *text, struct err *err) MUST_CHECK;
void place_remove(const char *dir, const char *name);

#endif
