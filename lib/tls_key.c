/* tls_key.c - see tls_key.h. What is asked of a key process and answered is one message each (ipc.h); the answer to a request that
 * timed out must not be taken for that of the next, so after any trouble the connection is given up. */
#include "tls_key.h"
#include "ipc.h"
#include "log.h"
#include "view.h"
#include <gnutls/crypto.h>
#include <sys/socket.h>
#include <sys/time.h>

#define WAIT_SECONDS 10		/* for the key process: it answers in milliseconds, or it is gone */

static struct { int fd; bool lost; } keyholder = { .fd = -1 };

/* ---- in the key process ---- */

#define PREMASTER 48		/* octets of the secret in the RSA key exchange (RFC 5246 7.4.7.1), the one thing that is decrypted */

/* Whether the padding was right must not be seen from the answer, nor from the time it takes (Bleichenbacher's oracle, ROBOT): who sends
 * something else gets a secret that nobody knows, and a handshake that fails in its last step. */
static int decrypt_premaster(gnutls_privkey_t key, unsigned flags, const gnutls_datum_t *in, gnutls_datum_t *out)
{
	out->data = gnutls_malloc(PREMASTER);
	if (!out->data)
		return GNUTLS_E_MEMORY_ERROR;
	out->size = PREMASTER;
	int code = gnutls_rnd(GNUTLS_RND_KEY, out->data, out->size);
	if (code >= 0)
		gnutls_privkey_decrypt_data2(key, flags, in, out->data, out->size);	/* on failure leaves alone what is there */
	return code;
}

int tls_key_use(gnutls_privkey_t key, enum tls_key_use use, unsigned algorithm, unsigned flags, const gnutls_datum_t *in, gnutls_datum_t *out)
{
	switch (use) {
	case TLS_KEY_SIGN_DATA:
		return gnutls_privkey_sign_data2(key, (gnutls_sign_algorithm_t)algorithm, flags, in, out);
	case TLS_KEY_SIGN_HASH:
		return gnutls_privkey_sign_hash2(key, (gnutls_sign_algorithm_t)algorithm, flags, in, out);
	case TLS_KEY_DECRYPT:
		return decrypt_premaster(key, flags, in, out);
	case TLS_KEY_USES:
		break;
	}
	return GNUTLS_E_INVALID_REQUEST;
}

/* ---- over there ---- */

static int lose(const char *why)
{
	if (!keyholder.lost)
		log_error("the key process does not answer: %s", why);
	if (keyholder.fd >= 0)
		close(keyholder.fd);
	keyholder.fd = -1;
	keyholder.lost = true;
	return GNUTLS_E_PK_SIGN_FAILED;
}

/* Sends M and waits for the answer of type WANTED. */
static bool exchange(const struct ipc_out *m, enum ipc_type wanted, struct ipc_in *answer, struct err *err)
{
	int got;

	if (keyholder.fd < 0)
		return err_set(err, "no connection");
	if (!ipc_send(keyholder.fd, m, err))
		return false;
	do
		got = ipc_receive(keyholder.fd, answer, err);
	while (got == -1 && errno == EINTR);
	if (got == 0 || got == -1)
		return err_set(err, got ? "time-out" : "it has ended");
	return got == 1 && (answer->type == wanted || err_set(err, "an answer of type %u", answer->type));
}

static int use_remotely(void *which, enum tls_key_use use, unsigned algorithm, unsigned flags, const gnutls_datum_t *in, gnutls_datum_t *out)
{
	static struct ipc_out m;	/* not on the stack, which would be touched over its whole length */
	static struct ipc_in answer;
	struct err err = { "" };

	*out = (gnutls_datum_t){ NULL, 0 };	/* GnuTLS frees what is in it, also after a failure */
	ipc_begin(&m, IPC_KEY_USE);
	ipc_put_u32(&m, (uint32_t)(uintptr_t)which);
	ipc_put_u8(&m, (uint8_t)use);
	ipc_put_u32(&m, algorithm);
	ipc_put_u32(&m, flags);
	ipc_put_view(&m, view_make((const char *)in->data, in->size));
	if (!exchange(&m, IPC_KEY_USED, &answer, &err))
		return lose(err.text);
	int code = (int)ipc_get_u32(&answer);
	struct view result = ipc_get_view(&answer);
	if (!ipc_end(&answer, &err))
		return lose(err.text);
	if (code < 0)
		return code;
	out->data = gnutls_malloc(result.len + 1);
	if (!out->data)
		return GNUTLS_E_MEMORY_ERROR;
	memcpy(out->data, result.data, result.len);
	explicit_bzero((char *)(uintptr_t)result.data, result.len);	/* a decrypted secret */
	out->size = (unsigned)result.len;
	return 0;
}

