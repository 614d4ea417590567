/* store_file.c - see store_file.h.
 *
 * Opening holds a shared lock (flock) on the directory, setting aside an exclusive one: nobody ever opens the data of one file with
 * the locks of another. A process that has the old file open finds within a second that the name means another one. */
#include "base.h"
#include "store_file.h"
#include "clock.h"
#include "log.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define MAP_FIRST (INT64_C(1) << 20)	/* octets of a new file's map; doubles until the limit */
#define READERS_MAX 4096		/* at the same moment; a get holds its slot for microseconds */
#define LOOK_EVERY 1000			/* ms */
#define TRIES 40			/* a map that doubles is not told to grow as often */

/* The first record: that it is ours. No namespace begins with NUL. */
static const char mark_key[] = "\0postrider", mark[] = "store 1";

void store_file_init(struct store_file *f, const char *path, bool synced, int64_t limit)
{
	*f = (struct store_file){ .synced = synced, .limit = limit };
	snprintf(f->path, sizeof(f->path), "%s", path);
}

/* LMDB's handle must not be touched in a child: what belongs to the parent is left alone there, and not freed. */
void store_file_close(struct store_file *f)
{
	if (f->env && f->pid == getpid())
		mdb_env_close(f->env);
	f->env = NULL;
}

/* ---- the lock of the directory ---- */

static int lock_directory(const struct store_file *f, int how, struct err *err)
{
	char dir[PATH_MAX];
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(f->path, '/') - f->path), f->path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(err, "%s", dir);
		return -1;
	}
	while (flock(fd, how) != 0 && errno == EINTR)
		;
	return fd;
}

/* ---- setting aside ---- */

static bool is_current(const struct store_file *f)
{
	struct stat st;

	return stat(f->path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

static void move(const struct store_file *f, const char *from_end, const char *to_end)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];

	snprintf(from, sizeof(from), "%s%s", f->path, from_end);
	snprintf(to, sizeof(to), "%s%s", f->path, to_end);
	if (rename(from, to) != 0 && errno != ENOENT)
		log_error("%s: cannot be renamed: %s", from, strerror(errno));
}

void store_file_set_aside(struct store_file *f, const char *why)
{
	int lock;

	store_file_close(f);
	lock = lock_directory(f, LOCK_EX, NULL);
	if (lock < 0)
		return;
	if (is_current(f)) {
		move(f, "", ".bad");
		move(f, "-lock", ".bad-lock");
		log_error("store file %s cannot be used (%s): set aside as %s.bad, a new one is begun", f->path, why, f->path);
	}
	close(lock);
}

/* Trouble that a new file cures. */
static bool is_damage(int code)
{
	return code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND ||
		code == MDB_INCOMPATIBLE || code == MDB_CURSOR_FULL || code == MDB_PAGE_FULL;
}

static const char *damage_text(int code)
{
	return code == MDB_INCOMPATIBLE ? "it was not written by postrider" : mdb_strerror(code);
}

/* ---- opening ---- */

static int read_mark(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_val key = { sizeof(mark_key) - 1, (void *)(uintptr_t)mark_key }, value;
	MDB_stat stat;
	int code = mdb_get(txn, dbi, &key, &value);

	if (code == 0)
		return value.mv_size == sizeof(mark) - 1 && memcmp(value.mv_data, mark, value.mv_size) == 0 ? 0 : MDB_INCOMPATIBLE;
	if (code != MDB_NOTFOUND)
		return code;
	code = mdb_stat(txn, dbi, &stat);
	return code ? code : stat.ms_entries ? MDB_INCOMPATIBLE : MDB_NOTFOUND;
}

