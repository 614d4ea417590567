/* option.c - reading configuration files by the rows of option.h. libconfuse is the lexer and grammar; every option is
 * given to it as a list of strings whose callback checks each value where its line is known. It stops at a name it does
 * not know, so such a name is noted, made known, and the file read again: that way one run tells all problems. */
#include "option.h"
#include "option_value.h"
#include "buf.h"
#include "err.h"
#include "listfile.h"
#include "log.h"
#include "view.h"

#include <confuse.h>
#include <fcntl.h>
#include <sys/stat.h>

#define FILE_MAX (1 << 20)	/* bytes of one file */
#define UNKNOWN_MAX 50		/* unknown names in one file; then it is not our file at all */
#define PROBLEM_MAX 1000

struct option_problem { const char *path, *text; unsigned line; bool sticky /* survives another pass */, warning; };

struct option_unknown { struct option_unknown *next; const char *section, *name; bool is_section; };

/* libconfuse hands no context to its callbacks. Set only while cfg_parse_buf runs. */
static struct option_reader *reading;

/* ---- sections in which an option may say otherwise: K counts them, 0 is outside; an option that does not vary has only 0 ---- */

static bool *given_at(const struct option_reader *r, size_t i, size_t k)
{
	return &r->given[k * r->count + i];
}

static void *field_at(const struct option_reader *r, size_t i, size_t k)
{
	char *base = r->rows[i].varies ? (char *)r->variants + k * r->variant_size : r->base;

	return base + r->rows[i].at;
}

/* Whether the option may be given in section K, which is one of the reader's. */
static bool belongs_to(const struct option_reader *r, const struct option_row *row, size_t k)
{
	const struct option_section *s = r->sections;

	return row->varies && (!row->only || strcmp(row->only, s[k].name) == 0 || strcmp(row->only, s[s[k].parent].name) == 0);
}

static size_t find_section(const struct option_reader *r, const char *name)
{
	size_t k = 1;

	while (k < r->section_count && strcmp(r->sections[k].name, name))
		k++;
	return k;
}

void option_begin(struct option_reader *r)
{
	r->scratch = arena_new(16384);
	r->given = arena_alloc(r->scratch, (r->section_count + 1) * r->count * sizeof(*r->given));
	r->problems = arena_alloc(r->scratch, PROBLEM_MAX * sizeof(*r->problems));
	for (size_t i = 0; i < r->count; i++)
		option_put_preset(&r->rows[i], field_at(r, i, 0), r->arena);
}

void option_inherit(struct option_reader *r)
{
	for (size_t k = 1; k < r->section_count; k++)
		for (size_t i = 0; i < r->count; i++)
			if (r->rows[i].varies && !*given_at(r, i, k))
				memcpy(field_at(r, i, k), field_at(r, i, r->sections[k].parent), option_field_size(r->rows[i].type));
}

static bool *given_of(const struct option_reader *r, size_t k, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->rows[i].varies && strcmp(r->rows[i].name, name) == 0)
			return given_at(r, i, k);
	bug("there is no option %s", name);
}

bool option_given(const struct option_reader *r, size_t k, const char *name)
{
	return *given_of(r, k, name);
}

void option_decided(struct option_reader *r, size_t k, const char *name)
{
	*given_of(r, k, name) = true;
}

static void add_problem(struct option_reader *r, const char *path, unsigned line, bool sticky, const char *text)
{
	if (r->problem_count == PROBLEM_MAX)
		return;
	r->problems[r->problem_count++] = (struct option_problem){ .path = path, .text = text, .line = line, .sticky = sticky };
}

void option_problem(struct option_reader *r, const char *path, unsigned line, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	add_problem(r, path, line, false, arena_strdup(r->scratch, text));
}

static void add_warning(struct option_reader *r, unsigned line, const char *name)
{
	option_problem(r, r->path, line, "%s: given before; this one counts", name);
	if (!r->problems[r->problem_count - 1].warning) {	/* it is, when there was no room for another */
		r->problems[r->problem_count - 1].warning = true;
		r->warning_count++;
	}
}

static void wrong_value(struct option_reader *r, const char *path, unsigned line, const struct option_row *row, const char *name, const char *value,
			const char *expected)
{
	char shown[256];

	log_escape(row->secret ? VIEW("...") : view_of(value), shown, sizeof(shown));
	option_problem(r, path, line, "%s: found \"%s\", expected %s", name, shown, expected);
}

/* ---- unknown names ---- */

