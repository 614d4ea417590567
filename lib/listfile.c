/* listfile.c - reading the plain configuration files. The whole file is read and its entries stay where they are:
 * a list of a million names costs one allocation more than the names themselves. */
#include "base.h"
#include "listfile.h"
#include <fcntl.h>
#include <sys/stat.h>

#define FILE_MAX (64U << 20)
#define LINE_LIMIT 4096
#define ERRORS_MAX 20

/* The line without its comment: "#" begins one at the start of the line or after a blank. */
static struct view strip_comment(struct view line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] == '#' && (i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			return view_trim(view_head(line, i));
	return view_trim(line);
}

/* The next entry of *REST, with its line number; false at the end. */
static bool next_entry(struct view *rest, unsigned *number, struct view *entry)
{
	while (rest->len) {
		++*number;
		*entry = strip_comment(view_cut(rest, '\n'));
		if (entry->len)
			return true;
	}
	return false;
}

/* Looks at every line, comments too, and counts the entries. */
static bool check_lines(struct view text, struct listfile *out, struct err *err)
{
	unsigned number = 0, errors = 0;
	struct view rest = text, entry;

	while (rest.len && errors < ERRORS_MAX) {
		struct view line = view_cut(&rest, '\n');

		number++;
		if (line.len > LINE_LIMIT) {
			err_set(err, "%s:%u: line of %zu bytes, expected at most %d", out->path, number, line.len, LINE_LIMIT);
			errors++;
		} else if (line.len && memchr(line.data, '\0', line.len)) {
			err_set(err, "%s:%u: holds a NUL byte, expected text", out->path, number);
			errors++;
		}
	}
	if (errors)
		return false;
	for (rest = text, number = 0, out->count = 0; next_entry(&rest, &number, &entry);)
		out->count++;
	return true;
}

/* Ends every entry with a NUL in TEXT itself, which is writable and has room for one behind its end. */
static void take_entries(char *text, size_t len, struct arena *a, struct listfile *out)
{
	const char **lines = arena_alloc(a, (out->count + 1) * sizeof(*lines));
	unsigned *numbers = arena_alloc(a, (out->count + 1) * sizeof(*numbers));
	struct view rest = view_make(text, len), entry;
	unsigned number = 0;

	for (size_t i = 0; i < out->count && next_entry(&rest, &number, &entry); i++) {
		lines[i] = entry.data;
		numbers[i] = number;
		text[(size_t)(entry.data - text) + entry.len] = '\0';
	}
	out->lines = lines;
	out->numbers = numbers;
}

static bool read_whole(int fd, const char *path, struct arena *a, char **text, size_t *len, struct err *err)
{
	struct stat st;
	size_t size;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "%s: expected a file", path);
	if (st.st_size > (off_t)FILE_MAX)
		return err_set(err, "%s: %lld bytes, expected at most %u", path, (long long)st.st_size, FILE_MAX);
	size = (size_t)st.st_size;
	*text = arena_alloc(a, size + 1);
	for (*len = 0; *len <= size && n > 0; *len += (size_t)n) {
		n = read(fd, *text + *len, size + 1 - *len);
		if (n < 0)
			return err_sys(err, "%s", path);
	}
	/* Half of an entry is worse than none: somebody is still writing. */
	return *len <= size || err_set(err, "%s: changed while it was being read", path);
}

bool listfile_read(const char *dir, const char *name, struct arena *a, struct listfile *out, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	bool ok;
	int fd;

	*out = (struct listfile){ .path = arena_printf(a, "%s/%s", dir, name) };
	fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return err_sys(err, "%s", out->path);
	ok = read_whole(fd, out->path, a, &text, &len, err) && check_lines(view_make(text, len), out, err);
	close(fd);
	if (ok)
		take_entries(text, len, a, out);
	else
		out->count = 0;
	return ok;
}

const char *listfile_first(const struct listfile *f, const char *fallback)
{
	return f->count ? f->lines[0] : fallback;
}
