/* test_tls_ciphers.c - cipher lists of OpenSSL in terms of GnuTLS: what is allowed is what was asked for and no more, in order. */
#include "../../lib/base.h"
#include "../../lib/tls_ciphers.h"
#include "../../lib/tls_priority.h"

#include <check.h>
#include <gnutls/gnutls.h>

#define MOZILLA_INTERMEDIATE "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"
#define MOZILLA_OLD MOZILLA_INTERMEDIATE ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:" \
	"ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:" \
	"AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:DES-CBC3-SHA"
#define HARAKA "EECDH+AESGCM:EDH+aRSA+AESGCM:EECDH+AES256:EDH+aRSA+AES256:EECDH+AES128:EDH+aRSA+AES128:RSA+AES:RSA+3DES"

/* The parts in the order of preference, as they stand in the priority string; LOST is what is left out. */
static const struct { const char *list, *parts, *lost; bool tls12, tls13; } lists[] = {
	{ MOZILLA_INTERMEDIATE, "+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD", "", true, true },
	{ MOZILLA_OLD, "+ECDHE-ECDSA:+ECDHE-RSA:+RSA:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CBC:+AES-256-CBC:+AEAD:+SHA256:+SHA1:+SHA384",
	  "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:DES-CBC3-SHA", true, true },
	{ HARAKA, "+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+RSA:+AES-256-GCM:+AES-128-GCM:+AES-256-CCM-8:+AES-256-CCM:+AES-256-CBC:+AES-128-CCM-8:+AES-128-CCM:"
	  "+AES-128-CBC:+AEAD:+SHA384:+SHA1:+SHA256", "DES-CBC3-SHA", true, true },
	{ "AES256-SHA", "+RSA:+AES-256-CBC:+SHA1", "", true, false },
	{ "RSA+3DES", "+RSA:+3DES-CBC:+SHA1", "", true, false },
	{ "ECDHE-RSA-CHACHA20-POLY1305 AES128-SHA", "+ECDHE-RSA:+CHACHA20-POLY1305:+AEAD", "AES128-SHA", true, true },
	{ "TLS_AES_256_GCM_SHA384", "+ECDHE-ECDSA:+ECDHE-RSA:+AES-256-GCM:+AEAD", "", false, true },
	{ "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256", "+ECDHE-RSA:+AES-128-GCM:+AEAD", "", true, true },
	{ "ECDHE-RSA-AES128-GCM-SHA256:!TLS_AES_128_GCM_SHA256", "+ECDHE-RSA:+AES-128-GCM:+AEAD", "", true, false },
	{ "EECDH+AESGCM+aRSA:!AES128", "+ECDHE-RSA:+AES-256-GCM:+AEAD", "", true, true },
	{ "EECDH+AESGCM+aRSA;-AES128", "+ECDHE-RSA:+AES-256-GCM:+AEAD", "", true, true },
	{ "EECDH+AESGCM+aRSA,+AES256", "+ECDHE-RSA:+AES-128-GCM:+AES-256-GCM:+AEAD", "", true, true },
	{ "EECDH+AESGCM+aRSA:+AES256:@STRENGTH", "+ECDHE-RSA:+AES-256-GCM:+AES-128-GCM:+AEAD", "", true, true },
	{ "!AES128:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "+ECDHE-RSA:+AES-256-GCM:+AEAD", "", true, true },
	{ "-AES128:EECDH+AESGCM+aRSA+AES128", "+ECDHE-RSA:+AES-128-GCM:+AEAD", "", true, true },
	{ "EECDH+AESGCM+aRSA@SECLEVEL=1", "+ECDHE-RSA:+AES-256-GCM:+AES-128-GCM:+AEAD:%PROFILE_LOW", "", true, true },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "+ECDHE-RSA:+CHACHA20-POLY1305:+AEAD", "", true, true },
	{ "TLS_RSA_WITH_AES_128_CBC_SHA", "+RSA:+AES-128-CBC:+SHA1", "", true, false },
	{ "kRSA+AES256+SHA256:ARIA:PSK:aNULL:EXP:SEED", "+RSA:+AES-256-CBC:+SHA256", "", true, false },
};

