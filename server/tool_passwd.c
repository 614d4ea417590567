/* tool_passwd.c - `postrider passwd`: users of auth_flat_file and their passwords, made, changed, deleted, listed and tried. A password is
 * read from the terminal or from standard input, never from the command line, which everybody on the machine can see. */
#include "tool.h"
#include "../lib/password.h"
#include "../lib/saslprep.h"
#include "../lib/scram.h"
#include "passwd_file.h"

#include <getopt.h>
#include <termios.h>

#define NAME_MAX_OCTETS 255

enum action { ACTION_SET, ACTION_DELETE, ACTION_VERIFY, ACTION_LIST };
enum scheme { SCHEME_SCRAM, SCHEME_YESCRYPT, SCHEME_CLEAR };

struct request {
	const char *path;
	char user[NAME_MAX_OCTETS + 1];
	enum action action;
	enum scheme scheme;
	uint64_t iterations;
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

/* A new one is asked for twice. */
static bool get_password(char out[PASSWORD_MAX], bool new, struct err *err)
{
	char again[PASSWORD_MAX] = "";

	if (!isatty(STDIN_FILENO)) {
		if (!read_line(out, PASSWORD_MAX, stdin))
			return err_set(err, "no password of at most %d bytes on standard input", PASSWORD_MAX - 2);
	} else if (!ask(new ? "New password: " : "Password: ", out, PASSWORD_MAX) || (new && !ask("Again: ", again, sizeof(again)))) {
		return err_set(err, "no password");
	} else if (new && strcmp(out, again) != 0) {
		err_set(err, "the two are not the same");
	}
	explicit_bzero(again, sizeof(again));
	if (!*err->text && !*out)
		return err_set(err, "an empty password is none");
	return !*err->text;
}

/* ---- setting ---- */

/* As it stands in the file, where blanks at the ends are lost and " #" begins a comment. */
static bool clear_text(const char *password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	struct view v = view_of(password);

	if (view_has_line_break(v) || view_trim(v).len != v.len || strstr(password, " #") || strstr(password, "\t#"))
		return err_set(err, "a clear text cannot have blanks at its ends, or a \"#\" behind a blank");
	return snprintf(out, PASSWORD_HASH_SIZE, PASSWD_CLEAR "%s", password) < PASSWORD_HASH_SIZE ||
	       err_set(err, "a clear text cannot be that long");
}

static bool make_secret(const struct request *r, const char *password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	switch (r->scheme) {
	case SCHEME_SCRAM:
		return password_scram(password, (uint32_t)r->iterations, out, err);
	case SCHEME_YESCRYPT:
		return password_hash(password, out, err);
	case SCHEME_CLEAR:
		break;
	}
	return clear_text(password, out, err);
}

static bool set(const struct request *r, const struct drop_target *reader, struct err *err)
{
	char password[PASSWORD_MAX] = "", secret[PASSWORD_HASH_SIZE] = "";
	bool ok = get_password(password, true, err) && make_secret(r, password, secret, err) &&
		  passwd_file_set(r->path, r->user, secret, reader, err);

	explicit_bzero(password, sizeof(password));
	explicit_bzero(secret, sizeof(secret));
	return ok;
}

/* ---- looking ---- */

struct search {
	const char *user;
	bool found;
	char secret[PASSWORD_MAX + sizeof(PASSWD_CLEAR)];
};

static bool look(void *arg, struct view user, struct view secret)
{
	struct search *s = arg;

	s->found = view_case_eq(user, view_of(s->user)) && view_copy(secret, s->secret, sizeof(s->secret));
	return !s->found;
}

/* What is neither keys nor a hash is a clear text, with or without a mark. */
static bool fits(const char *password, const char *secret)
{
	size_t mark = strncmp(secret, PASSWD_CLEAR, sizeof(PASSWD_CLEAR) - 1) == 0 ? sizeof(PASSWD_CLEAR) - 1 : 0;

	return password_is_hash(secret) ? password_check(password, secret) : password_same(password, secret + mark);
}

static bool verify(const struct request *r, struct err *err)
{
	struct search s = { .user = r->user };
	char password[PASSWORD_MAX] = "";
	bool ok = passwd_file_read(r->path, look, &s, err) && (s.found || err_set(err, "%s: there is no user %s", r->path, r->user)) &&
		  get_password(password, false, err) && (fits(password, s.secret) || err_set(err, "this is not the password of %s", r->user));

	explicit_bzero(password, sizeof(password));
	explicit_bzero(&s, sizeof(s));
	return ok;
}

static bool print_user(void *arg UNUSED, struct view user, struct view secret)
{
	char name[1024], text[PASSWORD_MAX + sizeof(PASSWD_CLEAR)];
	struct scram_keys keys;

	if (!view_copy(user, name, sizeof(name)) || !view_copy(secret, text, sizeof(text)))
		return true;
	tool_print(stdout, name);
	if (scram_keys_read(text, &keys))
		printf("\tSCRAM-SHA-256, %u iterations\n", (unsigned)keys.iterations);
	else if (password_is_hash(text))
		printf("\thash $%.*s$\n", (int)strcspn(text + 1, "$"), text + 1);
	else
		printf("\tclear text\n");
	explicit_bzero(text, sizeof(text));
	return true;
}

/* ---- the command ---- */

static bool act(const struct request *r, const struct drop_target *reader, struct err *err)
{
	switch (r->action) {
	case ACTION_SET:
		return set(r, reader, err);
	case ACTION_DELETE:
		return passwd_file_set(r->path, r->user, NULL, reader, err);
	case ACTION_VERIFY:
		return verify(r, err);
	case ACTION_LIST:
		break;
	}
	return passwd_file_read(r->path, print_user, NULL, err);
}

static int run(const struct tool *tool, struct request *r, const char *file)
{
	struct settings *s = tool_settings(tool);
	struct drop_target reader;
	struct err err = { "" };

	if (!s)
		return TOOL_FAILED;
	r->path = settings_path(s, file);
	bool ok = drop_lookup(s->user, s->group, &reader, &err) && act(r, &reader, &err);
	settings_free(&s);
	return ok ? TOOL_OK : tool_fail("%s", err.text);
}

/* As the plugin will see it when somebody logs in. */
static bool take_user(struct request *r, const char *user)
{
	return saslprep(view_of(user), r->user, sizeof(r->user)) && !strpbrk(r->user, ": \t#");
}

int tool_passwd(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "file", required_argument, NULL, 'f' }, { "delete", no_argument, NULL, 'd' },
		{ "verify", no_argument, NULL, 'v' }, { "list", no_argument, NULL, 'l' }, { "yescrypt", no_argument, NULL, 'y' },
		{ "cram-md5", no_argument, NULL, 'c' }, { "iterations", required_argument, NULL, 'i' }, { NULL, 0, NULL, 0 } };
	struct request r = { .iterations = SCRAM_ITERATIONS };
	const char *file = "flat_auth_pw";
	unsigned actions = 0, schemes = 0;
	int c;

	while ((c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		actions += c == 'd' || c == 'v' || c == 'l';
		schemes += c == 'y' || c == 'c' || c == 'i';
		if (c == 'f')
			file = optarg;
		else if (c == 'd' || c == 'v' || c == 'l')
			r.action = c == 'd' ? ACTION_DELETE : c == 'v' ? ACTION_VERIFY : ACTION_LIST;
		else if (c == 'y' || c == 'c')
			r.scheme = c == 'y' ? SCHEME_YESCRYPT : SCHEME_CLEAR;
		else if (c != 'i')
			return tool_usage(tool);
		else if (!view_u64(view_of(optarg), SCRAM_ITERATIONS_MAX, &r.iterations) || r.iterations < SCRAM_ITERATIONS_MIN)
			return tool_fail("--iterations: found \"%s\", expected a number from %d to %d", optarg, SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
	}
	/* one action, and a way of storing only for a new password */
	if (actions + schemes > 1 || optind + (r.action != ACTION_LIST) != argc)
		return tool_usage(tool);
	if (r.action != ACTION_LIST && !take_user(&r, argv[optind]))
		return tool_fail("a user's name is text without blanks, ':' and '#', of at most %d octets", NAME_MAX_OCTETS);
	return run(tool, &r, file);
}
