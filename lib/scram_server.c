/* scram_server.c - the server's side of SCRAM-SHA-256: see scram.h. */
#include "base.h"
#include "scram.h"
#include "base64.h"
#include <gnutls/crypto.h>

bool scram_name(struct view coded, char *out, size_t size)
{
	size_t len = 0;

	if (!coded.len || coded.len >= size || view_has_line_break(coded))
		return false;
	while (coded.len) {
		if (coded.data[0] != '=') {
			out[len++] = coded.data[0];
			coded = view_skip(coded, 1);
			continue;
		}
		if (!view_starts(coded, VIEW("=2C")) && !view_starts(coded, VIEW("=3D")))
			return false;
		out[len++] = coded.data[1] == '2' ? ',' : '=';
		coded = view_skip(coded, 3);
	}
	out[len] = '\0';
	return true;
}

/* cb-name (RFC 5802 7): letters, digits, "." and "-". */
static bool read_binding_name(struct view name, char *out, size_t size)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '.' && c != '-')
			return false;
	}
	return name.len && view_copy(name, out, size);
}

/* gs2-header: binding flag, authzid. *REST becomes what stands behind it. */
static bool read_gs2(struct scram_server *s, struct view *rest)
{
	struct view whole = *rest, flag = view_cut(rest, ','), authzid = view_cut(rest, ','), name;

	if (whole.len <= flag.len || flag.len == 0)
		return false;
	s->binding = flag.data[0];
	if (s->binding == 'p') {
		if (!scram_attribute(&flag, 'p', &name) || !read_binding_name(name, s->binding_name, sizeof(s->binding_name)))
			return false;
	} else if (flag.len != 1 || (s->binding != 'n' && s->binding != 'y')) {
		return false;
	}
	if (authzid.len && (!scram_attribute(&authzid, 'a', &name) || !scram_name(name, s->authzid, sizeof(s->authzid))))
		return false;
	return view_copy(view_head(whole, whole.len - rest->len), s->gs2, sizeof(s->gs2));
}

enum scram_result scram_server_read(struct scram_server *s, struct view message)
{
	struct view rest = message, name, nonce;

	s->binding_name[0] = s->login[0] = s->authzid[0] = '\0';
	if (message.len >= SCRAM_MESSAGE_MAX || !read_gs2(s, &rest) || !view_copy(rest, s->first_bare, sizeof(s->first_bare)))
		return SCRAM_MALFORMED;
	if (!scram_attribute(&rest, 'n', &name) || !scram_name(name, s->login, sizeof(s->login)))
		return SCRAM_MALFORMED;
	if (!scram_attribute(&rest, 'r', &nonce) || !scram_is_nonce(nonce) || !view_copy(nonce, s->nonce, sizeof(s->nonce)))
		return SCRAM_MALFORMED;
	return SCRAM_GOOD;
}

bool scram_server_answer(struct scram_server *s, const struct scram_keys *keys, const char *nonce)
{
	size_t len = strlen(s->nonce);
	char salt[BASE64_SIZE(SCRAM_SALT_MAX)];

	s->keys = *keys;
	if (len + strlen(nonce) >= sizeof(s->nonce) ||
	    !base64_encode(view_make((const char *)keys->salt, keys->salt_len), salt, sizeof(salt)))
		return false;
	memcpy(s->nonce + len, nonce, strlen(nonce) + 1);
	return snprintf(s->first, sizeof(s->first), "r=%s,s=%s,i=%u", s->nonce, salt, (unsigned)keys->iterations) < (int)sizeof(s->first);
}

/* Whether "c=" holds the header that the client began with, and BINDING behind it. */
static bool same_channel(const struct scram_server *s, struct view coded, struct view binding)
{
	char got[SCRAM_MESSAGE_MAX];
	struct view rest, header = view_of(s->gs2);
	size_t len;

	if (!base64_decode(coded, got, sizeof(got), &len))
		return false;
	rest = view_make(got, len);
	return view_starts(rest, header) && view_eq(view_skip(rest, header.len), binding);
}

/* Where the proof begins, which is the last attribute; message.len when there is none. */
static size_t find_proof(struct view message)
{
	size_t at = message.len;

	while (at && message.data[at - 1] != ',')
		at--;
	return at && view_starts(view_skip(message, at), VIEW("p=")) ? at - 1 : message.len;
}

/* StoredKey == H(ClientProof xor HMAC(StoredKey, AuthMessage)) (RFC 5802 3). */
static bool proven(const struct scram_server *s, struct view final_bare, const char *proof)
{
	uint8_t key[SCRAM_HASH], hash[SCRAM_HASH];

	if (!scram_sign(s->keys.stored, view_of(s->first_bare), view_of(s->first), final_bare, key))
		return false;
	for (size_t i = 0; i < SCRAM_HASH; i++)
		key[i] ^= (uint8_t)proof[i];
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, key, sizeof(key), hash) == 0 && gnutls_memcmp(hash, s->keys.stored, SCRAM_HASH) == 0;
}

enum scram_result scram_server_check(struct scram_server *s, struct view message, struct view binding, char out[SCRAM_FINAL_SIZE])
{
	size_t at = find_proof(message), len;
	struct view bare = view_head(message, at), rest = bare, channel, nonce;
	char proof[SCRAM_HASH + 16], signature_text[BASE64_SIZE(SCRAM_HASH)];
	uint8_t signature[SCRAM_HASH];

	if (message.len >= SCRAM_MESSAGE_MAX || !scram_attribute(&rest, 'c', &channel) || !scram_attribute(&rest, 'r', &nonce))
		return SCRAM_MALFORMED;
	if (!base64_decode(view_skip(message, at + 3), proof, sizeof(proof), &len) || len != SCRAM_HASH)
		return SCRAM_MALFORMED;
	bool good = proven(s, bare, proof);
	good = scram_sign(s->keys.server, view_of(s->first_bare), view_of(s->first), bare, signature) && good;
	good = same_channel(s, channel, binding) && good;
	good = view_eq(nonce, view_of(s->nonce)) && good;
	if (!good || !base64_encode(view_make((char *)signature, sizeof(signature)), signature_text, sizeof(signature_text)))
		return SCRAM_WRONG;
	snprintf(out, SCRAM_FINAL_SIZE, "v=%s", signature_text);
	return SCRAM_GOOD;
}
