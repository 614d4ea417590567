/* control.h - what a role says to the master, and what it hears, over its control descriptor. */
#ifndef CONTROL_H
#define CONTROL_H

#include "../lib/base.h"
#include "../lib/err.h"

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
