/* parameter.c - see parameter.h. A new extension's parameter is a row. */
#include "../lib/base.h"
#include "parameter.h"
#include <strings.h>

static bool size_value(struct view v, struct parameters *p)
{
	/* RFC 1870 3: at most 20 digits */
	return v.len <= 20 && view_u64(v, UINT64_MAX, &p->size);
}

static bool body_value(struct view v, struct parameters *p)
{
	p->eight_bit = view_case_eq(v, VIEW("8BITMIME"));
	return p->eight_bit || view_case_eq(v, VIEW("7BIT"));
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
static bool auth_value(struct view v, struct parameters *p UNUSED)
{
	return v.len <= 500 && parameter_xtext_valid(v);
}

static const struct rule {
	struct view keyword;
	unsigned verbs;
	bool (*value)(struct view v, struct parameters *p);
} rules[] = {
	{ VIEW("SIZE"), PARAMETER_MAIL, size_value },
	{ VIEW("BODY"), PARAMETER_MAIL, body_value },
	{ VIEW("AUTH"), PARAMETER_MAIL, auth_value },
};

static const struct rule *rule_find(struct view keyword, unsigned verb)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if ((rules[i].verbs & verb) && view_case_eq(rules[i].keyword, keyword))
			return &rules[i];
	return NULL;
}

static bool refuse(struct reply *r, unsigned code, const char *text)
{
	reply_set(r, code, "5.5.4", "%s", text);
	return false;
}

static bool parse_one(struct view word, enum parameter_verb verb, struct arena *a, struct parameters *out, struct reply *r)
{
	struct view value = word, keyword = view_cut(&value, '=');
	const struct rule *rule = rule_find(keyword, verb);

	if (!rule)	/* RFC 5321 4.1.1.11 */
		return refuse(r, 555, "parameter not recognized or not implemented");
	if (parameters_find(out, rule->keyword.data))
		return refuse(r, 501, "parameter given twice");
	if (!view_is_printable(value) || !rule->value(value, out))
		return refuse(r, 501, "bad value of a parameter");
	out->list[out->count++] = (struct parameter){ rule->keyword.data, arena_view_dup(a, value) };
	return true;
}

bool parameters_parse(struct view rest, enum parameter_verb verb, struct arena *a, struct parameters *out, struct reply *r)
{
	*out = (struct parameters){ 0 };
	for (struct view word = view_word(&rest); word.len; word = view_word(&rest)) {
		if (out->count == PARAMETERS_MAX)
			return refuse(r, 501, "too many parameters");
		if (!parse_one(word, verb, a, out, r))
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
