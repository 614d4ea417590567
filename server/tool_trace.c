/* tool_trace.c - `postrider trace`: what has become of a message, out of the log. It is known by its queue id, or by whatever word
 * stands in a line about it (an address, a Message-ID); what belongs together is found by the ids in the lines: the session
 * it came by, the message, the notices about it, and what our own workers made of it. */
#include "tool.h"
#include "../lib/view.h"
#include "../queue/spool_id.h"
#include "../queue/spool.h"

#include <getopt.h>
#include <uthash.h>

#define IDS_MAX 100000		/* a word that is in every line is no question */

struct id {
	UT_hash_handle hh;
	char text[32];
};

struct trace {
	FILE *in;			/* can be read again */
	struct id *messages, *sessions;
	size_t count;
};

/* ---- ids ---- */

static bool known(struct id *set, struct view text)
{
	struct id *found = NULL;

	HASH_FIND(hh, set, text.data, text.len, found);
	return found;
}

static void add(struct trace *t, struct id **set, struct view text)
{
	struct id *new;

	if (text.len >= sizeof(new->text) || t->count >= IDS_MAX || known(*set, text) || !(new = calloc(1, sizeof(*new))))
		return;
	memcpy(new->text, text.data, text.len);
	HASH_ADD_KEYPTR(hh, *set, new->text, text.len, new);
	t->count++;
}

static void forget(struct id **set)
{
	struct id *id, *next;

	HASH_ITER(hh, *set, id, next) {
		HASH_DEL(*set, id);
		free(id);
	}
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

/* "6b060e0f-57ff-1" (worker/session.c). */
static bool is_session(struct view v)
{
	static const char hex[] = "0123456789abcdef";
	unsigned dashes = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] == '-')
			dashes++;
		else if (!strchr(hex, v.data[i]))
			return false;
	}
	return dashes == 2 && v.len >= 12 && v.data[8] == '-' && v.data[v.len - 1] != '-';
}

/* Takes the next id off *REST; false at the end. */
static bool next_id(struct view *rest, struct view *id, bool *message)
{
	while (rest->len) {
		size_t n = 0;

		while (n < rest->len && is_word(rest->data[n]))
			n++;
		*id = view_make(rest->data, n);
		*rest = view_skip(*rest, n < rest->len ? n + 1 : n);
		*message = spool_id_valid(*id);
		if (*message || is_session(*id))
			return true;
	}
	return false;
}

/* ---- passes ---- */

/* WORD as a whole, not as part of a longer address or id. */
static bool has_word(struct view line, struct view word)
{
	for (size_t i = 0; i + word.len <= line.len; i++) {
		if (memcmp(line.data + i, word.data, word.len) != 0)
			continue;
		bool before = i && (is_word(line.data[i - 1]) || strchr("._+@", line.data[i - 1]));
		bool after = i + word.len < line.len && (is_word(line.data[i + word.len]) || strchr("._+@", line.data[i + word.len]));

		if (!before && !after)
			return true;
	}
	return false;
}

/* A line with the word: the messages that it names, else the session. */
static void seed(struct trace *t, struct view line)
{
	struct view rest = line, id;
	bool message, some = false;

	while (next_id(&rest, &id, &message))
		if (message) {
			add(t, &t->messages, id);
			some = true;
		}
	for (rest = line; !some && next_id(&rest, &id, &message);)
		add(t, &t->sessions, id);
}

/* How a line is related to what is known. */
struct relation { bool message, session, stranger; };

static struct relation relate(const struct trace *t, struct view line)
{
	struct relation r = { false, false, false };
	struct view id;
	bool message;

	while (next_id(&line, &id, &message)) {
		if (message && known(t->messages, id))
			r.message = true;
		else if (message)
			r.stranger = true;
		else
			r.session |= known(t->sessions, id);
	}
	return r;
}

/* Whatever stands in a line with a message that is known belongs to it. */
static void spread(struct trace *t, struct view line)
{
	struct view id, rest = line;
	bool message;

	if (!relate(t, line).message)
		return;
	while (next_id(&rest, &id, &message))
		add(t, message ? &t->messages : &t->sessions, id);
}

static void print(struct view line)
{
	for (size_t i = 0; i < line.len; i++)
		putchar(line.data[i] >= 0x20 && line.data[i] <= 0x7e ? line.data[i] : '?');
	putchar('\n');
}

enum pass { PASS_SEED, PASS_SPREAD, PASS_PRINT };

static size_t run(struct trace *t, enum pass pass, struct view word)
{
	char *text = NULL;
	size_t size = 0, printed = 0;
	ssize_t n;

	rewind(t->in);
	while ((n = getline(&text, &size, t->in)) > 0) {
		struct view line = view_make(text, (size_t)n - (text[n - 1] == '\n'));

		if (pass == PASS_SEED && has_word(line, word))
			seed(t, line);
		if (pass == PASS_SPREAD)
			spread(t, line);
		struct relation r = pass == PASS_PRINT ? relate(t, line) : (struct relation){ false, false, false };

		if (r.message || (r.session && !r.stranger)) {
			print(line);
			printed++;
		}
	}
	free(text);
	return printed;
}

/* ---- the command ---- */

/* The files one behind the other, where they can be read more than once. */
static FILE *gather(char **files, struct err *err)
{
	FILE *all = tmpfile();
	char piece[65536];
	size_t n;

	for (; all && *files; files++) {
		FILE *one = strcmp(*files, "-") == 0 ? stdin : fopen(*files, "re");

		if (!one) {
			err_sys(err, "%s", *files);
			fclose(all);
			return NULL;
		}
		while ((n = fread(piece, 1, sizeof(piece), one)) > 0)
			fwrite(piece, 1, n, all);
		bool whole = !ferror(one) || err_sys(err, "%s", *files);

		if (one != stdin)
			fclose(one);
		if (!whole) {
			fclose(all);
			return NULL;
		}
	}
	if (all && fflush(all) == 0 && !ferror(all))
		return all;
	err_sys(err, "no temporary file, or no room for it");
	if (all)
		fclose(all);
	return NULL;
}

static FILE *open_log(const struct tool *tool, char **files, struct err *err)
{
	struct settings *s;
	FILE *in = NULL;

	if (*files)
		return gather(files, err);
	s = tool_settings(tool);
	if (!s) {
		err_set(err, "without the configuration it is not known where the log is");
		return NULL;
	}
	if (*s->log != '/')
		err_set(err, "the log goes to %s: give a file, or - for standard input (journalctl -u postrider | postrider trace WORD -)", s->log);
	else if (!(in = fopen(s->log, "re")))
		err_sys(err, "%s", s->log);
	settings_free(&s);
	return in;
}

int tool_trace(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };
	struct trace t = { 0 };
	struct err err = { "" };

	if (getopt_long(argc, argv, "", options, NULL) != -1 || optind == argc || !*argv[optind])
		return tool_usage(tool);
	struct view word = view_of(argv[optind]);

	t.in = open_log(tool, argv + optind + 1, &err);
	if (!t.in)
		return tool_fail("%s", err.text);
	if (spool_id_valid(word))
		add(&t, &t.messages, word);
	else
		run(&t, PASS_SEED, word);
	run(&t, PASS_SPREAD, word);
	size_t printed = run(&t, PASS_PRINT, word);

	fclose(t.in);
	forget(&t.messages);
	forget(&t.sessions);
	return printed ? TOOL_OK : tool_fail("there is nothing about it");
}
