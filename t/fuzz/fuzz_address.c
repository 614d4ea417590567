/* fuzz_address.c - paths of MAIL and RCPT. What is accepted fits in a command line again, means the same when it is read
 * back, and its canonical form is its own canonical form; with more leniency it is accepted, too, and means the same. */
#include "fuzz.h"
#include "../../lib/address.h"

/* The canonical form of what was accepted, read again. A-labels may be longer than what they stand for. */
static void check_canonical(const struct address *a, struct arena *arena)
{
	char *canonical = address_canonical(a, arena);
	struct address again;
	bool ok = address_parse_bare(view_of(canonical), 15, arena, &again);

	MUST(ok || strlen(canonical) > ADDRESS_MAX || a->domain.len == 0);
	if (ok)
		MUST(strcmp(address_canonical(&again, arena), canonical) == 0);
}

/* Keys: of a text the same as of the parsed address, whole texts, and one form whether the quotes were needed or not. */
static void check_key(const struct address *a, struct arena *arena)
{
	char exact[ADDRESS_KEY_SIZE], folded[ADDRESS_KEY_SIZE], again[ADDRESS_KEY_SIZE];

	if (a->domain.len == 0 && a->local.len && !view_case_eq(a->local, VIEW("postmaster")))
		return;
	MUST(address_key(view_of(a->text), false, exact) && address_key(view_of(a->text), true, folded));
	MUST(strcmp(exact, address_canonical(a, arena)) == 0 && !view_has_line_break(view_of(folded)));
	if (address_key(view_of(exact), true, again))
		MUST(strcmp(again, folded) == 0);
}

/* Leniency changes what is accepted, never what it means. */
static void check_lenient(struct view in, const struct address *a, struct view rest, unsigned flags, struct arena *arena)
{
	struct address b;
	const char *why;

	MUST(address_parse(&in, flags | ADDRESS_BARE_OK, arena, &b, &why));
	MUST(strcmp(a->text, b.text) == 0 && a->literal == b.literal && view_eq(in, rest));
}

static void check_domain(struct view domain)
{
	char folded[ADDRESS_DOMAIN_MAX + 1], again[ADDRESS_DOMAIN_MAX + 1];
	bool ok = address_domain_fold(domain, folded);

	MUST(view_is_printable(view_of(folded)));
	MUST(ok == (folded[0] != '\0'));
	if (ok)
		MUST(address_domain_fold(view_of(folded), again) && strcmp(folded, again) == 0);
	if (address_domain_valid(domain, true))
		MUST(ok && address_domain_valid(view_of(folded), false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size), rest, quoted;
	unsigned flags = fuzz_byte(&in) & 15;
	struct arena *arena = arena_new(1024);
	struct address a, b;
	const char *why = NULL;

	rest = in;
	if (!address_parse(&rest, flags, arena, &a, &why)) {
		MUST(why && *why && view_eq(rest, in) && a.text[0] == '\0');
	} else {
		MUST(strlen(a.text) <= ADDRESS_MAX && a.domain.len <= ADDRESS_DOMAIN_MAX);
		MUST(!view_has_line_break(view_of(a.text)) && rest.len <= in.len);
		MUST(strlen(a.text) == a.local.len + a.domain.len + (a.domain.len > 0));
		MUST(rest.len == 0 || rest.data[0] == ' ' || rest.data[0] == '\t');
		quoted = view_of(arena_printf(arena, "<%s>", a.text));
		MUST(address_parse(&quoted, flags, arena, &b, &why) && strcmp(a.text, b.text) == 0);
		check_canonical(&a, arena);
		check_key(&a, arena);
		check_lenient(in, &a, rest, flags, arena);
	}
	check_domain(in);
	arena_free(&arena);
	return 0;
}
