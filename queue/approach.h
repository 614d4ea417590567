/* approach.h - how one message goes to the addresses of its destination: as the route says, and with what the message adds: the
 * transaction's notes outbound_ip and outbound_helo (the route's own wins), and what it demands of TLS. */
#ifndef APPROACH_H
#define APPROACH_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "spool.h"
#include "targets.h"

/* DOMAIN: that of the recipients of F when DNS has named the hosts, else "". Changes T, which is the delivery's own. Addresses that cannot be gone to so (from an IPv4 address to an IPv6 host) are removed.
 * False with ERR when a note is nonsense, or none is left. */
bool approach(struct targets *t, const struct spool_file *f, const char *domain, struct err *err) MUST_CHECK;

#endif