START_TEST(translated)
{
	struct err err = { "" };
	struct tls_ciphers c;

	ck_assert_msg(tls_ciphers_translate(lists[_i].list, &c, &err), "%s: %s", lists[_i].list, err.text);
	const char *text = buf_text(&c.priority), *head = "NONE:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL:";
	ck_assert(strncmp(text, head, strlen(head)) == 0);
	ck_assert_msg(strcmp(text + strlen(head), lists[_i].parts) == 0, "%s: %s", lists[_i].list, text);
	ck_assert_str_eq(buf_text(&c.lost), lists[_i].lost);
	ck_assert_int_eq(c.tls12, lists[_i].tls12);
	ck_assert_int_eq(c.tls13, lists[_i].tls13);
	tls_ciphers_free(&c);
}
END_TEST

static const struct { const char *list, *says; } wrong[] = {
	{ "FOO", "\"FOO\" is no cipher that GnuTLS has" }, { "HIGH:FO\nO", "\"FO\\x0aO\" is no cipher" }, { "HIGH+", "" }, { "aNULL", "it leaves nothing" },
	{ "HIGH:!ALL", "it leaves nothing" }, { "ECDHE-RSA-ARIA128-GCM-SHA256", "is no cipher that GnuTLS has" }, { "HIGH:@FOO", "\"@FOO\" is no command" },
	{ "HIGH@SECLEVEL=9", "\"@SECLEVEL=9\" is no command" }, { ":::", "it leaves nothing" }, { "!", "" }, { "@", "" }, { "SUITEB128ONLY", "is no cipher" },
};

START_TEST(refused)
{
	struct err err = { "" };
	struct tls_ciphers c;
	bool ok = tls_ciphers_translate(wrong[_i].list, &c, &err);

	ck_assert_msg(!*wrong[_i].says || !ok, "%s was taken", wrong[_i].list);
	ck_assert_msg(strstr(err.text, wrong[_i].says) != NULL, "%s: %s", wrong[_i].list, err.text);
	tls_ciphers_free(&c);
}
END_TEST

START_TEST(kinds_of_strings)
{
	static const char *const priorities[] = { "NORMAL", "NORMAL:-RSA", "SECURE128:%SAFE_RENEGOTIATION", "PFS", "NONE:+VERS-TLS1.2", "@SYSTEM", "SUITEB128" };
	static const char *const others[] = { "HIGH", "DEFAULT:!RC4", "@STRENGTH", "@SECLEVEL=1:HIGH", "NORMALS", "ECDHE-RSA-AES128-GCM-SHA256", "" };

	for (size_t i = 0; i < COUNT_OF(priorities); i++)
		ck_assert_msg(tls_ciphers_is_priority(priorities[i]), "%s", priorities[i]);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ck_assert_msg(!tls_ciphers_is_priority(others[i]), "%s", others[i]);
	ck_assert_ptr_null(tls_priority_ciphers("NORMAL:-RSA"));
	ck_assert_ptr_nonnull(tls_priority_ciphers("NORMAL:-FOO"));
	ck_assert_ptr_nonnull(strstr(tls_priority_ciphers("HIGH:FOO"), "\"FOO\""));
}
END_TEST

/* No cipher suite of TLS 1.2 that GnuTLS would use with the translation is outside of what OpenSSL's words say. */
START_TEST(never_more)
{
	static const char *const all[] = { "HIGH", "MEDIUM", "DEFAULT", "ALL", "EECDH", "kRSA", "AESGCM", "3DES:AESGCM", HARAKA, MOZILLA_OLD, "RSA+SHA1:EECDH+SHA256" };
	struct err err = { "" };

	for (size_t n = 0; n < COUNT_OF(all); n++) {
		struct tls_ciphers c;
		gnutls_priority_t p;
		char text[4096];
		unsigned index;

		ck_assert(tls_ciphers_translate(all[n], &c, &err));
		snprintf(text, sizeof(text), "%s:+VERS-TLS1.2", buf_text(&c.priority));
		p = tls_priority_make(text, &err);
		ck_assert_msg(p != NULL, "%s", err.text);
		for (unsigned i = 0; gnutls_priority_get_cipher_suite_index(p, i, &index) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; i++) {
			struct tls_ciphers one;
			unsigned char id[2];
			char list[4096];
			gnutls_protocol_t since;
			const char *name = gnutls_cipher_suite_info(index, id, NULL, NULL, NULL, &since);

			if (!name || since == GNUTLS_TLS1_3)
				continue;
			/* it is still there when only what both allow is asked for */
			snprintf(list, sizeof(list), "%s:!%s", all[n], name);
			bool left = tls_ciphers_translate(list, &one, &err);
			ck_assert_msg(!left || strcmp(buf_text(&one.priority), buf_text(&c.priority)) != 0, "%s allows %s", all[n], name);
			tls_ciphers_free(&one);
		}
		gnutls_priority_deinit(p);
		tls_ciphers_free(&c);
	}
}
END_TEST

