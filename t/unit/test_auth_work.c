/* test_auth_work.c - an unknown user costs as much as a wrong password, in every mechanism: the hash computations are counted, since clocks
 * lie on a busy machine. The functions of GnuTLS and libcrypt are called through counters of the same names; the plugin's source is part
 * of this program. */
#include "unit.h"
#include "../../lib/plugin_list.h"
#include "../../worker/auth.h"
#include "../../worker/session.h"
#include <crypt.h>
#include <dlfcn.h>
#include <gnutls/crypto.h>

/* ---- the counters ---- */

struct work { unsigned long iterations, pbkdf2, hmac, hash, crypt; };

static struct work work;

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

int gnutls_pbkdf2(gnutls_mac_algorithm_t mac, const gnutls_datum_t *key, const gnutls_datum_t *salt, unsigned iterations, void *out, size_t len)
{
	work.pbkdf2++;
	work.iterations += iterations;
	return REAL(gnutls_pbkdf2)(mac, key, salt, iterations, out, len);
}

int gnutls_hmac_fast(gnutls_mac_algorithm_t mac, const void *key, size_t key_len, const void *text, size_t len, void *digest)
{
	work.hmac++;
	return REAL(gnutls_hmac_fast)(mac, key, key_len, text, len, digest);
}

int gnutls_hmac_init(gnutls_hmac_hd_t *handle, gnutls_mac_algorithm_t mac, const void *key, size_t len)
{
	work.hmac++;
	return REAL(gnutls_hmac_init)(handle, mac, key, len);
}

int gnutls_hash_fast(gnutls_digest_algorithm_t digest, const void *text, size_t len, void *out)
{
	work.hash++;
	return REAL(gnutls_hash_fast)(digest, text, len, out);
}

char *crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	work.crypt++;
	return REAL(crypt_r)(phrase, setting, data);
}

/* ---- the plugin, with users of its own ---- */

#include "../../plugins/auth/auth_flat_file.c"

/* For "pencil": see test_scram.c. */
#define KEYS "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define HASH "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"

static struct user scram_users[] = { { .name = "alice", .secret = KEYS, .kind = KIND_SCRAM }, { .name = "bob", .secret = KEYS, .kind = KIND_SCRAM } };
static struct user hash_users[] = { { .name = "alice", .secret = HASH, .kind = KIND_HASH }, { .name = "bob", .secret = HASH, .kind = KIND_HASH } };
static struct user mixed_users[] = { { .name = "alice", .secret = "clear", .kind = KIND_CLEAR }, { .name = "bob", .secret = KEYS, .kind = KIND_SCRAM } };
static struct users files[] = {
	{ .count = 2, .user = scram_users, .usual = KEYS }, { .count = 2, .user = hash_users, .usual = HASH },
	{ .count = 2, .user = mixed_users, .usual = KEYS }, { .count = 1, .user = mixed_users, .usual = NULL },
};
enum { FILE_SCRAM, FILE_HASH, FILE_MIXED, FILE_CLEAR };

static const struct auth_mechanism rows[] = {
	{ .name = "PLAIN", .hook = HOOK_AUTH_PLAIN, .password = true, .step = auth_plain },
	{ .name = "LOGIN", .hook = HOOK_AUTH_LOGIN, .password = true, .step = auth_login },
	{ .name = "CRAM-MD5", .hook = HOOK_AUTH_CRAM_MD5, .step = auth_cram_md5 },
	{ .name = "SCRAM-SHA-256", .hook = HOOK_AUTH_SCRAM_SHA_256, .step = auth_scram },
};
enum { PLAIN, LOGIN, CRAM_MD5, SCRAM };

static struct auth a;

static void clients_answer(int row, const char *user, char *out, size_t *len)
{
	*len = 0;
	if (row == PLAIN)
		*len = (size_t)snprintf(out, AUTH_RAW, "%c%s%cwrong", 0, user, 0);
	else if (row == LOGIN)
		*len = (size_t)snprintf(out, AUTH_RAW, "%s", a.turn ? "wrong" : user);
	else if (row == CRAM_MD5 && a.turn)
		*len = (size_t)snprintf(out, AUTH_RAW, "%s b913a602c7eda7a495b4e6e7334d3890", user);
	else if (row == SCRAM && a.turn == 0)
		*len = (size_t)snprintf(out, AUTH_RAW, "n,,n=%s,r=x", user);
	else if (row == SCRAM)
		*len = (size_t)snprintf(out, AUTH_RAW, "c=biws,r=%.200s,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", a.scram.nonce);
}

