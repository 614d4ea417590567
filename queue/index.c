/* index.c - a binary heap by due time, and a hash table (open addressing, linear probing) of places in that heap. A general
 * hash table would cost several times the memory of what it holds here. */
#include "index.h"

#include "spool_id.h"

#define FIRST_SIZE 1024
#define EMPTY UINT32_MAX

struct entry {
	uint64_t when;			/* a struct spool_key, without its padding */
	uint32_t serial;
	uint32_t due;			/* unsigned: until 2106 */
	uint32_t slot;			/* where the table points to this entry */
	uint32_t domain;
};

struct index {
	struct entry *heap;
	uint32_t *slots;		/* places in the heap, or EMPTY */
	uint32_t count;
	uint32_t size;			/* of the heap; a power of two */
};

static struct spool_key entry_key(const struct entry *e)
{
	return (struct spool_key){ .when = e->when, .serial = e->serial };
}

/* The table is twice the heap, so at most half full. */
static uint32_t slot_mask(const struct index *ix)
{
	return 2 * ix->size - 1;
}

static uint32_t slot_home(const struct index *ix, const struct spool_key *key)
{
	uint64_t mixed = (key->when ^ (uint64_t)key->serial << 32) * UINT64_C(0x9E3779B97F4A7C15);
	return (uint32_t)(mixed >> 32) & slot_mask(ix);
}

/* The slot of KEY, or the empty one where it belongs. */
static uint32_t slot_find(const struct index *ix, const struct spool_key *key)
{
	uint32_t slot = slot_home(ix, key);
	while (ix->slots[slot] != EMPTY) {
		const struct entry *e = &ix->heap[ix->slots[slot]];
		if (e->when == key->when && e->serial == key->serial)
			break;
		slot = (slot + 1) & slot_mask(ix);
	}
	return slot;
}

/* Closes the gap by moving back what stands behind it and may stand in it. */
static void slot_clear(struct index *ix, uint32_t gap)
{
	for (uint32_t slot = (gap + 1) & slot_mask(ix); ix->slots[slot] != EMPTY; slot = (slot + 1) & slot_mask(ix)) {
		struct entry *e = &ix->heap[ix->slots[slot]];
		struct spool_key key = entry_key(e);
		uint32_t home = slot_home(ix, &key);
		if (((slot - home) & slot_mask(ix)) < ((slot - gap) & slot_mask(ix)))
			continue;
		ix->slots[gap] = ix->slots[slot];
		e->slot = gap;
		gap = slot;
	}
	ix->slots[gap] = EMPTY;
}

/* ---- the heap ---- */

static bool entry_before(const struct entry *a, const struct entry *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	return a->when != b->when ? a->when < b->when : a->serial < b->serial;
}

static void entry_place(struct index *ix, uint32_t at, struct entry e)
{
	ix->heap[at] = e;
	ix->slots[e.slot] = at;
}

