/* tls_priority.c - see tls_priority.h. */
#include "tls_priority.h"
#include "log.h"
#include "tls_ciphers.h"
#include "view.h"

#define PRIORITY_MAX 4096

/* The newest first: a client lists them in this order. */
enum { TLS13, TLS12, TLS11, TLS10, VERSIONS };
static const struct { const char *name, *gnutls, *openssl, *perl; } versions[VERSIONS] = {
	[TLS13] = { "TLSv1.3", "TLS1.3", "TLSv1_3", "TLSv13" }, [TLS12] = { "TLSv1.2", "TLS1.2", "TLSv1_2", "TLSv12" },
	[TLS11] = { "TLSv1.1", "TLS1.1", "TLSv1_1", "TLSv11" }, [TLS10] = { "TLSv1", "TLS1.0", "TLSv1_0", "TLSv10" },
};

static const struct { const char *names[3], *gnutls; } curves[] = {
	{ { "prime256v1", "P-256", "secp256r1" }, "SECP256R1" }, { { "secp384r1", "P-384", "" }, "SECP384R1" },
	{ { "secp521r1", "P-521", "" }, "SECP521R1" }, { { "X25519", "", "" }, "X25519" }, { { "X448", "", "" }, "X448" },
};

/* ---- versions: sets are bits ---- */

#define ALL_VERSIONS ((1u << VERSIONS) - 1)

static unsigned version_named(struct view word)
{
	for (unsigned i = 0; i < VERSIONS; i++)
		if (view_case_eq(word, view_of(versions[i].name)) || view_case_eq(word, view_of(versions[i].openssl)) ||
		    view_case_eq(word, view_of(versions[i].perl)))
			return 1u << i;
	return 0;
}

static unsigned versions_from(const char *least)
{
	unsigned set = 0;

	for (unsigned i = 0; i < VERSIONS; i++) {
		set |= 1u << i;
		if (strcmp(versions[i].name, least) == 0)
			break;
	}
	return set;
}

/* "TLSv1_2_method", "TLSv1_2_server_method": the names of OpenSSL's functions. */
static struct view without_method(struct view word)
{
	static const char *const ends[] = { "_server_method", "_client_method", "_method" };

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		if (view_case_ends(word, view_of(ends[i])))
			return view_head(word, word.len - strlen(ends[i]));
	return word;
}

/* One word, or "SSLv23:!SSLv2:!SSLv3:!TLSv1" as IO::Socket::SSL takes them. False for what is none. */
static bool protocol_set(const char *text, unsigned *set)
{
	unsigned allowed = 0, barred = 0;
	struct view rest = view_of(text);

	while (rest.len) {
		struct view word = view_trim(view_cut(&rest, ':'));
		bool bar = view_starts(word, VIEW("!"));
		unsigned these;

		word = without_method(view_skip(word, bar));
		these = version_named(word);
		if (view_case_eq(word, VIEW("SSLv23")) || view_case_eq(word, VIEW("TLS")))
			these = ALL_VERSIONS;
		else if (!these && !(bar && (view_case_eq(word, VIEW("SSLv2")) || view_case_eq(word, VIEW("SSLv3")))))
			return false;
		if (bar)
			barred |= these;
		else
			allowed |= these;
	}
	*set = (allowed ? allowed : ALL_VERSIONS) & ~barred;
	return *set != 0;
}

const char *tls_priority_protocol(const char *value)
{
	unsigned set;

	return protocol_set(value, &set) ? NULL : "versions such as \"TLSv1_2\" or \"SSLv23:!SSLv2:!SSLv3:!TLSv1\"";
}

static bool put_versions(const struct tls_settings *t, bool tls12, bool tls13, struct buf *text, struct err *err)
{
	unsigned set = 0;

	if (!protocol_set(t->secure_protocol, &set))
		return err_set(err, "tls.conf: secure_protocol: found \"%s\", expected %s", t->secure_protocol, tls_priority_protocol(t->secure_protocol));
	set &= versions_from(t->min_version);
	if (!tls13)
		set &= ~(1u << TLS13);
	if (!tls12)
		set &= 1u << TLS13;
	if (!set)
		return err_set(err, "tls.conf: min_version, secure_protocol and ciphers leave no version of TLS");
	buf_puts(text, ":-VERS-ALL");
	for (unsigned i = 0; i < VERSIONS; i++)
		if (set & 1u << i)
			buf_printf(text, ":+VERS-%s", versions[i].gnutls);
	return true;
}

