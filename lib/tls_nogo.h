/* tls_nogo.h - the memory of hosts whose TLS has failed, in the store: a client is not offered STARTTLS for a while, to a
 * server mail goes in clear, so that a broken partner costs one handshake and not one each time. Who uses it asks
 * disable_for_failed_hosts of tls.conf first, and never for a partner with whom TLS is demanded. While the store is away
 * nobody is remembered, and TLS is tried. */
#ifndef TLS_NOGO_H
#define TLS_NOGO_H

#include "base.h"
#include "netaddr.h"
#include "store.h"

#define TLS_NOGO_CLIENTS "tls_nogo_in"		/* namespace: the address -> time and reason; not lasting, as anybody can fill it */
#define TLS_NOGO_SERVERS "tls_nogo_out"		/* "ADDRESS PORT HOST", the name in lower case -> the same; lasting */

/* ---- clients of ours; these wait for the store ---- */

bool tls_nogo_client(struct store *s, const struct netaddr *client);
/* EXPIRY in ms. WHY comes from outside. */
void tls_nogo_client_failed(struct store *s, const struct netaddr *client, int64_t expiry, const char *why);
void tls_nogo_client_worked(struct store *s, const struct netaddr *client);

/* ---- servers that we deliver to; from the loop ---- */

/* DONE is told STORE_OK when the server is remembered (see store_ask). */
struct store_query *tls_nogo_server(struct store *s, const char *host, const struct netaddr *addr, store_done *done, void *arg);
void tls_nogo_server_failed(struct store *s, const char *host, const struct netaddr *addr, int64_t expiry, const char *why);

/* ---- for people ---- */

/* Takes a value apart: seconds since 1970, and the reason. False when it is none of ours. */
bool tls_nogo_value(struct view value, int64_t *when, struct view *why);

#endif