/* Levenshtein's distance of two names of at most 63 bytes; more than that is far. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (la >= COUNT_OF(row) || lb >= COUNT_OF(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

/* The row that NAME was probably meant to be: same name elsewhere first, else at most two typing errors away. */
static const struct option_row *nearest(const struct option_reader *r, const char *name)
{
	const struct option_row *best = NULL;
	size_t least = strlen(name) < 5 ? 2 : 3;

	for (size_t i = 0; i < r->count; i++) {
		size_t d = distance(name, r->rows[i].name);
		if (d < least || (d == least && best && strcmp(r->rows[i].file, r->file) == 0)) {
			least = d;
			best = &r->rows[i];
		}
	}
	return best;
}

static struct option_unknown *find_unknown(const struct option_reader *r, const char *section, const char *name)
{
	for (struct option_unknown *u = r->unknown; u; u = u->next)
		if (strcmp(u->section, section) == 0 && strcmp(u->name, name) == 0)
			return u;
	return NULL;
}

static bool in_unknown_section(const struct option_reader *r, const char *section)
{
	for (struct option_unknown *u = r->unknown; u; u = u->next)
		if (u->is_section && strcmp(u->name, section) == 0)
			return true;
	return false;
}

static const char *unknown_text(const struct option_reader *r, const char *section, const char *name)
{
	const struct option_row *row = nearest(r, name);
	char shown[256];

	log_escape(view_of(name), shown, sizeof(shown));
	if (row && row->only && strcmp(row->name, name) == 0 && find_section(r, section) < r->section_count)
		return arena_printf(r->scratch, "%s: means nothing in section %s, only in %s", shown, section, row->only);
	if (!row)
		return arena_printf(r->scratch, "%s: unknown option", shown);
	return arena_printf(r->scratch, "%s: unknown option, did you mean \"%s\"%s%s%s%s?", shown, row->name, *row->section ? " in section " : "",
			    row->section, strcmp(row->file, r->file) ? " of " : "", strcmp(row->file, r->file) ? row->file : "");
}

/* Notes NAME, so that the next pass reads over it. False when that has been done before to no avail. */
static bool note_unknown(struct option_reader *r, const char *section, const char *name, unsigned line)
{
	struct option_unknown *u;
	size_t count = 0;

	for (u = r->unknown; u; u = u->next)
		count++;
	if (find_unknown(r, section, name) || count >= UNKNOWN_MAX)
		return false;
	if (!in_unknown_section(r, section))
		add_problem(r, r->path, line, true, unknown_text(r, section, name));
	u = arena_alloc(r->scratch, sizeof(*u));
	u->next = r->unknown;
	u->section = arena_strdup(r->scratch, section);
	u->name = arena_strdup(r->scratch, name);
	r->unknown = u;
	return true;
}

/* ---- what libconfuse calls ---- */

static const char *section_of(const cfg_t *cfg)
{
	return strcmp(cfg->name, "root") == 0 ? "" : cfg->name;
}

static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
	struct option_reader *r = reading;
	struct option_unknown *u;
	char text[512];
	va_list copy;

	va_copy(copy, ap);
	if (vsnprintf(text, sizeof(text), format ? format : "", copy) < 0)
		text[0] = '\0';
	va_end(copy);
	if (strcmp(format, "no such option '%s'") == 0) {
		const char *name = va_arg(ap, const char *);
		r->again = note_unknown(r, section_of(cfg), name, (unsigned)cfg->line);
		if (r->again)
			return;
	} else if (strcmp(format, "missing equal sign after option '%s'") == 0) {
		u = find_unknown(r, section_of(cfg), va_arg(ap, const char *));
		if (u && !u->is_section) {
			u->is_section = r->again = true;
			return;
		}
	}
	option_problem(r, r->path, (unsigned)cfg->line, "%s", text);
}

/* The index of the row, the count when there is none; *K becomes the section in which it stands. */
static size_t find_row(const struct option_reader *r, const char *section, const char *name, size_t *k)
{
	size_t i = 0;

	*k = *section ? find_section(r, section) : 0;
	for (; i < r->count; i++) {
		const struct option_row *row = &r->rows[i];
		if (strcmp(row->file, r->file) || strcmp(row->name, name))
			continue;
		if (strcmp(row->section, section) == 0) {
			*k = 0;
			return i;
		}
		if (*k < r->section_count && belongs_to(r, row, *k))
			return i;
	}
	return i;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct option_reader *r = reading;
	size_t k, i = find_row(r, section_of(cfg), opt->name, &k);
	unsigned line = (unsigned)cfg->line;
	const char *expected;

	*(const char **)result = value;
	if (i == r->count && !find_unknown(r, section_of(cfg), opt->name))	/* libconfuse takes "section|name" too */
		add_problem(r, r->path, line, false, unknown_text(r, section_of(cfg), opt->name));
	if (i == r->count)
		return 0;
	if (opt->nvalues == 1 && *given_at(r, i, k))
		add_warning(r, line, opt->name);
	*given_at(r, i, k) = true;
	expected = option_put(&r->rows[i], value, NULL, r->scratch);
	if (opt->nvalues == 2 && r->rows[i].type != OPTION_LIST)
		option_problem(r, r->path, line, "%s: found a list, expected one value", opt->name);
	else if (expected)
		wrong_value(r, r->path, line, &r->rows[i], opt->name, value, expected);
	return 0;
}

