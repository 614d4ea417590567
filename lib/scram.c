/* scram.c - see scram.h: keys, and what both sides compute. */
#include "base.h"
#include "scram.h"
#include "base64.h"
#include "err.h"
#include <gnutls/crypto.h>
#include <sys/random.h>

#define PREFIX "SCRAM-SHA-256$"
#define BRACES "{SCRAM-SHA-256}"

static bool hmac(const uint8_t key[SCRAM_HASH], struct view text, uint8_t out[SCRAM_HASH])
{
	return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, SCRAM_HASH, text.data, text.len, out) == 0;
}

/* ---- keys ---- */

/* A base64 text of 1 to MOST octets; *LEN says how many. */
static bool read_octets(struct view text, uint8_t *out, size_t most, size_t *len)
{
	char octets[SCRAM_SALT_MAX + 1];

	if (!base64_decode(text, octets, sizeof(octets), len) || *len == 0 || *len > most)
		return false;
	memcpy(out, octets, *len);
	return true;
}

static bool read_key(struct view text, uint8_t out[SCRAM_HASH])
{
	size_t len;

	return read_octets(text, out, SCRAM_HASH, &len) && len == SCRAM_HASH;
}

bool scram_keys_read(const char *entry, struct scram_keys *keys)
{
	struct view rest = view_of(entry);
	bool braces = view_starts(rest, VIEW(BRACES));
	uint64_t iterations;

	*keys = (struct scram_keys){ 0 };
	if (!braces && !view_starts(rest, VIEW(PREFIX)))
		return false;
	rest = view_skip(rest, braces ? sizeof(BRACES) - 1 : sizeof(PREFIX) - 1);
	if (!view_u64(view_cut(&rest, braces ? ',' : ':'), SCRAM_ITERATIONS_MAX, &iterations) || iterations < SCRAM_ITERATIONS_MIN)
		return false;
	keys->iterations = (uint32_t)iterations;
	return read_octets(view_cut(&rest, braces ? ',' : '$'), keys->salt, SCRAM_SALT_MAX, &keys->salt_len) &&
	       read_key(view_cut(&rest, braces ? ',' : ':'), keys->stored) && read_key(rest, keys->server);
}

static const char *coded(const uint8_t *octets, size_t len, char *out, size_t size)
{
	if (!base64_encode(view_make((const char *)octets, len), out, size))
		bug("SCRAM: %zu octets", len);
	return out;
}

void scram_keys_write(const struct scram_keys *keys, char out[SCRAM_ENTRY_SIZE])
{
	char salt[BASE64_SIZE(SCRAM_SALT_MAX)], stored[BASE64_SIZE(SCRAM_HASH)], server[BASE64_SIZE(SCRAM_HASH)];

	snprintf(out, SCRAM_ENTRY_SIZE, PREFIX "%u:%s$%s:%s", (unsigned)keys->iterations,
		 coded(keys->salt, keys->salt_len, salt, sizeof(salt)), coded(keys->stored, SCRAM_HASH, stored, sizeof(stored)),
		 coded(keys->server, SCRAM_HASH, server, sizeof(server)));
}

/* SaltedPassword := Hi(password, salt, i) (RFC 5802 3). */
static bool salted(const char *password, const struct scram_keys *keys, uint8_t out[SCRAM_HASH])
{
	const gnutls_datum_t key = { (unsigned char *)(uintptr_t)password, (unsigned)strlen(password) };
	const gnutls_datum_t salt = { (unsigned char *)(uintptr_t)keys->salt, (unsigned)keys->salt_len };

	return gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &salt, keys->iterations, out, SCRAM_HASH) == 0;
}

bool scram_keys_begin(struct scram_keys *keys, uint32_t iterations)
{
	*keys = (struct scram_keys){ .iterations = iterations, .salt_len = SCRAM_SALT };
	return getrandom(keys->salt, SCRAM_SALT, 0) == SCRAM_SALT;
}

bool scram_keys_make(const char *password, struct scram_keys *keys, uint8_t client[SCRAM_HASH])
{
	uint8_t secret[SCRAM_HASH], key[SCRAM_HASH];
	bool good = salted(password, keys, secret) && hmac(secret, VIEW("Client Key"), key) &&
		    gnutls_hash_fast(GNUTLS_DIG_SHA256, key, sizeof(key), keys->stored) == 0 &&
		    hmac(secret, VIEW("Server Key"), keys->server);

	if (client)
		memcpy(client, key, sizeof(key));
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(key, sizeof(key));
	return good;
}

bool scram_keys_fit(const char *password, const struct scram_keys *keys)
{
	struct scram_keys made = *keys;

	return scram_keys_make(password, &made, NULL) && gnutls_memcmp(made.stored, keys->stored, SCRAM_HASH) == 0;
}

/* OUT[0..LEN) from the secret, another sequence for each USE. */
static void derive(const uint8_t secret[SCRAM_HASH], char use, uint8_t *out, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		uint8_t block[SCRAM_HASH];
		const char text[2] = { use, (char)(at / SCRAM_HASH) };

		if (!hmac(secret, view_make(text, sizeof(text)), block))
			memset(block, 0, sizeof(block));
		n = len - at < sizeof(block) ? len - at : sizeof(block);
		memcpy(out + at, block, n);
	}
}

void scram_keys_fake(struct view secret, struct view login, const struct scram_keys *like, struct scram_keys *keys)
{
	uint8_t of_login[SCRAM_HASH];

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.len, login.data, login.len, of_login) != 0)
		memset(of_login, 0, sizeof(of_login));
	*keys = (struct scram_keys){ .iterations = like->iterations, .salt_len = like->salt_len };
	derive(of_login, 's', keys->salt, keys->salt_len);
	derive(of_login, 'k', keys->stored, sizeof(keys->stored));
	derive(of_login, 'v', keys->server, sizeof(keys->server));
}

/* ---- messages ---- */

bool scram_nonce(char out[SCRAM_NONCE_SIZE])
{
	uint8_t random[18];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	coded(random, sizeof(random), out, SCRAM_NONCE_SIZE);
	return true;
}

bool scram_sign(const uint8_t key[SCRAM_HASH], struct view first_bare, struct view server_first, struct view final_bare,
		uint8_t out[SCRAM_HASH])
{
	const struct view parts[] = { first_bare, VIEW(","), server_first, VIEW(","), final_bare };
	gnutls_hmac_hd_t handle;
	bool good = true;

	if (gnutls_hmac_init(&handle, GNUTLS_MAC_SHA256, key, SCRAM_HASH) != 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		good = gnutls_hmac(handle, parts[i].data, parts[i].len) == 0 && good;
	gnutls_hmac_deinit(handle, out);
	return good;
}

bool scram_attribute(struct view *rest, char name, struct view *value)
{
	struct view text = view_cut(rest, ',');

	if (text.len < 3 || text.data[0] != name || text.data[1] != '=')
		return false;
	*value = view_skip(text, 2);
	return true;
}

bool scram_is_nonce(struct view v)
{
	return v.len && view_is_printable(v) && view_find(v, ' ') == v.len && view_find(v, ',') == v.len;
}
