/* spool_id.h - queue ids, packed into 12 bytes and back: what the index keeps of a million messages. */
#ifndef SPOOL_ID_H
#define SPOOL_ID_H

#include "../lib/base.h"
#include "spool.h"

struct spool_key {
	uint64_t when;		/* microseconds since 1970, 55 bits */
	uint32_t serial;	/* writer and counter, 25 bits, then the directory, 6 bits */
};

/* False when ID is not a valid id. */
bool spool_id_pack(struct view id, struct spool_key *key) MUST_CHECK;
void spool_id_unpack(const struct spool_key *key, char id[SPOOL_ID_SIZE]);
/* The directory that a valid id names, 0 to 63. */
unsigned spool_id_dir(const char *id);

#endif
