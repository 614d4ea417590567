/* password.c - making and checking password hashes with the system's libcrypt. Every call uses working memory of its
 * own, which is wiped, so nothing of a password stays behind in a worker that serves the next client. */
#include "base.h"
#include "password.h"
#include <crypt.h>

/* A hash that no password fits: of random bytes that were thrown away, with password_hash's method and cost. */
static const char *dummy_hash(void)
{
	static char hash[PASSWORD_HASH_SIZE];
	if (hash[0] == '\0' && !crypt_gensalt_rn("$y$", 0, NULL, 0, hash, (int)sizeof hash))
		snprintf(hash, sizeof hash, "$y$j9T$dummydummydummydummy00$");
	return hash;
}

static void data_free(struct crypt_data **data)
{
	if (*data)
		explicit_bzero(*data, sizeof **data);
	free(*data);
	*data = NULL;
}

bool password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	out[0] = '\0';
	if (strlen(password) >= PASSWORD_MAX)
		return err_set(err, "the password is longer than %d octets", PASSWORD_MAX - 1);
	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, salt, (int)sizeof salt))
		return err_sys(err, "cannot make a salt");
	struct crypt_data *data = calloc(1, sizeof *data);
	if (!data)
		return err_sys(err, "cannot hash the password");
	const char *hash = crypt_r(password, salt, data);
	bool good = hash && hash[0] != '*' && strlen(hash) < PASSWORD_HASH_SIZE;
	if (good)
		snprintf(out, PASSWORD_HASH_SIZE, "%s", hash);
	data_free(&data);
	return good ? true : err_sys(err, "cannot hash the password");
}

bool password_is_hash(const char *hash)
{
	static const char *const kinds[] = { "$y$", "$gy$", "$7$", "$2b$", "$2a$", "$2y$", "$6$", "$5$" };
	size_t len = strlen(hash);
	int salt = crypt_checksalt(hash);	/* looks at the beginning only; SHA-256 is "legacy" for it */
	if (len < 40 || len >= PASSWORD_HASH_SIZE || (salt != CRYPT_SALT_OK && salt != CRYPT_SALT_METHOD_LEGACY))
		return false;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strncmp(hash, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

/* Equal length is no secret (the method gives it away), the bytes are. */
static bool same(const char *a, const char *b)
{
	size_t len = strlen(a);
	if (strlen(b) != len)
		return false;
	unsigned char difference = 0;
	for (size_t i = 0; i < len; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

bool password_check(const char *password, const char *hash)
{
	if (strlen(password) >= PASSWORD_MAX)
		return false;
	struct crypt_data *data = calloc(1, sizeof *data);
	if (!data)
		return false;
	const char *made = crypt_r(password, hash, data);
	bool good = made && made[0] != '*' && same(made, hash);
	data_free(&data);
	return good;
}

bool password_check_dummy(const char *password)
{
	(void)password_check(password, dummy_hash());
	return false;
}
