/* store_address.h - where the store is: the option `store` taken apart. */
#ifndef STORE_ADDRESS_H
#define STORE_ADDRESS_H

#include "base.h"
#include "view.h"

#define STORE_REDIS_PORT 6379
#define STORE_SOCKET_PATH 108	/* as in sockaddr_un */

struct store_address {
	bool redis;			/* else LMDB, and the rest is empty */
	char host[256];			/* a name or an address; "" with a path */
	uint16_t port;
	char path[STORE_SOCKET_PATH];	/* of a Unix socket, or "" */
	unsigned database;
	char user[128], password[512];	/* "" none */
};

/* "lmdb", "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]", "redis+unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]"; user, password and
 * path may hold %XX. False when TEXT is none of these. */
bool store_address_parse(const char *text, struct store_address *out) MUST_CHECK;
/* For logs and people: "redis 127.0.0.1:6379 database 3", without the password. Returns OUT. */
#define STORE_ADDRESS_TEXT 512
char *store_address_text(const struct store_address *a, char out[STORE_ADDRESS_TEXT]);

#endif
