/* test_auth.c - AUTH's mechanisms step by step, without a session: what each takes, what it says to what the hooks say. Then whole exchanges
 * in a session, with our own SCRAM client on the other side. */
#include "session_fixture.h"
#include "../../lib/base64.h"
#include "../../lib/clock.h"
#include "../../worker/auth.h"
#include <pthread.h>

static const struct auth_mechanism rows[] = {
	{ .name = "PLAIN", .hook = HOOK_AUTH_PLAIN, .step = auth_plain },
	{ .name = "LOGIN", .hook = HOOK_AUTH_LOGIN, .step = auth_login },
	{ .name = "EXTERNAL", .hook = HOOK_AUTH_EXTERNAL, .step = auth_external },
	{ .name = "CRAM-MD5", .hook = HOOK_AUTH_CRAM_MD5, .step = auth_cram_md5 },
	{ .name = "OAUTHBEARER", .hook = HOOK_AUTH_OAUTHBEARER, .step = auth_oauthbearer },
	{ .name = "XOAUTH2", .hook = HOOK_AUTH_XOAUTH2, .step = auth_xoauth2 },
	{ .name = "SCRAM-SHA-256", .hook = HOOK_AUTH_SCRAM_SHA_256, .step = auth_scram },
	{ .name = "SCRAM-SHA-256-PLUS", .hook = HOOK_AUTH_SCRAM_SHA_256, .bound = true, .step = auth_scram },
};
enum { PLAIN, LOGIN, EXTERNAL, CRAM_MD5, OAUTHBEARER, XOAUTH2, SCRAM, SCRAM_PLUS };

static struct auth a;

static void begin(int row)
{
	memset(&a, 0, sizeof(a));
	a.mechanism = &rows[row];
	a.host = a.port = "";
	a.me = "mx.test";
}

/* One step, as auth.c does it. */
static enum auth_next step(struct view answer)
{
	enum auth_next next;

	ck_assert_uint_lt(answer.len, sizeof(a.raw));
	if (answer.len)
		memmove(a.raw, answer.data, answer.len);
	a.raw[answer.len] = '\0';
	a.raw_len = answer.len;
	next = a.mechanism->step(&a, view_make(a.raw, a.raw_len));
	a.turn++;
	return next;
}

#define TEXT(literal) { "" literal, sizeof(literal) - 1 }

