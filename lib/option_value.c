/* option_value.c - the values of options: from text into a field, and from a field back into text. See option.h. */
#include "option_value.h"
#include "err.h"
#include "log.h"
#include "view.h"

#include <inttypes.h>

struct unit { const char *name; int64_t factor; };

/* Largest first: printing takes the first that divides evenly. */
static const struct unit duration_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct unit size_units[] = {
	{ "T", (int64_t)1 << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 }, { "k", 1 << 10 }, { "", 1 },
};

/* Digits and one unit; BARE is the factor when there is none. */
static bool parse_units(const char *text, const struct unit *units, size_t count, int64_t bare, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	const char *name = text + digits;
	int64_t factor = *name ? 0 : bare;
	uint64_t n;

	for (size_t i = 0; *name && i < count; i++)
		if (strcasecmp(name, units[i].name) == 0)
			factor = units[i].factor;
	if (factor == 0 || !view_u64(view_make(text, digits), (uint64_t)(INT64_MAX / factor), &n))
		return false;
	*out = (int64_t)n * factor;
	return true;
}

static char *format_units(int64_t value, const struct unit *units, size_t count, char out[OPTION_NUMBER_SIZE])
{
	size_t i = 0;

	while (i + 1 < count && value % units[i].factor != 0)
		i++;
	if (value == 0)
		snprintf(out, OPTION_NUMBER_SIZE, "0");
	else
		snprintf(out, OPTION_NUMBER_SIZE, "%" PRId64 "%s", value / units[i].factor, units[i].name);
	return out;
}

bool option_parse_duration(const char *text, int64_t *ms)
{
	return parse_units(text, duration_units, COUNT_OF(duration_units), 1000, ms);
}

bool option_parse_size(const char *text, int64_t *bytes)
{
	return parse_units(text, size_units, COUNT_OF(size_units), 1, bytes);
}

char *option_format_duration(int64_t ms, char out[OPTION_NUMBER_SIZE])
{
	return format_units(ms, duration_units, COUNT_OF(duration_units), out);
}

char *option_format_size(int64_t bytes, char out[OPTION_NUMBER_SIZE])
{
	return format_units(bytes, size_units, COUNT_OF(size_units), out);
}

