/* test_keyholder.c - the key processes from the forkserver's and a worker's side: keys are opened and used over there, nothing
 * else is to be had, who talks nonsense is cut off and the others are served on, and all leave at the end. */
#include "unit.h"
#include "../../lib/ipc.h"
#include "../../lib/tls_key.h"
#include "../../server/keyholder.h"
#include <fcntl.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char dir[80];
static struct settings settings = { .user = "nobody", .group = "" };
static const struct role_args args = { .settings = &settings, .control_fd = -1 };
static struct keyholder keys;
static struct err err;
static struct arena *arena;

static char *path_of(const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const void *data, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

static void make_key(const char *name, gnutls_pk_algorithm_t algorithm, unsigned bits)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t pem;

	ck_assert_int_eq(gnutls_x509_privkey_init(&key), 0);
	ck_assert_int_eq(gnutls_x509_privkey_generate(key, algorithm, bits, 0), 0);
	ck_assert_int_eq(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem), 0);
	write_file(name, pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_x509_privkey_deinit(key);
}

static void set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof dir, "%s/keys-XXXXXX", tmp != NULL && strlen(tmp) < 50 ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	arena = arena_new(1024);
	make_key("ec", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1));
	make_key("rsa", GNUTLS_PK_RSA, 2048);
	make_key("ed", GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519));
	write_file("none", "no key at all\n", 14);
	ck_assert_msg(keyholder_start(&keys, &args, KEYHOLDER_MAX, &err), "%s", err.text);
}

static int worker_fd = -1;

static void disconnect(void)
{
	tls_key_remote(-1);
	if (worker_fd >= 0)
		close(worker_fd);
	worker_fd = -1;
}

static void connect_as_worker(void)
{
	disconnect();
	worker_fd = keyholder_connect(&keys, &err);
	ck_assert_msg(worker_fd >= 0, "%s", err.text);
	tls_key_remote(worker_fd);
}

/* The processes leave by themselves: nothing of theirs may be left. */
static void tear_down(void)
{
	static const char *const names[] = { "ec", "rsa", "ed", "none" };

	disconnect();
	keyholder_close(&keys);
	arena_free(&arena);
	while (wait(NULL) > 0)
		;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		unlink(path_of(names[i]));
	ck_assert_int_eq(rmdir(dir), 0);
}

static struct tls_key *open_key(const char *name)
{
	struct tls_key *k = NULL;

	ck_assert_msg(tls_pem_read(arena_strdup(arena, path_of(name)), arena, NULL, &k, &err), "%s", err.text);
	ck_assert(k != NULL && k->x509 == NULL && k->next == NULL);
	return k;
}

/* The public key of the file. */
static gnutls_pubkey_t public_of(const char *name)
{
	gnutls_x509_privkey_t local;
	gnutls_privkey_t wrapped;
	gnutls_pubkey_t public;
	gnutls_datum_t pem;

	ck_assert_int_eq(gnutls_load_file(path_of(name), &pem), 0);
	ck_assert_int_eq(gnutls_x509_privkey_init(&local), 0);
	ck_assert_int_eq(gnutls_x509_privkey_import2(local, &pem, GNUTLS_X509_FMT_PEM, NULL, 0), 0);
	ck_assert_int_eq(gnutls_privkey_init(&wrapped), 0);
	ck_assert_int_eq(gnutls_privkey_import_x509(wrapped, local, 0), 0);
	ck_assert_int_eq(gnutls_pubkey_init(&public), 0);
	ck_assert_int_eq(gnutls_pubkey_import_privkey(public, wrapped, 0, 0), 0);
	gnutls_privkey_deinit(wrapped);
	gnutls_x509_privkey_deinit(local);
	gnutls_free(pem.data);
	return public;
}