/* What the client says; what is made of it when the hooks say VERDICT: a letter a step. */
static const struct {
	int row;
	enum verdict verdict;
	struct view said[3];
	const char *trace, *login, *secret;
} steps[] = {
	/* RFC 4616 4 and what is not in its grammar */
	{ PLAIN, OK, { TEXT("\0tim\0tanstaaftanstaaf") }, "H+", "tim", "tanstaaftanstaaf" },
	{ PLAIN, DENY, { TEXT("\0tim\0tanstaaftanstaaf") }, "H-", "tim", "tanstaaftanstaaf" },
	{ PLAIN, DECLINED, { TEXT("\0tim\0tanstaaftanstaaf") }, "H-", "tim", NULL },
	{ PLAIN, OK, { TEXT("Ursel\0Kurt\0xipj3plmq") }, "-", NULL, NULL },
	{ PLAIN, OK, { TEXT("Kurt\0Kurt\0xipj3plmq") }, "H+", "Kurt", "xipj3plmq" },
	{ PLAIN, OK, { TEXT("\0u\0") }, "H+", "u", "" },
	{ PLAIN, OK, { TEXT("\0u\xcc\x88\0p") }, "H+", "\xc3\xbc", "p" },
	{ PLAIN, OK, { TEXT("\0u\0\xff\xfe") }, "H+", "u", "\xff\xfe" },
	{ PLAIN, OK, { TEXT("\0\0p") }, "-", NULL, NULL }, { PLAIN, OK, { TEXT("\0\xff\0p") }, "-", NULL, NULL },
	{ PLAIN, OK, { TEXT("\0a\nb\0p") }, "-", NULL, NULL }, { PLAIN, OK, { TEXT("\0a\x7f\0p") }, "-", NULL, NULL },
	{ PLAIN, OK, { TEXT("") }, "!", NULL, NULL }, { PLAIN, OK, { TEXT("\0") }, "!", NULL, NULL }, { PLAIN, OK, { TEXT("u") }, "!", NULL, NULL },
	{ PLAIN, OK, { TEXT("\0u") }, "!", NULL, NULL }, { PLAIN, OK, { TEXT("u\0p") }, "!", NULL, NULL },
	{ PLAIN, OK, { TEXT("\0u\0p\0") }, "!", NULL, NULL }, { PLAIN, OK, { TEXT("\0u\0p\0q") }, "!", NULL, NULL },

	{ LOGIN, OK, { TEXT("tim"), TEXT("secret") }, "AH+", "tim", "secret" },
	{ LOGIN, DENY, { TEXT("tim"), TEXT("secret") }, "AH-", "tim", "secret" },
	{ LOGIN, OK, { TEXT("tim"), TEXT("") }, "AH+", "tim", "" },
	{ LOGIN, OK, { TEXT(""), TEXT("secret") }, "A-", NULL, NULL }, { LOGIN, OK, { TEXT("a\0b"), TEXT("secret") }, "A-", NULL, NULL },
	{ LOGIN, OK, { TEXT("\x01"), TEXT("secret") }, "A-", NULL, NULL }, { LOGIN, OK, { TEXT("tim"), TEXT("a\0b") }, "A!", NULL, NULL },

	{ EXTERNAL, OK, { TEXT("") }, "H+", "", NULL }, { EXTERNAL, OK, { TEXT("fred@example.com") }, "H+", "fred@example.com", NULL },
	{ EXTERNAL, DENY, { TEXT("fred") }, "H-", "fred", NULL }, { EXTERNAL, OK, { TEXT("a\0b") }, "-", NULL, NULL },
	{ EXTERNAL, OK, { TEXT("\xff") }, "-", NULL, NULL },

	{ CRAM_MD5, OK, { TEXT(""), TEXT("tim b913a602c7eda7a495b4e6e7334d3890") }, "AH+", "tim", NULL },
	{ CRAM_MD5, DENY, { TEXT(""), TEXT("two words b913a602c7eda7a495b4e6e7334d3890") }, "AH-", "two words", NULL },
	{ CRAM_MD5, OK, { TEXT(""), TEXT("tim b913a602c7eda7a495b4e6e7334d389") }, "A!", NULL, NULL },
	{ CRAM_MD5, OK, { TEXT(""), TEXT("tim b913a602c7eda7a495b4e6e7334d38900") }, "A!", NULL, NULL },
	{ CRAM_MD5, OK, { TEXT(""), TEXT("b913a602c7eda7a495b4e6e7334d3890") }, "A!", NULL, NULL },
	{ CRAM_MD5, OK, { TEXT(""), TEXT(" b913a602c7eda7a495b4e6e7334d3890") }, "A-", NULL, NULL },
	{ CRAM_MD5, OK, { TEXT(""), TEXT("") }, "A!", NULL, NULL }, { CRAM_MD5, OK, { TEXT(""), TEXT("tim b913a602c7eda7a495b4e6e7334d38\0\0") }, "A!", NULL, NULL },

	/* RFC 7628 4.1, 4.2, and its grammar */
	{ OAUTHBEARER, OK, { TEXT("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01" "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01") },
		"H+", "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" },
	{ OAUTHBEARER, DENY, { TEXT("n,a=user@example.com,\x01" "auth=Bearer vF9dft4qmTc2\x01\x01"), TEXT("\x01") }, "HR-", "user@example.com", NULL },
	{ OAUTHBEARER, DECLINED, { TEXT("n,,\x01" "auth=bearer   x\x01\x01"), TEXT("anything") }, "HR-", "", NULL },
	{ OAUTHBEARER, OK, { TEXT("y,,\x01" "auth=Bearer x\x01\x01") }, "H+", "", "x" },
	{ OAUTHBEARER, OK, { TEXT("n,a=a=2Cb,\x01mail=x\x01" "auth=Bearer x\x01\x01") }, "H+", "a,b", "x" },
	{ OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=\x01\x01"), TEXT("\x01") }, "HR-", "", NULL },
	{ OAUTHBEARER, OK, { TEXT("n,,\x01\x01"), TEXT("\x01") }, "HR-", "", NULL },
	{ OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=Basic x\x01\x01") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=Bearer a b\x01\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=Bearer \x80\x01\x01") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=Bearer x\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=Bearer x") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,,\x01" "auth=Bearer x\x01\x01\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,,\x01" "auth\x01\x01") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,,\x01=x\x01\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("p=tls-unique,,\x01" "auth=Bearer x\x01\x01") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,\x01" "auth=Bearer x\x01\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,x=y,\x01" "auth=Bearer x\x01\x01") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,a=u\x01" "auth=Bearer x\x01\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,a=u,x,\x01" "auth=Bearer x\x01\x01") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,,\x01host=a\0b\x01" "auth=Bearer x\x01\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,,") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("") }, "!", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("\x01") }, "!", NULL, NULL },
	{ OAUTHBEARER, OK, { TEXT("n,a=\x07,\x01" "auth=Bearer x\x01\x01") }, "-", NULL, NULL }, { OAUTHBEARER, OK, { TEXT("n,a=u=v,\x01" "auth=Bearer x\x01\x01") }, "-", NULL, NULL },

	{ XOAUTH2, OK, { TEXT("user=someuser@example.com\x01" "auth=Bearer ya29.vF9dft4qmTc2\x01\x01") }, "H+", "someuser@example.com", "ya29.vF9dft4qmTc2" },
	{ XOAUTH2, DENY, { TEXT("user=u\x01" "auth=Bearer x\x01\x01"), TEXT("") }, "HR-", "u", NULL },
	{ XOAUTH2, OK, { TEXT("user=\x01" "auth=Bearer x\x01\x01") }, "-", NULL, NULL }, { XOAUTH2, OK, { TEXT("auth=Bearer x\x01\x01") }, "!", NULL, NULL },
	{ XOAUTH2, OK, { TEXT("user=u\x01" "auth=Bearer x\x01") }, "!", NULL, NULL }, { XOAUTH2, OK, { TEXT("user=u") }, "!", NULL, NULL },
	{ XOAUTH2, OK, { TEXT("") }, "!", NULL, NULL },

	/* the channel's flag and the mechanism; the user is fake without keys */
	{ SCRAM, DECLINED, { TEXT("n,,n=user,r=x"), TEXT("c=biws,r=x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") }, "HA-", "user", NULL },
	{ SCRAM, OK, { TEXT("n,,n=user,r=x"), TEXT("c=biws,r=x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") }, "HA-", "user", NULL },
	{ SCRAM, DENY, { TEXT("n,,n=user,r=x"), TEXT("nonsense") }, "HA!", "user", NULL }, { SCRAM, OK, { TEXT("p=tls-exporter,,n=user,r=x") }, "-", NULL, NULL },
	{ SCRAM, OK, { TEXT("n,a=boss,n=user,r=x") }, "-", NULL, NULL }, { SCRAM, DENY, { TEXT("n,a=user,n=user,r=x"), TEXT("") }, "HA!", "user", NULL },
	{ SCRAM, DENY, { TEXT("y,,n=user,r=x"), TEXT("") }, "HA!", "user", NULL }, { SCRAM, OK, { TEXT("nonsense") }, "!", NULL, NULL },
	{ SCRAM_PLUS, OK, { TEXT("n,,n=user,r=x") }, "-", NULL, NULL }, { SCRAM_PLUS, OK, { TEXT("y,,n=user,r=x") }, "-", NULL, NULL },
	{ SCRAM, OK, { TEXT("n,,n=us\x07" "er,r=x") }, "-", NULL, NULL },
};

