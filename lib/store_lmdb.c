/* store_lmdb.c - the store in files of LMDB: state_dir/store.mdb for lasting namespaces, run_dir/store-BOOT.mdb for the
 * others.
 *
 * A record is "NAMESPACE:KEY" -> eight octets, the time it goes (ms since 1970, network order, 0 never), then the value. A
 * counter's value is its number in decimal digits, as in Redis. What has expired counts as not there, and is removed by
 * store_lmdb_clean.c.
 *
 * The file in run_dir is never synced: a power cut may leave anything of it. So its name holds the kernel's boot id, and the
 * next boot begins another one. */
#include "base.h"
#include "store_lmdb.h"
#include "buf.h"
#include "clock.h"
#include "log.h"
#include <fcntl.h>
#include <inttypes.h>

/* ---- where ---- */

static void read_boot_id(char out[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, 36) : 0;

	out[n > 0 ? n : 0] = '\0';
	out[strspn(out, "0123456789abcdef-")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void *make(const struct store_address *address UNUSED, const struct settings *s)
{
	struct lmdb *l = calloc(1, sizeof(*l));
	char path[PATH_MAX], boot[40];

	if (!l)
		bug("no memory for the store");
	buf_init(&l->value, STORE_VALUE_MAX);
	read_boot_id(boot);
	snprintf(path, sizeof(path), "%s/" LMDB_FAST_PREFIX "%s.mdb", s->run_dir, boot);
	store_file_init(&l->files[0], path, false, s->store_size);
	snprintf(path, sizeof(path), "%s/store.mdb", s->state_dir);
	store_file_init(&l->files[1], path, true, s->store_size);
	return l;
}

static void rest(void *state)
{
	struct lmdb *l = state;

	store_file_close(&l->files[0]);
	store_file_close(&l->files[1]);
	buf_free(&l->value);
}

static void destroy(void *state)
{
	rest(state);
	free(state);
}

static const char *name(void *state, bool lasting)
{
	return ((struct lmdb *)state)->files[lasting].path;
}

/* ---- records ---- */

int64_t lmdb_now(void)
{
	return clock_now_us() / 1000;
}

bool lmdb_record(const MDB_val *record, int64_t now, struct view *value, int64_t *left)
{
	const uint8_t *p = record->mv_data;
	uint64_t expiry = 0;

	if (record->mv_size < LMDB_EXPIRY_SIZE)
		return false;
	for (int i = 0; i < LMDB_EXPIRY_SIZE; i++)
		expiry = expiry << 8 | p[i];
	*value = view_make((const char *)p + LMDB_EXPIRY_SIZE, record->mv_size - LMDB_EXPIRY_SIZE);
	*left = expiry ? (int64_t)expiry - now : 0;
	return (!expiry || *left > 0) && value->len <= STORE_VALUE_MAX;
}

MDB_val lmdb_key(const char *space, struct view key, char out[LMDB_KEY_SIZE])
{
	int len = snprintf(out, LMDB_KEY_SIZE, *space ? "%s:" : "%s", space);

	memcpy(out + len, key.data, key.len);
	return (MDB_val){ (size_t)len + key.len, out };
}

/* ---- one question ---- */

struct question {
	const struct store_op *op;
	struct store_reply *reply;
	struct buf *value;
	MDB_val key;
	int64_t now;
};

/* 0 with VALUE and EXPIRY (ms since 1970, 0 never), MDB_NOTFOUND. */
static int look_up(struct question *q, MDB_txn *txn, MDB_dbi dbi, struct view *value, int64_t *expiry)
{
	MDB_val record;
	int64_t left;
	int code = mdb_get(txn, dbi, &q->key, &record);

	if (code == 0 && !lmdb_record(&record, q->now, value, &left))
		code = MDB_NOTFOUND;
	if (code == 0)
		*expiry = left ? q->now + left : 0;
	return code;
}

static int put(struct question *q, MDB_txn *txn, MDB_dbi dbi, struct view value, int64_t expiry)
{
	MDB_val record = { LMDB_EXPIRY_SIZE + value.len, NULL };
	int code = mdb_put(txn, dbi, &q->key, &record, MDB_RESERVE);
	uint8_t *p = record.mv_data;

	if (code)
		return code;
	for (int i = LMDB_EXPIRY_SIZE - 1; i >= 0; i--, expiry >>= 8)
		p[i] = (uint8_t)expiry;
	memcpy(p + LMDB_EXPIRY_SIZE, value.data, value.len);
	return 0;
}

static int get(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	struct question *q = arg;
	struct view value;
	int64_t expiry;
	int code = look_up(q, txn, dbi, &value, &expiry);

	if (code)
		return code;
	buf_clear(q->value);
	if (!buf_put_view(q->value, value))
		return ENOMEM;
	q->reply->answer.value = buf_view(q->value);
	return 0;
}

static int set(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	struct question *q = arg;

	return put(q, txn, dbi, q->op->value, q->op->expiry ? q->now + q->op->expiry : 0);
}

static bool parse_count(struct view v, int64_t *out)
{
	uint64_t n = 0;
	bool minus = v.len && v.data[0] == '-';

	if (!view_u64(view_skip(v, minus), (uint64_t)INT64_MAX, &n))
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static int add(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	struct question *q = arg;
	struct view value;
	int64_t expiry, count = 0;
	char text[24];
	int code = look_up(q, txn, dbi, &value, &expiry);

	if (code == MDB_NOTFOUND)
		expiry = q->now + q->op->expiry;
	else if (code)
		return code;
	else if (!parse_count(value, &count))
		return LMDB_NO_NUMBER;
	if (__builtin_add_overflow(count, q->op->n, &count))
		return LMDB_NO_NUMBER;
	q->reply->answer.count = count;
	snprintf(text, sizeof(text), "%" PRId64, count);
	return put(q, txn, dbi, view_of(text), expiry);
}

static int del(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	struct question *q = arg;
	struct view value;
	int64_t expiry;
	int code = look_up(q, txn, dbi, &value, &expiry);

	return code ? code : mdb_del(txn, dbi, &q->key, NULL);
}

static void ask(void *state, const struct store_op *op, struct store_reply *reply)
{
	static store_work *const works[] = { [STORE_GET] = get, [STORE_SET] = set, [STORE_ADD] = add, [STORE_DELETE] = del };
	struct lmdb *l = state;
	char key[LMDB_KEY_SIZE];
	struct question q = { .op = op, .reply = reply, .value = &l->value, .key = lmdb_key(op->space->name, op->key, key), .now = lmdb_now() };
	struct err err = { "" };
	int64_t extra = op->kind == STORE_DELETE ? LMDB_SLACK : 0;
	int code = store_file_run(&l->files[op->space->lasting], op->kind != STORE_GET, extra, works[op->kind], &q, &err);

	if (code == 0) {
		reply->answer.result = STORE_OK;
	} else if (code == MDB_NOTFOUND) {
		reply->answer.result = STORE_NONE;
	} else if (code == LMDB_NO_NUMBER) {
		reply->answer.result = STORE_BAD;
		snprintf(reply->why, sizeof(reply->why), "the value is no number, or the sum too large for one");
	} else {
		reply->answer.result = STORE_AWAY;
		reply->refused = code == STORE_FILE_FULL || code == ENOSPC || code == EDQUOT;
		snprintf(reply->why, sizeof(reply->why), "%.255s", err.text);
	}
}

/* ---- list ---- */

struct listing { struct store_page *page; struct view prefix; int64_t now; size_t space_len; };

static void add_entry(const struct listing *l, const MDB_val *key, struct view value, int64_t left)
{
	struct store_page *p = l->page;
	struct store_entry *e = &p->entries[p->count++];

	e->key = view_skip(view_make(key->mv_data, key->mv_size), l->space_len);
	e->key = view_make(arena_view_dup(p->arena, e->key), e->key.len);
	e->value = view_make(arena_view_dup(p->arena, value), value.len);
	e->left = left;
}

static int walk(const struct listing *l, MDB_cursor *cursor)
{
	struct store_page *p = l->page;
	MDB_val key = { l->prefix.len, (void *)(uintptr_t)l->prefix.data }, record;
	struct view value;
	int64_t left;

	if (p->after_len)
		key = (MDB_val){ p->after_len, p->after };
	int code = mdb_cursor_get(cursor, &key, &record, key.mv_size ? MDB_SET_RANGE : MDB_FIRST);

	for (; code == 0 && view_starts(view_make(key.mv_data, key.mv_size), l->prefix); code = mdb_cursor_get(cursor, &key, &record, MDB_NEXT)) {
		if (*(const char *)key.mv_data == '\0')		/* the mark */
			continue;
		if (p->count == p->max) {
			p->more = true;
			p->after_len = key.mv_size < sizeof(p->after) ? key.mv_size : sizeof(p->after);
			memmove(p->after, key.mv_data, p->after_len);
			return 0;
		}
		if (lmdb_record(&record, l->now, &value, &left))
			add_entry(l, &key, value, left);
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static int list_work(MDB_txn *txn, MDB_dbi dbi, void *arg)
{
	const struct listing *l = arg;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(txn, dbi, &cursor);

	if (code)
		return code;
	l->page->count = 0;
	l->page->more = false;
	code = walk(l, cursor);
	mdb_cursor_close(cursor);
	return code;
}

static enum store_result list(void *state, const struct store_space *space, struct view prefix, struct store_page *page, struct err *err)
{
	char key[LMDB_KEY_SIZE];
	MDB_val from = lmdb_key(space->name, prefix, key);
	struct listing l = { .page = page, .prefix = view_make(from.mv_data, from.mv_size), .now = lmdb_now(),
		.space_len = from.mv_size - prefix.len };

	page->entries = arena_alloc(page->arena, page->max * sizeof(*page->entries) + 1);
	return store_file_run(&((struct lmdb *)state)->files[space->lasting], false, 0, list_work, &l, err) == 0 ? STORE_OK : STORE_AWAY;
}

/* ---- for people ---- */

static bool describe(void *state, char *out, size_t size, struct err *err)
{
	struct lmdb *l = state;
	size_t len = 0;

	for (int i = 1; i >= 0; i--) {
		const struct store_file *f = &l->files[i];
		size_t entries, octets;

		if (access(f->path, F_OK) != 0)
			len += (size_t)snprintf(out + len, size - len, "%s%s is not there yet", len ? "; " : "", f->path);
		else if (!store_file_size(&l->files[i], &entries, &octets, err))
			return false;
		else
			len += (size_t)snprintf(out + len, size - len, "%s%s holds %zu entries in %zu KiB", len ? "; " : "", f->path,
						entries, octets / 1024);
		if (len >= size)
			len = size - 1;
	}
	return true;
}

const struct store_backend *store_lmdb(void)
{
	static const struct store_backend backend = { .make = make, .free = destroy, .rest = rest, .name = name, .ask = ask, .list = list,
		.prove = lmdb_prove, .clean = lmdb_clean, .describe = describe };

	return &backend;
}
