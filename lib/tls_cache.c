/* tls_cache.c - see tls_cache.h. A hash whose order is that of use, the oldest first. */
#include "tls_cache.h"
#include "log.h"

#define uthash_fatal(text) bug("out of memory (%s)", text)
#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	gnutls_datum_t data;		/* behind the key */
	size_t size;			/* of the whole */
	char key[];
};

struct tls_cache {
	size_t most, size;
	struct entry *entries;
};

struct tls_cache *tls_cache_new(size_t most)
{
	struct tls_cache *c = calloc(1, sizeof(*c));

	if (!c)
		bug("no memory for TLS sessions");
	c->most = most;
	return c;
}

static void end_entry(struct tls_cache *c, struct entry *e)
{
	HASH_DEL(c->entries, e);
	c->size -= e->size;
	explicit_bzero(e, e->size);
	free(e);
}

void tls_cache_free(struct tls_cache **cp)
{
	struct tls_cache *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	while (c->entries)
		end_entry(c, c->entries);
	free(c);
}

static struct entry *find(const struct tls_cache *c, const char *key)
{
	struct entry *e;

	HASH_FIND_STR(c->entries, key, e);
	return e;
}

void tls_cache_drop(struct tls_cache *c, const char *key)
{
	struct entry *e = find(c, key);

	if (e)
		end_entry(c, e);
}

void tls_cache_put(struct tls_cache *c, const char *key, const gnutls_datum_t *data)
{
	size_t len = strlen(key) + 1, size = sizeof(struct entry) + len + data->size;

	tls_cache_drop(c, key);
	if (data->size > TLS_CACHE_ONE || size > c->most)
		return;
	while (c->size + size > c->most)
		end_entry(c, c->entries);
	struct entry *e = malloc(size);

	if (!e)
		return;			/* it is only slower */
	e->size = size;
	memcpy(e->key, key, len);
	e->data = (gnutls_datum_t){ (unsigned char *)e->key + len, data->size };
	memcpy(e->data.data, data->data, data->size);
	HASH_ADD_STR(c->entries, key, e);
	c->size += size;
}

const gnutls_datum_t *tls_cache_get(struct tls_cache *c, const char *key)
{
	struct entry *e = find(c, key);

	if (!e)
		return NULL;
	HASH_DEL(c->entries, e);	/* to the end of the order */
	HASH_ADD_STR(c->entries, key, e);
	return &e->data;
}

size_t tls_cache_count(const struct tls_cache *c)
{
	return HASH_COUNT(c->entries);
}