/* What K signs, the public key of the file accepts. */
static void assert_signs(const struct tls_key *k, const char *name, gnutls_sign_algorithm_t algorithm)
{
	gnutls_datum_t data = { (unsigned char *)(uintptr_t)"to be signed", 12 }, signature = { NULL, 0 };
	gnutls_pubkey_t public = public_of(name);
	gnutls_privkey_t key;

	ck_assert_int_eq(tls_key_import(k, &key), 0);
	ck_assert_int_eq(gnutls_privkey_sign_data2(key, algorithm, 0, &data, &signature), 0);
	ck_assert_int_eq(gnutls_pubkey_verify_data2(public, algorithm, 0, &data, &signature), 0);
	signature.data[signature.size / 2] ^= 1;
	ck_assert_int_lt(gnutls_pubkey_verify_data2(public, algorithm, 0, &data, &signature), 0);
	gnutls_free(signature.data);
	gnutls_pubkey_deinit(public);
	gnutls_privkey_deinit(key);
}

START_TEST(keys_of_every_kind)
{
	struct tls_key *ec = open_key("ec"), *rsa = open_key("rsa"), *ed = open_key("ed");

	struct tls_key *none = NULL;

	ck_assert(tls_pem_read(path_of("none"), arena, NULL, &none, &err) && none == NULL);
	ck_assert(!tls_pem_read(path_of("absent"), arena, NULL, &none, &err) && none == NULL);
	ck_assert_msg(strstr(err.text, "absent") != NULL, "%s", err.text);
	ck_assert_msg(keyholder_seal(&keys, &err), "%s", err.text);
	for (size_t i = 0; i < 2 * keys.count; i++) {	/* in each process */
		connect_as_worker();
		assert_signs(ec, "ec", GNUTLS_SIGN_ECDSA_SHA256);
		assert_signs(rsa, "rsa", GNUTLS_SIGN_RSA_SHA256);
		assert_signs(rsa, "rsa", GNUTLS_SIGN_RSA_PSS_RSAE_SHA256);
		assert_signs(ed, "ed", GNUTLS_SIGN_EDDSA_ED25519);
	}
	ck_assert(!keyholder_died(&keys) && !tls_key_lost());
}
END_TEST

/* Whether what CIPHERTEXT decrypts to is PLAIN. It never fails, and gives something new each time when it is not. */
static bool decrypts_to(gnutls_privkey_t key, const gnutls_datum_t *ciphertext, const unsigned char plain[48])
{
	unsigned char got[2][48] = { { 0 } };

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(gnutls_privkey_decrypt_data2(key, 0, ciphertext, got[i], sizeof got[i]), 0);
	bool same = memcmp(got[0], got[1], sizeof got[0]) == 0;
	ck_assert_int_eq(same, memcmp(got[0], plain, 48) == 0);
	return same;
}

/* Bad padding and bad lengths look like success (Bleichenbacher, ROBOT), and leave nothing for GnuTLS to free that was not allocated. */
START_TEST(decryption_is_no_oracle)
{
	unsigned char plain[48] = "a secret of TLS", short_one[47] = "short", *at;
	gnutls_datum_t in = { plain, sizeof plain }, too_short = { short_one, sizeof short_one }, good, wrong_length;
	gnutls_pubkey_t public = public_of("rsa");
	struct tls_key *rsa = open_key("rsa");
	gnutls_privkey_t key;

	ck_assert(keyholder_seal(&keys, &err));
	connect_as_worker();
	ck_assert_int_eq(tls_key_import(rsa, &key), 0);
	ck_assert_int_eq(gnutls_pubkey_encrypt_data(public, 0, &in, &good), 0);
	ck_assert_int_eq(gnutls_pubkey_encrypt_data(public, 0, &too_short, &wrong_length), 0);
	ck_assert(decrypts_to(key, &good, plain));
	ck_assert(!decrypts_to(key, &wrong_length, plain));
	at = good.data;
	for (int i = 0; i < 8; i++) {
		at[100 + i] ^= 0x55;
		ck_assert(!decrypts_to(key, &good, plain));
	}
	for (unsigned len = 0; len < good.size; len += 51)
		ck_assert(!decrypts_to(key, &(gnutls_datum_t){ at, len }, plain));
	shutdown(worker_fd, SHUT_RDWR);
	worker_fd = -1;		/* it is closed when it is lost */
	ck_assert_int_lt(gnutls_privkey_decrypt_data2(key, 0, &good, plain, sizeof plain), 0);
	gnutls_free(good.data);
	gnutls_free(wrong_length.data);
	gnutls_privkey_deinit(key);
	gnutls_pubkey_deinit(public);
}
END_TEST

