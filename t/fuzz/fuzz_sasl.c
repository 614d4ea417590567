/* fuzz_sasl.c - AUTH: a client's answers to every mechanism, and a server's to our own SCRAM client. Nobody gets in whom the hooks have not
 * let in; in SCRAM nobody at all, because no key fits; what is accepted as a name is fit for logs and headers. */
#include "fuzz.h"
#include "../../lib/base64.h"
#include "../../lib/saslprep.h"
#include "../../worker/auth.h"

static const struct auth_mechanism rows[] = {
	{ .name = "PLAIN", .hook = HOOK_AUTH_PLAIN, .password = true, .step = auth_plain },
	{ .name = "LOGIN", .hook = HOOK_AUTH_LOGIN, .password = true, .step = auth_login },
	{ .name = "EXTERNAL", .hook = HOOK_AUTH_EXTERNAL, .step = auth_external },
	{ .name = "CRAM-MD5", .hook = HOOK_AUTH_CRAM_MD5, .step = auth_cram_md5 },
	{ .name = "OAUTHBEARER", .hook = HOOK_AUTH_OAUTHBEARER, .step = auth_oauthbearer },
	{ .name = "XOAUTH2", .hook = HOOK_AUTH_XOAUTH2, .step = auth_xoauth2 },
	{ .name = "SCRAM-SHA-256", .hook = HOOK_AUTH_SCRAM_SHA_256, .step = auth_scram },
};

static void check_login(const char *login)
{
	char again[2 * AUTH_TEXT];

	MUST(view_is_utf8(view_of(login)) && !view_has_line_break(view_of(login)));
	for (; *login; login++)
		MUST((unsigned char)*login >= ' ' && *login != 0x7f);
	MUST(!saslprep(VIEW("\x7f"), again, sizeof(again)));
}

/* As auth.c does it; the answers are the lines of IN, which stand for what base64 held. */
static void converse(const struct auth_mechanism *row, enum verdict verdict, bool keys, struct view in)
{
	struct auth *a = calloc(1, sizeof(*a));
	enum auth_next next = row->hook == HOOK_AUTH_CRAM_MD5 ? AUTH_HOOKS : AUTH_ASK;
	bool asked = false;

	if (!a)
		abort();
	*a = (struct auth){ .mechanism = row, .host = "", .port = "", .me = "mx.test", .plus_offered = keys };
	while (next == AUTH_ASK || next == AUTH_HOOKS || next == AUTH_REFUSE_ASK) {
		struct view answer = next == AUTH_HOOKS ? VIEW("") : view_head(view_cut(&in, '\n'), sizeof(a->raw) - 1);

		MUST(a->turn < 8 && strlen(a->out) < sizeof(a->out));
		a->out[0] = '\0';
		if (answer.len)
			memcpy(a->raw, answer.data, answer.len);
		a->raw[answer.len] = '\0';
		a->raw_len = answer.len;
		next = row->step(a, view_make(a->raw, a->raw_len));
		a->turn++;
		check_login(a->login);
		if (next != AUTH_HOOKS)
			continue;
		MUST(!asked);		/* one question an exchange */
		asked = true;
		a->verdict = verdict;
		MUST(view_is_printable(a->token) && (!a->token.len || a->token.data + a->token.len <= a->raw + sizeof(a->raw)));
		MUST(!view_has_line_break(view_of(a->host)) && !view_has_line_break(view_of(a->port)));
		if (keys)
			a->keys_given = scram_keys_read("SCRAM-SHA-256$4096:AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
				":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &a->keys);
	}
	MUST(next != AUTH_MALFORMED || a->why);
	MUST(next != AUTH_ACCEPT || (asked && verdict == OK && row->hook != HOOK_AUTH_SCRAM_SHA_256));
	free(a);
}

static void client(struct view in)
{
	char out[2 * SCRAM_MESSAGE_MAX];
	const char *why = NULL;
	struct scram_client c;
	struct view first = view_cut(&in, '\n');

	/* a few iterations only: a fuzzer has no time for more */
	MUST(scram_client_begin(&c, "user,=", "nonce", NULL, out, sizeof(out)));
	if (memmem(first.data ? first.data : "", first.len, "i=4096", 6) || !memmem(first.data ? first.data : "", first.len, "i=", 2))
		if (!scram_client_answer(&c, first, "pencil", VIEW("binding"), out, sizeof(out), &why))
			MUST(why);
	(void)!scram_client_verify(&c, in);
}

/* Texts of keys: what is read is written and read again as the same. */
static void entry(struct view in)
{
	char text[SCRAM_ENTRY_SIZE], copy[1024];
	struct scram_keys keys, again;

	if (!view_copy(view_head(in, sizeof(copy) - 1), copy, sizeof(copy)) || !scram_keys_read(copy, &keys))
		return;
	scram_keys_write(&keys, text);
	MUST(scram_keys_read(text, &again) && memcmp(&keys, &again, sizeof(keys)) == 0);
}

static void coding(struct view in)
{
	static char out[16384], again[16384];
	size_t len;

	if (base64_decode(in, out, sizeof(out), &len)) {
		MUST(base64_encode(view_make(out, len), again, sizeof(again)) && view_eq(view_of(again), in));
	}
}

/* The first byte chooses what is fuzzed, the second what the hooks say. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum verdict verdicts[] = { OK, DECLINED, DENY, OK };
	struct view in = view_make((const char *)data, size);
	unsigned which = fuzz_byte(&in) % (COUNT_OF(rows) + 3), how = fuzz_byte(&in);

	if (which < COUNT_OF(rows))
		converse(&rows[which], verdicts[how & 3], how & 4, in);
	else if (which == COUNT_OF(rows))
		client(in);
	else if (which == COUNT_OF(rows) + 1)
		entry(in);
	else
		coding(in);
	return 0;
}
