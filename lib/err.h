/* err.h - the error value. Functions that can fail return false (or NULL, -1) and fill a struct err;
 * each caller may add context in front; the top logs it once. Only main files end the process. */
#ifndef ERR_H
#define ERR_H

#include "base.h"

struct err {
	char text[4096];	/* "" while nothing went wrong; later messages are joined by "; " up to its size */
};

/* Sets the text. Always returns false, so `return err_set(err, ...)`. ERR may be NULL. */
bool err_set(struct err *err, const char *format, ...) PRINTFLIKE(2, 3);
/* As err_set, followed by ": " and strerror(errno). */
bool err_sys(struct err *err, const char *format, ...) PRINTFLIKE(2, 3);
/* Puts "CONTEXT: " in front of the text. Always returns false. */
bool err_context(struct err *err, const char *format, ...) PRINTFLIKE(2, 3);

/* A broken invariant of our own: logs and aborts. Never for anything that came from outside. */
NORETURN void bug(const char *format, ...) PRINTFLIKE(1, 2);

#endif
