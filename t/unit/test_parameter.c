/* test_parameter.c - the ESMTP parameters of MAIL and RCPT: every keyword, right and wrong, on offer and not, and what each means
 * for the message. */
#include "unit.h"
#include "../../queue/spool.h"
#include "../../worker/extension.h"
#include "../../worker/parameter.h"

#define NOW INT64_C(1764000000)		/* 2025-11-24T16:00:00Z */

static const struct parameter_rules all_mail = { .verb = PARAMETER_MAIL, .offered = ~0u, .now = NOW };
static const struct parameter_rules all_rcpt = { .verb = PARAMETER_RCPT, .offered = ~0u, .now = NOW };
static const struct parameter_rules utf8_rcpt = { .verb = PARAMETER_RCPT, .offered = ~0u, .utf8 = true, .now = NOW };

static struct arena *memory;

static bool parse(const char *in, const struct parameter_rules *rules, struct parameters *p, struct reply *r)
{
	reply_clear(r);
	return parameters_parse(view_of(in), rules, memory, p, r);
}

/* The code of the refusal; 0: none. */
static unsigned code_of(const char *in, const struct parameter_rules *rules, struct parameters *p)
{
	struct reply r;
	bool ok = parse(in, rules, p, &r);

	ck_assert_msg(ok == (r.code == 0), "\"%s\"", in);
	ck_assert(ok || strcmp(r.enhanced, "5.5.4") == 0);
	return r.code;
}

