/* cram_md5.c - see cram_md5.h. */
#include "base.h"
#include "cram_md5.h"
#include <gnutls/crypto.h>

bool cram_md5_digest(const char *password, const char *challenge, char out[CRAM_MD5_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[16];

	out[0] = '\0';
	if (gnutls_hmac_fast(GNUTLS_MAC_MD5, password, strlen(password), challenge, strlen(challenge), digest) != 0)
		return false;
	for (size_t i = 0; i < sizeof(digest); i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[CRAM_MD5_SIZE - 1] = '\0';
	return true;
}
