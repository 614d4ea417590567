/* spool_reader.c - opening a message. A file of the spool is as hostile as any input: whoever could write there, a disk that
 * lies or a power cut may have changed any byte, so every offset, length and field is checked before it is used. A typical
 * message needs open, fstat and one pread of its last 8 KiB. */
#include "spool_internal.h"
#include <fcntl.h>
#include <sys/stat.h>

#include "envelope.h"

#define TAIL_SIZE 8192
#define SEARCH_PIECE 65536
#define SEARCH_CANDIDATES 8	/* lines that look like a trailer: more are no accident */
#define TRAILER_START "\n" SPOOL_MAGIC

static enum spool_read read_failed(struct spool_file *f, enum spool_read result)
{
	spool_file_close(f);
	return result;
}

/* The envelope in memory of A: from TAIL (which ends at offset END), or from the file. NULL with errno. */
static char *envelope_load(const struct spool_file *f, const struct spool_trailer *t, struct arena *a, struct view tail, uint64_t end)
{
	char *text = arena_alloc(a, t->envelope_len + 1);
	if (t->envelope_at >= end - tail.len) {
		memcpy(text, tail.data + (t->envelope_at - (end - tail.len)), t->envelope_len);
		return text;
	}
	return spool_read_all(f->fd, text, t->envelope_len, t->envelope_at) ? text : NULL;
}

/* Takes the SPOOL_TRAILER bytes at TEXT, at offset AT in the file, for the trailer in force. DAMAGED: they are none. */
static enum spool_read trailer_try(struct spool_file *f, const char *text, uint64_t at, struct arena *a, struct view tail,
	uint64_t end, struct err *err)
{
	struct spool_trailer t;
	if (!spool_trailer_parse(text, at, &t))
		return SPOOL_READ_DAMAGED;
	char *envelope = envelope_load(f, &t, a, tail, end);
	if (envelope == NULL) {
		err_sys(err, "reading queue file %s", f->id);
		return SPOOL_READ_ERROR;
	}
	if (!spool_trailer_matches(&t, text, f->id, view_make(envelope, t.envelope_len)))
		return SPOOL_READ_DAMAGED;
	f->message_at = t.message_at;
	f->message_len = t.message_len;
	f->message_sum = t.message_sum;
	f->envelope_at = t.envelope_at;
	f->envelope_len = t.envelope_len;
	f->end = at + SPOOL_TRAILER;
	return envelope_parse(envelope, t.envelope_len, a, &f->env, err) ? SPOOL_READ_OK : SPOOL_READ_DAMAGED;
}

/* All lines in PIECE, which stands at offset BASE, that look like a trailer, last first. */
static enum spool_read search_piece(struct spool_file *f, struct view piece, uint64_t base, unsigned *candidates, struct arena *a,
	struct err *err)
{
	const size_t whole = 1 + SPOOL_TRAILER;
	for (size_t left = piece.len < whole ? 0 : piece.len - whole + 1; left > 0;) {
		const char *found = memrchr(piece.data, '\n', left);
		if (found == NULL)
			break;
		left = (size_t)(found - piece.data);
		if (memcmp(found, TRAILER_START, strlen(TRAILER_START)) != 0)
			continue;
		if (++*candidates > SEARCH_CANDIDATES)
			break;
		uint64_t at = base + left + 1;
		enum spool_read result = trailer_try(f, found + 1, at, a, VIEW(""), at, err);
		if (result != SPOOL_READ_DAMAGED)
			return result;
	}
	return SPOOL_READ_DAMAGED;
}

/* A file that has been updated and does not end in a trailer: an update was torn, so the one before is in force. Read
 * backwards in pieces that overlap by one trailer. */
static enum spool_read trailer_search(struct spool_file *f, uint64_t size, struct arena *a, struct err *err)
{
	unsigned candidates = 0;
	enum spool_read result = SPOOL_READ_DAMAGED;
	char *piece = malloc(SEARCH_PIECE);
	if (piece == NULL)
		bug("out of memory");
	for (uint64_t end = size; result == SPOOL_READ_DAMAGED && candidates <= SEARCH_CANDIDATES;) {
		size_t len = end < SEARCH_PIECE ? (size_t)end : SEARCH_PIECE;
		if (!spool_read_all(f->fd, piece, len, end - len)) {
			err_sys(err, "reading queue file %s", f->id);
			result = SPOOL_READ_ERROR;
			break;
		}
		result = search_piece(f, view_make(piece, len), end - len, &candidates, a, err);
		if (len < SEARCH_PIECE)
			break;
		end -= len - SPOOL_TRAILER;
	}
	free(piece);
	if (result == SPOOL_READ_DAMAGED)
		err_set(err, "queue file %s: damaged, no trailer that fits", f->id);
	return result;
}