static void check_steps(size_t i)
{
	static const char letters[] = { [AUTH_ASK] = 'A', [AUTH_HOOKS] = 'H', [AUTH_ACCEPT] = '+', [AUTH_REFUSE] = '-', [AUTH_REFUSE_ASK] = 'R',
		[AUTH_MALFORMED] = '!' };
	char trace[8] = "";
	size_t n = 0, at = 0;
	enum auth_next next;

	begin(steps[i].row);
	do {
		/* after the hooks a step gets nothing; what the client says comes in its turn */
		bool hooks = n && trace[n - 1] == 'H';
		next = step(hooks ? VIEW("") : steps[i].said[at]);
		at += !hooks;
		trace[n++] = letters[next];
		trace[n] = '\0';
		if (next == AUTH_HOOKS) {
			a.verdict = steps[i].verdict;
			if (steps[i].login)
				ck_assert_str_eq(a.login, steps[i].login);
			if (steps[i].secret && a.token.len)
				assert_view_eq(a.token, steps[i].secret);
			else if (steps[i].secret)
				ck_assert_str_eq(a.password, steps[i].secret);
		}
		ck_assert(next != AUTH_MALFORMED || a.why);
		ck_assert(next != AUTH_REFUSE_ASK || a.out[0] == '{');
	} while (n < sizeof(trace) - 1 && (next == AUTH_ASK || next == AUTH_HOOKS || next == AUTH_REFUSE_ASK));
	ck_assert_msg(strcmp(trace, steps[i].trace) == 0, "%zu: %s, expected %s", i, trace, steps[i].trace);
}

