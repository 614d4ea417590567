/* address_key.c - the part of address.h that makes two ways of writing one address the same text. ASCII, which is nearly
 * everything, never comes near libunistring. */
#include "base.h"
#include "address.h"
#include "buf.h"
#include <unicase.h>
#include <uninorm.h>

static bool is_ascii(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.data[i] > 0x7f)
			return false;
	return true;
}

/* What LOCAL means: without its quotes and backslashes. */
static size_t unquote(struct view local, char *out)
{
	size_t len = 0;

	if (local.len < 2 || local.data[0] != '"') {
		if (local.len)
			memcpy(out, local.data, local.len);
		return local.len;
	}
	for (size_t i = 1; i + 1 < local.len; i++) {
		if (local.data[i] == '\\')
			i++;
		out[len++] = local.data[i];
	}
	return len;
}

/* NFC and, if wanted, folded case; 0 when it does not fit, which a local part of an address cannot bring about. */
static size_t normalize(struct view in, bool fold_case, char *out, size_t size)
{
	const uint8_t *from = (const uint8_t *)in.data;
	uint8_t *to = (uint8_t *)out, *result;
	size_t len = size;

	if (is_ascii(in)) {
		for (size_t i = 0; i < in.len; i++)
			out[i] = fold_case && in.data[i] >= 'A' && in.data[i] <= 'Z' ? (char)(in.data[i] + ('a' - 'A')) : in.data[i];
		return in.len;
	}
	result = fold_case ? u8_casefold(from, in.len, NULL, UNINORM_NFC, to, &len) : u8_normalize(UNINORM_NFC, from, in.len, to, &len);
	if (result == to)
		return len;
	free(result);
	return 0;
}

/* NFC can turn a letter into an ASCII character that needs quotes (U+037E becomes ";"), so they are put last. */
static bool write_local(struct view content, char *out, size_t size, size_t *len)
{
	if (address_is_dot_string(content)) {
		*len = content.len;
		return view_copy(content, out, size);
	}
	*len = 0;
	out[(*len)++] = '"';
	for (size_t i = 0; i < content.len && *len + 4 < size; i++) {
		if (content.data[i] == '\\' || content.data[i] == '"')
			out[(*len)++] = '\\';
		out[(*len)++] = content.data[i];
	}
	out[(*len)++] = '"';
	return *len + 1 < size;
}

static bool key_of(const struct address *addr, bool fold_case, char out[ADDRESS_KEY_SIZE])
{
	char content[ADDRESS_MAX], normal[ADDRESS_KEY_SIZE], domain[ADDRESS_DOMAIN_MAX + 1];
	size_t len;

	if (addr->local.len > sizeof(content))
		return false;
	len = normalize(view_make(content, unquote(addr->local, content)), fold_case, normal, sizeof(normal));
	if (!write_local(view_make(normal, len), out, ADDRESS_KEY_SIZE, &len))
		return false;
	if (addr->domain.len == 0) {
		out[len] = '\0';
		return true;
	}
	if (!address_domain_fold(addr->domain, domain) || len + 1 + strlen(domain) >= ADDRESS_KEY_SIZE)
		return false;
	snprintf(out + len, ADDRESS_KEY_SIZE - len, "@%s", domain);
	return true;
}

bool address_key(struct view address, bool fold_case, char out[ADDRESS_KEY_SIZE])
{
	struct address addr;

	out[0] = '\0';
	if (!address_split(address, ADDRESS_NULL_OK | ADDRESS_POSTMASTER_OK | ADDRESS_UTF8_OK, &addr))
		return false;
	if (address.len == 0 || key_of(&addr, fold_case, out))
		return true;
	out[0] = '\0';
	return false;
}

char *address_canonical(const struct address *addr, struct arena *a)
{
	char key[ADDRESS_KEY_SIZE];

	/* A parsed address has a key, unless memory has run out inside of libidn2. */
	if (addr->local.len == 0)
		key[0] = '\0';
	else if (!key_of(addr, false, key))
		return arena_strdup(a, addr->text);
	return arena_strdup(a, key);
}
