/* spool_id.c - queue ids: made, checked, packed. Base32 with Crockford's alphabet, whose order is that of ASCII, so that
 * sorting by name is sorting by time, and which holds nothing that means anything in a file name or a shell. */
#include "spool_id.h"

#include "../lib/clock.h"
#include "spool_internal.h"

#define ID_TIME_DIGITS 11
#define ID_SERIAL_DIGITS 5
#define ID_WRITER_BITS 15
#define ID_COUNTER_BITS 10
#define ID_DIR_SHIFT 26			/* 2^26 microseconds: 67 seconds in one directory */

static const char id_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void id_put(char *out, unsigned digits, uint64_t value)
{
	while (digits-- > 0) {
		out[digits] = id_alphabet[value & 31];
		value >>= 5;
	}
}

static bool id_get(const char *text, unsigned digits, uint64_t *value)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < digits; i++) {
		const char *at = text[i] != '\0' ? strchr(id_alphabet, text[i]) : NULL;
		if (at == NULL)
			return false;
		sum = sum << 5 | (uint64_t)(at - id_alphabet);
	}
	*value = sum;
	return true;
}

bool spool_id_pack(struct view id, struct spool_key *key)
{
	uint64_t serial, dir;
	if (id.len != SPOOL_ID || !id_get(id.data, ID_TIME_DIGITS, &key->when) ||
	    !id_get(id.data + ID_TIME_DIGITS, ID_SERIAL_DIGITS, &serial) ||
	    !view_u64(view_skip(id, ID_TIME_DIGITS + ID_SERIAL_DIGITS), SPOOL_DIRS - 1, &dir))
		return false;
	key->serial = (uint32_t)(serial << 6 | dir);
	return true;
}

void spool_id_unpack(const struct spool_key *key, char id[SPOOL_ID_SIZE])
{
	unsigned dir = key->serial & 63;
	id_put(id, ID_TIME_DIGITS, key->when);
	id_put(id + ID_TIME_DIGITS, ID_SERIAL_DIGITS, key->serial >> 6);
	id[SPOOL_ID - 2] = (char)('0' + dir / 10);
	id[SPOOL_ID - 1] = (char)('0' + dir % 10);
	id[SPOOL_ID] = '\0';
}

bool spool_id_valid(struct view id)
{
	struct spool_key key;
	return spool_id_pack(id, &key);
}

unsigned spool_id_dir(const char *id)
{
	return (unsigned)(id[SPOOL_ID - 2] - '0') * 10 + (unsigned)(id[SPOOL_ID - 1] - '0');
}

/* The time never repeats within a process, even when the clock is set back; the writer's number keeps processes apart;
 * the counter, which starts at a number of the process's own, keeps apart those that had the same slot one after the other.
 * The directory goes with the time: all writers use the same one for a minute, so that commits which happen together write the
 * same few blocks of metadata (a directory per writer was slower on ext4 with 50 writers), and over
 * time every directory gets its share. */
void spool_new_id(struct spool *sp, char id[SPOOL_ID_SIZE])
{
	int64_t now = clock_now_us();
	if (now <= sp->last_id)
		now = sp->last_id + 1;
	sp->last_id = now;
	sp->counter = (sp->counter + 1) & ((1u << ID_COUNTER_BITS) - 1);
	uint32_t writer = sp->writer & ((1u << ID_WRITER_BITS) - 1);
	struct spool_key key = { .when = (uint64_t)now & ((UINT64_C(1) << 55) - 1),
		.serial = (writer << ID_COUNTER_BITS | sp->counter) << 6 | (uint32_t)(((uint64_t)now >> ID_DIR_SHIFT) % SPOOL_DIRS) };
	spool_id_unpack(&key, id);
}