static const struct { const char *protocol, *least, *text; } versions[] = {
	{ "", "TLSv1.2", ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" }, { "", "TLSv1.3", ":-VERS-ALL:+VERS-TLS1.3" },
	{ "SSLv23:!SSLv2:!SSLv3:!TLSv1", "TLSv1", ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1" },
	{ "SSLv23:!SSLv2:!SSLv3", "TLSv1", ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0" },
	{ "TLSv1_2", "TLSv1", ":-VERS-ALL:+VERS-TLS1.2" }, { "TLSv12", "TLSv1", ":-VERS-ALL:+VERS-TLS1.2" }, { "TLSv1_1_method", "TLSv1", ":-VERS-ALL:+VERS-TLS1.1" },
	{ "SSLv23_method", "TLSv1.2", ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" }, { "TLS_server_method", "TLSv1.3", ":-VERS-ALL:+VERS-TLS1.3" },
	{ "!TLSv1_3", "TLSv1.2", ":-VERS-ALL:+VERS-TLS1.2" }, { "TLSv1_1", "TLSv1.2", NULL },
};

START_TEST(versions_of)
{
	const char *curves[] = { "X25519:P-256", "secp384r1", NULL }, *none[] = { "auto", NULL };
	struct tls_settings t = { .ciphers = "NORMAL", .min_version = versions[_i].least, .secure_protocol = versions[_i].protocol, .ecdh_curve = none };
	struct err err = { "" };
	struct buf text;
	gnutls_priority_t p;

	ck_assert_int_eq(tls_priority_text(&t, false, &text, &err), versions[_i].text != NULL);
	if (versions[_i].text) {
		ck_assert_str_eq(buf_text(&text) + strlen("NORMAL"), versions[_i].text);
	} else {
		ck_assert_ptr_nonnull(strstr(err.text, "leave no version of TLS"));
	}
	buf_free(&text);
	t.ecdh_curve = curves;
	t.honor_cipher_order = true;
	if (tls_priority_text(&t, true, &text, &err)) {
		ck_assert_ptr_nonnull(strstr(buf_text(&text), ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-FFDHE2048"));
		ck_assert_ptr_nonnull(strstr(buf_text(&text), ":%SERVER_PRECEDENCE"));
		p = tls_priority_make(buf_text(&text), &err);
		ck_assert_msg(p != NULL, "%s", err.text);
		gnutls_priority_deinit(p);
	}
	buf_free(&text);
}
END_TEST

START_TEST(words)
{
	static const char *const bad_protocols[] = { "SSLv3", "TLSv1.4", "SSLv23:!TLSv9", "SSLv23:!TLS", "x" };
	static const char *const bad_curves[] = { "P-257", "", "X25519:", "X25519:foo", "brainpoolP256r1" };

	for (size_t i = 0; i < COUNT_OF(bad_protocols); i++)
		ck_assert_msg(tls_priority_protocol(bad_protocols[i]) != NULL, "%s", bad_protocols[i]);
	for (size_t i = 0; i < COUNT_OF(bad_curves); i++)
		ck_assert_msg(tls_priority_curve(bad_curves[i]) != NULL || i == 2, "%s", bad_curves[i]);
	ck_assert_ptr_null(tls_priority_curve("x25519:prime256v1:P-521"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_ciphers");
	TCase *t = tcase_create("tls_ciphers");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, translated, 0, (int)COUNT_OF(lists));
	tcase_add_loop_test(t, refused, 0, (int)COUNT_OF(wrong));
	tcase_add_test(t, kinds_of_strings);
	tcase_add_test(t, never_more);
	tcase_add_loop_test(t, versions_of, 0, (int)COUNT_OF(versions));
	tcase_add_test(t, words);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
