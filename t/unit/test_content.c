/* test_content.c - messages on their way into DATA: dots, long lines, ends, pieces, sendfile. */
#include "unit.h"
#include "../../queue/content.h"
#include "../../queue/spool.h"
#include <sys/mman.h>
#include <sys/socket.h>

static int file_of(const char *data, size_t len)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	return fd;
}

static void fill_all(struct content *c, struct buf *out)
{
	struct err err = { "" };

	buf_init(out, 64 << 20);
	while (!c->finished)
		ck_assert_msg(content_fill(c, out, &err), "%s", err.text);
}

START_TEST(cases)
{
	static const struct { const char *in, *head, *out; } table[] = {
		{ "a\r\nb\r\n", "", "a\r\nb\r\n.\r\n" },
		{ ".\r\n..x\r\na.b\r\n", "", "..\r\n...x\r\na.b\r\n.\r\n" },
		{ "", "", ".\r\n" },
		{ "no end", "", "no end\r\n.\r\n" },
		{ "half\r", "", "half\r\n.\r\n" },
		{ "x\r\n", "Received: y\r\n", "Received: y\r\nx\r\n.\r\n" },
		{ "\r\n\r\n.\r\n", "", "\r\n\r\n..\r\n.\r\n" },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		/* whatever the envelope claims */
		for (unsigned flags = 0; flags <= ENVELOPE_DOTS; flags += ENVELOPE_DOTS) {
			int fd = file_of(table[i].in, strlen(table[i].in));
			struct content c;
			struct buf out;

			content_init(&c, fd, 0, strlen(table[i].in), flags, table[i].head);
			fill_all(&c, &out);
			assert_view_eq(buf_view(&out), table[i].out);
			buf_free(&out);
			close(fd);
		}
	}
}
END_TEST

START_TEST(long_lines_are_folded)
{
	static const size_t lengths[] = { 997, 998, 999, 1996, 3000, CONTENT_CHUNK - 1, CONTENT_CHUNK, CONTENT_CHUNK + 998, 200000 };

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		size_t len = lengths[i], total = 0;
		char *text = malloc(len + 2);
		struct content c;
		struct buf out;

		memset(text, 'x', len);
		memcpy(text + len, "\r\n", 2);
		int fd = file_of(text, len + 2);
		content_init(&c, fd, 0, len + 2, ENVELOPE_LONG_LINES, "");
		fill_all(&c, &out);
		struct view rest = buf_view(&out);
		while (rest.len) {
			size_t n = view_find(rest, '\n') + 1;

			ck_assert_uint_le(n, CONTENT_LINE + 2);
			ck_assert_int_eq(rest.data[n - 2], '\r');
			for (size_t k = 0; k < n; k++)
				total += rest.data[k] == 'x';
			rest = view_skip(rest, n);
		}
		ck_assert_uint_eq(total, len);
		buf_free(&out);
		free(text);
		close(fd);
	}
}
END_TEST

/* A big message through a socket pair, by sendfile and the rest by content_fill, arrives as it stands in the file. */
START_TEST(big_one_goes_straight)
{
	size_t len = 300000;
	char *text = malloc(len), *got = malloc(len + 16);
	struct content c;
	struct buf out;
	int fds[2];
	size_t have = 0;

	for (size_t i = 0; i < len; i++)
		text[i] = i % 70 == 68 ? '\r' : i % 70 == 69 ? '\n' : 'a';
	memcpy(text + len - 2, "\r\n", 2);
	int fd = file_of(text, len);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	content_init(&c, fd, 0, len, 0, "");
	ck_assert(content_raw(&c));
	while (content_raw(&c)) {
		ssize_t n = content_sendfile(&c, fds[0], 50000);

		ck_assert_int_gt(n, 0);
		for (ssize_t left = n; left > 0;) {
			ssize_t r = read(fds[1], got + have, (size_t)left);

			ck_assert_int_gt(r, 0);
			have += (size_t)r;
			left -= r;
		}
	}
	fill_all(&c, &out);
	memcpy(got + have, out.data, out.len);
	ck_assert_uint_eq(have + out.len, len + 3);
	ck_assert_mem_eq(got, text, len);
	ck_assert_mem_eq(got + len, ".\r\n", 3);
	buf_free(&out);
	free(text);
	free(got);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(not_straight)
{
	struct content c;

	content_init(&c, -1, 0, 1000000, ENVELOPE_DOTS, "");
	ck_assert(!content_raw(&c));
	content_init(&c, -1, 0, 1000000, ENVELOPE_LONG_LINES, "");
	ck_assert(!content_raw(&c));
	content_init(&c, -1, 0, CONTENT_CHUNK, 0, "");
	ck_assert(!content_raw(&c));
	content_init(&c, -1, 0, 1000000, 0, "Received: x\r\n");
	ck_assert(!content_raw(&c));
}
END_TEST

START_TEST(file_cut_short)
{
	int fd = file_of("abc\r\n", 5);
	struct content c;
	struct buf out;
	struct err err = { "" };

	buf_init(&out, 1000);
	content_init(&c, fd, 0, 10, 0, "");
	ck_assert(content_fill(&c, &out, &err));
	ck_assert(!content_fill(&c, &out, &err));
	ck_assert(!c.finished);
	buf_free(&out);
	close(fd);
}
END_TEST

UNIT_MAIN("content", cases, long_lines_are_folded, big_one_goes_straight, not_straight, file_cut_short)
