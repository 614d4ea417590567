/* spool_writer.c - a message on its way to disk, and the commit. One journal commit: the file is created (or renamed) in
 * new/NN under its final name and written whole, then fsync(file), then fsync(directory) unless the file system is one whose
 * commit of a new file holds the directory entry too (spool_sync.c).
 *
 * fsync and not fdatasync: for a new file the size and the blocks must reach the disk either way, so fdatasync would save
 * nothing (on ext4 it is the same commit), and the queue-runner relies on mode and times of the inode.
 * The trailer carries a checksum of the message: pages of one file reach the disk in any order, so after a power cut a
 * file that was never acknowledged might show its trailer over a hole. */
#include "spool_internal.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "envelope.h"
#include "spool_id.h"

#define CREATE_FLAGS (O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

struct spool_writer {
	struct spool *sp;
	char id[SPOOL_ID_SIZE];
	int fd;			/* tmp/ID; -1 while all is in memory */
	bool committed;
	int error;		/* errno of the last failure */
	size_t memory;
	struct buf tail;	/* the content from FLUSHED on */
	uint64_t flushed;	/* bytes in the file, from SPOOL_HEAD_ROOM on */
	uint32_t flushed_sum;
};

bool spool_write_all(int fd, struct iovec *iov, int count, uint64_t at)
{
	while (count > 0) {
		ssize_t n = pwritev(fd, iov, count, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += (uint64_t)n;
		for (; count > 0 && (size_t)n >= iov->iov_len; iov++, count--)
			n -= (ssize_t)iov->iov_len;
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return true;
}

bool spool_read_all(int fd, void *out, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, out, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? 0 : errno;
			return false;
		}
		out = (char *)out + n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return true;
}

static bool sync_all(int fd)
{
	int failed;
	while ((failed = fsync(fd)) < 0 && errno == EINTR)
		;
	return failed == 0;
}

static struct iovec iov_of(const void *data, size_t len)
{
	return (struct iovec){ (void *)(uintptr_t)data, len };
}

struct spool_writer *spool_write_begin(struct spool *sp, size_t memory)
{
	struct spool_writer *w = calloc(1, sizeof *w);
	if (w == NULL)
		bug("out of memory");
	w->sp = sp;
	w->fd = -1;
	w->memory = memory;
	buf_init(&w->tail, memory);
	spool_new_id(sp, w->id);
	return w;
}

void spool_write_for(struct spool_writer *w, const char *domain, unsigned parts)
{
	struct spool_key key;
	if (parts == 1 || w->fd >= 0 || !spool_id_pack(view_of(w->id), &key))
		return;
	/* near the directory that goes with the time: all writers use PARTS of them at a time */
	unsigned dir = (key.serial & 63) / parts * parts + spool_domain(domain) % parts;
	key.serial = (key.serial & ~63u) | (dir < SPOOL_DIRS ? dir : dir - parts);
	spool_id_unpack(&key, w->id);
}

const char *spool_write_id(const struct spool_writer *w)
{
	return w->id;
}

uint64_t spool_write_size(const struct spool_writer *w)
{
	return w->flushed + w->tail.len;
}

bool spool_write_full(const struct spool_writer *w)
{
	return w->error == ENOSPC || w->error == EDQUOT || w->error == EFBIG;
}

static bool write_failed(struct spool_writer *w, struct err *err, const char *doing)
{
	w->error = errno;
	return err_sys(err, "%s queue file %s", doing, w->id);
}

/* ---- content ---- */

static bool write_to_file(struct spool_writer *w, const void *data, size_t len, struct err *err)
{
	struct iovec iov = iov_of(data, len);
	if (!spool_write_all(w->fd, &iov, 1, SPOOL_HEAD_ROOM + w->flushed))
		return write_failed(w, err, "writing");
	w->flushed_sum = spool_sum(w->flushed_sum, data, len);
	w->flushed += len;
	return true;
}

/* Moves what is in memory to tmp/ID, which is created the first time. */
static bool write_flush(struct spool_writer *w, struct err *err)
{
	if (w->fd < 0) {
		int tmp = spool_tmp_fd(w->sp, err);
		if (tmp < 0) {
			w->error = errno;
			return false;
		}
		w->fd = openat(tmp, w->id, O_RDWR | CREATE_FLAGS, 0600);
		if (w->fd < 0)
			return write_failed(w, err, "creating");
		crash_point("spool-large-created");
	}
	if (w->tail.len > 0 && !write_to_file(w, w->tail.data, w->tail.len, err))
		return false;
	crash_point("spool-large-flushed");
	buf_clear(&w->tail);
	return true;
}

bool spool_write(struct spool_writer *w, const void *data, size_t len, struct err *err)
{
	if (len <= w->memory - w->tail.len) {
		if (buf_put(&w->tail, data, len))
			return true;
		errno = ENOMEM;
		return write_failed(w, err, "holding");
	}
	if (!write_flush(w, err))
		return false;
	if (len > w->memory)
		return write_to_file(w, data, len, err);
	return spool_write(w, data, len, err);
}

ssize_t spool_write_read(struct spool_writer *w, uint64_t offset, void *out, size_t len)
{
	if (offset >= spool_write_size(w))
		return 0;
	if (offset < w->flushed) {
		if (len > w->flushed - offset)
			len = (size_t)(w->flushed - offset);
		return spool_read_all(w->fd, out, len, SPOOL_HEAD_ROOM + offset) ? (ssize_t)len : -1;
	}
	struct view rest = view_skip(buf_view(&w->tail), (size_t)(offset - w->flushed));
	rest = view_head(rest, len);
	memcpy(out, rest.data, rest.len);
	return (ssize_t)rest.len;
}

/* ---- commit ---- */

/* What is to be written after the content. */
struct ending {
	struct buf envelope;
	char trailer[SPOOL_TRAILER + 1];
};

static void ending_make(struct ending *e, const struct spool_writer *w, uint64_t message_at, uint64_t message_len, uint32_t sum)
{
	struct spool_trailer t = { .message_at = message_at, .message_len = message_len, .envelope_at = message_at + message_len,
		.envelope_len = e->envelope.len, .message_sum = sum };
	spool_trailer_write(&t, w->id, buf_view(&e->envelope), e->trailer);
}

/* Everything is in memory: create, one write, two syncs, close. */
static bool commit_small(struct spool_writer *w, int dir, struct view head, struct view body, struct ending *e, struct err *err)
{
	uint32_t sum = spool_sum(spool_sum(0, head.data, head.len), body.data, body.len);
	ending_make(e, w, 0, head.len + body.len, sum);
	int fd = openat(dir, w->id, O_WRONLY | CREATE_FLAGS, 0600);
	if (fd < 0)
		return write_failed(w, err, "creating");
	crash_point("spool-small-created");
	struct iovec iov[] = { iov_of(head.data, head.len), iov_of(body.data, body.len),
		iov_of(e->envelope.data, e->envelope.len), iov_of(e->trailer, SPOOL_TRAILER) };
	bool ok = spool_write_all(fd, iov, COUNT_OF(iov), 0) || write_failed(w, err, "writing");
	crash_point("spool-small-written");
	ok = ok && (sync_all(fd) || write_failed(w, err, "syncing"));
	crash_point("spool-small-synced");
	ok = ok && (w->sp->sync_names || sync_all(dir) || write_failed(w, err, "syncing the directory of"));
	crash_point("spool-small-committed");
	if (!ok)
		unlinkat(dir, w->id, 0);
	close(fd);
	return ok;
}

/* The checksum of [head][content from SKIP on] when the content's own is known: crc32_combine(A, B, n) moves A on over n
 * bytes and adds B, which both takes the skipped bytes away and puts the head in front. */
static bool large_sum(struct spool_writer *w, struct view head, uint64_t skip, uint32_t *sum)
{
	uint64_t kept = spool_write_size(w) - skip;
	uLong all = spool_sum(w->flushed_sum, w->tail.data, w->tail.len);
	uint32_t skipped = 0;
	char piece[16384];
	for (uint64_t at = 0; at < skip;) {
		ssize_t n = spool_write_read(w, at, piece, skip - at < sizeof piece ? (size_t)(skip - at) : sizeof piece);
		if (n <= 0)
			return false;
		skipped = spool_sum(skipped, piece, (size_t)n);
		at += (uint64_t)n;
	}
	if (skip > 0)
		all = crc32_combine(skipped, all, (z_off_t)kept);
	*sum = (uint32_t)crc32_combine(spool_sum(0, head.data, head.len), all, (z_off_t)kept);
	return true;
}

/* The content is in tmp/ID behind the head room: the head is written backwards from it, the ending behind. Renamed before
 * the sync, so that one commit holds data and name; until then no valid trailer may be believed without its checksum. */
static bool commit_large(struct spool_writer *w, int dir, struct view head, uint64_t skip, struct ending *e, struct err *err)
{
	uint64_t message_at = SPOOL_HEAD_ROOM + skip - head.len, size = spool_write_size(w);
	uint32_t sum;
	if (!large_sum(w, head, skip, &sum))
		return write_failed(w, err, "reading");
	ending_make(e, w, message_at, head.len + size - skip, sum);
	struct iovec front = iov_of(head.data, head.len);
	if (!spool_write_all(w->fd, &front, 1, message_at))
		return write_failed(w, err, "writing");
	crash_point("spool-large-headed");
	struct iovec iov[] = { iov_of(w->tail.data, w->tail.len), iov_of(e->envelope.data, e->envelope.len),
		iov_of(e->trailer, SPOOL_TRAILER) };
	if (!spool_write_all(w->fd, iov, COUNT_OF(iov), SPOOL_HEAD_ROOM + w->flushed))
		return write_failed(w, err, "writing");
	crash_point("spool-large-written");
	if (renameat(w->sp->tmp, w->id, dir, w->id) < 0)
		return write_failed(w, err, "renaming");
	crash_point("spool-large-renamed");
	bool ok = sync_all(w->fd) || write_failed(w, err, "syncing");
	crash_point("spool-large-synced");
	ok = ok && (sync_all(dir) || write_failed(w, err, "syncing the directory of"));
	crash_point("spool-large-committed");
	if (!ok)
		unlinkat(dir, w->id, 0);
	return ok;
}

bool spool_commit(struct spool_writer *w, struct view head, uint64_t skip, struct envelope *env, struct err *err)
{
	struct ending e;
	if (w->committed || skip > spool_write_size(w) || head.len > SPOOL_HEAD_ROOM + skip) {
		w->error = EINVAL;
		return err_set(err, "queue file %s: more added in front than there is room for", w->id);
	}
	int dir = spool_id_fd(w->sp, SPOOL_NEW, w->id, err);
	if (dir < 0) {
		w->error = errno;
		return false;
	}
	buf_init(&e.envelope, ENVELOPE_MAX);
	bool ok = envelope_write(env, &e.envelope, err);
	w->error = ok ? 0 : EINVAL;
	if (ok)
		ok = w->fd < 0 ? commit_small(w, dir, head, view_skip(buf_view(&w->tail), (size_t)skip), &e, err) :
			commit_large(w, dir, head, skip, &e, err);
	if (ok)
		envelope_locate(env, buf_view(&e.envelope));
	buf_free(&e.envelope);
	w->committed = ok;
	return ok;
}

void spool_write_end(struct spool_writer **w)
{
	if (*w == NULL)
		return;
	if ((*w)->fd >= 0) {
		if (!(*w)->committed)
			unlinkat((*w)->sp->tmp, (*w)->id, 0);
		close((*w)->fd);
	}
	buf_free(&(*w)->tail);
	free(*w);
	*w = NULL;
}
