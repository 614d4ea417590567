/* fuzz_headers.c - header sections. Whatever is added, changed and removed, what is stored reads back as the fields that it was made of, and
 * grows by no more than there is room for; every value is one line of text, decoded values are UTF-8, and addresses are addresses. */
#include "fuzz.h"
#include "../../lib/address.h"
#include "../../lib/address_list.h"
#include "../../lib/date.h"
#include "../../lib/encoded_word.h"
#include "../../queue/spool.h"
#include "../../worker/headers.h"

/* As the body reader gives it: CRLF line ends, no empty line. */
static struct view section(struct view in, struct buf *out)
{
	while (in.len) {
		struct view line = view_cut(&in, '\n');

		if (!line.len)
			break;
		for (size_t i = 0; i < line.len; i++)
			if (line.data[i] != '\r')
				buf_putc(out, line.data[i]);
		buf_puts(out, "\r\n");
	}
	/* a line that had nothing but CRs in it is an empty one */
	const char *empty = out->len ? memmem(out->data, out->len, "\r\n\r\n", 4) : NULL;

	if (view_starts(buf_view(out), VIEW("\r\n")))
		return VIEW("");
	return empty ? view_head(buf_view(out), (size_t)(empty + 2 - out->data)) : buf_view(out);
}

static void check_text(const char *text, bool decoded)
{
	for (const char *p = text; *p; p++)
		MUST(decoded ? (unsigned char)*p >= ' ' && *p != 0x7f : *p != '\r' && *p != '\n');
	MUST(!decoded || view_is_utf8(view_of(text)));
}

static void check_value(const char *value, struct arena *a)
{
	const struct address_entry *const *list;
	enum address_list_result result;
	int64_t seconds;

	check_text(value, false);
	check_text(encoded_word_text(view_of(value), a), true);
	if (date_parse(view_of(value), &seconds))
		MUST(seconds > -3000000000 && seconds < 260000000000);
	result = address_list_parse(view_of(value), a, &list);
	for (; *list; list++) {
		struct address addr;

		MUST(result != ADDRESS_LIST_OK || (*list)->address[0]);
		MUST(!(*list)->address[0] || address_split(view_of((*list)->address), ADDRESS_UTF8_OK, &addr));
		MUST(!(*list)->address[0] || (*list)->domain[0]);
		check_text((*list)->name, true);
		check_text((*list)->group, true);
	}
}

/* What is stored, read again. */
static void check_stored(struct headers *h, struct arena *a)
{
	struct buf out;
	struct view rest;
	size_t n = 0, first = h->rewritten ? headers_total(h) : h->added.count;

	buf_init(&out, 1 << 20);
	MUST(headers_head(h, &out) && out.len == headers_head_size(h));
	MUST(out.len <= SPOOL_HEAD_ROOM + headers_skip(h) && (headers_skip(h) == 0 || headers_skip(h) == h->original.len));
	for (rest = buf_view(&out); rest.len; n++) {
		struct field f = field_next(&rest);

		MUST(n < first && view_eq(f.raw, headers_at(h, n)->raw) && f.name_len == headers_at(h, n)->name_len);
		MUST(f.raw.len > 2 && view_eq(view_skip(f.raw, f.raw.len - 2), VIEW("\r\n")));
	}
	MUST(n == first && !headers_at(h, headers_total(h)));
	for (size_t i = 0; i < headers_total(h) && i < 50; i++)
		check_value(field_value(headers_at(h, i), a), a);
	buf_free(&out);
}

/* A name or value out of the input: up to the next "|". */
static const char *piece(struct view *in, struct arena *a)
{
	return arena_view_dup(a, view_cut(in, '|'));
}

static void operate(struct headers *h, unsigned op, struct view *in, struct arena *a)
{
	size_t index = fuzz_byte(in), before = headers_total(h), found;
	const char *name = piece(in, a), *value = piece(in, a);

	switch (op % 6) {
	case 0:
		MUST(headers_prepend(h, name, value, op & 64) == (headers_total(h) == before + 1));
		break;
	case 1:
		MUST(headers_append(h, name, value) == (headers_total(h) == before + 1));
		break;
	case 2:
		MUST(headers_insert(h, index, name, value) == (headers_total(h) == before + 1));
		break;
	case 3:
		headers_change(h, index, value);
		MUST(headers_total(h) == before);
		break;
	case 4:
		MUST(headers_remove_at(h, index) == (index < before) && headers_total(h) == before - (index < before));
		break;
	case 5:
		MUST(headers_find(h, name, -1, &found) == (headers_count(h, name) > 0));
		found = headers_remove(h, name);
		MUST(headers_total(h) + found == before && headers_count(h, name) == 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size), ops;
	struct arena *a = arena_new(4096);
	struct headers h;
	struct buf text;
	size_t fields;

	buf_init(&text, 1 << 20);
	ops = view_cut(&in, '\xff');
	headers_begin(&h, a, section(in, &text));
	MUST(headers_lines(&h, "Received", &fields) >= fields);
	while (ops.len)
		operate(&h, fuzz_byte(&ops), &ops, a);
	check_stored(&h, a);
	buf_free(&text);
	arena_free(&a);
	return 0;
}
