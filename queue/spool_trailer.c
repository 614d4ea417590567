/* spool_trailer.c - the line that makes a file a message: where message and envelope stand, and checksums over both. It is
 * written last, so a file that was torn has none. The checksum begins with the queue id: nobody who writes a message knows
 * its id, so a forged trailer inside a message fits nowhere. Status bytes are masked, because they change in place. */
#include "spool_internal.h"
#include <inttypes.h>
#include <zlib.h>

#include "envelope.h"

#define TRAILER_SUMMED (SPOOL_TRAILER - 9)	/* all but the last field and its line feed */

/* zlib takes a null pointer, which an empty piece may have, as the order to begin anew. */
uint32_t spool_sum(uint32_t sum, const void *data, size_t len)
{
	return len == 0 ? sum : (uint32_t)crc32_z(sum, data, len);
}

static uint32_t trailer_sum(const char *text, const char *id, struct view envelope)
{
	return spool_sum(envelope_sum(spool_sum(0, id, SPOOL_ID), envelope), text, TRAILER_SUMMED);
}

void spool_trailer_write(struct spool_trailer *t, const char *id, struct view envelope, char out[SPOOL_TRAILER + 1])
{
	snprintf(out, SPOOL_TRAILER + 1, SPOOL_MAGIC "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %08" PRIx64 " %08" PRIx32 " ",
		t->message_at, t->message_len, t->envelope_at, t->envelope_len, t->message_sum);
	t->sum = trailer_sum(out, id, envelope);
	snprintf(out + TRAILER_SUMMED, SPOOL_TRAILER + 1 - TRAILER_SUMMED, "%08" PRIx32 "\n", t->sum);
}

/* Exactly DIGITS lower-case hex digits and the byte END behind them. */
static bool hex_field(const char **text, unsigned digits, char end, uint64_t *value)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < digits; i++) {
		char c = (*text)[i];
		if (c >= '0' && c <= '9')
			sum = sum << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			sum = sum << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	if ((*text)[digits] != end)
		return false;
	*text += digits + 1;
	*value = sum;
	return true;
}

bool spool_trailer_parse(const char *text, uint64_t at, struct spool_trailer *t)
{
	uint64_t message_sum, sum;
	if (memcmp(text, SPOOL_MAGIC, strlen(SPOOL_MAGIC)) != 0)
		return false;
	text += strlen(SPOOL_MAGIC);
	if (!hex_field(&text, 16, ' ', &t->message_at) || !hex_field(&text, 16, ' ', &t->message_len) ||
	    !hex_field(&text, 16, ' ', &t->envelope_at) || !hex_field(&text, 8, ' ', &t->envelope_len) ||
	    !hex_field(&text, 8, ' ', &message_sum) || !hex_field(&text, 8, '\n', &sum))
		return false;
	t->message_sum = (uint32_t)message_sum;
	t->sum = (uint32_t)sum;
	/* No sum of two can overflow: each is compared with what is left. */
	return t->envelope_len > 0 && t->envelope_len <= ENVELOPE_MAX && t->envelope_len <= at &&
		t->envelope_at == at - t->envelope_len &&
		t->message_at <= t->envelope_at && t->message_len <= t->envelope_at - t->message_at;
}

bool spool_trailer_matches(const struct spool_trailer *t, const char *text, const char *id, struct view envelope)
{
	return trailer_sum(text, id, envelope) == t->sum;
}