/* Puts E at AT or where it belongs from there. */
static void entry_sift(struct index *ix, uint32_t at, struct entry e)
{
	while (at > 0 && entry_before(&e, &ix->heap[(at - 1) / 2])) {
		entry_place(ix, at, ix->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (uint64_t child; (child = 2 * (uint64_t)at + 1) < ix->count; at = (uint32_t)child) {
		if (child + 1 < ix->count && entry_before(&ix->heap[child + 1], &ix->heap[child]))
			child++;
		if (!entry_before(&ix->heap[child], &e))
			break;
		entry_place(ix, at, ix->heap[child]);
	}
	entry_place(ix, at, e);
}

static void entry_remove(struct index *ix, uint32_t at)
{
	slot_clear(ix, ix->heap[at].slot);
	struct entry last = ix->heap[--ix->count];
	if (at < ix->count)
		entry_sift(ix, at, last);
}

/* ---- the index ---- */

static bool index_resize(struct index *ix, uint32_t size)
{
	uint32_t *slots = malloc(2 * (size_t)size * sizeof *slots);
	struct entry *heap = slots == NULL ? NULL : realloc(ix->heap, size * sizeof *heap);
	if (heap == NULL) {
		free(slots);
		return false;
	}
	free(ix->slots);
	memset(slots, -1, 2 * (size_t)size * sizeof *slots);
	ix->heap = heap;
	ix->slots = slots;
	ix->size = size;
	for (uint32_t i = 0; i < ix->count; i++) {
		struct spool_key key = entry_key(&heap[i]);
		heap[i].slot = slot_find(ix, &key);
		slots[heap[i].slot] = i;
	}
	return true;
}

struct index *index_new(void)
{
	struct index *ix = calloc(1, sizeof *ix);
	if (ix == NULL || !index_resize(ix, FIRST_SIZE))
		bug("out of memory");
	return ix;
}

void index_free(struct index **ix)
{
	if (*ix == NULL)
		return;
	free((*ix)->heap);
	free((*ix)->slots);
	free(*ix);
	*ix = NULL;
}

bool index_push(struct index *ix, const char *id, int64_t due, uint32_t domain)
{
	struct entry e = { .due = due < 0 ? 0 : due > UINT32_MAX ? UINT32_MAX : (uint32_t)due, .domain = domain };
	struct spool_key key;
	if (!spool_id_pack(view_of(id), &key))
		return false;
	e.when = key.when;
	e.serial = key.serial;
	if (ix->count == ix->size && (ix->size > UINT32_MAX / 4 || !index_resize(ix, 2 * ix->size)))
		return false;
	e.slot = slot_find(ix, &key);
	uint32_t at = ix->slots[e.slot];
	entry_sift(ix, at != EMPTY ? at : ix->count++, e);
	return true;
}

bool index_pop(struct index *ix, int64_t now, char id[SPOOL_ID_SIZE])
{
	if (ix->count == 0 || index_next(ix) > now)
		return false;
	struct spool_key key = entry_key(&ix->heap[0]);
	spool_id_unpack(&key, id);
	entry_remove(ix, 0);
	return true;
}

int64_t index_next(const struct index *ix)
{
	return ix->count > 0 ? (int64_t)ix->heap[0].due : INT64_MAX;
}

/* EMPTY when it is not there. */
static uint32_t index_find(const struct index *ix, const char *id)
{
	struct spool_key key;
	return spool_id_pack(view_of(id), &key) ? ix->slots[slot_find(ix, &key)] : EMPTY;
}

bool index_has(const struct index *ix, const char *id)
{
	return index_find(ix, id) != EMPTY;
}

bool index_remove(struct index *ix, const char *id)
{
	uint32_t at = index_find(ix, id);
	if (at == EMPTY)
		return false;
	entry_remove(ix, at);
	return true;
}

static int entry_compare(const void *a, const void *b)
{
	return entry_before(a, b) ? -1 : 1;
}

/* Sorted, which is a heap too: entries that had different times may now have the same. */
size_t index_flush(struct index *ix, int64_t now, index_wanted *wanted, void *arg)
{
	uint32_t limit = now < 0 ? 0 : now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
	size_t count = 0;
	for (uint32_t i = 0; i < ix->count; i++) {
		if (wanted != NULL && !wanted(arg, ix->heap[i].domain))
			continue;
		count++;
		if (ix->heap[i].due > limit)
			ix->heap[i].due = limit;
	}
	if (count == 0)
		return 0;
	qsort(ix->heap, ix->count, sizeof *ix->heap, entry_compare);
	for (uint32_t i = 0; i < ix->count; i++)
		ix->slots[ix->heap[i].slot] = i;
	return count;
}

struct spool_key *index_list(const struct index *ix, index_wanted *wanted, void *arg, size_t *count)
{
	size_t n = 0;
	for (uint32_t i = 0; i < ix->count; i++)
		n += wanted(arg, ix->heap[i].domain);
	struct spool_key *keys = n == 0 ? NULL : malloc(n * sizeof *keys);
	*count = keys == NULL ? 0 : n;
	n = 0;
	for (uint32_t i = 0; keys != NULL && i < ix->count; i++)
		if (wanted(arg, ix->heap[i].domain))
			keys[n++] = entry_key(&ix->heap[i]);
	return keys;
}

size_t index_count(const struct index *ix)
{
	return ix->count;
}

size_t index_memory(const struct index *ix)
{
	return sizeof *ix + ix->size * sizeof *ix->heap + 2 * (size_t)ix->size * sizeof *ix->slots;
}

static bool load_one(void *arg, const char *id, int64_t mtime, uint32_t domain)
{
	if (!index_push(arg, id, mtime, domain))
		bug("out of memory");
	return true;
}

bool index_load(struct index *ix, struct spool *sp, struct err *err)
{
	return spool_scan_later(sp, load_one, ix, err);
}
