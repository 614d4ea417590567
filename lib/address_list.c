/* address_list.c - see address_list.h. One pass from left to right: words are collected until an octet tells what they were, a name, a local part
 * or the name of a group. Nothing is recursive; comments are counted. */
#include "base.h"
#include "address.h"
#include "address_list.h"
#include "buf.h"
#include "encoded_word.h"
#include "token.h"

#define SPECIALS "()<>[]:;@\\,\""

struct parser {
	struct view rest;
	struct arena *a;
	size_t max;			/* octets that anything read can have */
	bool broken, limit;
	const char *group;
	bool in_group;
	const struct address_entry **list;
	size_t count, room;
	/* The element in hand. */
	struct buf phrase;		/* words as a name: quotes taken off, a blank between two */
	struct buf local;		/* the same without blanks: what they mean as a local part */
	bool joined;			/* they can be one: words and dots took turns */
	bool quoted;			/* a quoted string was among them */
	bool word_last;
	struct view comment;		/* the first one */
};

static void skip(struct parser *p)
{
	struct view comment = VIEW("");

	if (!token_skip(&p->rest, &comment))
		p->broken = true;
	if (!p->comment.len)
		p->comment = comment;
}

static void begin(struct parser *p)
{
	buf_clear(&p->phrase);
	buf_clear(&p->local);
	p->joined = true;
	p->quoted = p->word_last = false;
	p->comment = VIEW("");
}

/* ---- words ---- */

static void add_word(struct parser *p, struct view word, bool dot, bool spaced)
{
	if (p->phrase.len && spaced)
		buf_putc(&p->phrase, ' ');
	buf_put_view(&p->phrase, word);
	buf_put_view(&p->local, word);
	p->joined = p->joined && (dot ? p->word_last : !p->word_last);
	p->word_last = !dot;
}

static void read_quoted(struct parser *p, bool spaced)
{
	struct buf word;

	buf_init(&word, p->max);
	if (!token_quoted(&p->rest, &word))
		p->broken = true;
	add_word(p, buf_view(&word), false, spaced);
	p->quoted = true;
	buf_free(&word);
}

/* Atoms, dots (RFC 5322 4.1: in phrases, too) and quoted strings, up to an octet that ends them. */
static void read_words(struct parser *p)
{
	const char *end = p->rest.data;

	for (skip(p); p->rest.len; skip(p)) {
		bool spaced = p->rest.data != end, dot;

		if (*p->rest.data == '"') {
			read_quoted(p, spaced);
		} else {
			dot = token_take(&p->rest, '.');
			struct view word = dot ? VIEW(".") : token_word(&p->rest, SPECIALS ".");

			if (!word.len)
				break;
			add_word(p, word, dot, spaced);
		}
		end = p->rest.data;
	}
}

/* ---- parts of an address ---- */

/* Words mean the same with quotes and without; quotes are put where a local part needs them. */
static void put_local(struct parser *p, struct buf *out)
{
	struct view local = buf_view(&p->local);

	if (!p->quoted || address_is_dot_string(local)) {
		buf_put_view(out, local);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, local.data[i]);
	}
	buf_putc(out, '"');
}

/* Ends where two atoms follow each other without a dot: "a@b c" is no domain "bc". */
static void read_domain(struct parser *p, struct buf *out)
{
	bool after_atom = false;

	skip(p);
	if (p->rest.len && *p->rest.data == '[') {
		struct view literal = view_head(p->rest, view_find(p->rest, ']') + 1);

		p->rest = view_skip(p->rest, literal.len);
		for (size_t i = 0; i < literal.len; i++)
			if ((unsigned char)literal.data[i] > ' ')
				buf_putc(out, literal.data[i]);
		skip(p);
		return;
	}
	for (; p->rest.len; skip(p)) {
		bool dot = token_take(&p->rest, '.');
		struct view atom = dot ? VIEW(".") : after_atom ? VIEW("") : token_word(&p->rest, SPECIALS ".");

		if (!atom.len)
			break;
		buf_put_view(out, atom);
		after_atom = !dot;
	}
}

static const char *name_of(struct parser *p)
{
	struct buf text;
	const char *name;

	if (p->phrase.len || !p->comment.len)
		return encoded_word_text(buf_view(&p->phrase), p->a);
	buf_init(&text, p->max);
	token_comment(p->comment, &text);
	name = encoded_word_text(view_trim(buf_view(&text)), p->a);
	buf_free(&text);
	return name;
}

