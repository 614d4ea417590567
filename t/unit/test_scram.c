/* test_scram.c - SCRAM-SHA-256: the example of RFC 7677, our client against our server, every way to be wrong, keys and their text;
 * and SASLprep with the examples of RFC 4013. */
#include "unit.h"
#include "../../lib/base64.h"
#include "../../lib/saslprep.h"
#include "../../lib/scram.h"

/* RFC 7677 3. */
#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define CLIENT_FIRST "n,,n=user,r=" NONCE
#define SERVER_FIRST "r=" NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_BARE "c=biws,r=" NONCE SERVER_NONCE
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct scram_keys keys_for(const char *password)
{
	struct scram_keys keys = { .iterations = 4096, .salt_len = 16 };
	char salt[32];
	size_t len;

	ck_assert(base64_decode(VIEW("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, sizeof(salt), &len) && len == 16);
	memcpy(keys.salt, salt, len);
	ck_assert(scram_keys_make(password, &keys, NULL));
	return keys;
}

START_TEST(example_server)
{
	struct scram_keys keys = keys_for("pencil");
	struct scram_server s;
	char out[SCRAM_FINAL_SIZE];

	ck_assert_int_eq(scram_server_read(&s, VIEW(CLIENT_FIRST)), SCRAM_GOOD);
	ck_assert_int_eq(s.binding, 'n');
	ck_assert_str_eq(s.login, "user");
	ck_assert_str_eq(s.authzid, "");
	ck_assert(scram_server_answer(&s, &keys, SERVER_NONCE));
	ck_assert_str_eq(s.first, SERVER_FIRST);
	ck_assert_int_eq(scram_server_check(&s, VIEW(CLIENT_BARE ",p=" PROOF), VIEW(""), out), SCRAM_GOOD);
	ck_assert_str_eq(out, SERVER_FINAL);
}
END_TEST

START_TEST(example_client)
{
	struct scram_client c;
	char out[2 * SCRAM_MESSAGE_MAX];
	const char *why = NULL;

	ck_assert(scram_client_begin(&c, "user", NONCE, NULL, out, sizeof(out)));
	ck_assert_str_eq(out, CLIENT_FIRST);
	ck_assert(scram_client_answer(&c, VIEW(SERVER_FIRST), "pencil", VIEW(""), out, sizeof(out), &why));
	ck_assert_str_eq(out, CLIENT_BARE ",p=" PROOF);
	ck_assert(scram_client_verify(&c, VIEW(SERVER_FINAL)));
	ck_assert(!scram_client_verify(&c, VIEW("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=")));
	ck_assert(!scram_client_verify(&c, VIEW("e=other-error")));
	ck_assert(!scram_client_verify(&c, VIEW("")));
}
END_TEST

/* The first messages of RFC 5802 5 and others of its grammar. */
static const struct { const char *in; char binding; const char *login, *authzid, *name; } firsts[] = {
	{ "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", 'n', "user", "", "" },
	{ "y,,n=user,r=x", 'y', "user", "", "" },
	{ "p=tls-unique,,n=user,r=x", 'p', "user", "", "tls-unique" },
	{ "n,a=boss,n=user,r=x,z=more,y=1", 'n', "user", "boss", "" },
	{ "n,a=a=2Cb,n=a=3Db=2Cc,r=x", 'n', "a=b,c", "a,b", "" },
	{ "n,,n=\xc3\xbc,r=x", 'n', "\xc3\xbc", "", "" },
	{ "", 0, NULL, NULL, NULL }, { "n", 0, NULL, NULL, NULL }, { "n,", 0, NULL, NULL, NULL }, { "n,,", 0, NULL, NULL, NULL },
	{ "n,,n=user", 0, NULL, NULL, NULL }, { "n,,n=user,", 0, NULL, NULL, NULL }, { "n,,n=user,r=", 0, NULL, NULL, NULL },
	{ "n,,n=,r=x", 0, NULL, NULL, NULL }, { "n,,r=x,n=user", 0, NULL, NULL, NULL }, { "n,,n=user,r=\x01", 0, NULL, NULL, NULL },
	{ "n,,n=user,r=a b", 0, NULL, NULL, NULL }, { "n,,m=x,n=user,r=x", 0, NULL, NULL, NULL }, { "n,,n=us=er,r=x", 0, NULL, NULL, NULL },
	{ "n,,n=us=2,r=x", 0, NULL, NULL, NULL }, { "n,,n=us=2c,r=x", 0, NULL, NULL, NULL }, { "N,,n=user,r=x", 0, NULL, NULL, NULL },
	{ "x,,n=user,r=x", 0, NULL, NULL, NULL }, { "ny,,n=user,r=x", 0, NULL, NULL, NULL }, { "p,,n=user,r=x", 0, NULL, NULL, NULL },
	{ "p=,,n=user,r=x", 0, NULL, NULL, NULL }, { "p=a b,,n=user,r=x", 0, NULL, NULL, NULL }, { "n,b=x,n=user,r=x", 0, NULL, NULL, NULL },
	{ "n,a=,n=user,r=x", 0, NULL, NULL, NULL }, { "n,a=b=c,n=user,r=x", 0, NULL, NULL, NULL }, { "n=user,r=x", 0, NULL, NULL, NULL },
	{ ",,n=user,r=x", 0, NULL, NULL, NULL }, { "n,,n=us\ner,r=x", 0, NULL, NULL, NULL },
	{ "p=abcdefghijklmnopqrstuvwxyz012345,,n=user,r=x", 0, NULL, NULL, NULL },
};

START_TEST(first_messages)
{
	struct scram_server s;
	enum scram_result r = scram_server_read(&s, view_of(firsts[_i].in));

	ck_assert_int_eq(r, firsts[_i].login ? SCRAM_GOOD : SCRAM_MALFORMED);
	if (r != SCRAM_GOOD)
		return;
	ck_assert_int_eq(s.binding, firsts[_i].binding);
	ck_assert_str_eq(s.login, firsts[_i].login);
	ck_assert_str_eq(s.authzid, firsts[_i].authzid);
	ck_assert_str_eq(s.binding_name, firsts[_i].name);
}
END_TEST

START_TEST(first_message_sizes)
{
	struct scram_server s;
	static char text[3 * SCRAM_MESSAGE_MAX];

	ck_assert_int_eq(scram_server_read(&s, VIEW("n,,n=a\0b,r=x")), SCRAM_MALFORMED);
	for (size_t name = SCRAM_TEXT - 2; name <= SCRAM_TEXT + 1; name++) {
		int n = snprintf(text, sizeof(text), "n,,n=%0*d,r=x", (int)name, 0);
		ck_assert_int_eq(scram_server_read(&s, view_make(text, (size_t)n)), name < SCRAM_TEXT ? SCRAM_GOOD : SCRAM_MALFORMED);
		n = snprintf(text, sizeof(text), "n,,n=u,r=%0*d", (int)name, 0);
		ck_assert_int_eq(scram_server_read(&s, view_make(text, (size_t)n)), name < SCRAM_TEXT ? SCRAM_GOOD : SCRAM_MALFORMED);
	}
	/* a nonce that leaves no room for ours */
	struct scram_keys keys = keys_for("x");
	int n = snprintf(text, sizeof(text), "n,,n=u,r=%0*d", SCRAM_TEXT - 1, 0);
	ck_assert_int_eq(scram_server_read(&s, view_make(text, (size_t)n)), SCRAM_GOOD);
	ck_assert(!scram_server_answer(&s, &keys, "x"));
	n = snprintf(text, sizeof(text), "n,,n=u,r=x,z=%0*d", SCRAM_MESSAGE_MAX, 0);
	ck_assert_int_eq(scram_server_read(&s, view_make(text, (size_t)n)), SCRAM_MALFORMED);
}
END_TEST

static const struct { const char *in; enum scram_result result; } finals[] = {
	{ CLIENT_BARE ",p=" PROOF, SCRAM_GOOD },
	{ CLIENT_BARE ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", SCRAM_WRONG },
	{ "c=biws,r=" NONCE ",p=" PROOF, SCRAM_WRONG },
	{ "c=eSws,r=" NONCE SERVER_NONCE ",p=" PROOF, SCRAM_WRONG },
	{ "c=!,r=" NONCE SERVER_NONCE ",p=" PROOF, SCRAM_WRONG },
	{ CLIENT_BARE ",x=more,p=" PROOF, SCRAM_WRONG },
	{ CLIENT_BARE, SCRAM_MALFORMED }, { CLIENT_BARE ",p=", SCRAM_MALFORMED }, { CLIENT_BARE ",p=AAAA", SCRAM_MALFORMED },
	{ CLIENT_BARE ",p=" PROOF ",x=1", SCRAM_MALFORMED }, { "r=" NONCE SERVER_NONCE ",c=biws,p=" PROOF, SCRAM_MALFORMED },
	{ "p=" PROOF, SCRAM_MALFORMED }, { "", SCRAM_MALFORMED }, { ",", SCRAM_MALFORMED }, { ",p=" PROOF, SCRAM_MALFORMED },
	{ "c=,r=" NONCE SERVER_NONCE ",p=" PROOF, SCRAM_MALFORMED },
};

START_TEST(final_messages)
{
	struct scram_keys keys = keys_for("pencil");
	struct scram_server s;
	char out[SCRAM_FINAL_SIZE];

	ck_assert_int_eq(scram_server_read(&s, VIEW(CLIENT_FIRST)), SCRAM_GOOD);
	ck_assert(scram_server_answer(&s, &keys, SERVER_NONCE));
	ck_assert_int_eq(scram_server_check(&s, view_of(finals[_i].in), VIEW(""), out), finals[_i].result);
}
END_TEST

/* A whole exchange of our two sides: what the client was told of the channel, what the server sees of it. */
static enum scram_result exchange(const char *login, const char *password, const char *stored, const char *name, struct view told, struct view seen)
{
	struct scram_keys keys = keys_for(stored);
	struct scram_client c;
	struct scram_server s;
	char nonce[SCRAM_NONCE_SIZE], first[SCRAM_MESSAGE_MAX], final[2 * SCRAM_MESSAGE_MAX], out[SCRAM_FINAL_SIZE] = "";
	const char *why = "";

	ck_assert(scram_nonce(nonce));
	ck_assert(scram_client_begin(&c, login, nonce, name, first, sizeof(first)));
	ck_assert_int_eq(scram_server_read(&s, view_of(first)), SCRAM_GOOD);
	ck_assert_str_eq(s.login, login);
	ck_assert(scram_nonce(nonce));
	ck_assert(scram_server_answer(&s, &keys, nonce));
	ck_assert_msg(scram_client_answer(&c, view_of(s.first), password, told, final, sizeof(final), &why), "%s", why);
	enum scram_result r = scram_server_check(&s, view_of(final), seen, out);
	ck_assert(r != SCRAM_GOOD || scram_client_verify(&c, view_of(out)));
	return r;
}

START_TEST(both_sides)
{
	const struct view channel = VIEW("\0\x01\xff channel"), other = VIEW("\0\x01\xff channel2");

	ck_assert_int_eq(exchange("alice,=,=2C", "p", "p", NULL, VIEW(""), VIEW("")), SCRAM_GOOD);
	ck_assert_int_eq(exchange("a", "p", "q", NULL, VIEW(""), VIEW("")), SCRAM_WRONG);
	ck_assert_int_eq(exchange("a", "p", "p", "tls-exporter", channel, channel), SCRAM_GOOD);
	ck_assert_int_eq(exchange("a", "p", "p", "tls-exporter", channel, other), SCRAM_WRONG);
	ck_assert_int_eq(exchange("a", "p", "p", "tls-exporter", other, channel), SCRAM_WRONG);
	ck_assert_int_eq(exchange("a", "p", "p", "tls-exporter", channel, VIEW("")), SCRAM_WRONG);
	ck_assert_int_eq(exchange("a", "p", "p", "tls-exporter", VIEW(""), channel), SCRAM_WRONG);
	ck_assert_int_eq(exchange("a", "p", "p", NULL, VIEW(""), channel), SCRAM_WRONG);
}
END_TEST

/* What a hostile server says. */
static const char *const challenges[] = {
	"", "r=" NONCE, "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", "r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967296",
	"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001", "r=" NONCE "x,s=,i=4096", "r=" NONCE "x,s=!,i=4096",
	"r=" NONCE "x,i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==", "m=x,r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "e=unknown-user",
	"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x", "r=" NONCE " x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
};

START_TEST(hostile_server)
{
	struct scram_client c;
	char out[2 * SCRAM_MESSAGE_MAX];
	const char *why = NULL;

	ck_assert(scram_client_begin(&c, "user", NONCE, NULL, out, sizeof(out)));
	ck_assert(!scram_client_answer(&c, view_of(challenges[_i]), "pencil", VIEW(""), out, sizeof(out), &why));
	ck_assert_ptr_nonnull(why);
}
END_TEST

#define STORED "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define ENTRY "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" STORED ":" SERVER

START_TEST(entries)
{
	static const char *const bad[] = {
		"", "SCRAM-SHA-256", "SCRAM-SHA-1$4096:AAAA$" STORED ":" SERVER, "SCRAM-SHA-256$4095:AAAA$" STORED ":" SERVER,
		"SCRAM-SHA-256$1000001:AAAA$" STORED ":" SERVER, "SCRAM-SHA-256$:AAAA$" STORED ":" SERVER, "SCRAM-SHA-256$4096:$" STORED ":" SERVER,
		"SCRAM-SHA-256$4096:AAAA$" STORED, "SCRAM-SHA-256$4096:AAAA$" STORED ":", "SCRAM-SHA-256$4096:AAAA$AAAA:" SERVER,
		"SCRAM-SHA-256$4096:AAAA$" STORED ":" SERVER " ", "scram-sha-256$4096:AAAA$" STORED ":" SERVER, " " ENTRY, "{SCRAM-SHA-256}4096,AAAA$" STORED ":" SERVER, "{SCRAM-SHA-256}" ENTRY, "{SCRAM-SHA-1}4096,AAAA," STORED "," SERVER,
		"SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$" STORED ":" SERVER,
	};
	struct scram_keys keys, made = keys_for("pencil");
	char text[SCRAM_ENTRY_SIZE];

	scram_keys_write(&made, text);
	ck_assert_str_eq(text, ENTRY);
	ck_assert(scram_keys_read(text, &keys));
	ck_assert_mem_eq(&keys, &made, sizeof(keys));
	ck_assert(scram_keys_read("{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==," STORED "," SERVER, &keys));
	ck_assert_mem_eq(&keys, &made, sizeof(keys));
	ck_assert(scram_keys_fit("pencil", &keys));
	ck_assert(!scram_keys_fit("pencil ", &keys) && !scram_keys_fit("", &keys));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(!scram_keys_read(bad[i], &keys), "\"%s\"", bad[i]);
	ck_assert(scram_keys_begin(&keys, 5000) && scram_keys_begin(&made, 5000));
	ck_assert(keys.iterations == 5000 && keys.salt_len == SCRAM_SALT && memcmp(keys.salt, made.salt, SCRAM_SALT) != 0);
}
END_TEST

START_TEST(fakes)
{
	struct scram_keys like = keys_for("pencil"), a, again, b, other;

	scram_keys_fake(VIEW("secret"), VIEW("nobody"), &like, &a);
	scram_keys_fake(VIEW("secret"), VIEW("nobody"), &like, &again);
	scram_keys_fake(VIEW("secret"), VIEW("noone"), &like, &b);
	scram_keys_fake(VIEW("other"), VIEW("nobody"), &like, &other);
	ck_assert_mem_eq(&a, &again, sizeof(a));
	ck_assert(a.iterations == like.iterations && a.salt_len == like.salt_len);
	ck_assert(memcmp(a.salt, b.salt, a.salt_len) != 0 && memcmp(a.salt, other.salt, a.salt_len) != 0);
	ck_assert(memcmp(a.stored, a.server, SCRAM_HASH) != 0 && memcmp(a.salt, a.stored, a.salt_len) != 0);
	ck_assert(!scram_keys_fit("pencil", &a));
}
END_TEST

/* RFC 4013 3, and more. */
static const struct { const char *in, *out; } prepared[] = {
	{ "I\xc2\xadX", "IX" }, { "user", "user" }, { "USER", "USER" }, { "\xc2\xaa", "a" }, { "\xe2\x85\xa8", "IX" },
	{ "\x07", NULL }, { "\xd8\xa7" "1", NULL },
	{ "a b", "a b" }, { "a\xc2\xa0" "b", "a b" }, { "u\xcc\x88", "\xc3\xbc" }, { "\xc3\xbc", "\xc3\xbc" }, { "\xef\xac\x81", "fi" },
	{ "\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7" }, { "", NULL }, { "\xc2\xad", NULL }, { "a\tb", NULL }, { "\xff", NULL }, { "a\x7f", NULL },
	{ "\xc2\x85", NULL },
};

START_TEST(preparing)
{
	char out[64] = "x";
	bool good = saslprep(view_of(prepared[_i].in), out, sizeof(out));

	ck_assert_int_eq(good, prepared[_i].out != NULL);
	ck_assert_str_eq(out, prepared[_i].out ? prepared[_i].out : "");
}
END_TEST

START_TEST(preparing_sizes)
{
	char out[8] = "x";

	ck_assert(saslprep(VIEW("1234567"), out, 8));
	ck_assert(!saslprep(VIEW("12345678"), out, 8) && !*out);
	ck_assert(!saslprep(VIEW("a\0b"), out, 8) && !*out);
	ck_assert(!saslprep(VIEW("\xef\xb7\xba\xef\xb7\xba"), out, 8) && !*out);	/* each becomes 18 characters */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scram");
	TCase *tcase = tcase_create("scram");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, example_server);
	tcase_add_test(tcase, example_client);
	tcase_add_loop_test(tcase, first_messages, 0, COUNT_OF(firsts));
	tcase_add_test(tcase, first_message_sizes);
	tcase_add_loop_test(tcase, final_messages, 0, COUNT_OF(finals));
	tcase_add_test(tcase, both_sides);
	tcase_add_loop_test(tcase, hostile_server, 0, COUNT_OF(challenges));
	tcase_add_test(tcase, entries);
	tcase_add_test(tcase, fakes);
	tcase_add_loop_test(tcase, preparing, 0, COUNT_OF(prepared));
	tcase_add_test(tcase, preparing_sizes);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
