/* index.h - the deferred messages in memory, by due time, with the domain they are for: 24 bytes each, and 8 for finding one by its id (up to twice that
 * while the arrays are half empty), so that a million cost 32 MiB. What a message is stands in its file, which is read
 * when it is due. */
#ifndef INDEX_H
#define INDEX_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "spool.h"
#include "spool_id.h"

struct index;

struct index *index_new(void);
void index_free(struct index **ix);
/* Adds ID, or moves it to another time when it is there already. Due times (seconds since 1970) before 0 count as 0,
 * after 2106 as 2106. DOMAIN as in spool.h. False: not an id, or out of memory. */
bool index_push(struct index *ix, const char *id, int64_t due, uint32_t domain) MUST_CHECK;
/* Takes out the first that is due at NOW. Those due in the same second come in the order of their ids. */
bool index_pop(struct index *ix, int64_t now, char id[SPOOL_ID_SIZE]) MUST_CHECK;
/* When the first is due; INT64_MAX when there is none. */
int64_t index_next(const struct index *ix);
bool index_has(const struct index *ix, const char *id);
/* False: it was not there. */
bool index_remove(struct index *ix, const char *id);
typedef bool index_wanted(void *arg, uint32_t domain);
/* Everything that is WANTED (NULL: everything) is due at NOW, or was before. How many that are. */
size_t index_flush(struct index *ix, int64_t now, index_wanted *wanted, void *arg);
/* The ids of all that is WANTED, from malloc. NULL when there are none, or out of memory. */
struct spool_key *index_list(const struct index *ix, index_wanted *wanted, void *arg, size_t *count);
size_t index_count(const struct index *ix);
/* Bytes held. */
size_t index_memory(const struct index *ix);
/* Adds everything in later/; the file's time is the due time. */
bool index_load(struct index *ix, struct spool *sp, struct err *err) MUST_CHECK;

#endif