/* TEXT is what stood for the address. */
static void add_entry(struct parser *p, const char *name, struct view text)
{
	struct address_entry *e;
	struct address addr;
	bool good = address_split(text, ADDRESS_UTF8_OK, &addr);

	if (p->count == ADDRESS_LIST_MAX) {
		p->limit = true;
		return;
	}
	if (!good)
		p->broken = true;
	if (p->count + 1 >= p->room) {
		const struct address_entry **list = arena_alloc(p->a, (p->room = p->room * 2 + 8) * sizeof(*list));

		if (p->count)
			memcpy(list, p->list, p->count * sizeof(const struct address_entry *));
		p->list = list;
	}
	e = arena_alloc(p->a, sizeof(*e));
	*e = (struct address_entry){ .name = name, .group = p->group, .address = good ? arena_view_dup(p->a, text) : "", .domain = "" };
	if (good && addr.domain.len)
		e->domain = address_domain_canonical(addr.domain, p->a);
	if (!e->domain)
		e->domain = "";
	p->list[p->count++] = e;
}

/* ---- elements ---- */

/* "@" domain, after words that are the local part; the name is a comment then. */
static void read_bare(struct parser *p)
{
	bool whole = p->joined && p->word_last;		/* not "a b@c", "a.@c" */
	struct buf text;

	buf_init(&text, 2 * p->max + 8);
	put_local(p, &text);
	p->rest = view_skip(p->rest, 1);
	buf_putc(&text, '@');
	read_domain(p, &text);
	buf_clear(&p->phrase);
	add_entry(p, name_of(p), whole ? buf_view(&text) : VIEW(""));
	buf_free(&text);
}

/* "<" [route] local "@" domain ">". */
static void read_angle(struct parser *p)
{
	const char *name;
	struct buf text, route;

	p->rest = view_skip(p->rest, 1);
	buf_init(&text, 2 * p->max + 8);
	buf_init(&route, p->max);
	skip(p);
	while (token_take(&p->rest, '@') || token_take(&p->rest, ',')) {	/* RFC 5322 4.4: to be ignored */
		read_domain(p, &route);
		token_take(&p->rest, ':');
		skip(p);
	}
	name = name_of(p);
	begin(p);
	read_words(p);
	put_local(p, &text);
	if (token_take(&p->rest, '@')) {
		buf_putc(&text, '@');
		read_domain(p, &text);
	}
	bool closed = token_take(&p->rest, '>');
	p->broken = p->broken || !closed;
	add_entry(p, name, closed && p->joined && p->word_last ? buf_view(&text) : VIEW(""));
	buf_free(&text);
	buf_free(&route);
}

/* What follows an element up to the comma: comments, or it is broken. Then it is read as another element: somebody may take that for the
 * address. */
static void finish(struct parser *p)
{
	skip(p);
	p->broken = p->broken || (p->rest.len && *p->rest.data != ',' && *p->rest.data != ';');
}

/* Words that ended in something else than an address. */
static void read_other(struct parser *p)
{
	if (p->rest.len && *p->rest.data == ':' && p->phrase.len && !p->in_group) {
		p->rest = view_skip(p->rest, 1);
		p->group = encoded_word_text(buf_view(&p->phrase), p->a);
		p->in_group = true;
		return;
	}
	if (p->phrase.len) {
		add_entry(p, name_of(p), VIEW(""));	/* a name and nothing */
	} else if (p->rest.len && *p->rest.data != ',' && *p->rest.data != ';') {
		p->broken = true;
		p->rest = view_skip(p->rest, 1);
	}
	finish(p);
}

static void read_element(struct parser *p)
{
	begin(p);
	read_words(p);
	if (p->rest.len && *p->rest.data == '@') {
		read_bare(p);
		finish(p);
	} else if (p->rest.len && *p->rest.data == '<') {
		read_angle(p);
		finish(p);
	} else {
		read_other(p);
	}
	if (token_take(&p->rest, ';')) {
		p->broken = p->broken || !p->in_group;
		p->in_group = false;
		p->group = "";
		skip(p);
		p->broken = p->broken || (p->rest.len && *p->rest.data != ',');
	}
}

enum address_list_result address_list_parse(struct view text, struct arena *a, const struct address_entry *const **list)
{
	static const struct address_entry *const none[] = { NULL };
	struct parser p = { .rest = text, .a = a, .max = 4 * text.len + 16, .group = "" };

	buf_init(&p.phrase, p.max);
	buf_init(&p.local, p.max);
	while (p.rest.len && !p.limit) {
		read_element(&p);
		token_take(&p.rest, ',');
	}
	if (p.in_group)
		p.broken = true;
	buf_free(&p.phrase);
	buf_free(&p.local);
	*list = p.count ? p.list : none;
	return p.limit ? ADDRESS_LIST_LIMIT : p.broken ? ADDRESS_LIST_BROKEN : ADDRESS_LIST_OK;
}