static bool parse_int(const char *text, int64_t *out)
{
	uint64_t n;

	if (!view_u64(view_of(text), INT64_MAX, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

static bool parse_bool(const char *text, bool *out)
{
	static const char *const words[][2] = { { "false", "true" }, { "no", "yes" }, { "off", "on" }, { "0", "1" } };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		for (int b = 0; b < 2; b++)
			if (strcasecmp(text, words[i][b]) == 0) {
				*out = b;
				return true;
			}
	return false;
}

/* The index of TEXT among the choices, -1 when it is none; *AS_LISTED is the choice itself. */
static int choice_index(const char *choices, const char *text, struct view *as_listed)
{
	struct view rest = view_of(choices);

	for (int i = 0; rest.len; i++) {
		*as_listed = view_word(&rest);
		if (view_case_eq(*as_listed, view_of(text)))
			return i;
	}
	return -1;
}

static char *number_text(enum option_type type, int64_t value, char out[OPTION_NUMBER_SIZE])
{
	if (type == OPTION_DURATION)
		return option_format_duration(value, out);
	if (type == OPTION_SIZE)
		return option_format_size(value, out);
	snprintf(out, OPTION_NUMBER_SIZE, "%" PRId64, value);
	return out;
}

static const char *expect_number(const struct option_row *row, struct arena *a)
{
	char low[OPTION_NUMBER_SIZE], high[OPTION_NUMBER_SIZE];
	const char *what = row->type == OPTION_DURATION ? "a time" : row->type == OPTION_SIZE ? "a size" : "a number";
	const char *example = row->type == OPTION_DURATION ? " (such as 30s, 5m, 1h or 5d)" : row->type == OPTION_SIZE ? " (such as 64k or 50M)" : "";

	return arena_printf(a, "%s from %s to %s%s", what, number_text(row->type, row->min, low), number_text(row->type, row->max, high), example);
}

static const char *put_number(const struct option_row *row, const char *value, void *field, struct arena *a)
{
	int64_t n = 0;
	bool ok = row->type == OPTION_DURATION ? option_parse_duration(value, &n)
		: row->type == OPTION_SIZE ? option_parse_size(value, &n) : parse_int(value, &n);

	if (!ok || n < row->min || n > row->max)
		return expect_number(row, a);
	if (field)
		memcpy(field, &n, sizeof(n));
	return NULL;
}

/* A control character in a name, path or text is never meant; a line break could end up in a reply. */
static bool is_plain_text(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

static const char *put_string(const struct option_row *row, const char *value, void *field, struct arena *a)
{
	struct view listed = view_of(value);
	const char *copy, *expected = NULL;
	int index = 0;

	if (!is_plain_text(value))
		return "text without control characters";
	if (row->choices && (index = choice_index(row->choices, value, &listed)) < 0)
		return arena_printf(a, "one of: %s", row->choices);
	if (row->check)
		expected = row->check(value);
	if (expected || !field)
		return expected;
	copy = arena_view_dup(a, listed);
	if (row->type == OPTION_ENUM)
		memcpy(field, &index, sizeof(index));
	else
		memcpy(field, &copy, sizeof(copy));
	return NULL;
}

const char *option_put(const struct option_row *row, const char *value, void *field, struct arena *a)
{
	bool b;

	switch (row->type) {
	case OPTION_BOOL:
		if (!parse_bool(value, &b))
			return "true or false";
		if (field)
			memcpy(field, &b, sizeof(b));
		return NULL;
	case OPTION_INT:
	case OPTION_DURATION:
	case OPTION_SIZE:
		return put_number(row, value, field, a);
	default:
		return put_string(row, value, field, a);
	}
}

void option_put_list(const struct option_row *row, const char **values, size_t count, void *field, struct arena *a)
{
	const char **list = arena_alloc(a, (count + 1) * sizeof(*list));

	for (size_t i = 0; i < count; i++)
		if (option_put(row, values[i], &list[i], a))
			bug("option %s: a value that was checked is refused", row->name);
	memcpy(field, &list, sizeof(list));
}

void option_put_preset(const struct option_row *row, void *field, struct arena *a)
{
	struct view rest = view_of(row->preset);
	const char *values[16];
	size_t count = 0;

	if (row->type == OPTION_LIST) {
		while (count < COUNT_OF(values) && view_trim(rest).len)
			values[count++] = arena_view_dup(a, view_word(&rest));
		option_put_list(row, values, count, field, a);
	} else if (option_put(row, row->preset, field, a)) {
		bug("option %s: its default \"%s\" is refused", row->name, row->preset);
	}
}

/* What libconfuse's lexer reads back as the same text. */
static void print_quoted(const char *text, FILE *out)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || *text == '$')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void print_list(const char *const *list, FILE *out)
{
	putc('{', out);
	for (size_t i = 0; list[i]; i++) {
		fputs(i ? ", " : " ", out);
		print_quoted(list[i], out);
	}
	fputs(" }", out);
}

static void print_value(const struct option_row *row, const void *field, FILE *out)
{
	char text[OPTION_NUMBER_SIZE];
	struct view rest = row->choices ? view_of(row->choices) : view_of(""), word = rest;
	const char *const *list;
	const char *string;
	int64_t number;
	int index;

	switch (row->type) {
	case OPTION_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case OPTION_INT:
	case OPTION_DURATION:
	case OPTION_SIZE:
		memcpy(&number, field, sizeof(number));
		fputs(number_text(row->type, number, text), out);
		break;
	case OPTION_ENUM:
		memcpy(&index, field, sizeof(index));
		for (int i = 0; i <= index; i++)
			word = view_word(&rest);
		fprintf(out, "%.*s", VIEW_FMT(word));
		break;
	case OPTION_LIST:
		memcpy(&list, field, sizeof(list));
		print_list(list, out);
		break;
	default:
		memcpy(&string, field, sizeof(string));
		print_quoted(string, out);
	}
}

void option_print(const struct option_row *row, const void *base, FILE *out)
{
	fprintf(out, "%s = ", row->name);
	print_value(row, (const char *)base + row->at, out);
	putc('\n', out);
}

static bool prints_the_same(const struct option_row *row, const void *x, const void *y)
{
	char *text[2] = { NULL, NULL };
	size_t len;
	bool same;

	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&text[i], &len);
		if (!out)
			bug("option: out of memory");
		print_value(row, i ? x : y, out);
		fclose(out);
	}
	same = strcmp(text[0], text[1]) == 0;
	free(text[0]);
	free(text[1]);
	return same;
}

bool option_is_preset(const struct option_row *row, const void *base)
{
	struct arena *a = arena_new(1024);
	union { int64_t number; const char *string; const char **list; bool b; int index; } preset = { 0 };
	bool same;

	option_put_preset(row, &preset, a);
	same = prints_the_same(row, &preset, (const char *)base + row->at);
	arena_free(&a);
	return same;
}

bool option_is_same(const struct option_row *row, const void *a, const void *b)
{
	return prints_the_same(row, (const char *)a + row->at, (const char *)b + row->at);
}

size_t option_field_size(enum option_type type)
{
	switch (type) {
	case OPTION_BOOL:
		return sizeof(bool);
	case OPTION_INT:
	case OPTION_DURATION:
	case OPTION_SIZE:
		return sizeof(int64_t);
	case OPTION_ENUM:
		return sizeof(int);
	default:
		return sizeof(void *);
	}
}

const char *option_type_name(enum option_type type)
{
	static const char *const names[] = { "bool", "int", "duration", "size", "string", "choice", "choice", "list" };

	return names[type];
}
