/* offers.c - see offers.h. */
#include "offers.h"
#include "sasl.h"

static const struct {
	struct view keyword;
	enum offer offer;
} keywords[] = {
	{ VIEW("PIPELINING"), OFFER_PIPELINING }, { VIEW("8BITMIME"), OFFER_8BITMIME }, { VIEW("SIZE"), OFFER_SIZE },
	{ VIEW("STARTTLS"), OFFER_STARTTLS }, { VIEW("DSN"), OFFER_DSN }, { VIEW("SMTPUTF8"), OFFER_SMTPUTF8 },
	{ VIEW("CHUNKING"), OFFER_CHUNKING }, { VIEW("BINARYMIME"), OFFER_BINARYMIME },
	{ VIEW("AUTH"), OFFER_AUTH },
};

/* RFC 1870 4: no number, or 0, means no limit that is known. */
static bool take_size(struct offers *o, struct view number)
{
	return number.len == 0 || view_u64(number, UINT64_MAX, &o->size_max);
}

static void take_line(struct offers *o, struct view line)
{
	struct view word = view_word(&line);

	/* "AUTH=LOGIN", before RFC 2554 */
	if (view_case_starts(word, VIEW("AUTH="))) {
		o->auth |= sasl_set(view_skip(word, 5));
		word = view_head(word, 4);
	}
	for (size_t i = 0; i < COUNT_OF(keywords); i++) {
		if (!view_case_eq(word, keywords[i].keyword))
			continue;
		if (keywords[i].offer != OFFER_SIZE || take_size(o, view_trim(line)))
			o->set |= keywords[i].offer;
		if (keywords[i].offer == OFFER_AUTH)
			o->auth |= sasl_set(line);
		return;
	}
}

void offers_parse(struct offers *o, struct view text)
{
	*o = (struct offers){ 0 };
	view_cut(&text, '\n');
	while (text.len)
		take_line(o, view_cut(&text, '\n'));
}

bool offers_have(const struct offers *o, unsigned wanted)
{
	return (o->set & wanted) == wanted;
}
