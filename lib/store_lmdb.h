/* store_lmdb.h - the inside of the store in LMDB: shared by store_lmdb.c (questions) and store_lmdb_clean.c (upkeep). */
#ifndef STORE_LMDB_H
#define STORE_LMDB_H

#include "base.h"
#include "buf.h"
#include "store_backend.h"
#include "store_file.h"

#define LMDB_KEY_SIZE (STORE_SPACE_MAX + 1 + STORE_KEY_MAX + 1)
#define LMDB_EXPIRY_SIZE 8
#define LMDB_FAST_PREFIX "store-"	/* in run_dir; then the boot id and ".mdb" */
#define LMDB_SLACK (INT64_C(8) << 20)	/* octets over the limit that removing may use: LMDB writes pages anew even for that */
#define LMDB_NO_NUMBER (-1)		/* no error of LMDB, nor of errno */

_Static_assert(LMDB_KEY_SIZE <= 511, "LMDB's longest key");

struct lmdb {
	struct store_file files[2];	/* by lasting */
	struct buf value;		/* the last one that was asked for */
	struct { char key[LMDB_KEY_SIZE]; size_t len; } cleaned[2];	/* where the last cleaning ended */
};

/* ms since 1970. */
int64_t lmdb_now(void);
/* Takes a record apart; *LEFT ms until it goes, 0 never. False when it has expired, or is none. */
bool lmdb_record(const MDB_val *record, int64_t now, struct view *value, int64_t *left);
/* "SPACE:KEY" in OUT; without a namespace KEY alone. */
MDB_val lmdb_key(const char *space, struct view key, char out[LMDB_KEY_SIZE]);

void lmdb_prove(void *state);
void lmdb_clean(void *state, size_t n);

#endif
