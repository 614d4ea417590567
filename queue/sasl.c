/* sasl.c - see sasl.h. */
#include "sasl.h"
#include "../lib/base64.h"
#include "../lib/cram_md5.h"
#include "../lib/err.h"
#include "../lib/saslprep.h"
#include "../lib/scram.h"

#define SASL_MESSAGE 2048		/* octets of a message, NUL included */
#define SASL_BINDING 64			/* octets of channel binding */
#define SASL_ROUNDS 4			/* more than any of these mechanisms has */

struct sasl_mechanism {
	const char *name;
	/* What is said before any challenge; NULL: nothing. Both write a message of *LEN octets, at most SASL_MESSAGE. */
	bool (*begin)(struct sasl *s, char *out, size_t *len, const char **why);
	bool (*answer)(struct sasl *s, struct view challenge, char *out, size_t *len, const char **why);
	bool bound;			/* to the TLS session */
	unsigned rounds;		/* answers to challenges after which it is complete */
};

struct sasl {
	const struct sasl_mechanism *mechanism;
	const struct access *access;
	const struct tls_session *tls;
	unsigned round;
	bool verified, failed;
	struct scram_client scram;
};

static bool fail(const char **why, const char *text)
{
	*why = text;
	return false;
}

static bool put(char *out, size_t *len, const void *data, size_t n)
{
	if (*len + n >= SASL_MESSAGE)
		return false;
	memcpy(out + *len, data, n);
	*len += n;
	out[*len] = '\0';
	return true;
}

static bool put_text(char *out, size_t *len, const char *text)
{
	return put(out, len, text, strlen(text));
}

/* ---- PLAIN (RFC 4616), LOGIN (never a standard) ---- */

static bool plain_begin(struct sasl *s, char *out, size_t *len, const char **why)
{
	return (put(out, len, "", 1) && put(out, len, s->access->user, strlen(s->access->user) + 1) && put_text(out, len, s->access->password)) ||
	       fail(why, "the user name or password is too long");
}

static bool plain_answer(struct sasl *s, struct view challenge, char *out, size_t *len, const char **why)
{
	(void)challenge;	/* a server that overlooked the initial response asks for it */
	return plain_begin(s, out, len, why);
}

/* What is asked for first is the name, whatever the words: they differ. */
static bool login_answer(struct sasl *s, struct view challenge, char *out, size_t *len, const char **why)
{
	(void)challenge;
	return put_text(out, len, s->round == 1 ? s->access->user : s->access->password) || fail(why, "the user name or password is too long");
}

/* ---- CRAM-MD5 (RFC 2195) ---- */

static bool cram_answer(struct sasl *s, struct view challenge, char *out, size_t *len, const char **why)
{
	char text[SASL_MESSAGE], digest[CRAM_MD5_SIZE];

	if (!view_copy(challenge, text, sizeof(text)))
		return fail(why, "the challenge is not text");
	if (!cram_md5_digest(s->access->password, text, digest))
		return fail(why, "this system has no MD5");
	return (put_text(out, len, s->access->user) && put(out, len, " ", 1) && put_text(out, len, digest)) || fail(why, "the user name is too long");
}

/* ---- SCRAM-SHA-256 (RFC 7677) ---- */

/* RFC 9266: what both sides of a TLS 1.3 session know and nobody in between. */
#define BINDING "tls-exporter"

static bool scram_begin(struct sasl *s, char *out, size_t *len, const char **why)
{
	char user[ACCESS_NAME_MAX + 1], nonce[SCRAM_NONCE_SIZE];

	if (!saslprep(view_of(s->access->user), user, sizeof(user)))
		return fail(why, "the user name cannot be used with SCRAM (RFC 4013)");
	if (!scram_nonce(nonce) || !scram_client_begin(&s->scram, user, nonce, s->mechanism->bound ? BINDING : NULL, out, SASL_MESSAGE))
		return fail(why, "no random numbers, or the user name is too long");
	*len = strlen(out);
	return true;
}

