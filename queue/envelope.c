/* envelope.c - the envelope of a message: one line a fact, "keyword value", written and parsed by one table. In values
 * control characters and "%" are written as %XX (and blanks, where a value is one of several words), so no value, wherever
 * it came from, can end its line or begin another record. The parser trusts nothing and refuses what it does not know. */
#include "envelope.h"

#include "spool_internal.h"

#define RCPT_PREFIX "rcpt "
#define NOTE_PREFIX "note "
#define NOTIFY_MAX (NOTIFY_ASKED | NOTIFY_DELAYED | NOTIFY_OVERDUE)

enum field_kind { FIELD_TEXT, FIELD_INT64, FIELD_UNSIGNED, FIELD_PRIORITY, FIELD_FLAGS };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	bool required;		/* written even when empty, and must be there */
};

#define FIELD(name, kind, member, required) { name, kind, offsetof(struct envelope, member), required }
static const struct field fields[] = {
	FIELD("from", FIELD_TEXT, sender, true),
	FIELD("arrived", FIELD_INT64, arrived, true),
	FIELD("flags", FIELD_FLAGS, flags, false),
	FIELD("envid", FIELD_TEXT, envid, false),
	FIELD("ret", FIELD_TEXT, ret, false),
	FIELD("client", FIELD_TEXT, client, false),
	FIELD("helo", FIELD_TEXT, helo, false),
	FIELD("user", FIELD_TEXT, auth_user, false),
	FIELD("tls", FIELD_TEXT, tls, false),
	FIELD("session", FIELD_TEXT, session, false),
	FIELD("attempts", FIELD_UNSIGNED, attempts, false),
	FIELD("next", FIELD_INT64, next, false),
	FIELD("by", FIELD_INT64, deliver_by, false),
	FIELD("by-mode", FIELD_TEXT, by_mode, false),
	FIELD("hold", FIELD_INT64, hold_until, false),
	FIELD("priority", FIELD_PRIORITY, priority, false),
};

static const struct { const char *name; unsigned bit; } flag_names[] = {
	{ "8bit", ENVELOPE_8BIT }, { "utf8", ENVELOPE_UTF8 }, { "dots", ENVELOPE_DOTS },
	{ "long", ENVELOPE_LONG_LINES }, { "bounce", ENVELOPE_BOUNCE }, { "binary", ENVELOPE_BINARY },
	{ "requiretls", ENVELOPE_REQUIRETLS }, { "double", ENVELOPE_DOUBLE },
};

/* ---- writing ---- */

static bool must_escape(unsigned char c, bool word)
{
	return c < 0x20 || c == 0x7f || c == '%' || (word && c == ' ');
}

static void put_value(struct buf *out, const char *text, bool word)
{
	const char *run = text != NULL ? text : "";
	for (const char *p = run;; p++) {
		if (*p != '\0' && !must_escape((unsigned char)*p, word))
			continue;
		buf_put(out, run, (size_t)(p - run));
		if (*p == '\0')
			return;
		buf_printf(out, "%%%02X", (unsigned char)*p);
		run = p + 1;
	}
}

static void put_flags(struct buf *out, unsigned flags)
{
	bool first = true;
	for (size_t i = 0; i < COUNT_OF(flag_names); i++) {
		if (!(flags & flag_names[i].bit))
			continue;
		buf_printf(out, "%s%s", first ? "" : " ", flag_names[i].name);
		first = false;
	}
}

static int64_t number_of(const void *at, enum field_kind kind)
{
	switch (kind) {
	case FIELD_INT64:
		return *(const int64_t *)at;
	case FIELD_PRIORITY:
		return *(const int *)at;
	case FIELD_UNSIGNED:
	case FIELD_FLAGS:
		return *(const unsigned *)at;
	case FIELD_TEXT:
		break;
	}
	return 0;
}

static void put_field(struct buf *out, const struct envelope *env, const struct field *f)
{
	const void *at = (const char *)env + f->offset;
	const char *text = f->kind == FIELD_TEXT ? *(const char *const *)at : NULL;
	int64_t number = number_of(at, f->kind);

	if (!f->required && number == 0 && (text == NULL || *text == '\0'))
		return;
	buf_puts(out, f->name);
	buf_putc(out, ' ');
	if (f->kind == FIELD_TEXT)
		put_value(out, text, false);
	else if (f->kind == FIELD_FLAGS)
		put_flags(out, (unsigned)number);
	else
		buf_printf(out, "%lld", (long long)number);
	buf_putc(out, '\n');
}

static void put_rcpt(struct buf *out, const struct envelope_rcpt *r)
{
	buf_printf(out, RCPT_PREFIX "%c ", (char)r->status);
	put_value(out, r->address, true);
	buf_putc(out, ' ');
	put_value(out, r->domain, true);
	buf_printf(out, " %u ", r->notify);
	put_value(out, r->orcpt, true);
	buf_putc(out, ' ');
	put_value(out, r->last, false);
	buf_putc(out, '\n');
}

