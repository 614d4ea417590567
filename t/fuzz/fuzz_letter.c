/* fuzz_letter.c - what a program gives to postrider-sendmail -t. What goes out is a header section, an empty line and a body: the body is
 * what came, but for line ends; no line of the header section but its own; no Bcc; recipients that are addresses and fit in a
 * command line. */
#include "fuzz.h"
#include "../../lib/address.h"
#include "../../lib/arena.h"
#include "../../server/letter.h"

#include <sysexits.h>

static void check_recipients(const struct letter_recipients *to, struct arena *a)
{
	for (size_t i = 0; i < to->count; i++) {
		struct address address;

		MUST(address_parse_bare(view_of(to->list[i]), ADDRESS_UTF8_OK, a, &address));
		MUST(!view_has_line_break(view_of(to->list[i])));
	}
	MUST(!to->count || !to->list[to->count]);
}

/* One field a line, or a fold of it; the empty line is not part of it. */
static void check_header(const struct letter *l)
{
	struct view rest = buf_view(&l->header);
	bool first = true;

	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		MUST(line.len > 1 && line.data[line.len - 1] == '\r');
		MUST(!first || (*line.data != ' ' && *line.data != '\t'));
		MUST(!view_case_starts(line, VIEW("Bcc:")) && !view_case_starts(line, VIEW("Resent-Bcc:")));
		first = false;
	}
}

/* As SMTP will carry it: nothing but the end of it looks like its end. */
static void check_wire(struct letter *l)
{
	char *text = NULL;
	size_t size = 0;
	struct submit c = { .line_start = true, .out = open_memstream(&text, &size) };
	struct err err = { "" };

	MUST(c.out && letter_send(l, &c, &err));
	fclose(c.out);
	MUST(size >= 2 && memcmp(text + size - 2, "\r\n", 2) == 0);
	MUST(!memmem(text, size, "\r\n.\r\n", 5) && !(size >= 3 && memcmp(text, ".\r\n", 3) == 0));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(4096);
	struct letter_recipients to = { .arena = a };
	struct err err = { "" };
	struct letter l;
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	if (in && letter_open(&l, in, data[0] & 1, &err) == EX_OK && letter_take_recipients(&l, "mx.test", &to, &err)) {
		check_recipients(&to, a);
		check_header(&l);
		check_wire(&l);
	}
	if (in) {
		letter_close(&l);
		fclose(in);
	}
	arena_free(&a);
	return 0;
}
