/* parameter.c - see parameter.h. A new extension's parameter is a row. */
#include "../lib/base.h"
#include "extension.h"
#include "parameter.h"
#include <strings.h>

enum value {
	VALUE_GOOD,
	VALUE_BAD,
	VALUE_UNKNOWN,		/* of an extension that is not on offer */
};

static enum value good(bool yes)
{
	return yes ? VALUE_GOOD : VALUE_BAD;
}

static bool offered(const struct parameter_rules *rules, enum extension e)
{
	return rules->offered & 1u << e;
}

static enum value size_value(struct view v, const struct parameter_rules *rules UNUSED, struct parameters *p)
{
	/* RFC 1870 3: at most 20 digits */
	return good(v.len <= 20 && view_u64(v, UINT64_MAX, &p->size));
}

static enum value body_value(struct view v, const struct parameter_rules *rules, struct parameters *p)
{
	if (view_case_eq(v, VIEW("BINARYMIME"))) {
		p->body = BODY_BINARYMIME;
		return offered(rules, EXTENSION_BINARYMIME) ? VALUE_GOOD : VALUE_UNKNOWN;
	}
	p->body = view_case_eq(v, VIEW("8BITMIME")) ? BODY_8BITMIME : BODY_7BIT;
	return good(p->body == BODY_8BITMIME || view_case_eq(v, VIEW("7BIT")));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool parameter_xtext_valid(struct view v)
{
	for (size_t i = 0; i < v.len; i++) {
		char c = v.data[i];

		if (c == '+') {
			if (v.len - i < 3 || hex(v.data[i + 1]) < 0 || hex(v.data[i + 2]) < 0)
				return false;
			int octet = hex(v.data[i + 1]) * 16 + hex(v.data[i + 2]);
			if (octet < 0x20 || octet > 0x7e)
				return false;
			i += 2;
		} else if (c < '!' || c > '~' || c == '=') {
			return false;
		}
	}
	return v.len > 0;
}

const char *parameter_xtext_decode(struct view v, struct arena *a)
{
	char *text, *to;

	if (!parameter_xtext_valid(v))
		return NULL;
	text = to = arena_alloc(a, v.len + 1);
	for (size_t i = 0; i < v.len; i++) {
		bool coded = v.data[i] == '+';

		*to++ = coded ? (char)(hex(v.data[i + 1]) * 16 + hex(v.data[i + 2])) : v.data[i];
		i += coded ? 2 : 0;
	}
	return text;
}

/* RFC 4954 5: "<>" or an xtext address. Read for its form only; nobody is trusted to vouch for a sender. */
static enum value auth_value(struct view v, const struct parameter_rules *rules UNUSED, struct parameters *p UNUSED)
{
	return good(v.len <= 500 && parameter_xtext_valid(v));
}

static const struct row {
	struct view keyword;
	enum parameter_verb verb;
	enum extension extension;
	enum value (*value)(struct view v, const struct parameter_rules *rules, struct parameters *p);
} rows[] = {
	{ VIEW("SIZE"), PARAMETER_MAIL, EXTENSION_SIZE, size_value },
	{ VIEW("BODY"), PARAMETER_MAIL, EXTENSION_8BITMIME, body_value },
	{ VIEW("AUTH"), PARAMETER_MAIL, EXTENSION_AUTH, auth_value },
};

static const struct row *row_find(struct view keyword, const struct parameter_rules *rules)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].verb == rules->verb && offered(rules, rows[i].extension) && view_case_eq(rows[i].keyword, keyword))
			return &rows[i];
	return NULL;
}

static bool refuse(struct reply *r, unsigned code, const char *text)
{
	reply_set(r, code, "5.5.4", "%s", text);
	return false;
}

static bool parse_one(struct view word, const struct parameter_rules *rules, struct arena *a, struct parameters *out, struct reply *r)
{
	struct view value = word, keyword = view_cut(&value, '=');
	const struct row *row = row_find(keyword, rules);

	if (row && parameters_find(out, row->keyword.data))
		return refuse(r, 501, "parameter given twice");
	if (row && !view_is_printable(value))
		return refuse(r, 501, "bad value of a parameter");
	switch (row ? row->value(value, rules, out) : VALUE_UNKNOWN) {
	case VALUE_GOOD:
		break;
	case VALUE_BAD:
		return refuse(r, 501, "bad value of a parameter");
	case VALUE_UNKNOWN:	/* RFC 5321 4.1.1.11 */
		return refuse(r, 555, "parameter not recognized or not implemented");
	}
	out->list[out->count++] = (struct parameter){ row->keyword.data, arena_view_dup(a, value) };
	return true;
}

bool parameters_parse(struct view rest, const struct parameter_rules *rules, struct arena *a, struct parameters *out, struct reply *r)
{
	*out = (struct parameters){ 0 };
	for (struct view word = view_word(&rest); word.len; word = view_word(&rest)) {
		if (out->count == PARAMETERS_MAX)
			return refuse(r, 501, "too many parameters");
		if (!parse_one(word, rules, a, out, r))
			return false;
	}
	return true;
}

const char *parameters_find(const struct parameters *p, const char *keyword)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcasecmp(p->list[i].keyword, keyword) == 0)
			return p->list[i].value;
	return NULL;
}

void parameters_copy(struct parameters *to, const struct parameters *from, struct arena *a)
{
	*to = *from;
	for (size_t i = 0; i < to->count; i++)	/* keywords are the rules' own text */
		to->list[i].value = arena_strdup(a, from->list[i].value);
}
