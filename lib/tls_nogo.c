/* tls_nogo.c - see tls_nogo.h. */
#include "base.h"
#include "tls_nogo.h"
#include "address.h"
#include "clock.h"
#include <inttypes.h>

#define VALUE_SIZE 256

static const struct store_space clients = { .name = TLS_NOGO_CLIENTS }, servers = { .name = TLS_NOGO_SERVERS, .lasting = true };

static struct view value_of(const char *why, char out[VALUE_SIZE])
{
	snprintf(out, VALUE_SIZE, "%" PRId64 " %s", (int64_t)clock_now(), why);
	return view_of(out);
}

bool tls_nogo_value(struct view value, int64_t *when, struct view *why)
{
	struct view seconds = view_cut(&value, ' ');
	uint64_t n;

	if (!view_u64(seconds, INT64_MAX, &n))
		return false;
	*when = (int64_t)n;
	*why = value;
	return true;
}

/* ---- clients ---- */

bool tls_nogo_client(struct store *s, const struct netaddr *client)
{
	char text[NETADDR_TEXT];
	struct view value;

	return store_get(s, &clients, view_of(netaddr_text(client, text)), &value) == STORE_OK;
}

void tls_nogo_client_failed(struct store *s, const struct netaddr *client, int64_t expiry, const char *why)
{
	char text[NETADDR_TEXT], value[VALUE_SIZE];

	store_set(s, &clients, view_of(netaddr_text(client, text)), value_of(why, value), expiry);
}

void tls_nogo_client_worked(struct store *s, const struct netaddr *client)
{
	char text[NETADDR_TEXT];

	store_delete(s, &clients, view_of(netaddr_text(client, text)));
}

/* ---- servers ---- */

static struct view server_key(const char *host, const struct netaddr *addr, char out[STORE_KEY_MAX])
{
	char name[ADDRESS_DOMAIN_MAX + 1], text[NETADDR_TEXT];

	/* Of a route it may be an address, which is no name and stays as it is. */
	int len = snprintf(out, STORE_KEY_MAX, "%s %u %s", netaddr_text(addr, text), addr->port,
			   address_domain_fold(view_of(host), name) ? name : host);

	return view_make(out, len < STORE_KEY_MAX ? (size_t)len : STORE_KEY_MAX - 1);
}

struct store_query *tls_nogo_server(struct store *s, const char *host, const struct netaddr *addr, store_done *done, void *arg)
{
	char key[STORE_KEY_MAX];

	return store_ask(s, &(struct store_op){ .kind = STORE_GET, .space = &servers, .key = server_key(host, addr, key) }, done, arg);
}

void tls_nogo_server_failed(struct store *s, const char *host, const struct netaddr *addr, int64_t expiry, const char *why)
{
	char key[STORE_KEY_MAX], value[VALUE_SIZE];

	store_ask(s, &(struct store_op){ .kind = STORE_SET, .space = &servers, .key = server_key(host, addr, key), .value = value_of(why, value),
		.expiry = expiry }, NULL, NULL);
}
