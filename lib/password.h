/* password.h - hashed passwords, by crypt(3): made with yescrypt, checked whatever strong kind they are. */
#ifndef PASSWORD_H
#define PASSWORD_H

#include "base.h"
#include "err.h"

#define PASSWORD_HASH_SIZE 384		/* CRYPT_OUTPUT_SIZE of libxcrypt */
#define PASSWORD_MAX 512		/* octets of a password; longer ones never match (CRYPT_MAX_PASSPHRASE_SIZE) */

/* A new yescrypt hash of PASSWORD with a random salt ("$y$..."). Takes tens of milliseconds. */
bool password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *err) MUST_CHECK;
/* Whether HASH is of a kind that the library knows and does not call weak: yescrypt, gost-yescrypt, scrypt, bcrypt,
 * SHA-512, SHA-256; not DES, MD5, NT or a clear text. */
bool password_is_hash(const char *hash);
/* Whether PASSWORD fits HASH. The comparison's time does not depend on the bytes. */
bool password_check(const char *password, const char *hash);
/* Costs what password_check costs for a hash that password_hash made, and is always false: for unknown users. */
bool password_check_dummy(const char *password);

#endif