/* Only a regular file of one name is a message: no link leads out of the spool, no pipe blocks. */
static enum spool_read file_stat(struct spool_file *f, uint64_t *size, struct err *err)
{
	struct stat st;
	if (fstat(f->fd, &st) < 0) {
		err_sys(err, "queue file %s", f->id);
		return SPOOL_READ_ERROR;
	}
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1) {
		err_set(err, "queue file %s: not a regular file, or linked", f->id);
		return SPOOL_READ_DAMAGED;
	}
	*size = (uint64_t)st.st_size;
	f->marked = st.st_mode & S_IXUSR;
	return SPOOL_READ_OK;
}

/* The trailer is the end of the file. If it is not, then a file without the mark was being written for the first time, and
 * nobody was told that it was accepted; nothing inside is looked for, since that is what a client wrote. */
static enum spool_read file_read(struct spool_file *f, struct arena *a, struct err *err)
{
	char tail[TAIL_SIZE];
	uint64_t size;
	enum spool_read result = file_stat(f, &size, err);
	if (result != SPOOL_READ_OK)
		return result;
	size_t len = size < sizeof tail ? (size_t)size : sizeof tail;
	if (!spool_read_all(f->fd, tail, len, size - len)) {
		err_sys(err, "reading queue file %s", f->id);
		return SPOOL_READ_ERROR;
	}
	bool whole = len >= SPOOL_TRAILER && memcmp(tail + len - SPOOL_TRAILER, SPOOL_MAGIC, strlen(SPOOL_MAGIC)) == 0 &&
		tail[len - 1] == '\n';
	if (whole)
		result = trailer_try(f, tail + len - SPOOL_TRAILER, size - SPOOL_TRAILER, a, view_make(tail, len), size, err);
	if (whole && result != SPOOL_READ_DAMAGED)
		return result;
	if (f->marked)
		return trailer_search(f, size, a, err);
	err_set(err, whole ? "queue file %s: damaged, its trailer does not fit" : "queue file %s: incomplete, never acknowledged", f->id);
	return whole ? SPOOL_READ_DAMAGED : SPOOL_READ_INCOMPLETE;
}

enum spool_read spool_file_open(struct spool *sp, const char *id, enum spool_state state, bool writable, struct arena *a,
	struct spool_file *out, struct err *err)
{
	*out = (struct spool_file){ .fd = -1, .state = state };
	int dir = spool_id_fd(sp, state, id, err);
	if (dir < 0)
		return SPOOL_READ_ERROR;
	memcpy(out->id, id, SPOOL_ID_SIZE);
	out->fd = openat(dir, id, (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (out->fd < 0) {
		int why = errno;
		err_sys(err, "queue file %s/%s", spool_state_name(state), id);
		return why == ENOENT ? SPOOL_READ_GONE : why == ELOOP || why == EISDIR || why == ENXIO ? SPOOL_READ_DAMAGED :
			SPOOL_READ_ERROR;
	}
	enum spool_read result = file_read(out, a, err);
	return result == SPOOL_READ_OK ? result : read_failed(out, result);
}

/* Twice round, for a file that is moved from a state still to be looked at to one that has been. */
enum spool_read spool_file_find(struct spool *sp, const char *id, bool writable, struct arena *a, struct spool_file *out, struct err *err)
{
	enum spool_read result = SPOOL_READ_GONE;
	for (int i = 0; result == SPOOL_READ_GONE && i < 2 * SPOOL_STATES; i++)
		result = spool_file_open(sp, id, (enum spool_state)(i % SPOOL_STATES), writable, a, out, err);
	return result;
}

void spool_file_close(struct spool_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

enum spool_read spool_file_check(const struct spool_file *f, struct err *err)
{
	char piece[SEARCH_PIECE / 4];
	uint32_t sum = 0;
	for (uint64_t done = 0; done < f->message_len;) {
		uint64_t left = f->message_len - done;
		size_t len = left < sizeof piece ? (size_t)left : sizeof piece;
		if (!spool_read_all(f->fd, piece, len, f->message_at + done)) {
			err_sys(err, "reading queue file %s", f->id);
			return SPOOL_READ_ERROR;
		}
		sum = spool_sum(sum, piece, len);
		done += len;
	}
	if (sum == f->message_sum)
		return SPOOL_READ_OK;
	err_set(err, "queue file %s: the message is damaged", f->id);
	return SPOOL_READ_DAMAGED;
}