static const struct { const char *in; const struct parameter_rules *rules; unsigned code; } forms[] = {
	{ "", &all_mail, 0 }, { "", &all_rcpt, 0 },
	{ " SIZE=1234", &all_mail, 0 }, { " size=0 body=8bitmime", &all_mail, 0 }, { "\tSIZE=1 \t BODY=7BIT ", &all_mail, 0 },
	{ " SIZE=18446744073709551615", &all_mail, 0 }, { " SIZE=18446744073709551616", &all_mail, 501 },
	{ " SIZE=123456789012345678901", &all_mail, 501 }, { " SIZE=", &all_mail, 501 }, { " SIZE", &all_mail, 501 },
	{ " SIZE=-1", &all_mail, 501 }, { " SIZE=1 SIZE=1", &all_mail, 501 }, { " SIZE=1\x01", &all_mail, 501 },
	{ " BODY=BINARYMIME", &all_mail, 0 }, { " BODY=9BIT", &all_mail, 501 }, { " BODY=", &all_mail, 501 }, { " BODY", &all_mail, 501 },
	{ " AUTH=<>", &all_mail, 0 }, { " AUTH=a+2Bb@c", &all_mail, 0 }, { " AUTH=a+0Ab", &all_mail, 501 }, { " AUTH=a+0", &all_mail, 501 },
	{ " AUTH=", &all_mail, 501 }, { " AUTH=a\xff", &all_mail, 501 }, { " AUTH=a=b", &all_mail, 501 }, { " AUTH=+2b", &all_mail, 501 },
	{ " SMTPUTF8", &all_mail, 0 }, { " smtputf8", &all_mail, 0 }, { " SMTPUTF8=", &all_mail, 501 }, { " SMTPUTF8=1", &all_mail, 501 },
	{ " SMTPUTF8 SMTPUTF8", &all_mail, 501 }, { " SMTPUTF8", &all_rcpt, 555 },
	{ " REQUIRETLS", &all_mail, 0 }, { " REQUIRETLS=1", &all_mail, 501 }, { " REQUIRETLS", &all_rcpt, 555 },
	{ " =", &all_mail, 555 }, { " =x", &all_mail, 555 }, { " FOO", &all_mail, 555 }, { " FOO=SIZE=1", &all_mail, 555 },
	{ " SIZE=1", &all_rcpt, 555 }, { " NOTIFY=NEVER", &all_mail, 555 }, { " a=1 b=2 c=3", &all_rcpt, 555 },
	/* RFC 3461 */
	{ " RET=FULL", &all_mail, 0 }, { " RET=hdrs", &all_mail, 0 }, { " RET=BODY", &all_mail, 501 }, { " RET=", &all_mail, 501 },
	{ " RET=FULL RET=FULL", &all_mail, 501 }, { " RET=HDRSX", &all_mail, 501 },
	{ " ENVID=QQ314159", &all_mail, 0 }, { " ENVID=+20+2B+3D", &all_mail, 0 }, { " ENVID=+0A", &all_mail, 501 },
	{ " ENVID=a+0Db", &all_mail, 501 }, { " ENVID=+00", &all_mail, 501 }, { " ENVID=+7F", &all_mail, 501 }, { " ENVID=+80", &all_mail, 501 },
	{ " ENVID=+", &all_mail, 501 }, { " ENVID=a+4", &all_mail, 501 }, { " ENVID=+4g", &all_mail, 501 }, { " ENVID=a=b", &all_mail, 501 },
	{ " ENVID=", &all_mail, 501 }, { " ENVID", &all_mail, 501 }, { " ENVID=\xc3\xa4", &all_mail, 501 },
	{ " NOTIFY=NEVER", &all_rcpt, 0 }, { " NOTIFY=success,Failure,DELAY", &all_rcpt, 0 }, { " NOTIFY=DELAY,DELAY", &all_rcpt, 0 },
	{ " NOTIFY=NEVER,SUCCESS", &all_rcpt, 501 }, { " NOTIFY=DELAY,NEVER", &all_rcpt, 501 }, { " NOTIFY=", &all_rcpt, 501 },
	{ " NOTIFY", &all_rcpt, 501 }, { " NOTIFY=SUCCESS,", &all_rcpt, 501 }, { " NOTIFY=,SUCCESS", &all_rcpt, 501 },
	{ " NOTIFY=SUCCESS,,DELAY", &all_rcpt, 501 }, { " NOTIFY=SUCCES", &all_rcpt, 501 }, { " NOTIFY=SUCCESS NOTIFY=DELAY", &all_rcpt, 501 },
	{ " ORCPT=rfc822;alice@example.com", &all_rcpt, 0 }, { " ORCPT=rfc822;a+2Bb@c.test", &all_rcpt, 0 },
	{ " ORCPT=X400;/C=", &all_rcpt, 501 }, { " ORCPT=alice@example.com", &all_rcpt, 501 }, { " ORCPT=;a", &all_rcpt, 501 },
	{ " ORCPT=rfc822;", &all_rcpt, 501 }, { " ORCPT=rfc822", &all_rcpt, 501 }, { " ORCPT=rfc 822;a", &all_rcpt, 501 },
	{ " ORCPT=rf.c;a", &all_rcpt, 501 }, { " ORCPT=rfc822;a+0Ab", &all_rcpt, 501 }, { " ORCPT=rfc822;a+0D+0ARCPT", &all_rcpt, 501 },
	{ " ORCPT=rfc822;\xc3\xa4", &all_rcpt, 501 }, { " ORCPT=rfc822;\xc3\xa4", &utf8_rcpt, 501 }, { " ORCPT=rfc822;a ORCPT=rfc822;a", &all_rcpt, 501 },
	/* RFC 6533 */
	{ " ORCPT=utf-8;a@b", &all_rcpt, 0 }, { " ORCPT=UTF-8;\\x{E4}@b", &all_rcpt, 0 }, { " ORCPT=utf-8;\\x{e4}@b", &all_rcpt, 0 },
	{ " ORCPT=utf-8;\xc3\xa4@b", &utf8_rcpt, 0 }, { " ORCPT=utf-8;\xc3\xa4@b", &all_rcpt, 501 }, { " ORCPT=utf-8;\xc3@b", &utf8_rcpt, 501 },
	{ " ORCPT=utf-8;\\x{1F600}@b", &all_rcpt, 0 }, { " ORCPT=utf-8;\\x{10FFFF}", &all_rcpt, 0 }, { " ORCPT=utf-8;\\x{110000}", &all_rcpt, 501 },
	{ " ORCPT=utf-8;\\x{D800}", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{0A}", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{00}", &all_rcpt, 501 },
	{ " ORCPT=utf-8;\\x{7F}", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{85}", &all_rcpt, 501 }, { " ORCPT=utf-8;\xc2\x85", &utf8_rcpt, 501 },
	{ " ORCPT=utf-8;\\x{41}", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{5C}\\x{2B}\\x{3D}\\x{20}", &all_rcpt, 0 }, { " ORCPT=utf-8;+0A", &all_rcpt, 501 },
	{ " ORCPT=utf-8;a\\b", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{E4", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{}", &all_rcpt, 501 },
	{ " ORCPT=utf-8;\\x{00000E4}", &all_rcpt, 501 }, { " ORCPT=utf-8;\\x{G4}", &all_rcpt, 501 }, { " ORCPT=utf-8;", &all_rcpt, 501 },
	/* RFC 2852 */
	{ " BY=120;R", &all_mail, 0 }, { " BY=+120;rt", &all_mail, 0 }, { " BY=-120;N", &all_mail, 0 }, { " BY=0;NT", &all_mail, 0 },
	{ " BY=999999999;R", &all_mail, 0 }, { " BY=-999999999;N", &all_mail, 0 }, { " BY=0;R", &all_mail, 501 }, { " BY=-1;R", &all_mail, 501 },
	{ " BY=1000000000;R", &all_mail, 501 }, { " BY=0000000001;R", &all_mail, 501 }, { " BY=120", &all_mail, 501 }, { " BY=120;", &all_mail, 501 },
	{ " BY=120;X", &all_mail, 501 }, { " BY=120;TR", &all_mail, 501 }, { " BY=120;RTT", &all_mail, 501 }, { " BY=;R", &all_mail, 501 },
	{ " BY=+;R", &all_mail, 501 }, { " BY=--1;N", &all_mail, 501 }, { " BY=1.5;R", &all_mail, 501 }, { " BY=", &all_mail, 501 },
	/* RFC 4865 */
	{ " HOLDFOR=1", &all_mail, 0 }, { " HOLDFOR=31536000", &all_mail, 0 }, { " HOLDFOR=31536001", &all_mail, 501 }, { " HOLDFOR=0", &all_mail, 501 },
	{ " HOLDFOR=1000000000", &all_mail, 501 }, { " HOLDFOR=-1", &all_mail, 501 }, { " HOLDFOR=", &all_mail, 501 },
	{ " HOLDUNTIL=2025-11-24T17:00:00Z", &all_mail, 0 }, { " HOLDUNTIL=2025-11-24t17:00:00.25z", &all_mail, 0 },
	{ " HOLDUNTIL=2020-01-01T00:00:00Z", &all_mail, 0 }, { " HOLDUNTIL=2026-11-24T16:00:01Z", &all_mail, 501 },
	{ " HOLDUNTIL=2025-11-24T17:00:00", &all_mail, 501 }, { " HOLDUNTIL=2025-11-24T17:00:00+01:00", &all_mail, 501 },
	{ " HOLDUNTIL=2025-13-24T17:00:00Z", &all_mail, 501 }, { " HOLDUNTIL=2025-11-31T17:00:00Z", &all_mail, 501 },
	{ " HOLDUNTIL=2025-02-29T17:00:00Z", &all_mail, 501 }, { " HOLDUNTIL=2024-02-29T17:00:00Z", &all_mail, 0 },
	{ " HOLDUNTIL=2025-11-24T24:00:00Z", &all_mail, 501 }, { " HOLDUNTIL=2025-11-24T17:60:00Z", &all_mail, 501 },
	{ " HOLDUNTIL=2025-11-24T17:00:61Z", &all_mail, 501 }, { " HOLDUNTIL=2025-12-31T23:59:60Z", &all_mail, 0 },
	{ " HOLDUNTIL=25-11-24T17:00:00Z", &all_mail, 501 }, { " HOLDUNTIL=2025/11/24T17:00:00Z", &all_mail, 501 },
	{ " HOLDUNTIL=2025-11-24T17:00:00.Z", &all_mail, 501 }, { " HOLDUNTIL=Z", &all_mail, 501 }, { " HOLDUNTIL=-025-11-24T17:00:00Z", &all_mail, 501 },
	{ " HOLDFOR=1 HOLDUNTIL=2025-11-24T17:00:00Z", &all_mail, 501 }, { " HOLDFOR=1 HOLDFOR=1", &all_mail, 501 },
	{ " HOLDFOR=100 BY=101;R", &all_mail, 0 }, { " BY=100;R HOLDFOR=100", &all_mail, 501 }, { " HOLDFOR=100 BY=-1;N", &all_mail, 501 },
	/* RFC 6710 */
	{ " MT-PRIORITY=0", &all_mail, 0 }, { " MT-PRIORITY=9", &all_mail, 0 }, { " MT-PRIORITY=-9", &all_mail, 0 }, { " MT-PRIORITY=-0", &all_mail, 501 },
	{ " MT-PRIORITY=+1", &all_mail, 501 }, { " MT-PRIORITY=10", &all_mail, 501 }, { " MT-PRIORITY=-10", &all_mail, 501 },
	{ " MT-PRIORITY=01", &all_mail, 501 }, { " MT-PRIORITY=-", &all_mail, 501 }, { " MT-PRIORITY=", &all_mail, 501 }, { " MT-PRIORITY=x", &all_mail, 501 },
};

START_TEST(every_form)
{
	struct parameters p;

	memory = arena_new(512);
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		ck_assert_msg(code_of(forms[i].in, forms[i].rules, &p) == forms[i].code, "\"%s\"", forms[i].in);
	arena_free(&memory);
}
END_TEST

/* A value that reaches the limit of its length, and one octet more. */
START_TEST(lengths)
{
	static const struct { const char *begin; const struct parameter_rules *rules; size_t most; } limits[] = {
		{ " ENVID=", &all_mail, 100 }, { " ORCPT=rfc822;", &all_rcpt, 500 - 7 }, { " ORCPT=utf-8;", &all_rcpt, 500 - 6 }, { " AUTH=", &all_mail, 500 },
	};
	struct parameters p;
	char in[600];

	memory = arena_new(512);
	for (size_t i = 0; i < COUNT_OF(limits); i++)
		for (size_t len = limits[i].most; len <= limits[i].most + 1; len++) {
			size_t at = (size_t)snprintf(in, sizeof(in), "%s", limits[i].begin);

			memset(in + at, 'x', len);
			in[at + len] = '\0';
			ck_assert_msg(code_of(in, limits[i].rules, &p) == (len > limits[i].most ? 501 : 0), "%s %zu", limits[i].begin, len);
		}
	arena_free(&memory);
}
END_TEST

START_TEST(meanings)
{
	struct parameters p, copy;

	memory = arena_new(512);
	ck_assert_uint_eq(code_of(" Size=7 BODY=BINARYMIME SMTPUTF8 AUTH=a+2Bb@c RET=hdrs ENVID=a+20+3Db BY=60;rt MT-PRIORITY=-4 REQUIRETLS HOLDFOR=59",
				  &all_mail, &p), 0);
	ck_assert_uint_eq(p.size, 7);
	ck_assert_int_eq(p.body, BODY_BINARYMIME);
	ck_assert(p.utf8 && p.requiretls);
	ck_assert_str_eq(p.ret, "HDRS");
	ck_assert_int_eq(p.deliver_by, NOW + 60);
	ck_assert_str_eq(p.by_mode, "RT");
	ck_assert_int_eq(p.hold_until, NOW + 59);
	ck_assert_int_eq(p.priority, -4);
	parameters_copy(&copy, &p, memory);
	ck_assert_str_eq(parameters_find(&copy, "size")->value, "7");
	ck_assert_str_eq(parameters_find(&copy, "SIZE")->text, "7");
	ck_assert_str_eq(parameters_find(&copy, "SMTPUTF8")->value, "");
	ck_assert_str_eq(parameters_find(&copy, "envid")->value, "a+20+3Db");
	ck_assert_str_eq(parameters_text(&copy, "ENVID"), "a =b");
	ck_assert_str_eq(parameters_text(&copy, "AUTH"), "a+b@c");
	ck_assert_ptr_null(parameters_find(&copy, "NOTIFY"));
	ck_assert_str_eq(parameters_text(&copy, "NOTIFY"), "");
	ck_assert_uint_eq(code_of(" HOLDUNTIL=2025-11-24T16:00:01Z", &all_mail, &p), 0);
	ck_assert_int_eq(p.hold_until, NOW + 1);
	ck_assert_uint_eq(code_of(" BY=-60;N", &all_mail, &p), 0);
	ck_assert_int_eq(p.deliver_by, NOW - 60);
	ck_assert_uint_eq(code_of("", &all_mail, &p), 0);
	ck_assert_str_eq(p.ret, "");
	ck_assert_str_eq(p.by_mode, "");
	arena_free(&memory);
}
END_TEST

static const struct { const char *in; unsigned notify; const char *orcpt; } recipients[] = {
	{ "", NOTIFY_DEFAULT, "" }, { " NOTIFY=never", NOTIFY_NEVER, "" }, { " NOTIFY=DELAY", NOTIFY_DELAY, "" },
	{ " NOTIFY=SUCCESS,FAILURE", NOTIFY_SUCCESS | NOTIFY_FAILURE, "" },
	{ " NOTIFY=FAILURE,DELAY,SUCCESS ORCPT=rfc822;Bob+2Bx@Example.com", NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, "rfc822;Bob+x@Example.com" },
	{ " ORCPT=utf-8;l\\x{F6}we\\x{2B}1@b\\x{FC}cher.test", 0, "utf-8;l\xc3\xb6we+1@b\xc3\xbc" "cher.test" },
	{ " ORCPT=utf-8;l\xc3\xb6we@b", 0, "utf-8;l\xc3\xb6we@b" },
	{ " ORCPT=utf-8;\\x{7FF}\\x{800}\\x{FFFD}\\x{10000}", 0, "utf-8;\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80" },
	{ " ORCPT=x-Other;anything+20else", 0, "x-Other;anything else" },
};

START_TEST(of_recipients)
{
	struct parameters p;

	memory = arena_new(512);
	for (size_t i = 0; i < COUNT_OF(recipients); i++) {
		ck_assert_uint_eq(code_of(recipients[i].in, &utf8_rcpt, &p), 0);
		ck_assert_uint_eq(p.notify, recipients[i].notify);
		ck_assert_str_eq(parameters_text(&p, "ORCPT"), recipients[i].orcpt);
	}
	arena_free(&memory);
}
END_TEST

static const struct { const char *in; const struct parameter_rules *rules; enum extension extension; } offers[] = {
	{ " SIZE=1", &all_mail, EXTENSION_SIZE }, { " BODY=7BIT", &all_mail, EXTENSION_8BITMIME },
	{ " BODY=BINARYMIME", &all_mail, EXTENSION_BINARYMIME }, { " AUTH=<>", &all_mail, EXTENSION_AUTH },
	{ " SMTPUTF8", &all_mail, EXTENSION_SMTPUTF8 }, { " RET=FULL", &all_mail, EXTENSION_DSN }, { " ENVID=x", &all_mail, EXTENSION_DSN },
	{ " NOTIFY=NEVER", &all_rcpt, EXTENSION_DSN }, { " ORCPT=rfc822;x", &all_rcpt, EXTENSION_DSN },
	{ " BY=1;R", &all_mail, EXTENSION_DELIVERBY }, { " HOLDFOR=1", &all_mail, EXTENSION_FUTURERELEASE },
	{ " HOLDUNTIL=2025-11-24T16:00:01Z", &all_mail, EXTENSION_FUTURERELEASE }, { " MT-PRIORITY=1", &all_mail, EXTENSION_MT_PRIORITY },
	{ " REQUIRETLS", &all_mail, EXTENSION_REQUIRETLS },
};

/* What is not on offer is not known. */
START_TEST(not_offered)
{
	struct parameters p;

	memory = arena_new(512);
	for (size_t i = 0; i < COUNT_OF(offers); i++) {
		struct parameter_rules rules = *offers[i].rules;

		ck_assert_msg(code_of(offers[i].in, &rules, &p) == 0, "%s", offers[i].in);
		rules.offered = ~(1u << offers[i].extension);
		ck_assert_msg(code_of(offers[i].in, &rules, &p) == 555, "%s", offers[i].in);
	}
	arena_free(&memory);
}
END_TEST

/* Whatever octet stands in a value, hidden in xtext or not: no control character comes out. */
START_TEST(no_control_character)
{
	static const char *const ways[] = { " ENVID=a+%02Xb", " ENVID=a%cb", " AUTH=+%02X", " AUTH=%c" };
	static const char *const rcpt_ways[] = { " ORCPT=rfc822;+%02X", " ORCPT=rfc822;%c", " ORCPT=utf-8;+%02X", " ORCPT=utf-8;%c", " ORCPT=utf-8;\\x{%02X}" };
	struct parameters p;

	memory = arena_new(512);
	for (unsigned octet = 1; octet < 256; octet++)
		for (size_t i = 0; i < COUNT_OF(ways) + COUNT_OF(rcpt_ways); i++) {
			bool mail = i < COUNT_OF(ways);
			char in[64];

			snprintf(in, sizeof(in), mail ? ways[i] : rcpt_ways[i - COUNT_OF(ways)], octet);
			if (code_of(in, mail ? &all_mail : &utf8_rcpt, &p) || !p.count)
				continue;
			for (const char *text = p.list[0].text; *text; text++)
				ck_assert_msg((unsigned char)*text >= 0x20 && *text != 0x7f, "%s", in);
			ck_assert_msg(octet >= 0xa0 || (octet >= 0x20 && octet < 0x7f) || octet == '\t', "%s", in);
		}
	arena_free(&memory);
}
END_TEST

UNIT_MAIN("parameter", every_form, lengths, meanings, of_recipients, not_offered, no_control_character)