static int sign_data(gnutls_privkey_t key UNUSED, gnutls_sign_algorithm_t algorithm, void *which, unsigned flags,
		     const gnutls_datum_t *data, gnutls_datum_t *signature)
{
	return use_remotely(which, TLS_KEY_SIGN_DATA, algorithm, flags, data, signature);
}

static int sign_hash(gnutls_privkey_t key UNUSED, gnutls_sign_algorithm_t algorithm, void *which, unsigned flags,
		     const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
	return use_remotely(which, TLS_KEY_SIGN_HASH, algorithm, flags, hash, signature);
}

static int decrypt(gnutls_privkey_t key UNUSED, void *which, const gnutls_datum_t *ciphertext, gnutls_datum_t *plaintext)
{
	return use_remotely(which, TLS_KEY_DECRYPT, 0, 0, ciphertext, plaintext);
}

/* What GnuTLS asks of a key that it cannot see: the answers stand in the number by which we know the key. */
_Static_assert(sizeof(uintptr_t) == 8, "a key's number, kind and size fit into a pointer");

bool tls_key_name(const struct tls_key *key, uint32_t number, uint64_t *name)
{
	unsigned bits = 0;
	int algorithm = gnutls_x509_privkey_get_pk_algorithm2(key->x509, &bits);

	*name = (uint64_t)(bits & 0xffff) << 40 | (uint64_t)(uint8_t)algorithm << 32 | number;
	return algorithm > 0 && algorithm <= UINT8_MAX;
}

static int info(gnutls_privkey_t key UNUSED, unsigned flags, void *which)
{
	uintptr_t name = (uintptr_t)which;
	gnutls_pk_algorithm_t algorithm = (gnutls_pk_algorithm_t)(name >> 32 & 0xff);

	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
		return (int)algorithm;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
		return (int)(name >> 40);
	if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
		return gnutls_sign_supports_pk_algorithm(GNUTLS_FLAGS_TO_SIGN_ALGO(flags), algorithm) ? 1 : 0;
	return -1;
}

int tls_key_import(const struct tls_key *key, gnutls_privkey_t *out)
{
	int code = gnutls_privkey_init(out);

	if (code >= 0 && key->x509)
		code = gnutls_privkey_import_x509(*out, key->x509, 0);
	else if (code >= 0)
		code = gnutls_privkey_import_ext4(*out, (void *)key->remote, sign_data, sign_hash, decrypt, NULL, info, 0);
	return code;
}

/* One key of the answer. */
static struct tls_key *take_key(struct ipc_in *answer, const char *path, struct arena *a)
{
	struct tls_key *k = arena_alloc(a, sizeof(*k));

	k->path = path;
	k->remote = (uintptr_t)ipc_get_u64(answer);
	struct view id = ipc_get_view(answer);
	if (id.len != sizeof(k->id))
		return NULL;
	memcpy(k->id, id.data, sizeof(k->id));
	return k;
}

bool tls_key_fetch(const char *path, struct arena *a, struct tls_key **keys, struct err *err)
{
	static struct ipc_out m;
	static struct ipc_in answer;
	struct err why = { "" };

	ipc_begin(&m, IPC_KEY_LOAD);
	ipc_put_view(&m, view_of(path));
	if (!exchange(&m, IPC_KEY_LOADED, &answer, &why))
		return err_set(err, "%s: the key process does not answer: %s", path, why.text);
	struct view text = ipc_get_view(&answer);
	if (text.len)
		return err_set(err, "%.*s", VIEW_FMT(text));
	while (*keys)
		keys = &(*keys)->next;
	for (uint32_t count = ipc_get_u32(&answer); count; count--, keys = &(*keys)->next)
		if (!(*keys = take_key(&answer, path, a)))
			return err_set(err, "%s: the key process makes no sense", path);
	return ipc_end(&answer, err);
}

static void be_patient(int fd)
{
	struct timeval tv = { .tv_sec = WAIT_SECONDS };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0)
		log_warn("key process: %s", strerror(errno));
}

void tls_key_remote(int fd)
{
	keyholder.fd = fd;
	keyholder.lost = false;
	if (fd >= 0)
		be_patient(fd);
}

bool tls_key_is_remote(void)
{
	return keyholder.fd >= 0;
}

bool tls_key_lost(void)
{
	return keyholder.lost;
}