START_TEST(mechanisms)
{
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		check_steps(i);
}
END_TEST

START_TEST(too_long)
{
	static char text[3 * AUTH_TEXT];

	for (size_t len = AUTH_TEXT - 1; len <= AUTH_TEXT; len++) {
		bool fits = len < AUTH_TEXT;
		begin(PLAIN);
		int n = snprintf(text, sizeof(text), "%c%0*d%cp", 0, (int)len, 0, 0);
		ck_assert_int_eq(step(view_make(text, (size_t)n)), fits ? AUTH_HOOKS : AUTH_REFUSE);
		begin(PLAIN);
		n = snprintf(text, sizeof(text), "%cu%c%0*d", 0, 0, (int)len, 0);
		ck_assert_int_eq(step(view_make(text, (size_t)n)), fits ? AUTH_HOOKS : AUTH_MALFORMED);
		begin(LOGIN);
		n = snprintf(text, sizeof(text), "%0*d", (int)len, 0);
		ck_assert_int_eq(step(view_make(text, (size_t)n)), fits ? AUTH_ASK : AUTH_MALFORMED);
		ck_assert(!fits || step(view_make(text, (size_t)n)) == AUTH_HOOKS);
	}
}
END_TEST

/* RFC 5802 6: who could bind and was not shown that he can has been lied to. */
START_TEST(downgrade)
{
	begin(SCRAM);
	a.plus_offered = true;
	ck_assert_int_eq(step(VIEW("y,,n=user,r=x")), AUTH_REFUSE);
	ck_assert_ptr_nonnull(a.suspect);
	begin(SCRAM);
	a.plus_offered = true;
	ck_assert_int_eq(step(VIEW("n,,n=user,r=x")), AUTH_HOOKS);
	ck_assert_ptr_null(a.suspect);
}
END_TEST

START_TEST(challenges_differ)
{
	char first[sizeof(a.out)];

	begin(CRAM_MD5);
	ck_assert_int_eq(step(VIEW("")), AUTH_ASK);
	snprintf(first, sizeof(first), "%s", a.out);
	ck_assert(first[0] == '<' && view_case_ends(view_of(first), VIEW("@mx.test>")));
	begin(CRAM_MD5);
	ck_assert_int_eq(step(VIEW("")), AUTH_ASK);
	ck_assert_str_ne(a.out, first);
}
END_TEST

