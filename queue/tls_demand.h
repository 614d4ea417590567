/* tls_demand.h - what a message itself says of TLS (RFC 8689): REQUIRETLS, by which it goes over TLS to servers that promise the same or not
 * at all; or "TLS-Required: No" in its header, by which a certificate that is not valid is no reason to keep it. */
#ifndef TLS_DEMAND_H
#define TLS_DEMAND_H

#include "../lib/base.h"
#include "spool.h"
#include "targets.h"

/* Changes how T, which is the delivery's own, is gone to with F. DOMAIN: that of the recipients when DNS has named the hosts. May read
 * the header section, blocking for disk, where reject_unauthorized is in force. */
void tls_demand(struct targets *t, const struct spool_file *f, const char *domain);

#endif
