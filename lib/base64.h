/* base64.h - base64 as SASL wants it (RFC 4648 3.5, 4): no blanks, no missing or wrong padding, no stray bits. */
#ifndef BASE64_H
#define BASE64_H

#include "base.h"
#include "view.h"

#define BASE64_SIZE(octets) (((octets) + 2) / 3 * 4 + 1)	/* of their code, NUL included */

/* Decodes into OUT and adds a NUL; *LEN does not count it. False for anything but strict base64, or when it does not fit. */
bool base64_decode(struct view in, char *out, size_t size, size_t *len) MUST_CHECK;
/* Encodes, NUL-terminated; false when it does not fit. */
bool base64_encode(struct view in, char *out, size_t size) MUST_CHECK;

#endif
