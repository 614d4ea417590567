/* tls_key.h - private keys: the one place where a key becomes something that GnuTLS signs with. Either it is here, or in a key
 * process (server/keyholder.h), which signs for whoever holds a connection to it: then no octet of it is in the memory of a
 * process that talks to clients once the file has been passed over, and nothing that leaks a worker's memory leaks a key. */
#ifndef TLS_KEY_H
#define TLS_KEY_H

#include "base.h"
#include "arena.h"
#include "err.h"
#include "tls_pem.h"
#include <gnutls/abstract.h>

/* From now on keys are read and used over FD, a SOCK_SEQPACKET connection to a key process; those read over another such
 * connection to it as well (a worker has one of its own). -1: here. The caller closes what was used before. */
void tls_key_remote(int fd);
bool tls_key_is_remote(void);
/* Has the key process read the keys of the file PATH (whose text is kept by pointer); they are put behind *KEYS. Blocks. */
bool tls_key_fetch(const char *path, struct arena *a, struct tls_key **keys, struct err *err) MUST_CHECK;
/* For GnuTLS, which shall own *OUT; KEY must outlive it. A GnuTLS error code, 0 on success. */
int tls_key_import(const struct tls_key *key, gnutls_privkey_t *out);
/* The connection to the key process is lost: this process can make no more handshakes, and should give way to one that can. */
bool tls_key_lost(void);

/* For the key process: uses KEY as GnuTLS asks for. OUT, empty before, is gnutls_free'd by the caller, also after a failure. Decrypting always gives
 * 48 octets, random ones for what is no premaster secret of TLS. A GnuTLS error code, 0 on success. */
enum tls_key_use { TLS_KEY_SIGN_DATA, TLS_KEY_SIGN_HASH, TLS_KEY_DECRYPT, TLS_KEY_USES };
int tls_key_use(gnutls_privkey_t key, enum tls_key_use use, unsigned algorithm, unsigned flags, const gnutls_datum_t *in, gnutls_datum_t *out);
/* For its answer to IPC_KEY_LOAD: what it calls KEY, by NUMBER. */
bool tls_key_name(const struct tls_key *key, uint32_t number, uint64_t *name) MUST_CHECK;

#endif