/* ---- in a session ---- */

static const char *keys_given, *keys_like, *clear_text, *new_login;
static enum verdict hook_says;

static enum verdict on_auth(struct hook_call *call)
{
	if (keys_given)
		ck_assert(pr_auth_scram(call, keys_given) == (strcmp(pr_auth_mechanism(call), "SCRAM-SHA-256") == 0));
	if (keys_like)
		ck_assert(pr_auth_scram_like(call, keys_like));
	if (new_login)
		ck_assert(pr_auth_set_login(call, new_login));
	if (call->hook == HOOK_AUTH_CRAM_MD5)
		return pr_auth_cram_md5(call, clear_text) ? OK : DENY;
	return hook_says;
}

static void setup(struct fixture *f, enum hook hook, const char *conf)
{
	keys_given = keys_like = clear_text = new_login = NULL;
	hook_says = OK;
	fixture_begin(f, conf);
	fixture_want(f, hook, OK);
	f->def.hooks[hook] = on_auth;
	fixture_connect(f);
	fixture_say(f, "EHLO c.test\r\n");
}

static void finish(struct fixture *f)
{
	fixture_hang_up(f);
	fixture_end(f);
}

/* The text of a 334 in "334 CODED\r\n". */
static struct view challenge_in(const char *reply, char *out, size_t size)
{
	struct view line = view_of(reply);
	size_t len;

	ck_assert_msg(view_starts(line, VIEW("334 ")) && view_case_ends(line, VIEW("\r\n")), "%s", reply);
	ck_assert(base64_decode(view_head(view_skip(line, 4), line.len - 6), out, size, &len));
	return view_make(out, len);
}

static char coded_line[16384];

static const char *coded(const char *before, struct view text)
{
	size_t len = strlen(before);

	memcpy(coded_line, before, len);
	ck_assert(base64_encode(text, coded_line + len, sizeof(coded_line) - len - 2));
	snprintf(coded_line + strlen(coded_line), 3, "\r\n");
	return coded_line;
}

/* The client reads all the session has said before the session reads again, so one line can be sent at a time only inside AUTH: the step in
 * hand waits for it. A thread is the client, then. */
struct talk { int fd; const char *password, *login; char last[256], challenge[512]; bool verified; };