/* Looks for the mark, and makes it in a file that is new. */
static int check_mark(struct store_file *f, bool write)
{
	MDB_val key = { sizeof(mark_key) - 1, (void *)(uintptr_t)mark_key }, value = { sizeof(mark) - 1, (void *)(uintptr_t)mark };
	MDB_txn *txn;
	int code = mdb_txn_begin(f->env, NULL, write ? 0 : MDB_RDONLY, &txn);

	if (code)
		return code;
	code = mdb_dbi_open(txn, NULL, 0, &f->dbi);
	if (code == 0)
		code = read_mark(txn, f->dbi);
	if (code == MDB_NOTFOUND && write)
		code = mdb_put(txn, f->dbi, &key, &value, 0);
	if (code == 0)
		return mdb_txn_commit(txn);	/* which keeps the handle */
	mdb_txn_abort(txn);
	return code == MDB_NOTFOUND ? check_mark(f, true) : code;
}

static int open_env(struct store_file *f)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | (f->synced ? MDB_NOMETASYNC : MDB_NOSYNC);
	struct stat st = { .st_size = 0 };
	int code = mdb_env_create(&f->env);

	if (code)
		return code;
	f->pid = getpid();
	mdb_env_set_maxreaders(f->env, READERS_MAX);
	if (stat(f->path, &st) != 0 || st.st_size == 0)
		mdb_env_set_mapsize(f->env, (size_t)MAP_FIRST);		/* else it is what the file says */
	else if (!S_ISREG(st.st_mode))
		return EINVAL;
	f->dev = st.st_dev;	/* should it be no file of LMDB: that one is to be set aside */
	f->ino = st.st_ino;
	code = mdb_env_open(f->env, f->path, flags, 0600);
	if (code == 0 && stat(f->path, &st) != 0)
		code = errno;
	if (code)
		return code;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return check_mark(f, false);
}

static int open_file(struct store_file *f, struct err *err)
{
	int lock = lock_directory(f, LOCK_SH, err), code;

	if (lock < 0)
		return errno;
	code = open_env(f);
	if (code)
		store_file_close(f);
	close(lock);
	f->looked = clock_ms();
	return code;
}

/* Has it open, if need be after having set aside what is there. */
static int make_ready(struct store_file *f, struct err *err)
{
	int64_t now = clock_ms();
	int code;

	if (f->env && f->pid != getpid())
		f->env = NULL;
	if (f->env && now - f->looked >= LOOK_EVERY) {
		f->looked = now;
		if (!is_current(f))
			store_file_close(f);
	}
	if (f->env)
		return 0;
	code = open_file(f, err);
	if (!is_damage(code))
		return code;
	store_file_set_aside(f, damage_text(code));
	return open_file(f, err);
}

/* ---- transactions ---- */

static int resize(struct store_file *f, int64_t size)
{
	int code = mdb_env_set_mapsize(f->env, (size_t)size);

	if (code)
		store_file_close(f);	/* it is without a map now */
	return code;
}

/* Another process has made the map larger. One that removes expired entries may have gone over the limit: that much, and no more. */
static int follow(struct store_file *f)
{
	MDB_envinfo info;
	int code = resize(f, 0);

	if (code)
		return code;
	mdb_env_info(f->env, &info);
	return (int64_t)info.me_mapsize > f->limit ? resize(f, f->limit) : 0;	/* LMDB makes it as large as what is used */
}

static int grow(struct store_file *f, int64_t extra)
{
	MDB_envinfo info;
	MDB_stat stat;
	int64_t size, most = f->limit, used;

	mdb_env_info(f->env, &info);
	mdb_env_stat(f->env, &stat);
	size = (int64_t)info.me_mapsize;
	used = (int64_t)((info.me_last_pgno + 1) * stat.ms_psize);
	if (extra)
		most = (used > most ? used : most) + extra;
	if (size >= most)
		return MDB_MAP_FULL;
	return resize(f, size * 2 < most ? size * 2 : most);
}

