/* encoded_word.c - see encoded_word.h. Every octet is looked at a fixed number of times: a search for the end of a word stops at the
 * first "?", and every word begins with one. */
#include "base.h"
#include "charset.h"
#include "encoded_word.h"
#include "token.h"
#include "transfer.h"

struct word {
	struct view charset, text;
	enum transfer_kind kind;
	size_t len;			/* of all of it */
};

/* To begin with a set takes the C library up to a tenth of a millisecond; nobody needs so many in one text. */
#define SETS_MAX 100

/* What was decoded of words that follow each other, and the set that it is in. */
struct pending {
	struct view charset;
	struct charset set;
	unsigned sets;			/* begun so far */
	struct buf octets;
};

/* "=?charset*language?B?text?=". Blanks in the text are against RFC 2047 5, and common. */
static bool read_word(struct view v, struct word *w)
{
	struct view rest = v;

	if (!view_starts(v, VIEW("=?")))
		return false;
	rest = view_skip(rest, 2);
	w->charset = token_word(&rest, "?");
	w->charset = view_head(w->charset, view_find(w->charset, '*'));	/* RFC 2231 5 */
	if (!w->charset.len || rest.len < 3 || rest.data[0] != '?' || rest.data[2] != '?' || !strchr("bBqQ", rest.data[1]) || !rest.data[1])
		return false;
	w->kind = rest.data[1] == 'b' || rest.data[1] == 'B' ? TRANSFER_BASE64 : TRANSFER_Q;
	rest = view_skip(rest, 3);
	w->text = view_head(rest, view_find(rest, '?'));
	rest = view_skip(rest, w->text.len);
	w->len = v.len - rest.len + 2;
	return view_starts(rest, VIEW("?="));
}

static void flush(struct pending *p, struct buf *out)
{
	if (p->octets.len)
		charset_text(&p->set, buf_view(&p->octets), out);
	buf_clear(&p->octets);
}

static void use_charset(struct pending *p, struct view charset)
{
	charset_end(&p->set);
	charset_begin(&p->set, p->sets < SETS_MAX ? charset : VIEW("?"));
	p->sets++;
	p->charset = charset;
}

static void add_word(struct pending *p, const struct word *w, struct buf *out)
{
	struct transfer t;
	struct view rest = w->text;
	char piece[256];
	size_t used;

	if (!view_case_eq(p->charset, w->charset)) {
		flush(p, out);
		use_charset(p, w->charset);
	}
	transfer_begin(&t, w->kind);
	while (rest.len) {
		size_t n = transfer_decode(&t, rest, true, piece, sizeof(piece), &used);

		buf_put(&p->octets, piece, n);
		rest = view_skip(rest, used);
	}
}

/* How far the text goes that is no encoded word: up to the next "=?". */
static size_t plain_length(struct view v)
{
	const char *next = v.len > 2 ? memmem(v.data + 1, v.len - 1, "=?", 2) : NULL;

	return next ? (size_t)(next - v.data) : v.len;
}

void encoded_word_decode(struct view text, struct buf *out)
{
	struct pending p = { .charset = VIEW("") };
	struct charset plain_set;
	size_t start = out->len;
	bool after_word = false;

	charset_begin(&plain_set, VIEW(""));
	charset_begin(&p.set, VIEW(""));
	buf_init(&p.octets, text.len + 1);
	while (text.len && !out->failed) {
		struct word w;

		if (read_word(text, &w)) {
			add_word(&p, &w, out);
			text = view_skip(text, w.len);
			after_word = true;
			continue;
		}
		struct view plain = view_head(text, plain_length(text)), next = view_skip(text, plain.len);

		text = next;
		if (after_word && !view_trim(plain).len && read_word(next, &w))
			continue;	/* blanks between two words */
		flush(&p, out);
		charset_text(&plain_set, plain, out);
		after_word = false;
	}
	flush(&p, out);
	buf_free(&p.octets);
	charset_end(&p.set);
	charset_tidy(out, start);
}

char *encoded_word_text(struct view text, struct arena *a)
{
	struct buf out;
	char *copy;

	buf_init(&out, 4 * text.len + 16);
	encoded_word_decode(text, &out);
	copy = arena_view_dup(a, buf_view(&out));
	buf_free(&out);
	return copy;
}
