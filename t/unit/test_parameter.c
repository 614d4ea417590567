/* test_parameter.c - the ESMTP parameters of MAIL and RCPT: every keyword, right and wrong, on offer and not. */
#include "unit.h"
#include "../../worker/extension.h"
#include "../../worker/parameter.h"

static const struct { const char *in; enum parameter_verb verb; unsigned code; uint64_t size; enum parameter_body body; } params[] = {
	{ "", PARAMETER_MAIL, 0, 0, BODY_7BIT },
	{ " SIZE=1234", PARAMETER_MAIL, 0, 1234, BODY_7BIT },
	{ " size=0 body=8bitmime", PARAMETER_MAIL, 0, 0, BODY_8BITMIME },
	{ " BODY=7BIT", PARAMETER_MAIL, 0, 0, BODY_7BIT },
	{ " SIZE=18446744073709551615", PARAMETER_MAIL, 0, UINT64_MAX, BODY_7BIT },
	{ " SIZE=18446744073709551616", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " SIZE=123456789012345678901", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " SIZE=", PARAMETER_MAIL, 501, 0, BODY_7BIT }, { " SIZE", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " SIZE=-1", PARAMETER_MAIL, 501, 0, BODY_7BIT }, { " SIZE=1 SIZE=1", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " BODY=BINARYMIME", PARAMETER_MAIL, 0, 0, BODY_BINARYMIME }, { " BODY=9BIT", PARAMETER_MAIL, 501, 0, BODY_7BIT }, { " BODY=", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " AUTH=<>", PARAMETER_MAIL, 0, 0, BODY_7BIT }, { " AUTH=a+2Bb@c", PARAMETER_MAIL, 0, 0, BODY_7BIT },
	{ " AUTH=a+0Ab", PARAMETER_MAIL, 501, 0, BODY_7BIT }, { " AUTH=a+0", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " AUTH=", PARAMETER_MAIL, 501, 0, BODY_7BIT }, { " AUTH=a\xff", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " AUTH=a=b", PARAMETER_MAIL, 501, 0, BODY_7BIT }, { " AUTH=+2b", PARAMETER_MAIL, 501, 0, BODY_7BIT },
	{ " SMTPUTF8", PARAMETER_MAIL, 555, 0, BODY_7BIT }, { " =", PARAMETER_MAIL, 555, 0, BODY_7BIT },
	{ " SIZE=1", PARAMETER_RCPT, 555, 0, BODY_7BIT }, { " NOTIFY=NEVER", PARAMETER_RCPT, 555, 0, BODY_7BIT },
	{ " a=1 b=2 c=3", PARAMETER_RCPT, 555, 0, BODY_7BIT },
};

START_TEST(parameter_table)
{
	for (size_t i = 0; i < COUNT_OF(params); i++) {
		struct arena *a = arena_new(512);
		struct parameters p;
		struct reply r;

		reply_clear(&r);
		struct parameter_rules rules = { .verb = params[i].verb, .offered = ~0u };
		bool ok = parameters_parse(view_of(params[i].in), &rules, a, &p, &r);
		ck_assert_msg(ok == (params[i].code == 0) && r.code == params[i].code, "\"%s\": %u", params[i].in, r.code);
		if (ok) {
			ck_assert_uint_eq(p.size, params[i].size);
			ck_assert_int_eq(p.body, params[i].body);
		}
		arena_free(&a);
	}
}
END_TEST

START_TEST(parameter_values)
{
	struct arena *a = arena_new(512);
	struct parameter_rules mail = { .verb = PARAMETER_MAIL, .offered = ~0u };
	struct parameters p, copy;
	struct reply r;

	ck_assert(parameters_parse(view_of(" Size=7 AUTH=<>"), &mail, a, &p, &r));
	parameters_copy(&copy, &p, a);
	ck_assert_str_eq(parameters_find(&copy, "SIZE"), "7");
	ck_assert_str_eq(parameters_find(&copy, "auth"), "<>");
	ck_assert_ptr_null(parameters_find(&copy, "BODY"));
	arena_free(&a);
}
END_TEST

static const struct { const char *in; enum parameter_verb verb; enum extension extension; } offers[] = {
	{ " SIZE=1", PARAMETER_MAIL, EXTENSION_SIZE }, { " BODY=7BIT", PARAMETER_MAIL, EXTENSION_8BITMIME },
	{ " BODY=BINARYMIME", PARAMETER_MAIL, EXTENSION_BINARYMIME }, { " AUTH=<>", PARAMETER_MAIL, EXTENSION_AUTH },
};

/* What is not on offer is not known. */
START_TEST(not_offered)
{
	for (size_t i = 0; i < COUNT_OF(offers); i++) {
		struct arena *a = arena_new(512);
		struct parameter_rules rules = { .verb = offers[i].verb, .offered = ~0u };
		struct parameters p;
		struct reply r;

		reply_clear(&r);
		ck_assert_msg(parameters_parse(view_of(offers[i].in), &rules, a, &p, &r), "%s", offers[i].in);
		rules.offered = ~(1u << offers[i].extension);
		ck_assert_msg(!parameters_parse(view_of(offers[i].in), &rules, a, &p, &r), "%s", offers[i].in);
		ck_assert_uint_eq(r.code, 555);
		arena_free(&a);
	}
}
END_TEST

UNIT_MAIN("parameter", parameter_table, parameter_values, not_offered)
