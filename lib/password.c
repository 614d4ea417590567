/* password.c - making and checking what stands for passwords, by lib/scram.c and the system's libcrypt. Every call uses working
 * memory of its own, which is wiped, so nothing of a password stays behind in a worker that serves the next client. */
#include "base.h"
#include "password.h"
#include "saslprep.h"
#include "scram.h"
#include <crypt.h>

#define PREPARED 2048		/* octets: preparing can make a text longer */

/* Keys that no password fits, with password_scram's usual iterations. */
static const char dummy_keys[] = "SCRAM-SHA-256$32768:ZHVtbXlkdW1teWR1bW15ZA==$"
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

static void data_free(struct crypt_data **data)
{
	if (*data)
		explicit_bzero(*data, sizeof **data);
	free(*data);
	*data = NULL;
}

/* RFC 4616, RFC 5802 2.2; what SASLprep does not allow was hashed by others as it is. */
static void prepare(const char *password, char out[PREPARED])
{
	if (!saslprep(view_of(password), out, PREPARED) && !view_copy(view_of(password), out, PREPARED))
		out[0] = '\0';
}

static bool prepare_new(const char *password, char out[PREPARED], struct err *err)
{
	if (strlen(password) >= PASSWORD_MAX)
		return err_set(err, "the password is longer than %d octets", PASSWORD_MAX - 1);
	return saslprep(view_of(password), out, PREPARED) ||
	       err_set(err, "the password is not UTF-8, or holds characters that mail programs may not send (RFC 4013)");
}

bool password_scram(const char *password, uint32_t iterations, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	char prepared[PREPARED];
	struct scram_keys keys;
	bool good = prepare_new(password, prepared, err);
	if (good && !(scram_keys_begin(&keys, iterations) && scram_keys_make(prepared, &keys, NULL)))
		good = err_set(err, "cannot make keys of the password");
	out[0] = '\0';
	if (good)
		scram_keys_write(&keys, out);
	explicit_bzero(prepared, sizeof prepared);
	return good;
}

static bool make_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
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

bool password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	char prepared[PREPARED];
	out[0] = '\0';
	bool good = prepare_new(password, prepared, err) && make_hash(prepared, out, err);
	explicit_bzero(prepared, sizeof prepared);
	return good;
}

bool password_is_hash(const char *hash)
{
	static const char *const kinds[] = { "$y$", "$gy$", "$7$", "$2b$", "$2a$", "$2y$", "$6$", "$5$" };
	struct scram_keys keys;
	if (scram_keys_read(hash, &keys))
		return true;
	size_t len = strlen(hash);
	int salt = crypt_checksalt(hash);	/* looks at the beginning only; SHA-256 is "legacy" for it */
	if (len < 40 || len >= PASSWORD_HASH_SIZE || (salt != CRYPT_SALT_OK && salt != CRYPT_SALT_METHOD_LEGACY))
		return false;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strncmp(hash, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

bool password_same(const char *a, const char *b)
{
	size_t len = strlen(a);
	if (strlen(b) != len)
		return false;
	unsigned char difference = 0;
	for (size_t i = 0; i < len; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

static bool check_hash(const char *password, const char *hash)
{
	struct crypt_data *data = calloc(1, sizeof *data);
	if (!data)
		return false;
	const char *made = crypt_r(password, hash, data);
	bool good = made && made[0] != '*' && password_same(made, hash);
	data_free(&data);
	return good;
}

bool password_check(const char *password, const char *hash)
{
	char prepared[PREPARED];
	struct scram_keys keys;
	if (strlen(password) >= PASSWORD_MAX)
		return false;
	prepare(password, prepared);
	bool good = scram_keys_read(hash, &keys) ? scram_keys_fit(prepared, &keys) : check_hash(prepared, hash);
	explicit_bzero(prepared, sizeof prepared);
	return good;
}

bool password_check_dummy(const char *password)
{
	(void)password_check(password, dummy_keys);
	return false;
}