/* ---- curves ---- */

static const char *curve_named(struct view name)
{
	for (size_t i = 0; i < COUNT_OF(curves); i++)
		for (size_t n = 0; n < COUNT_OF(curves[i].names); n++)
			if (name.len && view_case_eq(name, view_of(curves[i].names[n])))
				return curves[i].gnutls;
	return NULL;
}

const char *tls_priority_curve(const char *value)
{
	struct view rest = view_of(value);

	if (strcmp(value, "auto") == 0)
		return NULL;
	do {
		if (!curve_named(view_cut(&rest, ':')))
			return "auto, prime256v1, secp384r1, secp521r1, X25519 or X448";
	} while (rest.len);
	return NULL;
}

/* Those of finite fields (RFC 7919) are none of its business, and stay behind. */
static void put_curves(const struct tls_settings *t, struct buf *text)
{
	bool any = false;

	for (size_t i = 0; t->ecdh_curve[i]; i++) {
		struct view rest = view_of(t->ecdh_curve[i]);
		const char *curve;
		while (rest.len && (curve = curve_named(view_cut(&rest, ':'))) != NULL) {
			buf_printf(text, "%s:+GROUP-%s", any ? "" : ":-GROUP-ALL", curve);
			any = true;
		}
	}
	if (any)
		buf_puts(text, ":+GROUP-FFDHE2048:+GROUP-FFDHE3072:+GROUP-FFDHE4096:+GROUP-FFDHE6144:+GROUP-FFDHE8192");
}

/* ---- all of it ---- */

static bool put_ciphers(const struct tls_settings *t, struct buf *text, bool *tls12, bool *tls13, struct err *err)
{
	struct tls_ciphers c;
	struct err why = { "" };

	*tls12 = *tls13 = true;
	if (!*t->ciphers || tls_ciphers_is_priority(t->ciphers))
		return buf_puts(text, *t->ciphers ? t->ciphers : "NORMAL");
	bool ok = tls_ciphers_translate(t->ciphers, &c, &why);
	if (!ok)
		err_set(err, "tls.conf: ciphers: found \"%s\", expected a cipher list of OpenSSL: %s", t->ciphers, why.text);
	else if (c.lost.len)
		log_warn("tls.conf: ciphers: GnuTLS cannot have these without others that are not in the list: they are left out: %s", buf_text(&c.lost));
	buf_put_view(text, buf_view(&c.priority));
	*tls12 = c.tls12;
	*tls13 = c.tls13;
	tls_ciphers_free(&c);
	return ok;
}

bool tls_priority_text(const struct tls_settings *t, bool server, struct buf *text, struct err *err)
{
	bool tls12, tls13;

	buf_init(text, PRIORITY_MAX);
	if (!put_ciphers(t, text, &tls12, &tls13, err) || !put_versions(t, tls12, tls13, text, err))
		return false;
	put_curves(t, text);
	if (server && t->honor_cipher_order)
		buf_puts(text, ":%SERVER_PRECEDENCE");
	return !text->failed || err_set(err, "tls.conf: ciphers: found more than %d characters", PRIORITY_MAX - 500);
}

gnutls_priority_t tls_priority_make(const char *text, struct err *err)
{
	gnutls_priority_t priority = NULL;
	const char *at = NULL;

	if (gnutls_priority_init2(&priority, text, &at, 0) < 0)
		err_set(err, "tls.conf: ciphers: found \"%s\", which GnuTLS does not understand from \"%s\" on", text, at ? at : text);
	return priority;
}

const char *tls_priority_ciphers(const char *value)
{
	static char expected[512];
	struct err err = { "" };
	gnutls_priority_t priority;
	struct tls_ciphers c;

	if (!*value)
		return NULL;
	if (tls_ciphers_is_priority(value)) {
		priority = tls_priority_make(value, &err);
		if (priority)
			gnutls_priority_deinit(priority);
		return priority ? NULL : "a priority string that GnuTLS understands";
	}
	bool ok = tls_ciphers_translate(value, &c, &err);
	tls_ciphers_free(&c);
	snprintf(expected, sizeof(expected), "a priority string of GnuTLS or a cipher list of OpenSSL: %.400s", err.text);
	return ok ? NULL : expected;
}