/* After CODE: 0 when another try is worth it, else the error that remains. */
static int mend(struct store_file *f, int code, int64_t extra)
{
	switch (code) {
	case MDB_MAP_RESIZED:
		return follow(f);
	case MDB_MAP_FULL:
		return grow(f, extra);
	case MDB_READERS_FULL:
		store_file_free_readers(f);
		return 0;
	case MDB_PANIC:		/* of this handle; a new one looks at the file */
	case MDB_BAD_RSLOT:
	case MDB_BAD_TXN:
	case MDB_BAD_DBI:
		store_file_close(f);
		return 0;
	default:
		if (!is_damage(code))
			return code;
		store_file_set_aside(f, damage_text(code));
		return 0;
	}
}

/* Pages of the file that hold nothing: LMDB's list of them is its database 0, a number and as many pages in each record. */
static int count_free(MDB_txn *txn, size_t *count)
{
	MDB_cursor *cursor;
	MDB_val key, pages;
	size_t n;
	int code = mdb_cursor_open(txn, 0, &cursor);

	if (code)
		return code;
	for (*count = 0; (code = mdb_cursor_get(cursor, &key, &pages, MDB_NEXT)) == 0; *count += n)
		memcpy(&n, pages.mv_data, sizeof(n));
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

/* Whether what is in use is within the limit. A file that is larger got so while records were removed; what became free by
 * that is for removing more, else it would grow each time. */
static int check_room(struct store_file *f)
{
	size_t unused = 0;
	MDB_envinfo info;
	MDB_stat stat;
	MDB_txn *txn;
	int code;

	mdb_env_info(f->env, &info);
	mdb_env_stat(f->env, &stat);
	if ((int64_t)((info.me_last_pgno + 1) * stat.ms_psize) <= f->limit)
		return 0;
	code = mdb_txn_begin(f->env, NULL, MDB_RDONLY, &txn);	/* a writer may not look at that list */
	if (code)
		return code;
	code = count_free(txn, &unused);
	mdb_txn_abort(txn);
	return code || (int64_t)((info.me_last_pgno + 1 - unused) * stat.ms_psize) < f->limit ? code : STORE_FILE_FULL;
}

static int attempt(struct store_file *f, bool write, store_work *work, void *arg)
{
	MDB_txn *txn;
	int code = mdb_txn_begin(f->env, NULL, write ? 0 : MDB_RDONLY, &txn);

	if (code)
		return code;
	code = work(txn, f->dbi, arg);
	if (code == 0 && write)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return code;
}

int store_file_run(struct store_file *f, bool write, int64_t extra, store_work *work, void *arg, struct err *err)
{
	int code = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		code = make_ready(f, err);
		if (code == 0 && write && !extra)
			code = check_room(f);
		if (code == 0)
			code = attempt(f, write, work, arg);
		if (code == 0 || code == MDB_NOTFOUND)
			return code;
		if (!f->env || mend(f, code, extra) != 0)
			break;
	}
	if (code == MDB_MAP_FULL)
		code = STORE_FILE_FULL;
	if (!*err->text)
		err_set(err, "%s: %s", f->path, code == STORE_FILE_FULL ? "store_size is reached" : mdb_strerror(code));
	return code;
}

void store_file_free_readers(struct store_file *f)
{
	int dead = 0;

	if (f->env && f->pid == getpid() && mdb_reader_check(f->env, &dead) == 0 && dead)
		log_debug("store file %s: %d readers had died", f->path, dead);
}

bool store_file_size(struct store_file *f, size_t *entries, size_t *octets, struct err *err)
{
	int code = make_ready(f, err);
	MDB_envinfo info;
	MDB_stat stat;

	if (code) {
		if (!*err->text)
			err_set(err, "%s: %s", f->path, mdb_strerror(code));
		return false;
	}
	mdb_env_info(f->env, &info);
	mdb_env_stat(f->env, &stat);
	*entries = stat.ms_entries ? stat.ms_entries - 1 : 0;	/* the mark */
	*octets = (info.me_last_pgno + 1) * stat.ms_psize;
	return true;
}
