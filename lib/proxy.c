/* proxy.c - see proxy.h. */
#include "base.h"
#include "proxy.h"

#define V1_START "PROXY "
#define V2_START "\r\n\r\n\0\r\nQUIT\n"		/* 12 octets; no protocol of text begins so */

/* ---- how far it reaches ---- */

/* Whether octet number AT may be C, as far as the first octets go. */
static bool may_begin(struct view header, size_t at, char c)
{
	struct view start = header.len && header.data[0] == *V1_START ? VIEW(V1_START) : VIEW(V2_START);

	if (at == 0)
		return c == *V1_START || c == *V2_START;
	return at >= start.len || c == start.data[at];
}

static size_t length_v2(struct view header)
{
	return PROXY_V2_FIXED + ((size_t)(uint8_t)header.data[14] << 8 | (uint8_t)header.data[15]);
}

static bool is_whole(struct view header)
{
	if (header.data[0] == *V1_START)
		return view_find(header, '\n') == header.len - 1;
	return header.len >= PROXY_V2_FIXED && header.len == length_v2(header);
}

/* How many octets may be taken at once without passing the end. */
static size_t stride(struct view header)
{
	if (header.len < PROXY_V2_FIXED || header.data[0] == *V1_START)
		return 1;
	return length_v2(header) - header.len;
}

enum proxy_feed proxy_feed(struct buf *header, struct view piece, size_t *used, struct err *err)
{
	for (*used = 0; piece.len; ) {
		struct view have = buf_view(header), next = view_head(piece, stride(have));

		if (!may_begin(have, have.len, *next.data)) {
			err_set(err, "no PROXY header");
			return PROXY_BAD;
		}
		if (have.len == PROXY_V1_MAX && have.data[0] == *V1_START) {
			err_set(err, "PROXY header of version 1 without its line end");
			return PROXY_BAD;
		}
		if (!buf_put_view(header, next))
			bug("PROXY header over its limit");
		*used += next.len;
		piece = view_skip(piece, next.len);
		if (is_whole(buf_view(header)))
			return PROXY_WHOLE;
	}
	return PROXY_MORE;
}

/* ---- version 1: a line of text ---- */

/* "A decimal number without a leading zero" */
static bool port_v1(struct view text, uint16_t *out)
{
	uint64_t port;

	if ((text.len > 1 && *text.data == '0') || !view_u64(text, UINT16_MAX, &port))
		return false;
	*out = (uint16_t)port;
	return true;
}

static bool address_v1(struct view text, bool v6, struct netaddr *out)
{
	bool colon = view_find(text, ':') < text.len, bracket = view_find(text, '[') < text.len;

	return colon == v6 && !bracket && netaddr_parse(text, out);
}

static bool parse_v1(struct view header, struct proxy_header *out, struct err *err)
{
	struct view rest = view_head(header, header.len - 2);

	if (header.data[header.len - 2] != '\r')
		return err_set(err, "PROXY header of version 1 that does not end with CRLF");
	rest = view_skip(rest, sizeof(V1_START) - 1);
	struct view family = view_cut(&rest, ' ');
	bool v6 = view_eq(family, VIEW("TCP6"));

	if (view_eq(family, VIEW("UNKNOWN"))) {		/* what stands behind it is to be ignored */
		out->client = PROXY_UNKNOWN;
		return true;
	}
	if (!v6 && !view_eq(family, VIEW("TCP4")))
		return err_set(err, "PROXY header with a family that is none of TCP4, TCP6, UNKNOWN");
	struct view source = view_cut(&rest, ' '), destination = view_cut(&rest, ' '), from = view_cut(&rest, ' ');

	if (!address_v1(source, v6, &out->source) || !address_v1(destination, v6, &out->destination))
		return err_set(err, "PROXY header with a bad address");
	if (!port_v1(from, &out->source.port) || !port_v1(rest, &out->destination.port))
		return err_set(err, "PROXY header with a bad port");
	out->client = PROXY_ADDRESS;
	return true;
}

/* ---- version 2: binary ---- */

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };		/* version and command */
enum { FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21, FAMILY_UNIX = 0x31 };
#define CHECKSUM_TYPE 0x03
#define CHECKSUM_SIZE 4
#define VECTOR_HEAD 3		/* type, length */

