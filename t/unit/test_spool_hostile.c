/* test_spool_hostile.c - files of the spool that are torn, damaged, forged or no files at all. What was acknowledged is
 * found again or set aside; what was not is never taken for a message. */
#include "spool_fixture.h"

#include "../../queue/envelope.h"
#include "../../queue/spool_internal.h"

#define MESSAGE "Received: by me\r\nSubject: tests\r\n\r\n.dot\r\nbody\r\n"

static char id[SPOOL_ID_SIZE];

/* The file of ID in new/: its bytes, and back again. */
static size_t load(char *out, size_t size)
{
	int fd = open(fixture_file(SPOOL_NEW, id), O_RDONLY);
	ssize_t n = read(fd, out, size);
	ck_assert_int_ge(n, 0);
	close(fd);
	return (size_t)n;
}

static void store(const char *data, size_t len, mode_t mode)
{
	int fd = open(fixture_file(SPOOL_NEW, id), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) != 0)
		ck_abort_msg("writing a file");
	close(fd);
}

static enum spool_read look(struct spool_file *f)
{
	fx.err.text[0] = '\0';
	arena_reset(fx.arena);
	return spool_file_open(fx.spool, id, SPOOL_NEW, true, fx.arena, f, &fx.err);
}

static void commit_one(void)
{
	struct envelope env = fixture_envelope(2);
	struct envelope_note note = { "key", "value" };
	env.notes = &note;
	env.note_count = 1;
	fixture_commit(VIEW(MESSAGE), &env, 10000, id);
}

/* Cut at every byte: without the trailer's last byte it is no message, and was never one. */
START_TEST(torn_commit)
{
	char whole[4096], holes[4096];
	struct spool_file f;
	commit_one();
	size_t len = load(whole, sizeof whole);
	for (size_t n = 0; n < len; n++) {
		store(whole, n, 0600);
		enum spool_read result = look(&f);
		if (result != SPOOL_READ_INCOMPLETE)
			ck_abort_msg("%zu of %zu bytes: %d", n, len, (int)result);
		memset(holes, 0, len);
		memcpy(holes, whole, n);
		store(holes, len, 0600);
		result = look(&f);
		if (result != SPOOL_READ_INCOMPLETE && result != SPOOL_READ_DAMAGED)
			ck_abort_msg("%zu of %zu bytes, then zeros: %d", n, len, (int)result);
	}
	store(whole, len, 0600);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_OK);
	spool_file_close(&f);
}
END_TEST

/* An update torn at every byte (cut, zeros, old junk): the one before is in force, and the next update goes over it. */
START_TEST(torn_update)
{
	char whole[8192], torn[8192];
	struct spool_file f;
	commit_one();
	ck_assert_int_eq((int)look(&f), SPOOL_READ_OK);
	ck_assert(spool_set_status(&f, 1, RCPT_DONE, &fx.err));
	f.env.attempts = 1;
	f.env.rcpts[0].last = "mx [192.0.2.1] 451 4.7.1 not\nnow";
	ck_assert(spool_update(&f, &fx.err));
	size_t first = (size_t)f.end;
	f.env.attempts = 2;
	ck_assert(spool_update(&f, &fx.err));
	spool_file_close(&f);
	size_t len = load(whole, sizeof whole);
	for (size_t n = first; n < len; n++) {
		for (int way = 0; way < 3; way++) {
			memset(torn, way == 1 ? 0 : 'x', sizeof torn);
			memcpy(torn, whole, n);
			store(torn, way == 0 ? n : len + (size_t)way, 0700);
			enum spool_read result = look(&f);
			if (result != SPOOL_READ_OK || f.env.attempts != 1 || f.end != first || f.env.rcpts[1].status != RCPT_DONE)
				ck_abort_msg("%zu of %zu bytes, way %d: %d, %s", n, len, way, (int)result, fx.err.text);
			f.env.attempts = 3;
			if (!spool_update(&f, &fx.err))
				ck_abort_msg("%s", fx.err.text);
			spool_file_close(&f);
			if (look(&f) != SPOOL_READ_OK || f.env.attempts != 3 || spool_file_check(&f, &fx.err) != SPOOL_READ_OK)
				ck_abort_msg("after an update over %zu bytes: %s", n, fx.err.text);
			spool_file_close(&f);
		}
	}
}
END_TEST

