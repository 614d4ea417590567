/* letter.c - see letter.h. The header section is held in memory, the body is passed on in pieces however long its lines are. */
#include "letter.h"
#include "../lib/address_list.h"
#include "../lib/base64.h"
#include "../lib/field.h"

#include <strings.h>
#include <sysexits.h>

#define PIECE 8192
#define WORD 42			/* octets in an encoded word, which has at most 75 (RFC 2047 2) */
#define NAME_MOST 252			/* octets of a name: with all its words it still fits in a line (RFC 5322 2.1.1) */

/* ---- reading ---- */

struct piece { char data[PIECE]; size_t len; bool starts, ends; };	/* whether it is the beginning, the end of a line */

/* What is next of the line in hand; a CR in front of its LF is not part of it. False at the end. */
static bool next_piece(struct letter *l, struct piece *p)
{
	int c = 0;

	p->len = 0;
	p->starts = l->line_start;
	while (!l->ended && p->len < sizeof(p->data) && (c = getc_unlocked(l->in)) != EOF && c != '\n')
		p->data[p->len++] = (char)c;
	if (c == EOF)
		l->ended = true;
	p->ends = c == '\n' || (c == EOF && (p->len || !p->starts));
	if (p->len == sizeof(p->data) && p->data[p->len - 1] == '\r') {
		ungetc('\r', l->in);
		p->len--;
	} else if (c == '\n' && p->len && p->data[p->len - 1] == '\r') {
		p->len--;
	}
	if (l->dot_ends && p->starts && p->ends && p->len == 1 && *p->data == '.') {
		l->ended = true;
		return false;
	}
	l->line_start = p->ends;
	return p->len || p->ends;
}

/* A whole line of the header section in B; one that is too long fails B. False at the end. */
static bool next_line(struct letter *l, struct buf *b)
{
	struct piece p;

	buf_clear(b);
	do {
		if (!next_piece(l, &p))
			return false;
		buf_put(b, p.data, p.len);
	} while (!p.ends && !b->failed);
	return true;
}

static bool is_folded(struct view line)
{
	return line.len && (*line.data == ' ' || *line.data == '\t');
}

static bool read_header(struct letter *l)
{
	bool first = true;

	while (next_line(l, &l->body)) {
		struct view line = buf_view(&l->body);

		if (l->body.failed)
			return false;
		if (line.len == 0)
			return true;
		if (first && view_starts(line, VIEW("From "))) {
			first = false;
			continue;
		}
		first = false;
		if (!(is_folded(line) && l->header.len) && !field_name_length(line)) {
			l->has_body = true;
			return true;
		}
		if (!buf_put_view(&l->header, line) || !buf_puts(&l->header, "\r\n"))
			return false;
	}
	return true;
}

/* Takes the rest of IN, so that no server has to wait for whoever writes it. */
static bool keep_body(struct letter *l, struct err *err)
{
	struct piece p;

	l->kept = tmpfile();
	if (!l->kept)
		return err_sys(err, "no temporary file for the message");
	while (next_piece(l, &p))
		if (fwrite(p.data, 1, p.len, l->kept) != p.len || (p.ends && fputs("\r\n", l->kept) < 0))
			return err_sys(err, "the message cannot be kept in a temporary file");
	if (ferror(l->in))
		return err_sys(err, "the message cannot be read");
	if (fflush(l->kept) != 0 || fseek(l->kept, 0, SEEK_SET) != 0)
		return err_sys(err, "the message cannot be kept in a temporary file");
	l->in = l->kept;
	l->ended = l->dot_ends = false;
	l->line_start = true;
	return true;
}

int letter_open(struct letter *l, FILE *in, bool dot_ends, struct err *err)
{
	*l = (struct letter){ .in = in, .dot_ends = dot_ends, .line_start = true };
	buf_init(&l->header, LETTER_HEADER_MAX);
	buf_init(&l->body, LETTER_HEADER_MAX);
	if (!read_header(l)) {
		err_set(err, "the header section is longer than %d octets", LETTER_HEADER_MAX);
		return EX_DATAERR;
	}
	return keep_body(l, err) ? EX_OK : EX_IOERR;
}

