/* tool_store.c - `postrider store`: looks into the shared store and removes entries. What stands there came from outside: it
 * is escaped, and root is given up before it is read. */
#include "tool_store.h"
#include "../lib/drop.h"
#include "../lib/log.h"

#include <getopt.h>
#include <inttypes.h>

#define PAGE 500		/* entries read at once */
#define SPACES_MAX 256		/* namespaces that are told apart */
#define SHOWN_MAX 200		/* octets of a value in a list */

struct store *tool_store_open(const struct tool *tool, struct settings **s)
{
	struct drop_target target;
	struct err err = { "" };
	struct store *store = NULL;

	*s = tool_settings(tool);
	if (!*s)
		return NULL;
	if (log_open("stderr", false, LOG_LEVEL_ERROR, &err) && drop_lookup((*s)->user, (*s)->group, &target, &err))
		store = store_new(*s, &err);
	if (store && !drop_root(&target, &err))
		store_free(&store);
	if (!store) {
		tool_fail("%s", err.text);
		settings_free(s);
	}
	return store;
}

static bool walk(struct store *s, const struct store_space *space, struct view prefix, tool_store_each *each, void *arg)
{
	struct store_page page = { .arena = arena_new(65536), .max = PAGE };
	struct err err = { "" };
	bool ok;

	do {
		arena_reset(page.arena);
		ok = store_list(s, space, prefix, &page, &err) == STORE_OK;
		for (size_t i = 0; ok && i < page.count; i++)
			each(arg, space->lasting, &page.entries[i]);
	} while (ok && page.more);
	arena_free(&page.arena);
	return ok || tool_fail("%s", err.text) == TOOL_OK;
}

/* LMDB has two places, Redis one. */
static bool is_second_place(struct store *s, bool lasting)
{
	return !lasting && strcmp(store_name(s, false), store_name(s, true)) == 0;
}

bool tool_store_walk(struct store *s, const char *space, struct view prefix, tool_store_each *each, void *arg)
{
	for (int lasting = 1; lasting >= 0; lasting--)
		if (!is_second_place(s, lasting) && !walk(s, &(struct store_space){ .name = space, .lasting = lasting }, prefix, each, arg))
			return false;
	return true;
}

void tool_store_print(FILE *out, struct view v, size_t max)
{
	static char text[4 * STORE_VALUE_MAX + 1];

	fputs(log_escape(view_head(v, max), text, sizeof(text)), out);
	if (v.len > max)
		fputs("...", out);
}

/* ---- list ---- */

struct count { char name[STORE_SPACE_MAX + 1]; uint64_t entries; };
struct counts { size_t used; struct count list[SPACES_MAX]; };

static void count_one(void *arg, bool lasting UNUSED, const struct store_entry *e)
{
	struct counts *c = arg;
	struct view rest = e->key, name = view_cut(&rest, ':');
	size_t i = 0;

	while (i < c->used && !view_eq(name, view_of(c->list[i].name)))
		i++;
	if (i == SPACES_MAX || (i == c->used && !view_copy(name, c->list[i].name, sizeof(c->list[i].name))))
		return;
	c->used += i == c->used;
	c->list[i].entries++;
}

static int list_spaces(struct store *s)
{
	static struct counts counts;

	if (!tool_store_walk(s, "", VIEW(""), count_one, &counts))
		return TOOL_FAILED;
	for (size_t i = 0; i < counts.used; i++) {
		tool_print(stdout, counts.list[i].name);
		printf("\t%" PRIu64 "\n", counts.list[i].entries);
	}
	return TOOL_OK;
}

static void print_one(void *arg UNUSED, bool lasting UNUSED, const struct store_entry *e)
{
	tool_store_print(stdout, e->key, e->key.len);
	if (e->left)
		printf("\t%" PRId64 "\t", (e->left + 999) / 1000);
	else
		printf("\t-\t");
	tool_store_print(stdout, e->value, SHOWN_MAX);
	putchar('\n');
}

/* ---- keys on the command line ---- */

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* As list prints it: \xNN and \\. In place. */
static struct view unescape(char *text)
{
	size_t len = 0;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] == 'x' && hex(p[2]) >= 0 && hex(p[3]) >= 0) {
			text[len++] = (char)(hex(p[2]) << 4 | hex(p[3]));
			p += 3;
		} else {
			p += p[0] == '\\' && p[1] == '\\';
			text[len++] = *p;
		}
	}
	return view_make(text, len);
}

static int with_store(const struct tool *tool, char **words, int (*work)(struct store *s, char **words))
{
	struct settings *settings;
	struct store *s;
	int status;

	if (words[0] && !store_space_valid(words[0]))
		return tool_fail("\"%s\" is no name of a namespace", words[0]);
	s = tool_store_open(tool, &settings);
	if (!s)
		return TOOL_FAILED;
	status = work(s, words);
	store_free(&s);
	settings_free(&settings);
	return status;
}

static int list(struct store *s, char **words)
{
	if (!words[0])
		return list_spaces(s);
	return tool_store_walk(s, words[0], words[1] ? unescape(words[1]) : VIEW(""), print_one, NULL) ? TOOL_OK : TOOL_FAILED;
}

