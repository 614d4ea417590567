/* scram_client.c - the client's side of SCRAM-SHA-256: see scram.h. */
#include "base.h"
#include "scram.h"
#include "base64.h"
#include "buf.h"
#include <gnutls/crypto.h>

/* What scram_name undoes. */
static void put_name(struct buf *out, const char *name)
{
	for (; *name; name++) {
		if (*name == ',')
			buf_puts(out, "=2C");
		else if (*name == '=')
			buf_puts(out, "=3D");
		else
			buf_putc(out, *name);
	}
}

static bool give(struct buf *text, char *out, size_t size)
{
	bool good = !text->failed && view_copy(buf_view(text), out, size);

	buf_free(text);
	return good;
}

bool scram_client_begin(struct scram_client *c, const char *login, const char *nonce, const char *binding_name, char *out, size_t size)
{
	struct buf bare;

	buf_init(&bare, SCRAM_MESSAGE_MAX);
	buf_puts(&bare, "n=");
	put_name(&bare, login);
	buf_printf(&bare, ",r=%s", nonce);
	return *login && give(&bare, c->first_bare, sizeof(c->first_bare)) && view_copy(view_of(nonce), c->nonce, sizeof(c->nonce)) &&
	       snprintf(c->gs2, sizeof(c->gs2), "%s%s,,", binding_name ? "p=" : "n", binding_name ? binding_name : "") < (int)sizeof(c->gs2) &&
	       snprintf(out, size, "%s%s", c->gs2, c->first_bare) < (int)size;
}

/* Reads "r=NONCE,s=SALT,i=ITERATIONS" and any extensions behind. */
static bool read_first(const struct scram_client *c, struct view message, struct view *nonce, struct scram_keys *keys, const char **why)
{
	struct view rest = message, salt, number;
	char octets[SCRAM_SALT_MAX + 1];
	uint64_t iterations;

	*why = "malformed SCRAM challenge";
	if (message.len >= SCRAM_MESSAGE_MAX || !scram_attribute(&rest, 'r', nonce) || !scram_is_nonce(*nonce) ||
	    !scram_attribute(&rest, 's', &salt) || !scram_attribute(&rest, 'i', &number) || !view_u64(number, UINT32_MAX, &iterations) ||
	    !base64_decode(salt, octets, sizeof(octets), &keys->salt_len) || !keys->salt_len)
		return false;
	memcpy(keys->salt, octets, keys->salt_len);
	keys->iterations = (uint32_t)iterations;
	*why = "SCRAM challenge with another nonce than ours";
	if (!view_starts(*nonce, view_of(c->nonce)) || nonce->len == strlen(c->nonce))
		return false;
	*why = "SCRAM challenge asks for too few or too many iterations";
	return iterations >= SCRAM_ITERATIONS_MIN && iterations <= SCRAM_ITERATIONS_MAX;
}

/* client-final-message-without-proof. */
static bool put_bare(const struct scram_client *c, struct view nonce, struct view binding, char *out, size_t size)
{
	char channel[512], coded[BASE64_SIZE(sizeof(channel))];
	size_t len = strlen(c->gs2);

	memcpy(channel, c->gs2, len);
	if (binding.len > sizeof(channel) - len)
		return false;
	if (binding.len)
		memcpy(channel + len, binding.data, binding.len);
	return base64_encode(view_make(channel, len + binding.len), coded, sizeof(coded)) &&
	       snprintf(out, size, "c=%s,r=%.*s", coded, VIEW_FMT(nonce)) < (int)size;
}

/* ClientProof (RFC 5802 3), and the signature that the server will have to give. */
static bool prove(struct scram_client *c, const char *password, struct scram_keys *keys, struct view message, const char *bare,
		  uint8_t proof[SCRAM_HASH])
{
	uint8_t client[SCRAM_HASH], signature[SCRAM_HASH];
	struct view first = view_of(c->first_bare);
	bool good = scram_keys_make(password, keys, client) && scram_sign(keys->stored, first, message, view_of(bare), signature) &&
		    scram_sign(keys->server, first, message, view_of(bare), c->signature);

	for (size_t i = 0; good && i < SCRAM_HASH; i++)
		proof[i] = client[i] ^ signature[i];
	explicit_bzero(client, sizeof(client));
	return good;
}

bool scram_client_answer(struct scram_client *c, struct view message, const char *password, struct view binding,
			 char *out, size_t size, const char **why)
{
	struct scram_keys keys = { 0 };
	char bare[2 * SCRAM_MESSAGE_MAX], coded[BASE64_SIZE(SCRAM_HASH)];
	uint8_t proof[SCRAM_HASH];
	struct view nonce;

	if (!read_first(c, message, &nonce, &keys, why))
		return false;
	*why = "SCRAM cannot be computed";
	return put_bare(c, nonce, binding, bare, sizeof(bare)) && prove(c, password, &keys, message, bare, proof) &&
	       base64_encode(view_make((char *)proof, sizeof(proof)), coded, sizeof(coded)) &&
	       snprintf(out, size, "%s,p=%s", bare, coded) < (int)size;
}

bool scram_client_verify(const struct scram_client *c, struct view message)
{
	struct view rest = message, value;
	char got[SCRAM_HASH + 16];
	size_t len;

	return scram_attribute(&rest, 'v', &value) && base64_decode(value, got, sizeof(got), &len) && len == SCRAM_HASH &&
	       gnutls_memcmp(got, c->signature, SCRAM_HASH) == 0;
}
