/* trim.h - giving unused memory of this process back to the system. */
#ifndef TRIM_H
#define TRIM_H

/* Free heap pages, and the stack pages below the frames that are in use. A few system calls: for moments that are
 * rare or idle anyway (a worker or a session over TLS that waits), not for every session. */
void trim_memory(void);

#endif