static bool scram_answer(struct sasl *s, struct view challenge, char *out, size_t *len, const char **why)
{
	char password[2 * ACCESS_NAME_MAX], binding[SASL_BINDING];
	size_t bound = 0;
	bool good;

	if (s->round > 1) {		/* its proof; an empty answer shows that it was seen (RFC 4954 4) */
		s->verified = scram_client_verify(&s->scram, challenge);
		return s->verified || fail(why, "the server has not shown that it knows the password");
	}
	if (s->mechanism->bound && (bound = tls_binding(s->tls, BINDING, binding, sizeof(binding))) == 0)
		return fail(why, "the TLS session cannot be bound to");
	if (!saslprep(view_of(s->access->password), password, sizeof(password)))
		return fail(why, "the password cannot be used with SCRAM (RFC 4013)");
	good = scram_client_answer(&s->scram, challenge, password, view_make(binding, bound), out, SASL_MESSAGE, why);
	explicit_bzero(password, sizeof(password));
	*len = good ? strlen(out) : 0;
	return good;
}

/* ---- which ---- */

/* The best first. CRAM-MD5 stands last: its server must know the password in clear, and what is in between can try passwords. */
static const struct sasl_mechanism mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", scram_begin, scram_answer, true, 2 },
	{ "SCRAM-SHA-256", scram_begin, scram_answer, false, 2 },
	{ "PLAIN", plain_begin, plain_answer, false, 0 },
	{ "LOGIN", NULL, login_answer, false, 2 },
	{ "CRAM-MD5", NULL, cram_answer, false, 1 },
};

static unsigned find(struct view name)
{
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		if (view_case_eq(name, view_of(mechanisms[i].name)))
			return 1u << i;
	return 0;
}

bool sasl_known(struct view name)
{
	return find(name) != 0;
}

unsigned sasl_set(struct view names)
{
	unsigned set = 0;

	for (struct view word = view_word(&names); word.len; word = view_word(&names))
		set |= find(word);
	return set;
}

static bool can_bind(const struct tls_session *tls)
{
	char binding[SASL_BINDING];

	return tls && tls_binding(tls, BINDING, binding, sizeof(binding)) > 0;
}

struct sasl *sasl_new(const struct access *a, unsigned offered, const struct tls_session *tls)
{
	struct sasl *s;
	size_t i = 0;

	if (*a->mechanism)
		offered &= find(view_of(a->mechanism));
	while (i < COUNT_OF(mechanisms) && (!(offered & 1u << i) || (mechanisms[i].bound && !can_bind(tls))))
		i++;
	if (i == COUNT_OF(mechanisms))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		bug("no memory for AUTH");
	s->mechanism = &mechanisms[i];
	s->access = a;
	s->tls = tls;
	return s;
}

void sasl_free(struct sasl **s)
{
	if (*s)
		explicit_bzero(*s, sizeof(**s));
	free(*s);
	*s = NULL;
}

const char *sasl_name(const struct sasl *s)
{
	return s->mechanism->name;
}

/* ---- messages ---- */

/* Appends the LEN octets of MESSAGE, which are wiped. */
static void put_code(struct buf *out, char message[SASL_MESSAGE], size_t len)
{
	char code[BASE64_SIZE(SASL_MESSAGE)];

	if (!base64_encode(view_make(message, len), code, sizeof(code)))
		bug("a message of SASL does not fit");
	buf_puts(out, code);
	explicit_bzero(code, sizeof(code));
	explicit_bzero(message, SASL_MESSAGE);
}

bool sasl_begin(struct sasl *s, struct buf *out, const char **why)
{
	char message[SASL_MESSAGE] = "";
	size_t len = 0;

	buf_puts(out, s->mechanism->name);
	if (!s->mechanism->begin)
		return true;
	if (!s->mechanism->begin(s, message, &len, why))
		return false;
	buf_putc(out, ' ');
	put_code(out, message, len);
	return true;
}

bool sasl_answer(struct sasl *s, struct view challenge, struct buf *out, const char **why)
{
	char octets[SASL_MESSAGE], message[SASL_MESSAGE] = "";
	size_t octets_len, len = 0;

	s->failed = true;
	if (++s->round > SASL_ROUNDS)
		return fail(why, "it asks too often");
	/* LOGIN's questions are passed over: some servers do not even encode them. */
	if (s->mechanism->answer == login_answer || s->mechanism->answer == plain_answer)
		challenge = view_head(challenge, 0);
	if (!base64_decode(challenge, octets, sizeof(octets), &octets_len))
		return fail(why, "the challenge is not base64");
	s->failed = !s->mechanism->answer(s, view_make(octets, octets_len), message, &len, why);
	if (s->failed)
		return false;
	put_code(out, message, len);
	return true;
}

bool sasl_complete(const struct sasl *s)
{
	return !s->failed && s->round >= s->mechanism->rounds && (s->mechanism->answer != scram_answer || s->verified);
}
