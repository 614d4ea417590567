/* test_tls_cache.c - sessions that can be taken up again: what is kept, replaced, and goes when there is no room. */
#include "unit.h"
#include "../../lib/tls_cache.h"

static gnutls_datum_t data_of(const char *text)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)text, (unsigned)strlen(text) };
}

static void put(struct tls_cache *c, const char *key, const char *text)
{
	gnutls_datum_t data = data_of(text);

	tls_cache_put(c, key, &data);
}

static bool holds(struct tls_cache *c, const char *key, const char *text)
{
	const gnutls_datum_t *data = tls_cache_get(c, key);

	return data && data->size == strlen(text) && memcmp(data->data, text, data->size) == 0;
}

START_TEST(one_a_key)
{
	struct tls_cache *c = tls_cache_new(TLS_CACHE_SIZE);

	ck_assert_ptr_null(tls_cache_get(c, "a"));
	tls_cache_drop(c, "a");
	put(c, "a", "one");
	put(c, "b", "two");
	put(c, "a", "three");
	ck_assert(holds(c, "a", "three") && holds(c, "b", "two") && tls_cache_count(c) == 2);
	tls_cache_drop(c, "a");
	ck_assert(!tls_cache_get(c, "a") && tls_cache_count(c) == 1);
	tls_cache_free(&c);
	ck_assert_ptr_null(c);
}
END_TEST

/* The least lately used goes; what is too large is not kept, and what it would have replaced is gone. */
START_TEST(bounded)
{
	static char large[TLS_CACHE_ONE + 1], half[TLS_CACHE_ONE / 2];
	struct tls_cache *c = tls_cache_new(2 * TLS_CACHE_ONE);
	gnutls_datum_t too_large = { (unsigned char *)large, sizeof(large) }, some = { (unsigned char *)half, sizeof(half) };

	put(c, "a", "x");
	tls_cache_put(c, "a", &too_large);
	ck_assert_uint_eq(tls_cache_count(c), 0);
	for (int i = 0; i < 3; i++)
		tls_cache_put(c, (const char *[]){ "1", "2", "3" }[i], &some);
	ck_assert_ptr_nonnull(tls_cache_get(c, "1"));
	tls_cache_put(c, "4", &some);
	ck_assert(tls_cache_get(c, "1") && !tls_cache_get(c, "2") && tls_cache_get(c, "3") && tls_cache_get(c, "4"));
	for (int i = 0; i < 10000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		tls_cache_put(c, key, &some);
	}
	ck_assert_uint_le(tls_cache_count(c), 4);
	tls_cache_free(&c);
	tls_cache_free(&c);	/* NULL is fine */
	c = tls_cache_new(8);
	put(c, "a", "x");
	ck_assert_uint_eq(tls_cache_count(c), 0);
	tls_cache_free(&c);
}
END_TEST

UNIT_MAIN("tls_cache", one_a_key, bounded)