static bool line_fits(const struct buf *out, size_t from, const char *what, struct err *err)
{
	if (out->failed)
		return err_set(err, "envelope over %u bytes, or out of memory", ENVELOPE_MAX);
	return out->len - from <= ENVELOPE_LINE_MAX || err_set(err, "envelope: %s is too long", what);
}

static bool write_notes(const struct envelope *env, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < env->note_count; i++) {
		size_t from = out->len;
		buf_puts(out, NOTE_PREFIX);
		put_value(out, env->notes[i].key, true);
		buf_putc(out, ' ');
		put_value(out, env->notes[i].value, false);
		buf_putc(out, '\n');
		if (!line_fits(out, from, "a note", err))
			return false;
	}
	return true;
}

static bool status_valid(int c)
{
	static const char statuses[] = { RCPT_TODO, RCPT_DONE, RCPT_RELAYED, RCPT_DELIVERED, RCPT_FAILED, RCPT_EXPIRED };
	return memchr(statuses, c, sizeof statuses) != NULL;
}

bool envelope_write(const struct envelope *env, struct buf *out, struct err *err)
{
	if (env->rcpt_count == 0 || env->rcpt_count > ENVELOPE_RCPTS_MAX || env->note_count > ENVELOPE_NOTES_MAX ||
	    env->arrived < 0 || env->next < 0 || env->deliver_by < 0 || env->hold_until < 0 || abs(env->priority) > 9)
		return err_set(err, "envelope: number of recipients or notes, a time or the priority out of range");
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		size_t from = out->len;
		put_field(out, env, &fields[i]);
		if (!line_fits(out, from, fields[i].name, err))
			return false;
	}
	if (!write_notes(env, out, err))
		return false;
	for (size_t i = 0; i < env->rcpt_count; i++) {
		size_t from = out->len;
		const struct envelope_rcpt *r = &env->rcpts[i];
		if (!status_valid((int)r->status) || r->notify > NOTIFY_MAX)
			return err_set(err, "envelope: status or notify of a recipient");
		put_rcpt(out, r);
		if (!line_fits(out, from, "a recipient", err))
			return false;
	}
	return true;
}

/* Splits off the first line of TEXT, line feed included. */
static struct view cut_line(struct view *text)
{
	struct view line = view_head(*text, view_find(*text, '\n') + 1);
	*text = view_skip(*text, line.len);
	return line;
}

void envelope_locate(struct envelope *env, struct view text)
{
	size_t rcpt = 0;
	for (struct view rest = text; rest.len > 0;) {
		struct view line = cut_line(&rest);
		if (view_starts(line, VIEW(RCPT_PREFIX)) && rcpt < env->rcpt_count)
			env->rcpts[rcpt++].status_at = (uint32_t)(line.data - text.data) + (uint32_t)strlen(RCPT_PREFIX);
	}
}

uint32_t envelope_sum(uint32_t sum, struct view text)
{
	const struct view prefix = VIEW(RCPT_PREFIX);
	struct view todo = text;

	for (struct view rest = text; rest.len > 0;) {
		struct view line = cut_line(&rest);
		if (!view_starts(line, prefix) || line.len <= prefix.len + 1)
			continue;
		const char *status = line.data + prefix.len;
		sum = spool_sum(sum, todo.data, (size_t)(status - todo.data));
		sum = spool_sum(sum, "-", 1);
		todo = view_make(status + 1, (size_t)(text.data + text.len - (status + 1)));
	}
	return spool_sum(sum, todo.data, todo.len);
}

/* ---- parsing ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; what is read is never shorter than what is written. False for what the writer would not have written. */
static bool unescape(char *text, bool word)
{
	char *out = text;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '%') {
			if (must_escape((unsigned char)*p, word))
				return false;
			*out++ = *p;
			continue;
		}
		int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
		int c = high * 16 + low;
		if (low < 0 || c == 0 || !must_escape((unsigned char)c, word))
			return false;
		*out++ = (char)c;
		p += 2;
	}
	*out = '\0';
	return true;
}

/* Ends the word at *REST with a NUL and moves *REST behind it; NULL when no blank follows. */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *blank = strchr(word, ' ');
	if (blank == NULL)
		return NULL;
	*blank = '\0';
	*rest = blank + 1;
	return word;
}

static bool parse_flags(struct view text, unsigned *flags)
{
	while (text.len > 0) {
		struct view word = view_cut(&text, ' ');
		size_t i = 0;
		while (i < COUNT_OF(flag_names) && !view_eq(word, view_of(flag_names[i].name)))
			i++;
		if (i == COUNT_OF(flag_names))
			return false;
		*flags |= flag_names[i].bit;
	}
	return true;
}