/* ---- one file ---- */

static cfg_opt_t string_option(const char *name)
{
	cfg_opt_t opt = CFG_STR_LIST_CB(name, NULL, CFGF_NODEFAULT, on_value);

	return opt;
}

static cfg_opt_t section_option(const char *name, cfg_opt_t *options)
{
	cfg_opt_t opt = CFG_SEC(name, options, CFGF_NONE);

	return opt;
}

/* libconfuse's table for one of the sections in which options may say otherwise. */
static cfg_opt_t *make_variant(const struct option_reader *r, size_t k)
{
	cfg_opt_t *options = arena_alloc(r->scratch, (r->count + UNKNOWN_MAX + 1) * sizeof(*options));
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->rows[i].file, r->file) == 0 && belongs_to(r, &r->rows[i], k))
			options[n++] = string_option(r->rows[i].name);
	for (struct option_unknown *u = r->unknown; u; u = u->next)
		if (strcmp(u->section, r->sections[k].name) == 0)
			options[n++] = string_option(u->name);
	return options;
}

/* Whether section K can be in the file whose text is TEXT: there may be many, of which few are made use of. */
static bool mentioned(const struct option_reader *r, size_t k, const char *text)
{
	return strstr(text, r->sections[k].name) != NULL;
}

static bool varies(const struct option_reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->rows[i].file, r->file) == 0 && r->rows[i].varies)
			return true;
	return false;
}

/* libconfuse's table for SECTION of the file being read, whose text is TEXT. */
static cfg_opt_t *make_options(const struct option_reader *r, const char *section, const char *text)
{
	cfg_opt_t *options = arena_alloc(r->scratch, (2 * r->count + r->section_count + UNKNOWN_MAX + 1) * sizeof(*options));
	const char *last = "";
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct option_row *row = &r->rows[i];
		if (strcmp(row->file, r->file))
			continue;
		if (strcmp(row->section, section) == 0) {
			options[n++] = string_option(row->name);
		} else if (!*section && strcmp(row->section, last)) {
			options[n++] = section_option(row->section, make_options(r, row->section, text));
			last = row->section;
		}
	}
	for (size_t k = 1; !*section && k < r->section_count && varies(r); k++)
		if (mentioned(r, k, text))
			options[n++] = section_option(r->sections[k].name, make_variant(r, k));
	for (struct option_unknown *u = r->unknown; u; u = u->next)
		if (strcmp(u->section, section) == 0)
			options[n++] = u->is_section ? section_option(u->name, make_options(r, u->name, text)) : string_option(u->name);
	return options;	/* zeroed behind the last one: CFG_END */
}

/* The value that CFG, a section or the whole, has for row I goes into the field of section K. */
static void store(struct option_reader *r, cfg_t *cfg, size_t i, size_t k)
{
	const struct option_row *row = &r->rows[i];
	cfg_opt_t *opt = cfg ? cfg_getopt(cfg, row->name) : NULL;
	void *field = field_at(r, i, k);

	if (!opt || !(opt->flags & CFGF_MODIFIED))
		return;
	*given_at(r, i, k) = true;	/* also by an empty list, which has no value to call on_value with */
	if (row->type == OPTION_LIST) {
		const char **values = arena_alloc(r->scratch, (cfg_opt_size(opt) + 1) * sizeof(*values));
		for (unsigned v = 0; v < cfg_opt_size(opt); v++)
			values[v] = cfg_opt_getnstr(opt, v);
		option_put_list(row, values, cfg_opt_size(opt), field, r->arena);
	} else if (cfg_opt_size(opt) == 0) {
		option_problem(r, r->path, 0, "%s: found an empty list, expected one value", row->name);
	} else if (option_put(row, cfg_opt_getnstr(opt, 0), field, r->arena)) {
		bug("option %s: a value that was checked is refused", row->name);
	}
}

static void store_all(struct option_reader *r, cfg_t *cfg, const char *text)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct option_row *row = &r->rows[i];
		if (strcmp(row->file, r->file))
			continue;
		store(r, *row->section ? cfg_getsec(cfg, row->section) : cfg, i, 0);
		for (size_t k = 1; k < r->section_count; k++)
			if (belongs_to(r, row, k) && mentioned(r, k, text))
				store(r, cfg_getsec(cfg, r->sections[k].name), i, k);
	}
}

