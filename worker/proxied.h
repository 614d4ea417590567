/* proxied.h - listeners that proxies connect to: there a PROXY header stands in front of everything. */
#ifndef PROXIED_H
#define PROXIED_H

#include "../lib/base.h"

struct session;

/* Reads the header, from a peer of proxy_networks within proxy_timeout, and not an octet more: what follows may be a TLS handshake. From
 * then on the session's client is who the header says. False: s->reply is set, or the peer has left (s->end). */
bool proxied_begin(struct session *s);

#endif