void letter_close(struct letter *l)
{
	if (l->kept)
		fclose(l->kept);
	buf_free(&l->header);
	buf_free(&l->body);
}

/* ---- fields ---- */

bool letter_has(const struct letter *l, const char *name)
{
	struct field f;

	return field_find(buf_view(&l->header), view_of(name), &f);
}

bool letter_add(struct letter *l, const char *name, const char *value, struct err *err)
{
	struct buf all;

	buf_init(&all, LETTER_HEADER_MAX);
	buf_printf(&all, "%s: %s\r\n", name, value);
	buf_put_view(&all, buf_view(&l->header));
	if (all.failed) {
		buf_free(&all);
		return err_set(err, "the header section is too long");
	}
	buf_free(&l->header);
	l->header = all;
	return true;
}

char *letter_phrase(const char *name, struct arena *a)
{
	struct view rest = view_head(view_of(name), NAME_MOST);
	char word[4 * WORD / 3 + 8];
	struct buf out;

	while (rest.len && (name[rest.len] & 0xc0) == 0x80)	/* not in the middle of a character */
		rest.len--;
	buf_init(&out, 4096);
	if (view_is_ascii(rest)) {
		buf_putc(&out, '"');
		for (size_t i = 0; i < rest.len; i++)
			if ((unsigned char)rest.data[i] >= 0x20 && rest.data[i] != 0x7f)
				buf_printf(&out, "%s%c", rest.data[i] == '"' || rest.data[i] == '\\' ? "\\" : "", rest.data[i]);
		buf_putc(&out, '"');
	}
	while (out.len == 0 || (rest.len && *buf_text(&out) != '"')) {
		size_t n = rest.len < WORD ? rest.len : WORD;

		while (n && n < rest.len && (rest.data[n] & 0xc0) == 0x80)
			n--;
		n = n ? n : rest.len < WORD ? rest.len : WORD;
		if (!base64_encode(view_make(rest.data, n), word, sizeof(word)))
			break;
		buf_printf(&out, "%s=?utf-8?B?%s?=", out.len ? " " : "", word);
		rest = view_skip(rest, n);
	}
	char *text = arena_strdup(a, buf_text(&out));
	buf_free(&out);
	return text;
}

/* ---- recipients ---- */

static void add(struct letter_recipients *to, const char *address)
{
	for (size_t i = 0; i < to->count; i++)
		if (strcmp(to->list[i], address) == 0)
			return;
	if (to->count + 1 >= to->room) {
		size_t room = to->room ? 2 * to->room : 16;
		const char **list = arena_alloc(to->arena, room * sizeof(*list));

		for (size_t i = 0; i < to->count; i++)
			list[i] = to->list[i];
		to->list = list;
		to->room = room;
	}
	to->list[to->count++] = address;
	to->list[to->count] = NULL;
}

/* Takes the next entry of a list off *REST: up to a comma that is in no quotes, comment or brackets. Of a group that is its members. */
static struct view next_entry(struct view *rest)
{
	struct view all = *rest;
	size_t start = 0, i = 0;
	unsigned comment = 0;
	bool quoted = false, angle = false, literal = false;

	for (; i < all.len; i++) {
		char c = all.data[i];

		if (c == '\\' && (quoted || comment))
			i++;
		else if (c == '"' && !comment)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (c == '(')
			comment++;
		else if (c == ')' && comment)
			comment--;
		else if (c == '<' || c == '>')
			angle = c == '<' && !comment;
		else if (c == '[' || c == ']')
			literal = c == '[' && !comment;
		else if (c == ':' && !comment && !angle && !literal)
			start = i + 1;
		else if ((c == ',' || c == ';') && !comment && !angle)
			break;
	}
	i = i < all.len ? i : all.len;
	*rest = view_skip(all, i < all.len ? i + 1 : i);
	return view_trim(view_make(all.data + start, i - start));
}