static bool parse_field(struct envelope *env, const struct field *f, char *value)
{
	void *at = (char *)env + f->offset;
	uint64_t number;

	switch (f->kind) {
	case FIELD_TEXT:
		*(const char **)at = value;
		return unescape(value, false);
	case FIELD_FLAGS:
		return parse_flags(view_of(value), at);
	case FIELD_UNSIGNED:
		if (!view_u64(view_of(value), UINT32_MAX, &number))
			return false;
		*(unsigned *)at = (unsigned)number;
		return true;
	case FIELD_PRIORITY:
		if (!view_u64(view_of(value + (*value == '-')), 9, &number))
			return false;
		*(int *)at = *value == '-' ? -(int)number : (int)number;
		return true;
	case FIELD_INT64:
		if (!view_u64(view_of(value), INT64_MAX, &number))
			return false;
		*(int64_t *)at = (int64_t)number;
		return true;
	}
	return false;
}

static bool parse_rcpt(char *line, size_t offset, struct envelope_rcpt *r)
{
	char *rest = line + strlen(RCPT_PREFIX), *status, *address, *domain, *notify, *orcpt;
	uint64_t bits;

	if ((status = next_word(&rest)) == NULL || (address = next_word(&rest)) == NULL ||
	    (domain = next_word(&rest)) == NULL || (notify = next_word(&rest)) == NULL ||
	    (orcpt = next_word(&rest)) == NULL)
		return false;
	if (!status_valid(status[0]) || status[1] != '\0' || !view_u64(view_of(notify), NOTIFY_MAX, &bits) ||
	    !unescape(address, true) || !unescape(domain, true) || !unescape(orcpt, true) || !unescape(rest, false))
		return false;
	*r = (struct envelope_rcpt){ .address = address, .domain = domain, .notify = (unsigned)bits, .orcpt = orcpt,
		.status = (enum rcpt_status)status[0], .status_at = (uint32_t)(offset + strlen(RCPT_PREFIX)), .last = rest };
	return true;
}

static bool parse_note(char *line, struct envelope_note *note)
{
	char *rest = line + strlen(NOTE_PREFIX);
	char *key = next_word(&rest);
	*note = (struct envelope_note){ key, rest };
	return key != NULL && unescape(key, true) && unescape(rest, false);
}

static bool line_is(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* One line, NUL-terminated; SEEN has a bit for each row of the table. */
static bool parse_line(struct envelope *env, char *line, size_t offset, unsigned *seen)
{
	if (line_is(line, RCPT_PREFIX))
		return parse_rcpt(line, offset, &env->rcpts[env->rcpt_count++]);
	if (line_is(line, NOTE_PREFIX))
		return parse_note(line, &env->notes[env->note_count++]);
	char *value = line;
	const char *name = next_word(&value);
	for (size_t i = 0; name != NULL && i < COUNT_OF(fields); i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		bool twice = *seen & 1u << i;
		*seen |= 1u << i;
		return !twice && parse_field(env, &fields[i], value);
	}
	return false;
}

/* Ends every line with a NUL and counts, so that the arrays can be made. */
static bool cut_lines(char *text, size_t len, size_t *rcpts, size_t *notes)
{
	*rcpts = *notes = 0;
	if (len == 0 || len > ENVELOPE_MAX || text[len - 1] != '\n' || memchr(text, '\0', len) != NULL)
		return false;
	for (char *line = text, *end; line < text + len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + len - line));
		*end = '\0';
		*rcpts += line_is(line, RCPT_PREFIX);
		*notes += line_is(line, NOTE_PREFIX);
		if (end - line >= ENVELOPE_LINE_MAX)
			return false;
	}
	return *rcpts > 0 && *rcpts <= ENVELOPE_RCPTS_MAX && *notes <= ENVELOPE_NOTES_MAX;
}

bool envelope_parse(char *text, size_t len, struct arena *a, struct envelope *env, struct err *err)
{
	size_t rcpts, notes, number = 1;
	unsigned seen = 0;

	*env = (struct envelope){ .sender = "", .envid = "", .ret = "", .client = "", .helo = "", .auth_user = "", .tls = "",
		.session = "", .by_mode = "" };
	if (!cut_lines(text, len, &rcpts, &notes))
		return err_set(err, "envelope: not lines of text, or over a limit");
	env->rcpts = arena_alloc(a, rcpts * sizeof *env->rcpts);
	env->notes = arena_alloc(a, notes * sizeof *env->notes);
	for (size_t at = 0; at < len; number++) {
		size_t line_len = strlen(text + at);
		if (!parse_line(env, text + at, at, &seen))
			return err_set(err, "envelope: line %zu is malformed", number);
		at += line_len + 1;
	}
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (fields[i].required && !(seen & 1u << i))
			return err_set(err, "envelope: no line \"%s\"", fields[i].name);
	return true;
}
