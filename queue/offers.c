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
	{ VIEW("AUTH"), OFFER_AUTH }, { VIEW("DELIVERBY"), OFFER_DELIVERBY }, { VIEW("MT-PRIORITY"), OFFER_MT_PRIORITY },
	{ VIEW("REQUIRETLS"), OFFER_REQUIRETLS },
};

/* RFC 1870 4: no number, or 0, means no limit that is known. RFC 2852 4.1.1: the same. False: neither a number nor nothing. */
static bool take_number(struct offers *o, enum offer offer, struct view number)
{
	uint64_t *to = offer == OFFER_SIZE ? &o->size_max : offer == OFFER_DELIVERBY ? &o->by_min : NULL;

	return !to || number.len == 0 || view_u64(number, UINT64_MAX, to);
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
		if (take_number(o, keywords[i].offer, view_trim(line)))
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