/* A torn update behind which the last good trailer is far away, and stands across every piece that is read. */
START_TEST(torn_far)
{
	struct spool_file f;
	struct buf out;
	commit_one();
	ck_assert_int_eq((int)look(&f), SPOOL_READ_OK);
	ck_assert(spool_update(&f, &fx.err));
	spool_file_close(&f);
	char whole[8192];
	size_t len = load(whole, sizeof whole), step = (size_t)_i * 7;
	buf_init(&out, 1 << 20);
	buf_put(&out, whole, len);
	for (size_t i = 0; i < 65536 - 400 + step; i++)
		buf_putc(&out, i % 50 ? 'x' : '\n');
	store(out.data, out.len, 0700);
	buf_free(&out);
	ck_assert_msg(look(&f) == SPOOL_READ_OK, "%s", fx.err.text);
	ck_assert_uint_eq(f.end, len);
	spool_file_close(&f);
}
END_TEST

/* Every bit flipped: the message's own checksum, or the envelope's, or another status, and never another envelope. */
START_TEST(bit_flips)
{
	char whole[4096];
	struct spool_file f;
	mode_t mode = _i ? 0700 : 0600;
	commit_one();
	size_t len = load(whole, sizeof whole);
	for (size_t bit = 0; bit < len * 8; bit++) {
		whole[bit / 8] = (char)(whole[bit / 8] ^ 1 << bit % 8);
		store(whole, len, mode);
		enum spool_read result = look(&f);
		if (result == SPOOL_READ_OK) {
			bool in_message = bit / 8 < strlen(MESSAGE);
			bool same = strcmp(f.env.sender, "alice@example.com") == 0 && f.env.rcpt_count == 2 && f.env.note_count == 1 &&
				f.message_len == strlen(MESSAGE) && strcmp(f.env.rcpts[1].address, "r1@example.net") == 0;
			bool changed = f.env.rcpts[0].status != RCPT_TODO || f.env.rcpts[1].status != RCPT_TODO;
			if (!same || in_message != (spool_file_check(&f, &fx.err) == SPOOL_READ_DAMAGED) || in_message == changed)
				ck_abort_msg("bit %zu", bit);
			spool_file_close(&f);
		} else if (result == SPOOL_READ_ERROR || result == SPOOL_READ_GONE || bit / 8 < strlen(MESSAGE)) {
			ck_abort_msg("bit %zu: %d", bit, (int)result);
		} else if (mode == 0700 && result != SPOOL_READ_DAMAGED) {
			ck_abort_msg("bit %zu: a marked file is never incomplete", bit);
		}
		whole[bit / 8] = (char)(whole[bit / 8] ^ 1 << bit % 8);
	}
}
END_TEST

static const char evil_envelope[] = "from forgery@example.com\narrived 1\nrcpt T victim@example.org example.org 0  \n";

/* A message that holds an envelope and a trailer, right but for the id, which its sender cannot know, torn behind it. */
static size_t forge(char *out, size_t size, const char *for_id)
{
	char trailer[SPOOL_TRAILER + 1];
	struct spool_trailer t = { .message_len = strlen(MESSAGE), .envelope_at = strlen(MESSAGE), .envelope_len = strlen(evil_envelope),
		.message_sum = spool_sum(0, MESSAGE, strlen(MESSAGE)) };
	spool_trailer_write(&t, for_id, view_of(evil_envelope), trailer);
	return (size_t)snprintf(out, size, "%s%s%s", MESSAGE, evil_envelope, trailer);
}

START_TEST(forged_trailer)
{
	char text[4096];
	struct spool_file f;
	spool_new_id(fx.spool, id);
	size_t len = forge(text, sizeof text, "000000000000000007");
	store(text, len, 0600);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	store(text, len, 0700);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	/* Even with the right id: in a file that was never acknowledged nothing but the end counts. */
	len = forge(text, sizeof text, id);
	store(text, len, 0600);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_OK);
	spool_file_close(&f);
	store(text, len + 1, 0600);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_INCOMPLETE);
}
END_TEST

