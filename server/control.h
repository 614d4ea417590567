/* control.h - what a role says to the master, and what it hears, over its control descriptor. */
#ifndef CONTROL_H
#define CONTROL_H

#include "../lib/base.h"
#include "../lib/err.h"

#define CONTROL_SECRET 64

/* The first thing at start: the secret that the master has sent with IPC_SECRET; random octets when there is none. */
void control_secret(int fd, unsigned char secret[CONTROL_SECRET]);
/* Before control_ready: the absolute paths of files (certificates, keys) and directories that this process has read, and their
 * watch_fingerprint() from before it did. When they change, the master starts a successor. */
void control_watch(int fd, uint64_t fingerprint, const char *const *paths, size_t count);
/* The configuration is read and everything needed is at hand; IPC_SERVE will follow. */
void control_ready(int fd);
/* Cannot start, and why. Returns EXIT_CONFIGURATION for the caller to leave with. */
int control_failed(int fd, const struct err *why);

enum control_order {
	CONTROL_NONE,		/* nothing (any more) */
	CONTROL_SERVE, CONTROL_DRAIN, CONTROL_STOP,
	CONTROL_ORPHANED,	/* the master is gone: drain, and end listening */
};
/* The next order, without blocking. Anything that is no order counts as the master gone. */
enum control_order control_next(int fd);

#endif
