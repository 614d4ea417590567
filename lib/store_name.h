/* store_name.h - the addresses of a host name as the C library knows them (hosts file, DNS, whatever the machine is set up
 * for), without waiting for it: a process of its own asks. For a connection that is made once in a while. */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include "base.h"
#include "err.h"
#include "netaddr.h"

#define STORE_NAME_MAX 4	/* addresses */

struct store_name {
	pid_t pid;
	int fd;			/* readable when there is something to take; -1: nothing under way */
	size_t len;
	union { struct netaddr list[STORE_NAME_MAX]; char octets[STORE_NAME_MAX * sizeof(struct netaddr)]; } got;
};

bool store_name_start(struct store_name *n, const char *host, uint16_t port, struct err *err) MUST_CHECK;
/* -1: not yet. Else it is over, and how many there are in n->got.list. */
int store_name_take(struct store_name *n);
/* Ends it if it is under way. */
void store_name_end(struct store_name *n);

#endif