/* Numbers of a trailer that point outside the file, overlap or overflow; all with a right checksum. */
static const struct spool_trailer bad_trailers[] = {
	{ .message_at = 0, .message_len = 48, .envelope_at = 47, .envelope_len = 77 },
	{ .message_at = 1, .message_len = 47 + 1, .envelope_at = 47, .envelope_len = 77 },
	{ .message_at = 48, .message_len = 0, .envelope_at = 47, .envelope_len = 77 },
	{ .message_at = UINT64_MAX, .message_len = 2, .envelope_at = 47, .envelope_len = 77 },
	{ .message_at = 2, .message_len = UINT64_MAX, .envelope_at = 47, .envelope_len = 77 },
	{ .message_at = 0, .message_len = 1, .envelope_at = 46, .envelope_len = 77 },
	{ .message_at = 0, .message_len = 1, .envelope_at = 48, .envelope_len = 77 },
	{ .message_at = 0, .message_len = 1, .envelope_at = 124, .envelope_len = 0 },
	{ .message_at = 0, .message_len = 1, .envelope_at = UINT64_MAX - 76, .envelope_len = 201 },
	{ .message_at = 0, .message_len = 1, .envelope_at = 0, .envelope_len = 125 },
	{ .message_at = 0, .message_len = 1, .envelope_at = 0, .envelope_len = 0xffffffff },
	{ .message_at = 0, .message_len = 1, .envelope_at = 0, .envelope_len = ENVELOPE_MAX + 1 },
};

START_TEST(bad_numbers)
{
	char text[4096], trailer[SPOOL_TRAILER + 1];
	struct spool_trailer t = bad_trailers[_i];
	struct spool_file f;
	ck_assert_uint_eq(strlen(MESSAGE), 47);
	ck_assert_uint_eq(strlen(evil_envelope), 77);
	spool_new_id(fx.spool, id);
	spool_trailer_write(&t, id, view_of(evil_envelope), trailer);
	int len = snprintf(text, sizeof text, "%s%s%s", MESSAGE, evil_envelope, trailer);
	store(text, (size_t)len, 0600);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	store(text, (size_t)len, 0700);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
}
END_TEST

/* Only a regular file with one name is opened, nothing blocks, nothing outside is reached. */
START_TEST(no_files)
{
	struct spool_file f;
	char path[400], other[400];
	commit_one();
	snprintf(path, sizeof path, "%s", fixture_file(SPOOL_NEW, id));
	snprintf(other, sizeof other, "%s/other", fx.dir);
	ck_assert_int_eq(link(path, other), 0);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	ck_assert_int_eq((int)spool_file_open(fx.spool, id, SPOOL_NEW, false, fx.arena, &f, &fx.err), SPOOL_READ_DAMAGED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
	ck_assert_int_eq((int)spool_file_open(fx.spool, id, SPOOL_NEW, false, fx.arena, &f, &fx.err), SPOOL_READ_DAMAGED);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_GONE);
}
END_TEST

/* A file of another id under this name. */
START_TEST(wrong_name)
{
	char whole[4096];
	struct spool_file f;
	commit_one();
	size_t len = load(whole, sizeof whole);
	spool_new_id(fx.spool, id);
	store(whole, len, 0600);
	ck_assert_int_eq((int)look(&f), SPOOL_READ_DAMAGED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spool_hostile");
	TCase *t = tcase_create("spool_hostile");
	tcase_add_checked_fixture(t, fixture_start, fixture_end);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, torn_commit);
	tcase_add_test(t, torn_update);
	tcase_add_loop_test(t, torn_far, 0, 40);
	tcase_add_loop_test(t, bit_flips, 0, 2);
	tcase_add_test(t, forged_trailer);
	tcase_add_loop_test(t, bad_numbers, 0, (int)COUNT_OF(bad_trailers));
	tcase_add_test(t, no_files);
	tcase_add_test(t, wrong_name);
	suite_add_tcase(s, t);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
