/* test_password.c - hashes: made, checked, and everything that must be refused as one. */
#include "../../lib/base.h"
#include "../../lib/password.h"
#include <check.h>

START_TEST(test_round_trip)
{
	char one[PASSWORD_HASH_SIZE], two[PASSWORD_HASH_SIZE];
	struct err err = { .text = "" };
	ck_assert(password_hash("alice-secret", one, &err));
	ck_assert(password_hash("alice-secret", two, &err));
	ck_assert_str_ne(one, two);	/* salted */
	ck_assert(strncmp(one, "$y$", 3) == 0);
	ck_assert(password_is_hash(one));
	ck_assert(password_check("alice-secret", one));
	ck_assert(!password_check("alice-secreT", one));
	ck_assert(!password_check("", one));
	ck_assert(!password_check_dummy("alice-secret"));
	ck_assert(!password_check_dummy(""));
}
END_TEST

START_TEST(test_scram)
{
	char keys[PASSWORD_HASH_SIZE];
	struct err err = { .text = "" };
	ck_assert(password_scram("p\xc3\xa4sswort", 4096, keys, &err));
	ck_assert(strncmp(keys, "SCRAM-SHA-256$4096:", 19) == 0);
	ck_assert(password_is_hash(keys));
	ck_assert(password_check("p\xc3\xa4sswort", keys));
	ck_assert(password_check("pa\xcc\x88sswort", keys));	/* as another keyboard sends it */
	ck_assert(!password_check("passwort", keys) && !password_check("", keys) && !password_check("p\xe4sswort", keys));
	ck_assert(!password_scram("tab\t", 4096, keys, &err));
	ck_assert_str_eq(keys, "");
	ck_assert_ptr_nonnull(strstr(err.text, "RFC 4013"));
	ck_assert(!password_scram("", 4096, keys, &err));
}
END_TEST

START_TEST(test_same)
{
	ck_assert(password_same("", "") && password_same("abc", "abc"));
	ck_assert(!password_same("abc", "abd") && !password_same("abc", "abcd") && !password_same("", "a"));
}
END_TEST

START_TEST(test_too_long)
{
	char password[PASSWORD_MAX + 1], hash[PASSWORD_HASH_SIZE];
	struct err err = { .text = "" };
	memset(password, 'x', sizeof password - 1);
	password[sizeof password - 1] = '\0';
	ck_assert(!password_hash(password, hash, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "longer than"));
	ck_assert_str_eq(hash, "");
	ck_assert(!password_check(password, "$5$saltsalt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1"));
}
END_TEST

/* The kinds that other programs make: doveadm pw, mkpasswd, htpasswd. */
START_TEST(test_known_kinds)
{
	static const struct { const char *password, *hash; } cases[] = {
		{ "Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5" },
		{ "Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1" },
		{ "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
	};
	ck_assert(password_is_hash(cases[_i].hash));
	ck_assert(password_check(cases[_i].password, cases[_i].hash));
	ck_assert(!password_check("other", cases[_i].hash));
}
END_TEST

START_TEST(test_no_hash)
{
	static const char *const cases[] = { "", "x", "secret", "alice-secret", "correct horse battery staple, and some more of it!",
		"abJnggxhB/yWI" /* DES */, "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/" /* MD5 */, "$3$$8846f7eaee8fb117ad06bdd830b7586c" /* NT */,
		"$y$", "$y$j9T$", "$y$j9T$salt", "$6$saltstring$", "$5$", "*0", "*1", "!", "$2a$05$", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
		"{PLAIN}secretsecretsecretsecretsecretsecretsecret" };
	ck_assert_msg(!password_is_hash(cases[_i]), "%s", cases[_i]);
	ck_assert(!password_check("secret", cases[_i]));
	ck_assert(!password_check(cases[_i], cases[_i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("password");
	TCase *t = tcase_create("password");
	tcase_add_test(t, test_round_trip);
	tcase_add_test(t, test_scram);
	tcase_add_test(t, test_same);
	tcase_add_test(t, test_too_long);
	tcase_add_loop_test(t, test_known_kinds, 0, 3);
	tcase_add_loop_test(t, test_no_hash, 0, 19);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