/* Sends LEN octets of DATA; whether the connection is still open afterwards (an answer may have come). */
static bool survives(const void *data, size_t len)
{
	static struct ipc_in in;
	int fd = keyholder_connect(&keys, &err);

	ck_assert(fd >= 0 && send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	int got = ipc_receive(fd, &in, &err);
	close(fd);
	return got == 1;
}

static bool survives_use(uint32_t number, uint8_t use, size_t surplus)
{
	static struct ipc_out m;

	ipc_begin(&m, IPC_KEY_USE);
	ipc_put_u32(&m, number);
	ipc_put_u8(&m, use);
	ipc_put_u32(&m, 0xffffffff);	/* no such algorithm */
	ipc_put_u32(&m, 0);
	ipc_put_view(&m, VIEW("x"));
	for (size_t i = 0; i < surplus; i++)
		ipc_put_u8(&m, 0);
	return survives(m.data, m.len);
}

static bool survives_type(enum ipc_type type, const char *text)
{
	static struct ipc_out m;

	ipc_begin(&m, type);
	if (text)
		ipc_put_view(&m, view_of(text));
	return survives(m.data, m.len);
}

START_TEST(nonsense_is_cut_off)
{
	struct tls_key *ec = open_key("ec");

	ck_assert(keyholder_seal(&keys, &err));
	for (size_t i = 0; i < keys.count; i++) {
		ck_assert(!survives("x", 1));
		ck_assert(!survives("\x63\x63\x63", 3));
		ck_assert(!survives_use(1, TLS_KEY_SIGN_DATA, 0));
		ck_assert(!survives_use(UINT32_MAX, TLS_KEY_SIGN_DATA, 0));
		ck_assert(!survives_use(0, TLS_KEY_USES, 0));
		ck_assert(!survives_use(0, TLS_KEY_SIGN_DATA, 3));
		ck_assert(!survives_type(IPC_KEY_LOAD, path_of("rsa")));	/* no worker makes it read a file */
		ck_assert(!survives_type(IPC_KEY_SEAL, NULL));
		ck_assert(survives_use(0, TLS_KEY_SIGN_DATA, 0));	/* well-formed: an error of GnuTLS is the answer */
		ck_assert(survives_use(0, TLS_KEY_SIGN_HASH, 0));
		ck_assert(survives_use(0, TLS_KEY_DECRYPT, 0));
	}
	connect_as_worker();
	assert_signs(ec, "ec", GNUTLS_SIGN_ECDSA_SHA256);
	ck_assert(!keyholder_died(&keys));
}
END_TEST

START_TEST(no_key_after_the_seal)
{
	static struct ipc_out m;

	ck_assert(keyholder_seal(&keys, &err));
	ipc_begin(&m, IPC_KEY_LOAD);
	ipc_put_view(&m, view_of(path_of("rsa")));
	ck_assert(ipc_send(keys.control[0], &m, &err));
	struct pollfd p = { .fd = keys.control[0], .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	ck_assert(keyholder_died(&keys));	/* it does not obey one who makes no sense */
}
END_TEST

START_TEST(a_lost_connection_is_told)
{
	struct tls_key *ec = open_key("ec");
	gnutls_datum_t data = { (unsigned char *)(uintptr_t)"x", 1 }, signature = { NULL, 0 };

	ck_assert(keyholder_seal(&keys, &err));
	connect_as_worker();
	shutdown(worker_fd, SHUT_RDWR);
	gnutls_privkey_t key;
	ck_assert_int_eq(tls_key_import(ec, &key), 0);
	ck_assert_int_lt(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature), 0);
	gnutls_privkey_deinit(key);
	ck_assert(tls_key_lost());
	worker_fd = -1;		/* it was closed when it was lost */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keyholder");
	TCase *tcase = tcase_create("keyholder");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, keys_of_every_kind);
	tcase_add_test(tcase, decryption_is_no_oracle);
	tcase_add_test(tcase, nonsense_is_cut_off);
	tcase_add_test(tcase, no_key_after_the_seal);
	tcase_add_test(tcase, a_lost_connection_is_told);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
