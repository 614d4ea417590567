/* test_sasl.c - AUTH as a client: which mechanism, what each says, and when a yes may be believed. */
#include "unit.h"
#include "../../lib/base64.h"
#include "../../lib/scram.h"
#include "../../queue/offers.h"
#include "../../queue/sasl.h"

static const struct access alice = { .user = "alice", .password = "secret", .mechanism = "", .helo = "", .domain = "" };

static const char *chosen(const struct access *a, const char *names)
{
	struct sasl *s = sasl_new(a, sasl_set(view_of(names)), NULL);
	const char *name = s ? sasl_name(s) : "none";

	sasl_free(&s);
	return name;
}

START_TEST(choice)
{
	static const struct { const char *only, *offered, *chosen; } table[] = {
		{ "", "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256", "SCRAM-SHA-256" }, { "", "cram-md5 plain", "PLAIN" }, { "", "CRAM-MD5 LOGIN", "LOGIN" },
		{ "", "CRAM-MD5", "CRAM-MD5" }, { "", "NTLM GSSAPI", "none" }, { "", "", "none" }, { "LOGIN", "PLAIN LOGIN", "LOGIN" }, { "LOGIN", "PLAIN", "none" },
		/* without TLS there is nothing to bind to */
		{ "", "SCRAM-SHA-256-PLUS PLAIN", "PLAIN" }, { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", "none" },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct access a = alice;

		a.mechanism = table[i].only;
		ck_assert_str_eq(chosen(&a, table[i].offered), table[i].chosen);
	}
	ck_assert(sasl_known(VIEW("plain")) && !sasl_known(VIEW("PLAIN2")) && !sasl_known(VIEW("")));
}
END_TEST

START_TEST(announced)
{
	struct offers o;

	offers_parse(&o, VIEW("hello\nAUTH LOGIN PLAIN\nAUTH=CRAM-MD5 X\n"));
	ck_assert(offers_have(&o, OFFER_AUTH));
	ck_assert_uint_eq(o.auth, sasl_set(VIEW("LOGIN PLAIN CRAM-MD5")));
	offers_parse(&o, VIEW("AUTH PLAIN\nSIZE\n"));
	ck_assert(!offers_have(&o, OFFER_AUTH) && o.auth == 0);
}
END_TEST

/* A script: what is said first, then challenge and answer by turns; "" for an answer: it fails. */
START_TEST(said)
{
	static const struct { const char *mechanism, *first, *turns[6]; bool complete; } table[] = {
		{ "PLAIN", "PLAIN AGFsaWNlAHNlY3JldA==", { NULL }, true },
		{ "PLAIN", "PLAIN AGFsaWNlAHNlY3JldA==", { "", "AGFsaWNlAHNlY3JldA==", NULL }, true },
		{ "LOGIN", "LOGIN", { "VXNlcm5hbWU6", "YWxpY2U=", "UGFzc3dvcmQ6", "c2VjcmV0", NULL }, true },
		{ "LOGIN", "LOGIN", { "not even base64", "YWxpY2U=", NULL }, false },
		{ "CRAM-MD5", "CRAM-MD5", { "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+", "YWxpY2UgNmU3NTYyM2ZkZTE4ZTQ3YzcwNjQ3ZjEwMTQ5M2FhZDE=", NULL }, true },
		{ "CRAM-MD5", "CRAM-MD5", { NULL }, false }, { "CRAM-MD5", "CRAM-MD5", { "!!", "", NULL }, false },
		{ "CRAM-MD5", "CRAM-MD5", { "AGE=", "", NULL }, false },
	};
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct access a = alice;
		const char *why = NULL;
		struct buf out;

		a.mechanism = table[i].mechanism;
		struct sasl *s = sasl_new(&a, ~0u, NULL);
		buf_init(&out, 4096);
		ck_assert(sasl_begin(s, &out, &why));
		ck_assert_str_eq(buf_text(&out), table[i].first);
		for (size_t t = 0; table[i].turns[t]; t += 2) {
			bool good = *table[i].turns[t + 1];

			buf_clear(&out);
			ck_assert(sasl_answer(s, view_of(table[i].turns[t]), &out, &why) == good);
			if (good && strcmp(table[i].mechanism, "CRAM-MD5") != 0)
				ck_assert_str_eq(buf_text(&out), table[i].turns[t + 1]);
			ck_assert(good || *why);
		}
		ck_assert_int_eq(sasl_complete(s), table[i].complete);
		buf_free(&out);
		sasl_free(&s);
	}
}
END_TEST

static struct view decoded(const char *code, char *out, size_t size)
{
	size_t len;

	ck_assert_msg(base64_decode(view_of(code), out, size, &len), "%s", code);
	return view_make(out, len);
}

/* Against our own server side; one that knows another password is found out by both. */
START_TEST(scram)
{
	for (int right = 0; right < 2; right++) {
		struct scram_server server = { 0 };
		struct scram_keys keys;
		struct access a = alice;
		const char *why = "";
		char octets[SCRAM_MESSAGE_MAX], code[2 * SCRAM_MESSAGE_MAX], final[SCRAM_FINAL_SIZE];
		struct buf out;

		a.mechanism = "SCRAM-SHA-256";
		ck_assert(scram_keys_begin(&keys, SCRAM_ITERATIONS_MIN) && scram_keys_make(right ? "secret" : "other", &keys, NULL));
		struct sasl *s = sasl_new(&a, ~0u, NULL);
		buf_init(&out, 8192);
		ck_assert(sasl_begin(s, &out, &why));
		ck_assert_int_eq(scram_server_read(&server, decoded(buf_text(&out) + strlen("SCRAM-SHA-256 "), octets, sizeof(octets))), SCRAM_GOOD);
		ck_assert_str_eq(server.login, "alice");
		ck_assert(scram_server_answer(&server, &keys, "nonce") && base64_encode(view_of(server.first), code, sizeof(code)));
		buf_clear(&out);
		ck_assert(!sasl_complete(s) && sasl_answer(s, view_of(code), &out, &why));
		ck_assert(!sasl_complete(s));	/* a yes now proves nothing */
		ck_assert_int_eq(scram_server_check(&server, decoded(buf_text(&out), octets, sizeof(octets)), VIEW(""), final), right ? SCRAM_GOOD : SCRAM_WRONG);
		if (!right)
			snprintf(final, sizeof(final), "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
		ck_assert(base64_encode(view_of(final), code, sizeof(code)));
		buf_clear(&out);
		ck_assert_int_eq(sasl_answer(s, view_of(code), &out, &why), right);
		ck_assert_str_eq(buf_text(&out), "");
		ck_assert_int_eq(sasl_complete(s), right);
		buf_free(&out);
		sasl_free(&s);
	}
}
END_TEST

/* Whatever it is asked, it comes to an end. */
START_TEST(endless)
{
	struct access a = alice;
	const char *why = "";
	struct buf out;
	unsigned n = 0;

	a.mechanism = "LOGIN";
	struct sasl *s = sasl_new(&a, ~0u, NULL);
	buf_init(&out, 1 << 16);
	while (sasl_answer(s, VIEW("VXNlcg=="), &out, &why))
		ck_assert_uint_lt(++n, 10);
	ck_assert_str_eq(why, "it asks too often");
	buf_free(&out);
	sasl_free(&s);
}
END_TEST

UNIT_MAIN("sasl", choice, announced, said, scram, endless)