static const char *hear(const struct talk *t, char *out, size_t size)
{
	size_t len = 0;

	while (len < 2 || memcmp(out + len - 2, "\r\n", 2)) {
		ssize_t n = recv(t->fd, out + len, size - 1 - len, 0);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	out[len] = '\0';
	return out;
}

static void tell(const struct talk *t, const char *text)
{
	ck_assert_int_eq(send(t->fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void *scram_talk(void *arg)
{
	struct talk *t = arg;
	struct scram_client c;
	char nonce[SCRAM_NONCE_SIZE], text[2 * SCRAM_MESSAGE_MAX], heard[4096], decoded[4096];
	const char *why = "";

	ck_assert(scram_nonce(nonce) && scram_client_begin(&c, t->login, nonce, NULL, text, sizeof(text)));
	tell(t, coded("AUTH SCRAM-SHA-256 ", view_of(text)));
	struct view challenge = challenge_in(hear(t, heard, sizeof(heard)), decoded, sizeof(decoded));
	snprintf(t->challenge, sizeof(t->challenge), "%.*s", VIEW_FMT(challenge));
	ck_assert_msg(scram_client_answer(&c, challenge, t->password, VIEW(""), text, sizeof(text), &why), "%s", why);
	tell(t, coded("", view_of(text)));
	hear(t, heard, sizeof(heard));
	if (strncmp(heard, "334", 3) == 0) {
		t->verified = scram_client_verify(&c, challenge_in(heard, decoded, sizeof(decoded)));
		tell(t, "\r\n");
		hear(t, heard, sizeof(heard));
	}
	snprintf(t->last, sizeof(t->last), "%.200s", heard);
	return NULL;
}

static void converse(struct fixture *f, struct talk *t, void *(*client)(void *))
{
	pthread_t thread;

	t->fd = f->client;
	t->last[0] = '\0';
	ck_assert_int_eq(pthread_create(&thread, NULL, client, t), 0);
	session_step(&f->s);
	ck_assert_int_eq(stream_flush(f->s.stream, 1000), STREAM_OK);
	pthread_join(thread, NULL);
}

/* For "pencil": see test_scram.c. */
#define KEYS "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

START_TEST(scram_session)
{
	struct fixture f;
	struct talk t = { .login = "user", .password = "wrong" };
	char first[64];

	setup(&f, HOOK_AUTH_SCRAM_SHA_256, "auth_without_tls = challenge\n");
	keys_given = KEYS;
	converse(&f, &t, scram_talk);
	ck_assert(strncmp(t.last, "535 5.7.8 ", 10) == 0 && !*f.s.auth_user);
	/* nobody: looks the same, with other salts, and always the same one */
	keys_given = NULL;
	keys_like = KEYS;
	hook_says = DECLINED;
	t.password = "pencil";
	converse(&f, &t, scram_talk);
	ck_assert(strncmp(t.last, "535 5.7.8 ", 10) == 0 && !*f.s.auth_user);
	ck_assert(strstr(t.challenge, ",i=4096") && !strstr(t.challenge, "W22ZaJ0SNY7soEsUEjb6gQ=="));
	snprintf(first, sizeof(first), "%s", strstr(t.challenge, ",s="));
	converse(&f, &t, scram_talk);
	ck_assert_str_eq(strstr(t.challenge, ",s="), first);
	/* keys given by one who then refuses are not used */
	keys_given = KEYS;
	keys_like = NULL;
	hook_says = DENY;
	converse(&f, &t, scram_talk);
	ck_assert(strncmp(t.last, "535 5.7.8 ", 10) == 0 && !*f.s.auth_user);
	ck_assert(strstr(t.challenge, ",i=4096") && !strstr(t.challenge, "W22ZaJ0SNY7soEsUEjb6gQ=="));
	hook_says = OK;
	converse(&f, &t, scram_talk);
	ck_assert_str_eq(t.last, "235 2.7.0 authentication succeeded\r\n");
	ck_assert(t.verified);
	ck_assert_str_eq(f.s.auth_user, "user");
	finish(&f);
}
END_TEST

static void *cram_talk(void *arg)
{
	struct talk *t = arg;
	char heard[4096], decoded[4096], digest[CRAM_MD5_SIZE], text[128];

	tell(t, "AUTH cram-md5\r\n");
	ck_assert(cram_md5_digest(t->password, challenge_in(hear(t, heard, sizeof(heard)), decoded, sizeof(decoded)).data, digest));
	snprintf(text, sizeof(text), "%s %s", t->login, digest);
	tell(t, coded("", view_of(text)));
	snprintf(t->last, sizeof(t->last), "%s", hear(t, heard, sizeof(heard)));
	return NULL;
}

START_TEST(cram_session)
{
	struct fixture f;
	struct talk t = { .login = "two words", .password = "secret" };

	setup(&f, HOOK_AUTH_CRAM_MD5, "auth_without_tls = challenge\n");
	converse(&f, &t, cram_talk);
	ck_assert(strncmp(t.last, "535", 3) == 0);
	clear_text = "Secret";
	converse(&f, &t, cram_talk);
	ck_assert(strncmp(t.last, "535", 3) == 0 && !*f.s.auth_user);
	clear_text = "secret";
	converse(&f, &t, cram_talk);
	ck_assert(strncmp(t.last, "235", 3) == 0);
	ck_assert_str_eq(f.s.auth_user, "two words");
	/* the example of RFC 2195 2 */
	ck_assert(cram_md5_digest("tanstaaftanstaaf", "<1896.697170952@postoffice.reston.mci.net>", f.s.last_refusal));
	ck_assert_str_eq(f.s.last_refusal, "b913a602c7eda7a495b4e6e7334d3890");
	finish(&f);
}
END_TEST

/* What plugins may not do: OK without a name, OK in SCRAM without keys. */
START_TEST(broken_plugins)
{
	struct fixture f;
	struct talk t = { .login = "user", .password = "pencil" };

	setup(&f, HOOK_AUTH_SCRAM_SHA_256, "auth_without_tls = true\n");
	tell(&(struct talk){ .fd = f.client }, coded("AUTH SCRAM-SHA-256 ", VIEW("n,,n=user,r=x")));
	session_step(&f.s);
	ck_assert_str_eq(fixture_heard(&f), "454 4.7.0 temporary authentication failure\r\n");
	keys_given = KEYS;
	new_login = "somebody else";
	converse(&f, &t, scram_talk);
	ck_assert_str_eq(f.s.auth_user, "somebody else");
	finish(&f);
}
END_TEST

static const struct { const char *conf, *offer; enum hook hook; const char *said, *code; } clear[] = {
	{ "", NULL, HOOK_AUTH_PLAIN, "AUTH PLAIN AGEAYg==\r\n", "503" },
	{ "auth_without_tls = challenge\n", NULL, HOOK_AUTH_PLAIN, "AUTH PLAIN AGEAYg==\r\n", "503" },
	{ "auth_without_tls = true\n", "AUTH PLAIN LOGIN\r\n", HOOK_AUTH, "AUTH PLAIN AGEAYg==\r\n", "235" },
	{ "auth_without_tls = challenge\n", "AUTH SCRAM-SHA-256\r\n", HOOK_AUTH_SCRAM_SHA_256, "AUTH PLAIN AGEAYg==\r\n", "504" },
	{ "auth_without_tls = challenge\n", "AUTH SCRAM-SHA-256\r\n", HOOK_AUTH_SCRAM_SHA_256, "AUTH SCRAM-SHA-256-PLUS\r\n", "538" },
	{ "auth_without_tls = true\n", NULL, HOOK_AUTH_OAUTHBEARER, "AUTH OAUTHBEARER\r\n", "503" },
	{ "auth_without_tls = true\n", NULL, HOOK_AUTH_XOAUTH2, "AUTH XOAUTH2\r\n", "503" },
	{ "auth_without_tls = true\n", NULL, HOOK_AUTH_EXTERNAL, "AUTH EXTERNAL =\r\n", "503" },
	{ "auth_without_tls = true\n", "AUTH CRAM-MD5\r\n", HOOK_AUTH_CRAM_MD5, "AUTH CRAM-MD5 AGEAYg==\r\n", "501" },
};

START_TEST(in_the_clear)
{
	struct fixture f;

	setup(&f, clear[_i].hook, clear[_i].conf);
	const char *ehlo = fixture_say(&f, "EHLO c.test\r\n");
	ck_assert_msg(clear[_i].offer ? strstr(ehlo, clear[_i].offer) != NULL : strstr(ehlo, "AUTH") == NULL, "%s", ehlo);
	const char *reply = fixture_say(&f, clear[_i].said);
	ck_assert_msg(strncmp(reply, clear[_i].code, 3) == 0, "%s", reply);
	finish(&f);
}
END_TEST

/* The delay is counted against the session. */
START_TEST(failure_delay)
{
	struct fixture f;

	setup(&f, HOOK_AUTH_PLAIN, "auth_without_tls = true\nauth_failure_delay = 200ms\n");
	hook_says = DENY;
	int64_t start = clock_ms();
	ck_assert(strncmp(fixture_say(&f, "AUTH PLAIN AGEAYg==\r\n"), "535", 3) == 0);
	ck_assert_int_ge(clock_ms() - start, 200);
	hook_says = OK;
	f.s.deadline = clock_ms() + 50;		/* the rest of the session */
	hook_says = DENY;
	start = clock_ms();
	fixture_say(&f, "AUTH PLAIN AGEAYg==\r\n");
	ck_assert_int_lt(clock_ms() - start, 200);
	finish(&f);
}
END_TEST

static const struct { const char *login, *sender; enum plugin_constrain how; bool good; } senders[] = {
	{ "a@x.test", "b@x.test", CONSTRAIN_DOMAIN, true }, { "a@x.test", "b@X.Test", CONSTRAIN_DOMAIN, true }, { "a@X.TEST", "b@sub.x.test", CONSTRAIN_DOMAIN, true },
	{ "a@x.test", "b@notx.test", CONSTRAIN_DOMAIN, false }, { "a@x.test", "b@y.test", CONSTRAIN_DOMAIN, false }, { "a@sub.x.test", "b@x.test", CONSTRAIN_DOMAIN, false },
	{ "a@x.test", "", CONSTRAIN_DOMAIN, true }, { "a", "b@y.test", CONSTRAIN_DOMAIN, true }, { "a@x.test", "b@[192.0.2.1]", CONSTRAIN_DOMAIN, false },
	{ "a@", "b@y.test", CONSTRAIN_DOMAIN, true }, { "a@b_c@", "b@y.test", CONSTRAIN_DOMAIN, true }, { "a@b@y.test", "b@y.test", CONSTRAIN_DOMAIN, true },
	{ "a@b\xc3\xbc" "cher.test", "b@xn--bcher-kva.test", CONSTRAIN_DOMAIN, true }, { "a@no domain", "b@y.test", CONSTRAIN_DOMAIN, false },
	{ "a@x.test", "a@x.test", CONSTRAIN_ADDRESS, true }, { "A@x.test", "\"a\"@X.test", CONSTRAIN_ADDRESS, true }, { "a@x.test", "b@x.test", CONSTRAIN_ADDRESS, false },
	{ "a@x.test", "a@sub.x.test", CONSTRAIN_ADDRESS, false }, { "a@x.test", "", CONSTRAIN_ADDRESS, true }, { "a", "a@mx.test", CONSTRAIN_ADDRESS, true },
	{ "a", "a@x.test", CONSTRAIN_ADDRESS, false }, { "no address", "a@x.test", CONSTRAIN_ADDRESS, false }, { "a@x.test", "b@y.test", CONSTRAIN_NO, true },
};

START_TEST(senders_constrained)
{
	struct fixture f;

	setup(&f, HOOK_AUTH_PLAIN, "auth_without_tls = true\n");
	for (size_t i = 0; i < COUNT_OF(senders); i++) {
		char line[256];
		const char *reply, *want = senders[i].good ? "250" : "553 5.7.1";

		snprintf(line, sizeof(line), "MAIL FROM:<%s>\r\n", senders[i].sender);
		f.plugin.constrain = senders[i].how;
		new_login = senders[i].login;
		/* nobody is held to it without AUTH */
		ck_assert(strncmp(fixture_say(&f, line), "250", 3) == 0);
		fixture_say(&f, "RSET\r\n");
		ck_assert(strncmp(fixture_say(&f, "AUTH PLAIN AGEAYg==\r\n"), "235", 3) == 0);
		reply = fixture_say(&f, line);
		ck_assert_msg(strncmp(reply, want, strlen(want)) == 0, "%s as %s: %s", senders[i].login, senders[i].sender, reply);
		fixture_hang_up(&f);
		fixture_connect(&f);
		fixture_say(&f, "EHLO c.test\r\n");
	}
	finish(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("auth");
	TCase *t = tcase_create("auth");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(t, mechanisms);
	tcase_add_test(t, too_long);
	tcase_add_test(t, downgrade);
	tcase_add_test(t, challenges_differ);
	tcase_add_test(t, scram_session);
	tcase_add_test(t, cram_session);
	tcase_add_test(t, broken_plugins);
	tcase_add_loop_test(t, in_the_clear, 0, (int)COUNT_OF(clear));
	tcase_add_test(t, failure_delay);
	tcase_add_test(t, senders_constrained);
	suite_add_tcase(suite, t);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
