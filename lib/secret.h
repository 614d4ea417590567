/* secret.h - random octets that belong to this installation: what must look random to others, be the same in every worker, and stay the
 * same beyond a restart is derived from them. */
#ifndef SECRET_H
#define SECRET_H

#include "base.h"
#include "err.h"
#include "view.h"

#define SECRET_SIZE 32

/* Reads DIR/secret into this process, which its children inherit; makes the file (mode 0600, on disk before it is used) when it is not
 * there. Several processes may do so at once. False with ERR when it cannot be read, made, or is not of SECRET_SIZE octets. */
bool secret_open(const char *dir, struct err *err) MUST_CHECK;
/* The secret; empty before secret_open. */
struct view secret_view(void);

#endif
