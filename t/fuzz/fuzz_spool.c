/* fuzz_spool.c - files of the spool that somebody else has written: whole ones, and envelopes behind a message with a trailer
 * that fits, which would otherwise never be reached through the checksums. What is accepted lies inside the file,
 * and can be updated and read again. */
#include "fuzz.h"
#include "../../queue/envelope.h"
#include "../../queue/spool_internal.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#define ID "0123456789ABCDEF07"

static struct {
	char dir[128], path[192];	/* and the message, in new/07 */
	struct spool *spool;
	int fd;
} place;

static int remove_entry(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void clean_up(void)
{
	spool_close(&place.spool);
	nftw(place.dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
	const char *tmp = getenv("TMPDIR");
	struct err err = { .text = "" };
	char path[192];

	snprintf(place.dir, sizeof(place.dir), "%.80s/fuzz-spool-XXXXXX", tmp ? tmp : "/tmp");
	MUST(mkdtemp(place.dir));
	snprintf(path, sizeof(path), "%s/spool", place.dir);
	snprintf(place.path, sizeof(place.path), "%s/spool/new/07/" ID, place.dir);
	MUST(spool_create(path, geteuid(), getegid(), &err));
	place.spool = spool_open(path, 7, &err);
	MUST(place.spool);
	atexit(clean_up);
}

/* A new file each time: on some file systems, emptying one and filling it again waits for the disk. */
static void make_file(mode_t mode)
{
	unlink(place.path);
	place.fd = open(place.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	MUST(place.fd >= 0 && fchmod(place.fd, mode) == 0);
}

static void put(const void *data, size_t len, uint64_t at)
{
	MUST(len == 0 || pwrite(place.fd, data, len, (off_t)at) == (ssize_t)len);
}

/* ENVELOPE behind a message, and the trailer for both. */
static void write_with_trailer(struct view envelope)
{
	static const char message[] = "Subject: x\r\n\r\nx\r\n";
	struct spool_trailer t = { .message_len = sizeof(message) - 1, .envelope_at = sizeof(message) - 1, .envelope_len = envelope.len,
				   .message_sum = spool_sum(0, message, sizeof(message) - 1) };
	char trailer[SPOOL_TRAILER + 1];

	spool_trailer_write(&t, ID, envelope, trailer);
	put(message, sizeof(message) - 1, 0);
	put(envelope.data, envelope.len, t.envelope_at);
	put(trailer, SPOOL_TRAILER, t.envelope_at + envelope.len);
}

static void check_envelope(const struct spool_file *f, uint64_t size)
{
	MUST(f->end <= size && f->envelope_at + f->envelope_len + SPOOL_TRAILER == f->end && f->message_at + f->message_len <= f->envelope_at);
	MUST(f->env.rcpt_count > 0 && f->env.rcpt_count <= ENVELOPE_RCPTS_MAX && f->env.note_count <= ENVELOPE_NOTES_MAX);
	for (size_t i = 0; i < f->env.rcpt_count; i++) {
		const struct envelope_rcpt *r = &f->env.rcpts[i];
		char byte;

		MUST(strlen(r->address) + strlen(r->domain) + strlen(r->orcpt) + strlen(r->last) < ENVELOPE_LINE_MAX);
		MUST(r->status_at < f->envelope_len && pread(f->fd, &byte, 1, (off_t)(f->envelope_at + r->status_at)) == 1);
		MUST(byte == (char)r->status);
	}
}

/* As the queue-runner changes it. */
static void check_update(struct spool_file *f, struct arena *a)
{
	struct err err = { .text = "" };
	struct spool_file again;

	f->env.attempts++;
	f->env.next = 1800000000;
	f->env.rcpts[0].last = "mx [192.0.2.1] 451 4.7.1 not now";
	MUST(spool_set_status(f, 0, RCPT_DONE, &err));
	if (!spool_update(f, &err))
		return;
	MUST(spool_file_open(place.spool, ID, SPOOL_NEW, false, a, &again, &err) == SPOOL_READ_OK);
	MUST(again.env.rcpt_count == f->env.rcpt_count && again.env.note_count == f->env.note_count && again.env.rcpts[0].status == RCPT_DONE);
	MUST(strcmp(again.env.sender, f->env.sender) == 0 && again.env.attempts == f->env.attempts && again.env.flags == f->env.flags);
	for (size_t i = 0; i < again.env.rcpt_count; i++)
		MUST(strcmp(again.env.rcpts[i].address, f->env.rcpts[i].address) == 0 && again.env.rcpts[i].status == f->env.rcpts[i].status);
	spool_file_close(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	uint8_t mode = fuzz_byte(&in);
	struct arena *a = arena_new(4096);
	struct err err = { .text = "" };
	struct spool_file f;
	enum spool_read result;
	struct stat st;

	if (!place.spool)
		set_up();
	make_file(mode & 2 ? 0700 : 0600);
	if (mode & 1)
		write_with_trailer(in);
	else
		put(in.data, in.len, 0);
	MUST(fstat(place.fd, &st) == 0);
	close(place.fd);
	result = spool_file_open(place.spool, ID, SPOOL_NEW, true, a, &f, &err);
	MUST(result == SPOOL_READ_OK || result == SPOOL_READ_INCOMPLETE || result == SPOOL_READ_DAMAGED);
	if (result == SPOOL_READ_OK) {
		check_envelope(&f, (uint64_t)st.st_size);
		MUST(spool_file_check(&f, &err) == SPOOL_READ_OK || !(mode & 1));
		check_update(&f, a);
		spool_file_close(&f);
	} else {
		MUST(err.text[0] != '\0' && f.fd == -1);
	}
	arena_free(&a);
	return 0;
}
