/* base64.c - see base64.h. */
#include "base.h"
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
	const char *p = c ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

/* Four characters, of which the last PAD are "=". Writes 3 - PAD octets. */
static bool decode_group(const char *in, unsigned pad, char *out)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		int v = i < 4 - pad ? value_of(in[i]) : 0;

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
	}
	if (pad && (bits & (pad == 2 ? 0xffffu : 0xffu)))	/* RFC 4648 3.5 */
		return false;
	for (unsigned i = 0; i < 3 - pad; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return true;
}

bool base64_decode(struct view in, char *out, size_t size, size_t *len)
{
	size_t at = 0;

	if (in.len % 4 || in.len / 4 * 3 + 1 > size)
		return false;
	for (size_t i = 0; i < in.len; i += 4) {
		unsigned pad = 0;

		if (i + 4 == in.len)
			pad = in.data[i + 3] != '=' ? 0 : in.data[i + 2] != '=' ? 1 : 2;
		if (!decode_group(in.data + i, pad, out + at))
			return false;
		at += 3 - pad;
	}
	out[at] = '\0';
	*len = at;
	return true;
}

bool base64_encode(struct view in, char *out, size_t size)
{
	if (BASE64_SIZE(in.len) > size)
		return false;
	for (size_t i = 0; i < in.len; i += 3) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < in.len ? (uint8_t)in.data[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*out++ = i + k > in.len ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
	}
	*out = '\0';
	return true;
}