static int run_list(const struct tool *tool, int argc, char **argv)
{
	return argc > 3 ? tool_usage(tool) : with_store(tool, argv + 1, list);
}

/* ---- get, forget ---- */

/* Asks KIND for KEY in both places. Whether it was there in one. */
static enum store_result ask_places(struct store *s, enum store_kind kind, const char *space, struct view key, struct store_answer *answer)
{
	enum store_result result = STORE_NONE;

	for (int lasting = 1; lasting >= 0; lasting--) {
		struct store_space place = { .name = space, .lasting = lasting };

		if (is_second_place(s, lasting))
			break;
		store_do(s, &(struct store_op){ .kind = kind, .space = &place, .key = key }, answer);
		if (answer->result != STORE_NONE)
			result = answer->result;
		if (result != STORE_NONE && kind == STORE_GET)
			break;
	}
	return result;
}

static int get(struct store *s, char **words)
{
	struct store_answer answer;
	enum store_result result = ask_places(s, STORE_GET, words[0], unescape(words[1]), &answer);

	if (result == STORE_NONE)
		return tool_fail("there is no such key");
	if (result != STORE_OK)
		return tool_fail("%s", answer.why);
	fwrite(answer.value.data, 1, answer.value.len, stdout);
	putchar('\n');
	return TOOL_OK;
}

static int run_get(const struct tool *tool, int argc, char **argv)
{
	return argc != 3 ? tool_usage(tool) : with_store(tool, argv + 1, get);
}

static int forget(struct store *s, char **words)
{
	struct store_answer answer;
	int status = TOOL_OK;

	for (char **key = words + 1; *key; key++) {
		enum store_result result = ask_places(s, STORE_DELETE, words[0], unescape(*key), &answer);

		if (result != STORE_OK)
			status = tool_fail("%s: %s", *key, result == STORE_NONE ? "there is no such key" : answer.why);
	}
	return status;
}

struct harvest { struct arena *arena; size_t count, size; struct view *keys; bool (*is_wanted)(void *arg, const struct store_entry *e); void *arg; };

static void keep_key(void *arg, bool lasting UNUSED, const struct store_entry *e)
{
	struct harvest *h = arg;

	if (h->is_wanted && !h->is_wanted(h->arg, e))
		return;
	if (h->count == h->size) {
		struct view *keys = arena_alloc(h->arena, (h->size * 2 + 64) * sizeof(*keys));

		if (h->count)
			memcpy(keys, h->keys, h->count * sizeof(*keys));
		h->keys = keys;
		h->size = h->size * 2 + 64;
	}
	h->keys[h->count++] = view_make(arena_view_dup(h->arena, e->key), e->key.len);
}

bool tool_store_remove(struct store *s, const char *space, struct view prefix, bool (*is_wanted)(void *arg, const struct store_entry *e), void *arg,
		       size_t *gone)
{
	struct harvest h = { .arena = arena_new(65536), .is_wanted = is_wanted, .arg = arg };
	struct store_answer answer = { .why = "" };
	bool ok = tool_store_walk(s, space, prefix, keep_key, &h);

	for (size_t i = 0; ok && i < h.count; i++) {
		enum store_result result = ask_places(s, STORE_DELETE, space, h.keys[i], &answer);

		*gone += result == STORE_OK;
		ok = result == STORE_OK || result == STORE_NONE || tool_fail("%s", answer.why) == TOOL_OK;
	}
	arena_free(&h.arena);
	return ok;
}

static int forget_prefix(struct store *s, char **words)
{
	size_t gone = 0;
	bool ok = tool_store_remove(s, words[0], words[1] ? unescape(words[1]) : VIEW(""), NULL, NULL, &gone);

	printf("%zu forgotten\n", gone);
	return ok ? TOOL_OK : TOOL_FAILED;
}

static int run_forget(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' }, { "prefix", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 },
	};
	char *words[3] = { NULL, NULL, NULL };
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return tool_usage(tool);
		all = all || c == 'a';
		if (c == 'p')
			words[1] = optarg;
	}
	words[0] = argv[optind];
	if (optind == argc || (all && words[1]) || ((all || words[1]) ? optind + 1 != argc : optind + 1 == argc))
		return tool_usage(tool);
	return all || words[1] ? with_store(tool, words, forget_prefix) : with_store(tool, argv + optind, forget);
}

/* ---- the group ---- */

static const struct tool_command commands[] = {
	{ "list", "[NAMESPACE [PREFIX]]", "the namespaces, or the entries of one",
	  "  Without NAMESPACE, a line for each: name, number of entries.\n"
	  "  With it, a line an entry: key, seconds until it goes (or -), value; separated by tabs,\n"
	  "  what is not printable as \\xNN.\n", run_list },
	{ "get", "NAMESPACE KEY", "the value of a key", "  KEY may hold \\xNN.\n", run_get },
	{ "forget", "NAMESPACE KEY... | NAMESPACE --prefix PREFIX | NAMESPACE --all", "remove entries",
	  "  --prefix PREFIX  all whose keys begin like that\n"
	  "  --all            all of the namespace\n", run_forget },
	{ NULL, NULL, NULL, NULL, NULL },
};

int tool_store(const struct tool *tool, int argc, char **argv)
{
	return tool_group(tool, commands, argc, argv);
}