static uint32_t crc32c(uint32_t crc, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= (uint8_t)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

/* "The checksum is calculated over the whole header with the field itself filled with zeroes" (RFC 4960 appendix B). */
static bool checksum_fits(struct view header, size_t at)
{
	static const char zeroes[CHECKSUM_SIZE];
	const uint8_t *sum = (const uint8_t *)header.data + at;
	size_t behind = at + CHECKSUM_SIZE;
	uint32_t told = (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
	uint32_t crc = crc32c(UINT32_MAX, header.data, at);

	crc = crc32c(crc, zeroes, sizeof(zeroes));
	return ~crc32c(crc, header.data + behind, header.len - behind) == told;
}

/* The vectors from AT on fill the header exactly. */
static bool vectors_valid(struct view header, size_t at, struct err *err)
{
	size_t checksum = 0;

	while (at < header.len) {
		struct view v = view_skip(header, at);

		if (v.len < VECTOR_HEAD)
			return err_set(err, "PROXY header with a vector that is cut off");
		size_t len = (size_t)(uint8_t)v.data[1] << 8 | (uint8_t)v.data[2];

		if (len > v.len - VECTOR_HEAD)
			return err_set(err, "PROXY header with a vector that is longer than the header");
		if (v.data[0] == CHECKSUM_TYPE && (checksum || len != CHECKSUM_SIZE))
			return err_set(err, "PROXY header with a malformed checksum");
		if (v.data[0] == CHECKSUM_TYPE)
			checksum = at + VECTOR_HEAD;
		at += VECTOR_HEAD + len;
	}
	return !checksum || checksum_fits(header, checksum) || err_set(err, "PROXY header with a wrong checksum");
}

static struct netaddr address_v2(const char *at, bool v6, const char *port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	memcpy(&in6.sin6_addr, at, v6 ? sizeof(in6.sin6_addr) : 0);
	memcpy(&in.sin_addr, at, v6 ? 0 : sizeof(in.sin_addr));
	memcpy(&in6.sin6_port, port, sizeof(in6.sin6_port));
	in.sin_port = in6.sin6_port;
	return v6 ? netaddr_from((const struct sockaddr *)&in6, sizeof(in6)) : netaddr_from((const struct sockaddr *)&in, sizeof(in));
}

/* Octets of the address block; SIZE_MAX for a family that "must be rejected as invalid", or does not carry SMTP. */
static size_t addresses_size(uint8_t family)
{
	return family == FAMILY_TCP4 ? 12 : family == FAMILY_TCP6 ? 36 : family == FAMILY_UNIX ? 216 : SIZE_MAX;
}

static bool parse_v2(struct view header, struct proxy_header *out, struct err *err)
{
	uint8_t command = (uint8_t)header.data[12], family = (uint8_t)header.data[13];
	size_t size = addresses_size(family);
	struct view block = view_skip(header, PROXY_V2_FIXED);
	bool v6 = family == FAMILY_TCP6;

	if (command != COMMAND_LOCAL && command != COMMAND_PROXY)
		return err_set(err, "PROXY header of an unknown version or command");
	out->client = command == COMMAND_LOCAL ? PROXY_LOCAL : PROXY_UNKNOWN;
	if (command == COMMAND_LOCAL || family == FAMILY_UNSPEC)	/* the rest is to be ignored */
		return true;
	if (size == SIZE_MAX)
		return err_set(err, "PROXY header with an unknown family or transport");
	if (block.len < size)
		return err_set(err, "PROXY header that is too short for its addresses");
	if (!vectors_valid(header, PROXY_V2_FIXED + size, err))
		return false;
	if (family == FAMILY_UNIX)
		return true;
	size_t one = v6 ? 16 : 4;

	out->source = address_v2(block.data, v6, block.data + 2 * one);
	out->destination = address_v2(block.data + one, v6, block.data + 2 * one + 2);
	out->client = PROXY_ADDRESS;
	return true;
}

bool proxy_parse(struct view header, struct proxy_header *out, struct err *err)
{
	*out = (struct proxy_header){ .client = PROXY_UNKNOWN };
	if (view_starts(header, VIEW(V1_START)) && header.len <= PROXY_V1_MAX && is_whole(header))
		return parse_v1(header, out, err);
	if (view_starts(header, VIEW(V2_START)) && is_whole(header))
		return parse_v2(header, out, err);
	return err_set(err, "no PROXY header");
}
