/* store_lmdb_clean.c - upkeep of the store in LMDB: expired records are removed, some at a time so that nobody waits for it;
 * files of an earlier boot go; and before anybody uses them all files are read once by a process that may die of it. */
#include "base.h"
#include "store_lmdb.h"
#include "log.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CLEAN_READ 1000		/* records looked at in one transaction */
#define CLEAN_REMOVE 100	/* removed in one transaction, for which writers wait */
#define PROVE_SECONDS 20	/* the server waits for it with its start */

/* ---- removing what has expired ---- */

struct sweep {
	char *at;		/* the key to begin with, LMDB_KEY_SIZE octets; LEN 0: the first */
	size_t len;
	size_t left;		/* records that may still be looked at */
	int64_t now;
	size_t count;		/* found */
	struct { size_t len; char key[LMDB_KEY_SIZE]; } found[CLEAN_REMOVE];
};

static bool is_over(const struct sweep *w, const MDB_val *record)
{
	struct view value;
	int64_t left;

	return !lmdb_record(record, w->now, &value, &left);
}

static void keep_key(char *out, size_t *len, const MDB_val *key)
{
	*len = key->mv_size < LMDB_KEY_SIZE ? key->mv_size : LMDB_KEY_SIZE;
	memcpy(out, key->mv_data, *len);
}

static int collect_from(struct sweep *w, MDB_cursor *cursor)
{
	MDB_val key = { w->len, w->at }, record;
	int code = mdb_cursor_get(cursor, &key, &record, w->len ? MDB_SET_RANGE : MDB_FIRST);

	for (size_t n = 0; code == 0 && n < CLEAN_READ && w->left && w->count < CLEAN_REMOVE; n++, w->left--) {
		if (*(const char *)key.mv_data != '\0' && is_over(w, &record)) {
			keep_key(w->found[w->count].key, &w->found[w->count].len, &key);
			w->count++;
		}
		code = mdb_cursor_get(cursor, &key, &record, MDB_NEXT);
	}
	if (code == MDB_NOTFOUND)
		w->len = w->left = 0;	/* from the beginning, next time */
	else if (code == 0)
		keep_key(w->at, &w->len, &key);
	return code == MDB_NOTFOUND ? 0 : code;
}

static int collect(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	struct sweep *w = arg;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(txn, dbi, &cursor);

	if (code)
		return code;
	w->count = 0;
	code = collect_from(w, cursor);
	mdb_cursor_close(cursor);
	return code;
}

/* Somebody may have written them anew since. */
static int remove_found(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	struct sweep *w = arg;

	for (size_t i = 0; i < w->count; i++) {
		MDB_val key = { w->found[i].len, w->found[i].key }, record;
		int code = mdb_get(txn, dbi, &key, &record);

		if (code == 0 && is_over(w, &record))
			code = mdb_del(txn, dbi, &key, NULL);
		if (code && code != MDB_NOTFOUND)
			return code;
	}
	return 0;
}

static void clean_file(struct lmdb *l, int which, struct sweep *w, size_t n)
{
	struct store_file *f = &l->files[which];
	struct err err = { "" };

	if (access(f->path, F_OK) != 0)
		return;
	store_file_free_readers(f);
	*w = (struct sweep){ .at = l->cleaned[which].key, .len = l->cleaned[which].len, .left = n, .now = lmdb_now() };
	while (w->left && store_file_run(f, false, 0, collect, w, &err) == 0)
		if (w->count && store_file_run(f, true, LMDB_SLACK, remove_found, w, &err) != 0)
			break;
	l->cleaned[which].len = w->len;
	if (*err.text)
		log_debug("store cannot be cleaned: %s", err.text);
}

void lmdb_clean(void *state, size_t n)
{
	struct lmdb *l = state;
	struct sweep *w = malloc(sizeof(*w));

	for (int i = 0; w && i < 2; i++)
		clean_file(l, i, w, n);
	free(w);
}

/* ---- files of earlier boots ---- */

static void remove_old(const struct store_file *f)
{
	const char *slash = strrchr(f->path, '/'), *own = slash + 1;
	char dir_path[PATH_MAX];
	struct dirent *e;

	snprintf(dir_path, sizeof(dir_path), "%.*s", (int)(slash - f->path), f->path);
	DIR *dir = opendir(dir_path);

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, LMDB_FAST_PREFIX, strlen(LMDB_FAST_PREFIX)) == 0 && strncmp(e->d_name, own, strlen(own)) != 0 &&
		    unlinkat(dirfd(dir), e->d_name, 0) != 0)
			log_warn("%s/%s: cannot be removed: %s", dir_path, e->d_name, strerror(errno));
	if (dir)
		closedir(dir);
}

/* ---- reading everything once ---- */

/* Each octet is looked at, and keys must ascend, so that pages which lead in circles are found too. */
static int walk_all(MDB_cursor *cursor, bool ascend)
{
	MDB_val key, record, last = { 0, NULL };
	volatile uint8_t sum = 0;
	int code = mdb_cursor_get(cursor, &key, &record, MDB_FIRST);

	for (; code == 0; code = mdb_cursor_get(cursor, &key, &record, MDB_NEXT)) {
		for (size_t i = 0; i < record.mv_size; i++)
			sum = (uint8_t)(sum + ((const uint8_t *)record.mv_data)[i]);
		size_t common = key.mv_size < last.mv_size ? key.mv_size : last.mv_size;
		int order = ascend && common ? memcmp(key.mv_data, last.mv_data, common) : 1;

		if (order < 0 || (order == 0 && key.mv_size <= last.mv_size))
			return MDB_CORRUPTED;
		last = key;
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static int read_all(MDB_txn *txn, MDB_dbi dbi, void *arg UNUSED)
{
	MDB_cursor *cursor;
	int code = 0;

	/* The database 0 is LMDB's list of free pages, whose keys are numbers. */
	for (MDB_dbi d = 0; code == 0 && d <= dbi; d++) {
		code = mdb_cursor_open(txn, d, &cursor);
		if (code)
			break;
		code = walk_all(cursor, d == dbi);
		mdb_cursor_close(cursor);
	}
	return code;
}

NORETURN static void read_and_leave(struct store_file *f)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGTERM };
	struct err err = { "" };
	sigset_t none;

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(PROVE_SECONDS);
	if (store_file_run(f, false, 0, read_all, NULL, &err) != 0)	/* which sets a damaged one aside */
		log_warn("store cannot be looked at: %s", err.text);
	_exit(0);
}

static void prove_file(struct store_file *f)
{
	struct stat st;
	int status = 0;
	pid_t pid;

	if (stat(f->path, &st) != 0)
		return;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	pid = fork();
	if (pid == 0)
		read_and_leave(f);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFSIGNALED(status))
		return;
	if (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGABRT)
		store_file_set_aside(f, "a process died of reading it");
	else
		log_warn("store file %s was not looked through: %s", f->path, strsignal(WTERMSIG(status)));
}

void lmdb_prove(void *state)
{
	struct lmdb *l = state;

	remove_old(&l->files[0]);
	for (int i = 0; i < 2; i++)
		prove_file(&l->files[i]);
}
