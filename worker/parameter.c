/* parameter.c - see parameter.h. A new extension's parameter is a row. */
#include "../lib/base.h"
#include "extension.h"
#include "parameter_value.h"
#include <strings.h>

static bool offered(const struct parameter_rules *rules, enum extension e)
{
	return rules->offered & 1u << e;
}

static enum value size_value(struct view v, struct value_in *in)
{
	/* RFC 1870 3: at most 20 digits */
	return value_good(v.len <= 20 && view_u64(v, UINT64_MAX, &in->p->size));
}

static enum value body_value(struct view v, struct value_in *in)
{
	if (view_case_eq(v, VIEW("BINARYMIME"))) {
		in->p->body = BODY_BINARYMIME;
		return offered(in->rules, EXTENSION_BINARYMIME) ? VALUE_GOOD : VALUE_UNKNOWN;
	}
	in->p->body = view_case_eq(v, VIEW("8BITMIME")) ? BODY_8BITMIME : BODY_7BIT;
	return value_good(in->p->body == BODY_8BITMIME || view_case_eq(v, VIEW("7BIT")));
}

/* RFC 4954 5: "<>" or an xtext address. Read for its form only; nobody is trusted to vouch for a sender. */
static enum value auth_value(struct view v, struct value_in *in)
{
	if (v.len <= 500)
		in->text = parameter_xtext_decode(v, in->arena);
	return value_good(in->text != NULL);
}

static const struct row {
	struct view keyword;
	enum parameter_verb verb;
	enum extension extension;
	/* Reads the value; or, for one that has none: what is set. */
	enum value (*value)(struct view v, struct value_in *in);
	size_t flag;
} rows[] = {
	{ VIEW("SIZE"), PARAMETER_MAIL, EXTENSION_SIZE, size_value, 0 },
	{ VIEW("BODY"), PARAMETER_MAIL, EXTENSION_8BITMIME, body_value, 0 },
	{ VIEW("AUTH"), PARAMETER_MAIL, EXTENSION_AUTH, auth_value, 0 },
	{ VIEW("SMTPUTF8"), PARAMETER_MAIL, EXTENSION_SMTPUTF8, NULL, offsetof(struct parameters, utf8) },
	{ VIEW("RET"), PARAMETER_MAIL, EXTENSION_DSN, parameter_ret, 0 },
	{ VIEW("ENVID"), PARAMETER_MAIL, EXTENSION_DSN, parameter_envid, 0 },
	{ VIEW("NOTIFY"), PARAMETER_RCPT, EXTENSION_DSN, parameter_notify, 0 },
	{ VIEW("ORCPT"), PARAMETER_RCPT, EXTENSION_DSN, parameter_orcpt, 0 },
	{ VIEW("BY"), PARAMETER_MAIL, EXTENSION_DELIVERBY, parameter_by, 0 },
	{ VIEW("HOLDFOR"), PARAMETER_MAIL, EXTENSION_FUTURERELEASE, parameter_holdfor, 0 },
	{ VIEW("HOLDUNTIL"), PARAMETER_MAIL, EXTENSION_FUTURERELEASE, parameter_holduntil, 0 },
	{ VIEW("MT-PRIORITY"), PARAMETER_MAIL, EXTENSION_MT_PRIORITY, parameter_priority, 0 },
	{ VIEW("REQUIRETLS"), PARAMETER_MAIL, EXTENSION_REQUIRETLS, NULL, offsetof(struct parameters, requiretls) },
};
_Static_assert(COUNT_OF(rows) <= PARAMETERS_MAX, "each may be given once");

static const struct row *row_find(struct view keyword, const struct parameter_rules *rules)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].verb == rules->verb && offered(rules, rows[i].extension) && view_case_eq(rows[i].keyword, keyword))
			return &rows[i];
	return NULL;
}

/* RFC 5321 4.1.2: esmtp-value; RFC 6531 3.3 adds UTF-8. */
static bool fit(struct view value, const struct parameter_rules *rules)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] <= ' ' || value.data[i] == 0x7f)
			return false;
	return view_is_ascii(value) || (rules->utf8 && view_is_utf8(value));
}

/* GIVEN: with an equals sign. */
static enum value read_value(const struct row *row, struct view value, bool given, struct value_in *in)
{
	if (row->value)
		return value.len && fit(value, in->rules) ? row->value(value, in) : VALUE_BAD;
	*(bool *)((char *)in->p + row->flag) = true;
	return value_good(!given);
}

static bool refuse(struct reply *r, unsigned code, const char *text, const char *keyword)
{
	reply_set(r, code, "5.5.4", "%s%s", text, keyword);
	return false;
}

static bool parse_one(struct view word, struct value_in *in, struct reply *r)
{
	struct view value = word, keyword = view_cut(&value, '=');
	const struct row *row = row_find(keyword, in->rules);
	struct parameters *p = in->p;

	if (row && parameters_find(p, row->keyword.data))
		return refuse(r, 501, "given twice: ", row->keyword.data);
	in->text = NULL;
	switch (row ? read_value(row, value, keyword.len != word.len, in) : VALUE_UNKNOWN) {
	case VALUE_GOOD:
		break;
	case VALUE_BAD:
		return refuse(r, 501, "bad value of ", row->keyword.data);
	case VALUE_UNKNOWN:	/* RFC 5321 4.1.1.11 */
		return refuse(r, 555, "parameter not recognized or not implemented", "");
	}
	const char *text = arena_view_dup(in->arena, value);
	p->list[p->count++] = (struct parameter){ row->keyword.data, text, in->text ? in->text : text };
	return true;
}

/* What is wrong with them together; NULL: nothing. */
static const char *contradiction(const struct parameters *p)
{
	if (parameters_find(p, "HOLDFOR") && parameters_find(p, "HOLDUNTIL"))	/* RFC 4865 4 */
		return "HOLDFOR and HOLDUNTIL exclude each other";
	if (p->deliver_by && p->hold_until >= p->deliver_by)
		return "to be delivered before it may be released";
	return NULL;
}

bool parameters_parse(struct view rest, const struct parameter_rules *rules, struct arena *a, struct parameters *out, struct reply *r)
{
	struct value_in in = { .rules = rules, .arena = a, .p = out };
	const char *wrong;

	*out = (struct parameters){ .ret = "", .by_mode = "" };
	/* each word is another row, so there is room */
	for (struct view word = view_word(&rest); word.len; word = view_word(&rest))
		if (!parse_one(word, &in, r))
			return false;
	wrong = contradiction(out);
	return !wrong || refuse(r, 501, wrong, "");
}

const struct parameter *parameters_find(const struct parameters *p, const char *keyword)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcasecmp(p->list[i].keyword, keyword) == 0)
			return &p->list[i];
	return NULL;
}

const char *parameters_text(const struct parameters *p, const char *keyword)
{
	const struct parameter *found = parameters_find(p, keyword);

	return found ? found->text : "";
}

void parameters_copy(struct parameters *to, const struct parameters *from, struct arena *a)
{
	*to = *from;
	for (size_t i = 0; i < to->count; i++) {	/* keywords are the rows' own text */
		to->list[i].value = arena_strdup(a, from->list[i].value);
		to->list[i].text = from->list[i].text == from->list[i].value ? to->list[i].value : arena_strdup(a, from->list[i].text);
	}
}