/* An entry without "@" is a user of this machine: "root", "<root>", "Cron <root>", "root (Cron)". NULL: it is none. */
static const char *local_address(struct view text, const char *me, struct arena *a)
{
	size_t open = view_find(text, '<');

	if (open < text.len) {
		text = view_skip(text, open + 1);
		text.len = view_find(text, '>');
	}
	text.len = view_find(text, '(');
	text = view_trim(text);
	return address_is_dot_string(text) ? arena_printf(a, "%.*s@%s", VIEW_FMT(text), me) : NULL;
}

static const char *entry_address(struct view entry, const char *me, struct arena *a)
{
	const struct address_entry *const *list;

	if (view_find(entry, '@') == entry.len)
		return local_address(entry, me, a);
	return address_list_parse(entry, a, &list) == ADDRESS_LIST_OK && list[0] && !list[1] && *list[0]->address ? list[0]->address : NULL;
}

bool letter_add_recipients(struct letter_recipients *to, struct view text, const char *me, struct err *err)
{
	while (text.len) {
		struct view entry = next_entry(&text);
		const char *address = entry.len ? entry_address(entry, me, to->arena) : "";

		if (!address)
			return err_set(err, "found \"%.*s\", expected an address", entry.len < 200 ? (int)entry.len : 200, entry.data);
		if (to->count >= LETTER_RECIPIENTS)
			return err_set(err, "found more than %d recipients", LETTER_RECIPIENTS);
		if (*address)
			add(to, address);
	}
	return true;
}

/* Of a resent message only those it is resent to (RFC 5322 3.6.6). */
static bool names_recipients(const struct field *f, bool resent)
{
	static const struct view names[2][3] = {
		{ VIEW("To"), VIEW("Cc"), VIEW("Bcc") }, { VIEW("Resent-To"), VIEW("Resent-Cc"), VIEW("Resent-Bcc") },
	};

	for (size_t i = 0; i < COUNT_OF(names[0]); i++)
		if (field_named(f, names[resent][i]))
			return true;
	return false;
}

bool letter_take_recipients(struct letter *l, const char *me, struct letter_recipients *to, struct err *err)
{
	bool resent = letter_has(l, "Resent-To") || letter_has(l, "Resent-Cc") || letter_has(l, "Resent-Bcc"), ok = true;
	struct view rest = buf_view(&l->header);
	struct buf kept;

	buf_init(&kept, LETTER_HEADER_MAX);
	while (ok && rest.len) {
		struct field f = field_next(&rest);

		if (names_recipients(&f, resent)) {
			char *value = field_value(&f, to->arena);

			ok = letter_add_recipients(to, view_of(value), me, err) || err_context(err, "%.*s", VIEW_FMT(field_name(&f)));
		}
		if (!field_named(&f, VIEW("Bcc")) && !field_named(&f, VIEW("Resent-Bcc")))
			buf_put_view(&kept, f.raw);
	}
	buf_free(&l->header);
	l->header = kept;
	return ok && !kept.failed;
}

/* ---- sending ---- */

static bool send_body(struct letter *l, struct submit *c, struct err *err)
{
	struct piece p;

	if (l->has_body && !(submit_text(c, buf_view(&l->body), err) && submit_line_end(c, err)))
		return false;
	while (next_piece(l, &p))
		if (!submit_text(c, view_make(p.data, p.len), err) || (p.ends && !submit_line_end(c, err)))
			return false;
	if (!ferror(l->in))
		return true;
	c->status = EX_IOERR;
	return err_sys(err, "the message cannot be read");
}

bool letter_send(struct letter *l, struct submit *c, struct err *err)
{
	struct view rest = buf_view(&l->header);

	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		line.len -= line.len && line.data[line.len - 1] == '\r';
		if (!submit_text(c, line, err) || !submit_line_end(c, err))
			return false;
	}
	return submit_line_end(c, err) && send_body(l, c, err);
}
