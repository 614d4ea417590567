/* store_file.h - one file of LMDB, shared by all processes of a server: opened by each on its own at the first transaction, grown
 * when it is full, set aside when it is no file of ours. Survives that any process dies at any instruction: LMDB writes
 * a change beside what is there and then turns one page over, and its locks are robust. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include "base.h"
#include "err.h"
#include <lmdb.h>

struct store_file {
	char path[PATH_MAX];	/* beside it: PATH-lock, and PATH.bad when it was set aside */
	bool synced;		/* each change is on disk before it counts as made; else the kernel writes it some time */
	int64_t limit;		/* octets it may grow to (a little more when expired entries are removed from a full one) */
	MDB_env *env;		/* NULL: not open */
	MDB_dbi dbi;
	pid_t pid;		/* that opened it: after a fork it is of no use to the child */
	dev_t dev;
	ino_t ino;
	int64_t looked;		/* clock_ms: when it was last seen that PATH is still this file */
};

void store_file_init(struct store_file *f, const char *path, bool synced, int64_t limit);
void store_file_close(struct store_file *f);

/* What is done inside a transaction; may be called again after a failure. 0: commit; anything else: as if nothing had been done, and
 * the result of store_file_run. Errors are LMDB's or errno's. */
typedef int store_work(MDB_txn *txn, MDB_dbi dbi, void *arg);
/* Runs WORK. EXTRA: octets over the limit that it may use, to remove something. ERR says why it failed; STORE_FILE_FULL and
 * ENOSPC mean that there is no room, all that is neither these nor WORK's own that the file cannot be used. */
#define STORE_FILE_FULL (-2)	/* no error of LMDB, nor of errno */
int store_file_run(struct store_file *f, bool write, int64_t extra, store_work *work, void *arg, struct err *err);
/* Slots of dead readers are freed, which otherwise keep pages from being used again. */
void store_file_free_readers(struct store_file *f);
/* Sets it aside, unless somebody else has meanwhile. */
void store_file_set_aside(struct store_file *f, const char *why);
/* Entries and octets in use; false when it cannot be opened. */
bool store_file_size(struct store_file *f, size_t *entries, size_t *octets, struct err *err) MUST_CHECK;

#endif
