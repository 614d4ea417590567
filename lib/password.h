/* password.h - what is stored in place of passwords: keys of SCRAM-SHA-256 (scram.h) or hashes of crypt(3). Made with SCRAM or
 * yescrypt, checked whatever strong kind they are. Passwords are taken as SASL prepares them (saslprep.h), those that
 * cannot be prepared as they are. */
#ifndef PASSWORD_H
#define PASSWORD_H

#include "base.h"
#include "err.h"

#define PASSWORD_HASH_SIZE 384		/* CRYPT_OUTPUT_SIZE of libxcrypt; keys of SCRAM are shorter */
#define PASSWORD_MAX 512		/* octets of a password; longer ones never match (CRYPT_MAX_PASSPHRASE_SIZE) */

/* Keys of SCRAM-SHA-256 with a random salt ("SCRAM-SHA-256$..."). Takes milliseconds, by ITERATIONS. */
bool password_scram(const char *password, uint32_t iterations, char out[PASSWORD_HASH_SIZE], struct err *err) MUST_CHECK;
/* A new yescrypt hash of PASSWORD with a random salt ("$y$..."). Takes tens of milliseconds. */
bool password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *err) MUST_CHECK;
/* Whether HASH is of a kind that we know and that is not weak: keys of SCRAM; yescrypt, gost-yescrypt, scrypt, bcrypt,
 * SHA-512, SHA-256; not DES, MD5, NT or a clear text. */
bool password_is_hash(const char *hash);
/* Whether PASSWORD fits HASH. The comparison's time does not depend on the bytes. */
bool password_check(const char *password, const char *hash);
/* Costs what password_check costs for what password_scram makes by default, and is always false: for unknown users. */
bool password_check_dummy(const char *password);
/* Whether two texts are the same, in a time that tells no more than their lengths. */
bool password_same(const char *a, const char *b);

#endif
