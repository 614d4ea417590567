/* tool_passwd.c - `postrider passwd`: a line `user:hash` in the password file of auth_flat_file, set or removed. The file is
 * replaced in one step, under a lock, so that neither a reader nor another passwd ever sees half of it. */
#include "tool.h"
#include "../lib/buf.h"
#include "../lib/drop.h"
#include "../lib/password.h"
#include "../lib/view.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>

#define FILE_MAX (64 << 20)

struct change {
	const char *path, *user;
	bool remove;
	bool found;
	char hash[PASSWORD_HASH_SIZE];
};

/* ---- the password ---- */

static bool read_line(char *out, size_t size, FILE *in)
{
	size_t len;

	if (!fgets(out, (int)size, in))
		return false;
	len = strcspn(out, "\r\n");
	if (out[len] == '\0' && !feof(in))
		return false;	/* longer than any password */
	out[len] = '\0';
	return true;
}

/* With the echo off; the terminal is set back whatever happens but SIGKILL. */
static bool ask(const char *prompt, char *out, size_t size)
{
	struct termios before, silent;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(prompt, stderr);
	ok = read_line(out, size, stdin);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	putc('\n', stderr);
	return ok;
}

static bool get_password(char out[PASSWORD_MAX], struct err *err)
{
	char again[PASSWORD_MAX] = "";

	if (!isatty(STDIN_FILENO)) {
		if (!read_line(out, PASSWORD_MAX, stdin))
			return err_set(err, "no password of at most %d bytes on standard input", PASSWORD_MAX - 2);
	} else if (!ask("New password: ", out, PASSWORD_MAX) || !ask("Again: ", again, sizeof(again))) {
		return err_set(err, "no password");
	} else if (strcmp(out, again) != 0) {
		err_set(err, "the two are not the same");
	}
	explicit_bzero(again, sizeof(again));
	if (!*err->text && !*out)
		return err_set(err, "an empty password is none");
	return !*err->text;
}

/* ---- the file ---- */

/* auth_flat_file compares names without regard to case too. */
static bool is_line_of(struct view line, const char *user)
{
	size_t colon = view_find(line, ':');

	return colon < line.len && view_case_eq(view_head(line, colon), view_of(user));
}

/* Appends OLD to OUT, with the change in place of the user's line, or at the end. */
static void edit(struct view old, struct change *c, struct buf *out)
{
	while (old.len) {
		struct view line = view_cut(&old, '\n');
		bool his = is_line_of(view_trim(line), c->user);
		if (!his) {
			buf_put_view(out, line);
			buf_putc(out, '\n');
		} else if (!c->found && !c->remove) {
			buf_printf(out, "%s:%s\n", c->user, c->hash);
		}
		c->found = c->found || his;
	}
	if (!c->found && !c->remove)
		buf_printf(out, "%s:%s\n", c->user, c->hash);
}

static bool read_old(const char *path, struct buf *text, struct err *err)
{
	char *room;
	size_t size;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT || err_sys(err, "%s", path);
	while (n > 0 && (room = buf_room(text, 4096, &size)) != NULL) {
		n = read(fd, room, size);
		if (n > 0)
			buf_added(text, (size_t)n);
	}
	close(fd);
	return n == 0 || (n < 0 ? err_sys(err, "%s", path) : err_set(err, "%s is larger than %d bytes", path, FILE_MAX));
}

/* Readable by the owner and our group: the workers run as neither root nor the owner. */
static bool write_new(const char *path, struct view text, const struct drop_target *reader, struct err *err)
{
	char temporary[PATH_MAX];
	bool ok = false;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return err_set(err, "%s: the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", temporary);
	if (geteuid() == 0 && fchown(fd, 0, reader->gid) < 0)
		err_sys(err, "%s: cannot give it to the group of %s", temporary, reader->user);
	else if (fchmod(fd, 0640) < 0 || write(fd, text.data, text.len) != (ssize_t)text.len || fsync(fd) < 0 || rename(temporary, path) < 0)
		err_sys(err, "%s", path);
	else
		ok = true;
	if (!ok)
		unlink(temporary);
	close(fd);
	return ok;
}

/* The lock is on the directory: a file for it would stay behind, or be removed under one who waits for it. */
static int lock_directory(const char *path, struct err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	if (!view_copy(view_make(path, slash ? (size_t)(slash - path) : 0), dir, sizeof(dir)))
		return err_set(err, "%s: the path is too long", path), -1;
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		err_sys(err, "%s", dir);
	return fd;
}

static bool apply(struct change *c, const struct drop_target *reader, struct err *err)
{
	struct buf old, new;
	int lock = lock_directory(c->path, err);
	bool ok;

	if (lock < 0)
		return false;
	buf_init(&old, FILE_MAX);
	buf_init(&new, FILE_MAX + 1024);
	ok = !*err->text && read_old(c->path, &old, err);
	if (ok)
		edit(buf_view(&old), c, &new);
	if (ok && c->remove && !c->found)
		ok = err_set(err, "%s: there is no user %s", c->path, c->user);
	ok = ok && write_new(c->path, buf_view(&new), reader, err);
	buf_free(&old);
	buf_free(&new);
	close(lock);
	return ok;
}

/* ---- the command ---- */

static bool user_valid(const char *user)
{
	return *user && strlen(user) <= 255 && !strpbrk(user, ": \t#") && view_is_printable(view_of(user));
}

static int run(const struct tool *tool, struct change *c, const char *file)
{
	struct settings *s = tool_settings(tool);
	struct drop_target reader;
	struct err err = { "" };
	char password[PASSWORD_MAX] = "";
	bool ok;

	if (!s)
		return TOOL_FAILED;
	c->path = settings_path(s, file);
	ok = drop_lookup(s->user, s->group, &reader, &err) && (c->remove || (get_password(password, &err) && password_hash(password, c->hash, &err)))
		&& apply(c, &reader, &err);
	explicit_bzero(password, sizeof(password));
	settings_free(&s);
	return ok ? TOOL_OK : tool_fail("%s", err.text);
}

int tool_passwd(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "file", required_argument, NULL, 'f' }, { "delete", no_argument, NULL, 'd' }, { NULL, 0, NULL, 0 } };
	const char *file = "flat_auth_pw";
	struct change change = { .path = NULL };
	int c;

	while ((c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == 'f')
			file = optarg;
		else if (c == 'd')
			change.remove = true;
		else
			return tool_usage(tool);
	}
	if (optind + 1 != argc)
		return tool_usage(tool);
	change.user = argv[optind];
	if (!user_valid(change.user))
		return tool_fail("a user's name is printable ASCII without blanks, ':' and '#', of at most 255 characters");
	return run(tool, &change, file);
}