/* Forgets what the last pass over this file said, but for unknown names. */
static void start_pass(struct option_reader *r)
{
	size_t kept = r->first_problem;

	for (size_t i = kept; i < r->problem_count; i++)
		if (r->problems[i].sticky)
			r->problems[kept++] = r->problems[i];
		else
			r->warning_count -= r->problems[i].warning;
	r->problem_count = kept;
	r->again = false;
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->section_count && strcmp(r->rows[i].file, r->file) == 0; k++)
			*given_at(r, i, k) = false;
}

static bool file_is_fine(const struct option_reader *r)
{
	size_t i = r->first_problem;

	while (i < r->problem_count && r->problems[i].warning)
		i++;
	return i == r->problem_count;
}

/* Whether another pass is needed. */
static bool parse_pass(struct option_reader *r, const char *text)
{
	cfg_t *cfg;
	int result;

	start_pass(r);
	cfg = cfg_init(make_options(r, "", text), CFGF_NONE);
	if (!cfg)
		bug("cfg_init failed");
	cfg_set_error_function(cfg, on_error);
	reading = r;
	result = cfg_parse_buf(cfg, text);
	reading = NULL;
	if (result == CFG_SUCCESS && file_is_fine(r))
		store_all(r, cfg, text);
	cfg_free(cfg);
	return r->again;
}

/* The file's text; NULL when there is none to read (a problem is noted unless it does not exist). */
static const char *slurp(struct option_reader *r, const char *path, struct buf *text)
{
	char *room;
	size_t size;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno != ENOENT)
		option_problem(r, path, 0, "cannot be opened: %s", strerror(errno));
	if (fd < 0)
		return NULL;
	while (n > 0 && (room = buf_room(text, 4096, &size)) != NULL) {
		n = read(fd, room, size);
		if (n > 0)
			buf_added(text, (size_t)n);
	}
	if (n < 0)
		option_problem(r, path, 0, "cannot be read: %s", strerror(errno));
	else if (n > 0)
		option_problem(r, path, 0, "is larger than %d bytes", FILE_MAX);
	else if (strlen(buf_text(text)) != text->len)
		option_problem(r, path, 0, "holds a NUL byte: not a text file");
	close(fd);
	return n == 0 && text->len && strlen(text->data) == text->len ? text->data : NULL;
}

static int by_line(const void *a, const void *b)
{
	const struct option_problem *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

void option_read_file(struct option_reader *r, const char *dir, const char *file)
{
	struct buf buffer;
	const char *text;

	buf_init(&buffer, FILE_MAX);
	r->file = file;
	r->path = arena_printf(r->scratch, "%s/%s", dir, file);
	r->first_problem = r->problem_count;
	r->unknown = NULL;
	text = slurp(r, r->path, &buffer);
	while (text && parse_pass(r, text))
		;
	qsort(r->problems + r->first_problem, r->problem_count - r->first_problem, sizeof(*r->problems), by_line);
	buf_free(&buffer);
}

/* ---- small files, and the end ---- */

static void read_small(struct option_reader *r, const char *dir, size_t i)
{
	const struct option_row *row = &r->rows[i];
	struct listfile list;
	struct err err = { "" };
	const char *expected;

	if (!listfile_read(dir, row->small_file, r->scratch, &list, &err)) {
		option_problem(r, arena_printf(r->scratch, "%s/%s", dir, row->small_file), 0, "%s", err.text);
	} else if (list.count) {
		expected = option_put(row, row->small_value ? row->small_value(list.lines[0]) : list.lines[0], field_at(r, i, 0), r->arena);
		if (expected)
			wrong_value(r, list.path, list.numbers[0], row, row->small_file, list.lines[0], expected);
		*given_at(r, i, 0) = true;
	}
}

void option_read_small(struct option_reader *r, const char *dir)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->rows[i].small_file && !*given_at(r, i, 0))
			read_small(r, dir, i);
}

static const char *problem_text(const struct option_problem *p, struct arena *a)
{
	if (p->line)
		return arena_printf(a, "%s:%u: %s", p->path, p->line, p->text);
	return arena_printf(a, "%s: %s", p->path, p->text);
}

bool option_end(struct option_reader *r, void (*each)(void *arg, const char *problem), void *arg)
{
	for (size_t i = 0; each && i < r->problem_count; i++)
		if (!r->problems[i].warning)
			each(arg, problem_text(&r->problems[i], r->scratch));
	arena_free(&r->scratch);
	return r->problem_count == r->warning_count;
}

const char **option_warnings(struct option_reader *r)
{
	const char **list = arena_alloc(r->arena, (r->warning_count + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < r->problem_count; i++)
		if (r->problems[i].warning)
			list[n++] = problem_text(&r->problems[i], r->arena);
	return list;
}
