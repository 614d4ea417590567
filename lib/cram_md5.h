/* cram_md5.h - what both sides of CRAM-MD5 compute (RFC 2195). */
#ifndef CRAM_MD5_H
#define CRAM_MD5_H

#include "base.h"

#define CRAM_MD5_SIZE 33	/* of a digest in hexadecimal, NUL included */

/* The digest in lower-case hexadecimal. False when GnuTLS cannot (a machine in FIPS mode has no MD5). */
bool cram_md5_digest(const char *password, const char *challenge, char out[CRAM_MD5_SIZE]) MUST_CHECK;

#endif
