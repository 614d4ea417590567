/* spool_internal.h - what the spool_*.c files share: the open place, the trailer, whole writes. */
#ifndef SPOOL_INTERNAL_H
#define SPOOL_INTERNAL_H

#include "../lib/base.h"
#include <sys/uio.h>

#include "spool.h"

struct spool {
	int root;
	int tmp;					/* these and the next: -1 until needed */
	int dirs[SPOOL_STATES][SPOOL_DIRS];		/* of bad/, which is flat, only the first */
	int lock;
	bool sync_names;				/* fsync of a new file commits its name as well: spool_sync.c */
	unsigned writer;
	unsigned part, parts;				/* spool_take_part */
	uint32_t counter;				/* of spool_new_id */
	int64_t last_id;				/* microseconds */
	int64_t room_checked;				/* clock_ms */
	uint64_t room_bytes, room_inodes;
};

/* Cached descriptors: tmp/, and the directory of ID in STATE. -1 with ERR. */
int spool_tmp_fd(struct spool *sp, struct err *err);
int spool_dir_fd(struct spool *sp, enum spool_state state, unsigned dir, struct err *err);
/* A fresh descriptor for the caller to close. */
int spool_dir_open(struct spool *sp, enum spool_state state, unsigned dir, struct err *err);
int spool_id_fd(struct spool *sp, enum spool_state state, const char *id, struct err *err);
const char *spool_state_name(enum spool_state state);

/* Whether directory DIR is of the part that this process manages. */
bool spool_dir_mine(const struct spool *sp, unsigned dir);

/* Writes everything at offset AT, through short writes and EINTR; changes IOV. False with errno. */
bool spool_write_all(int fd, struct iovec *iov, int count, uint64_t at) MUST_CHECK;
/* Reads exactly LEN bytes. False with errno (0: the file ended before). */
bool spool_read_all(int fd, void *out, size_t len, uint64_t at) MUST_CHECK;

/* Whether fsync of a new file below ROOT is known to commit its directory entry too. False when in doubt. */
bool spool_sync_names_file(int root);

/* ---- the trailer: spool_trailer.c ---- */

#define SPOOL_MAGIC "postrider-spool 1 "

struct spool_trailer {
	uint64_t message_at, message_len, envelope_at, envelope_len;
	uint32_t message_sum;
	uint32_t sum;		/* of id, envelope (status bytes masked) and the rest of the trailer */
};

/* CRC-32 of DATA, going on from SUM (0 at first). */
uint32_t spool_sum(uint32_t sum, const void *data, size_t len);
/* Writes the line for ENVELOPE (its text) of message ID; T's sum is filled. */
void spool_trailer_write(struct spool_trailer *t, const char *id, struct view envelope, char out[SPOOL_TRAILER + 1]);
/* Reads the SPOOL_TRAILER bytes at TEXT, which stand at offset AT in the file, and checks that all lies where it can. */
bool spool_trailer_parse(const char *text, uint64_t at, struct spool_trailer *t) MUST_CHECK;
/* Whether ENVELOPE is the one that the trailer TEXT was written for. */
bool spool_trailer_matches(const struct spool_trailer *t, const char *text, const char *id, struct view envelope) MUST_CHECK;

#endif