/* The work of a whole exchange with a wrong password. DECIDES: what is made of what the plugin says. */
static struct work failure(int row, struct users *users, const char *user, bool deny)
{
	struct plugin plugin = { .data = users, .name = "auth_flat_file" };
	struct session s = { .auth = &a };
	struct hook_call call = { .self = &plugin, .hook = rows[row].hook, .session = &s };
	enum auth_next next = AUTH_ASK;

	memset(&a, 0, sizeof(a));
	a.mechanism = &rows[row];
	a.me = "mx.test";
	work = (struct work){ 0 };
	for (; next == AUTH_ASK || next == AUTH_HOOKS; a.turn++) {
		a.raw_len = 0;
		if (next == AUTH_ASK)
			clients_answer(row, user, a.raw, &a.raw_len);
		next = a.mechanism->step(&a, view_make(a.raw, a.raw_len));
		if (next == AUTH_HOOKS) {
			a.verdict = postrider_plugin.hooks[rows[row].hook](&call);
			ck_assert(a.verdict != OK || row == SCRAM);
			ck_assert(deny || a.verdict == (strcmp(user, "nobody") == 0 ? DECLINED : row == SCRAM ? OK : DENY));
			if (deny)
				a.verdict = DENY;
		}
	}
	ck_assert_int_eq(next, AUTH_REFUSE);
	return work;
}

static void check_same(struct work x, struct work y, const char *what)
{
	ck_assert_msg(memcmp(&x, &y, sizeof(x)) == 0, "%s: %lu %lu %lu %lu %lu, and %lu %lu %lu %lu %lu", what, x.iterations, x.pbkdf2, x.hmac, x.hash, x.crypt,
		      y.iterations, y.pbkdf2, y.hmac, y.hash, y.crypt);
}

START_TEST(same_work)
{
	static const struct { int row; int file; } cases[] = {
		{ PLAIN, FILE_SCRAM }, { LOGIN, FILE_SCRAM }, { SCRAM, FILE_SCRAM }, { PLAIN, FILE_HASH }, { LOGIN, FILE_HASH },
		{ PLAIN, FILE_MIXED }, { LOGIN, FILE_MIXED }, { CRAM_MD5, FILE_MIXED }, { PLAIN, FILE_CLEAR }, { CRAM_MD5, FILE_CLEAR },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct users *users = &files[cases[i].file];
		struct work known = failure(cases[i].row, users, "alice", false);

		ck_assert(known.pbkdf2 + known.crypt + known.hmac > 0);
		check_same(known, failure(cases[i].row, users, "nobody", false), rows[cases[i].row].name);
		check_same(known, failure(cases[i].row, users, "alice", true), rows[cases[i].row].name);
		check_same(known, failure(cases[i].row, users, "nobody", true), rows[cases[i].row].name);
		if (users->count == 2)
			check_same(known, failure(cases[i].row, users, "bob", cases[i].row == CRAM_MD5), rows[cases[i].row].name);
	}
}
END_TEST

/* The counters count: one hash for PLAIN, none but HMACs for SCRAM, whose hashing is the client's. */
START_TEST(what_it_costs)
{
	struct work plain = failure(PLAIN, &files[FILE_SCRAM], "alice", false), hash = failure(PLAIN, &files[FILE_HASH], "alice", false);
	struct work scram = failure(SCRAM, &files[FILE_SCRAM], "alice", false), none = failure(PLAIN, &files[FILE_CLEAR], "nobody", false);

	ck_assert(plain.pbkdf2 == 1 && plain.iterations == 4096 && plain.crypt == 0);
	ck_assert(hash.pbkdf2 == 0 && hash.crypt == 1);
	ck_assert(scram.pbkdf2 == 0 && scram.crypt == 0 && scram.hmac > 2);
	ck_assert(none.pbkdf2 == 1 && none.iterations == SCRAM_ITERATIONS);
}
END_TEST

UNIT_MAIN("auth_work", same_work, what_it_costs)
