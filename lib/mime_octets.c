/* mime_octets.c - the part of mime.h that counts what octets a text holds. */
#include "base.h"
#include "mime.h"

#define LINE_MAX_OCTETS 998

void mime_count(struct mime_counter *c, struct view piece)
{
	for (size_t i = 0; i < piece.len; i++) {
		unsigned char octet = (unsigned char)piece.data[i];

		if (octet == '\n' && c->cr) {
			c->cr = false;
			c->line = 0;
			continue;
		}
		if (c->cr || octet == '\n' || octet == '\0')
			c->octets.binary = true;
		c->line += c->cr;
		c->cr = octet == '\r';
		c->octets.eight += octet > 0x7f;
		c->line += !c->cr;
		c->octets.long_lines |= c->line > LINE_MAX_OCTETS;
	}
}

void mime_count_end(struct mime_counter *c)
{
	if (c->cr)
		c->octets.binary = true;
	c->cr = false;
}

ssize_t mime_read_view(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct view *text = arg;
	struct view rest = view_head(view_skip(*text, offset < SIZE_MAX ? (size_t)offset : SIZE_MAX), len);

	if (rest.len)
		memcpy(out, rest.data, rest.len);
	return (ssize_t)rest.len;
}
