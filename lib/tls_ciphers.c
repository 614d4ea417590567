/* tls_ciphers.c - see tls_ciphers.h. The list is worked off as OpenSSL does, over the suites that this GnuTLS has, named by their
 * parts; then parts are dropped until what can be made of the rest is no more than what was asked for. */
#include "tls_ciphers.h"
#include "log.h"
#include "view.h"
#include <gnutls/gnutls.h>

#define SUITES_MAX 256

/* Words that stand for more than one suite are listed with the parts that they match, blank separated. */
static const struct kx { const char *name, *gnutls, *words; gnutls_kx_algorithm_t id; } kxs[] = {
	{ "ECDHE-ECDSA", "ECDHE-ECDSA", "kEECDH kECDHE EECDH ECDHE ECDH aECDSA ECDSA", GNUTLS_KX_ECDHE_ECDSA },
	{ "ECDHE-RSA", "ECDHE-RSA", "kEECDH kECDHE EECDH ECDHE ECDH aRSA", GNUTLS_KX_ECDHE_RSA },
	{ "DHE-RSA", "DHE-RSA", "kEDH kDHE EDH DHE DH aRSA", GNUTLS_KX_DHE_RSA },
	{ "", "RSA", "kRSA RSA aRSA", GNUTLS_KX_RSA },
};

/* In OpenSSL's order; NAME is followed by the hash, where PRF is set by that. DEFAULT leaves out what says so. */
static const struct cipher { const char *name, *prf, *gnutls, *words; unsigned bits; gnutls_cipher_algorithm_t id; } ciphers[] = {
	{ "AES256-GCM", "-SHA384", "AES-256-GCM", "AES256 AES AESGCM HIGH DEFAULT", 256, GNUTLS_CIPHER_AES_256_GCM },
	{ "CHACHA20-POLY1305", "", "CHACHA20-POLY1305", "CHACHA20 HIGH DEFAULT", 256, GNUTLS_CIPHER_CHACHA20_POLY1305 },
	{ "AES256-CCM8", "", "AES-256-CCM-8", "AES256 AES AESCCM AESCCM8 HIGH", 256, GNUTLS_CIPHER_AES_256_CCM_8 },
	{ "AES256-CCM", "", "AES-256-CCM", "AES256 AES AESCCM HIGH", 256, GNUTLS_CIPHER_AES_256_CCM },
	{ "AES128-GCM", "-SHA256", "AES-128-GCM", "AES128 AES AESGCM HIGH DEFAULT", 128, GNUTLS_CIPHER_AES_128_GCM },
	{ "AES128-CCM8", "", "AES-128-CCM-8", "AES128 AES AESCCM AESCCM8 HIGH", 128, GNUTLS_CIPHER_AES_128_CCM_8 },
	{ "AES128-CCM", "", "AES-128-CCM", "AES128 AES AESCCM HIGH", 128, GNUTLS_CIPHER_AES_128_CCM },
	{ "AES256", NULL, "AES-256-CBC", "AES256 AES CBC HIGH DEFAULT", 256, GNUTLS_CIPHER_AES_256_CBC },
	{ "CAMELLIA256", NULL, "CAMELLIA-256-CBC", "CAMELLIA256 CAMELLIA CBC HIGH", 256, GNUTLS_CIPHER_CAMELLIA_256_CBC },
	{ "AES128", NULL, "AES-128-CBC", "AES128 AES CBC HIGH DEFAULT", 128, GNUTLS_CIPHER_AES_128_CBC },
	{ "CAMELLIA128", NULL, "CAMELLIA-128-CBC", "CAMELLIA128 CAMELLIA CBC HIGH", 128, GNUTLS_CIPHER_CAMELLIA_128_CBC },
	{ "DES-CBC3", NULL, "3DES-CBC", "3DES CBC MEDIUM", 112, GNUTLS_CIPHER_3DES_CBC },
	{ "RC4", NULL, "ARCFOUR-128", "RC4 MEDIUM", 128, GNUTLS_CIPHER_ARCFOUR_128 },
};

static const struct mac { const char *suffix, *gnutls, *words; unsigned rank; gnutls_mac_algorithm_t id; } macs[] = {
	{ "", "AEAD", "TLSv1.2", 0, GNUTLS_MAC_AEAD },
	{ "-SHA384", "SHA384", "SHA384 TLSv1.2", 1, GNUTLS_MAC_SHA384 },
	{ "-SHA256", "SHA256", "SHA256 TLSv1.2", 1, GNUTLS_MAC_SHA256 },
	{ "-SHA", "SHA1", "SHA SHA1 SSLv3 TLSv1 TLSv1.0", 2, GNUTLS_MAC_SHA1 },
	{ "-MD5", "MD5", "MD5 SSLv3 TLSv1 TLSv1.0", 3, GNUTLS_MAC_MD5 },
};

/* What OpenSSL has a word for and no suite of ours is. */
static const char strangers[] = "aNULL eNULL NULL ADH AECDH aDSS DSS aDH kDH kDHr kDHd kECDH kECDHr kECDHe aECDH PSK kPSK aPSK kDHEPSK kECDHEPSK"
	" kRSAPSK SRP kSRP aSRP kGOST aGOST aGOST01 aGOST94 GOST94 GOST89 GOST89MAC ARIA ARIA128 ARIA256 ARIAGCM SEED IDEA RC2 DES LOW EXP EXPORT"
	" EXPORT40 EXPORT56 COMPLEMENTOFALL SSLv2 KRB5 kKRB5 aKRB5 FZA kFZA aFZA eFZA kGOST18 aGOST12";

struct suite {
	int kx;				/* -1: of TLS 1.3 */
	int cipher, mac;
	const char *standard;		/* its name in GnuTLS: that of the RFCs without "WITH_" */
	bool active, killed;
	unsigned turn;			/* its place among the active ones */
	bool mark;
};

struct list {
	struct suite suites[SUITES_MAX];
	size_t count;
	unsigned turns;
	bool tls13_named;
	const char *profile;		/* of @SECLEVEL */
};

/* Parts that are still in it, in order of preference. */
struct parts {
	int kx[COUNT_OF(kxs)], cipher[COUNT_OF(ciphers)], mac[COUNT_OF(macs)];
	size_t kx_count, cipher_count, mac_count;
	bool tls13;
};

static bool in_words(const char *words, struct view word)
{
	struct view rest = view_of(words), next;

	while ((next = view_word(&rest)).len)
		if (view_eq(next, word))
			return true;
	return false;
}

/* ---- the suites there are ---- */

#define FIND(table, what, out) \
	for (int i_ = 0; i_ < (int)COUNT_OF(table); i_++) \
		if (table[i_].id == (what)) \
			out = i_

/* By forward secrecy, kind of integrity, cipher, authentication: as OpenSSL begins. */
static int by_default(const void *a, const void *b)
{
	const struct suite *x = a, *y = b;
	const int rank[2][4] = {
		{ x->kx == COUNT_OF(kxs) - 1, x->mac < 0 ? 0 : (int)macs[x->mac].rank, x->cipher, x->kx },
		{ y->kx == COUNT_OF(kxs) - 1, y->mac < 0 ? 0 : (int)macs[y->mac].rank, y->cipher, y->kx },
	};

	for (int i = 0; i < 4; i++)
		if (rank[0][i] != rank[1][i])
			return rank[0][i] < rank[1][i] ? -1 : 1;
	return 0;
}

static void take_suites(struct list *l)
{
	gnutls_kx_algorithm_t kx;
	gnutls_cipher_algorithm_t cipher;
	gnutls_mac_algorithm_t mac;
	gnutls_protocol_t since;
	unsigned char id[2];
	const char *name;

	for (size_t i = 0; (name = gnutls_cipher_suite_info(i, id, &kx, &cipher, &mac, &since)) && l->count < SUITES_MAX; i++) {
		struct suite s = { .kx = -1, .cipher = -1, .mac = -1, .standard = name };
		FIND(ciphers, cipher, s.cipher);
		FIND(macs, mac, s.mac);
		FIND(kxs, kx, s.kx);
		if (s.cipher >= 0 && s.mac >= 0 && (s.kx >= 0 || since == GNUTLS_TLS1_3))
			l->suites[l->count++] = s;
	}
	qsort(l->suites, l->count, sizeof(l->suites[0]), by_default);
}

static const char *suite_name(const struct suite *s, char *out, size_t size)
{
	const char *kx = s->kx < 0 ? "" : kxs[s->kx].name;

	if (s->kx < 0)
		snprintf(out, size, "%s", s->standard);
	else
		snprintf(out, size, "%s%s%s%s", kx, *kx ? "-" : "", ciphers[s->cipher].name,
			 ciphers[s->cipher].prf ? ciphers[s->cipher].prf : macs[s->mac].suffix);
	return out;
}

/* ---- words ---- */

static bool is_standard_name(const struct suite *s, struct view word)
{
	struct view name = view_of(s->standard), with = VIEW("WITH_"), tail = VIEW("_SHA256");
	char plain[80];
	const char *found = memmem(word.data, word.len, with.data, with.len);
	size_t head = found ? (size_t)(found - word.data) : 0;

	if (!found || word.len >= sizeof(plain))
		return view_eq(name, word);
	snprintf(plain, sizeof(plain), "%.*s%.*s", (int)head, word.data, (int)(word.len - head - with.len), found + with.len);
	struct view without = view_of(plain);
	if (view_eq(name, without))
		return true;
	/* GnuTLS leaves the hash out where there is no choice, and says SHA1. */
	if (view_case_ends(without, tail) && view_eq(name, view_head(without, without.len - tail.len)))
		return true;
	return view_case_ends(without, VIEW("_SHA")) && view_case_ends(name, VIEW("_SHA1")) && view_eq(view_head(name, name.len - 1), without);
}

static bool suite_is(const struct suite *s, struct view word)
{
	char name[80];

	if (view_eq(view_of(suite_name(s, name, sizeof(name))), word) || is_standard_name(s, word))
		return true;
	if (s->kx < 0)
		return false;		/* words do not reach the suites of TLS 1.3 */
	return view_eq(word, VIEW("ALL")) || in_words(kxs[s->kx].words, word) || in_words(ciphers[s->cipher].words, word) ||
	       in_words(macs[s->mac].words, word) ||
	       (view_eq(word, VIEW("COMPLEMENTOFDEFAULT")) && !in_words(ciphers[s->cipher].words, VIEW("DEFAULT")));
}

/* Marks what WORDS, joined by "+", all match. */
static bool mark(struct list *l, struct view words, struct err *err)
{
	char shown[100];

	for (size_t i = 0; i < l->count; i++)
		l->suites[i].mark = true;
	while (words.len) {
		struct view word = view_cut(&words, '+');
		bool known = in_words(strangers, word);
		for (size_t i = 0; i < l->count; i++) {
			bool hit = suite_is(&l->suites[i], word);
			known = known || hit;
			l->suites[i].mark = l->suites[i].mark && hit;
		}
		if (!known)
			return err_set(err, "\"%s\" is no cipher that GnuTLS has", log_escape(word, shown, sizeof(shown)));
	}
	return true;
}

/* ---- commands ---- */

static int by_turn(const void *a, const void *b)
{
	const struct suite *x = a, *y = b;

	return x->turn < y->turn ? -1 : x->turn > y->turn;
}

static int by_strength(const void *a, const void *b)
{
	const struct suite *x = a, *y = b;
	unsigned n = ciphers[x->cipher].bits, m = ciphers[y->cipher].bits;

	return n != m ? (n > m ? -1 : 1) : by_turn(a, b);
}

static bool command(struct list *l, struct view word, struct err *err)
{
	/* of 80, 112, 128, 192 and 256 bits, as the levels of SSL_CTX_set_security_level(3) are */
	static const char *const profiles[] = { "VERY_WEAK", "LOW", "MEDIUM", "HIGH", "ULTRA", "FUTURE" };
	struct view rest = word, name = view_cut(&rest, '=');
	uint64_t level;
	char shown[100];

	if (view_eq(word, VIEW("STRENGTH"))) {
		qsort(l->suites, l->count, sizeof(l->suites[0]), by_strength);
		for (size_t i = 0; i < l->count; i++)
			l->suites[i].turn = ++l->turns;
		return true;
	}
	if (!view_eq(name, VIEW("SECLEVEL")) || !view_u64(rest, COUNT_OF(profiles) - 1, &level))
		return err_set(err, "\"@%s\" is no command", log_escape(word, shown, sizeof(shown)));
	l->profile = profiles[level];
	return true;
}

/* One element: words to add, or behind "!" to bar for ever, "-" to take out, "+" to move to the end. */
static bool element(struct list *l, struct view item, struct err *err)
{
	char operation = strchr("!-+@", item.data[0]) ? item.data[0] : 0;

	if (operation)
		item = view_skip(item, 1);
	if (operation == '@')
		return command(l, item, err);
	if (!mark(l, item, err))
		return false;
	for (size_t i = 0; i < l->count; i++) {
		struct suite *s = &l->suites[i];
		if (!s->mark)
			continue;
		if (operation == '!')
			s->killed = true;
		else if (operation == '-')
			s->active = false;
		else if (!operation || s->active)	/* what is there already keeps its place */
			s->turn = !operation && s->active ? s->turn : ++l->turns;
		if (!operation) {
			s->active = true;
			l->tls13_named = l->tls13_named || s->kx < 0;
		}
	}
	return true;
}

static bool work_off(struct list *l, const char *text, struct err *err)
{
	struct view rest = view_of(text);
	size_t len;

	while (rest.len) {
		for (len = 0; len < rest.len && !strchr(":,; \t", rest.data[len]); len++)
			;
		struct view item = view_head(rest, len), at = item;
		rest = view_skip(rest, len + 1);
		/* "DEFAULT@SECLEVEL=1" */
		struct view head = view_cut(&at, '@');
		if (head.len && !element(l, head, err))
			return false;
		if (head.len < item.len && !element(l, view_skip(item, head.len), err))
			return false;
	}
	qsort(l->suites, l->count, sizeof(l->suites[0]), by_turn);
	return true;
}

/* ---- from suites to parts ---- */

static bool asked(const struct list *l, const struct suite *s)
{
	return !s->killed && (s->active || (s->kx < 0 && !l->tls13_named));
}

static void add_part(int *list, size_t *count, int part)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == part)
			return;
	list[(*count)++] = part;
}

static bool has_part(const int *list, size_t count, int part)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == part)
			return true;
	return false;
}

static void drop_part(int *list, size_t *count, int part)
{
	size_t n = 0;

	for (size_t i = 0; i < *count; i++)
		if (list[i] != part)
			list[n++] = list[i];
	*count = n;
}

static bool possible(const struct parts *p, const struct suite *s)
{
	return (s->kx < 0 ? p->tls13 : has_part(p->kx, p->kx_count, s->kx)) && has_part(p->cipher, p->cipher_count, s->cipher) &&
	       has_part(p->mac, p->mac_count, s->mac);
}

static size_t worth(const struct list *l, const struct parts *p)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += asked(l, &l->suites[i]) && possible(p, &l->suites[i]);
	return n;
}

/* P without the part of S whose loss costs least. */
static void give_way(const struct list *l, struct parts *p, const struct suite *s)
{
	struct parts without[3] = { *p, *p, *p };
	int best = -1;
	size_t most = 0;

	drop_part(without[0].cipher, &without[0].cipher_count, s->cipher);
	drop_part(without[1].mac, &without[1].mac_count, s->mac);
	if (s->kx >= 0)
		drop_part(without[2].kx, &without[2].kx_count, s->kx);
	else
		without[2].tls13 = false;
	for (int i = 0; i < 3; i++)
		if (best < 0 || worth(l, &without[i]) > most) {
			best = i;
			most = worth(l, &without[i]);
		}
	*p = without[best];
}

static void keep_parts(int *list, size_t *count, const int *used, size_t used_count)
{
	size_t n = 0;

	for (size_t i = 0; i < *count; i++)
		if (has_part(used, used_count, list[i]))
			list[n++] = list[i];
	*count = n;
}

/* What no suite is left for. */
static void drop_idle(const struct list *l, struct parts *p)
{
	struct parts used = { .tls13 = p->tls13 };

	for (size_t i = 0; i < l->count; i++) {
		const struct suite *s = &l->suites[i];
		if (!asked(l, s) || !possible(p, s))
			continue;
		if (s->kx >= 0)
			add_part(used.kx, &used.kx_count, s->kx);
		add_part(used.cipher, &used.cipher_count, s->cipher);
		add_part(used.mac, &used.mac_count, s->mac);
	}
	keep_parts(p->kx, &p->kx_count, used.kx, used.kx_count);
	keep_parts(p->cipher, &p->cipher_count, used.cipher, used.cipher_count);
	keep_parts(p->mac, &p->mac_count, used.mac, used.mac_count);
}

static struct parts choose_parts(const struct list *l)
{
	struct parts p = { .tls13 = true };

	for (size_t i = 0; i < l->count; i++) {
		const struct suite *s = &l->suites[i];
		if (!s->active || s->killed)
			continue;
		if (s->kx >= 0)
			add_part(p.kx, &p.kx_count, s->kx);
		add_part(p.cipher, &p.cipher_count, s->cipher);
		add_part(p.mac, &p.mac_count, s->mac);
	}
	for (size_t i = 0; i < l->count; i++)
		if (!asked(l, &l->suites[i]) && possible(&p, &l->suites[i])) {
			give_way(l, &p, &l->suites[i]);
			i = (size_t)-1;
		}
	drop_idle(l, &p);
	return p;
}

static void write_out(const struct list *l, const struct parts *p, struct tls_ciphers *out)
{
	char name[80];

	for (size_t i = 0; i < l->count; i++) {
		const struct suite *s = &l->suites[i];
		if (!asked(l, s))
			continue;
		if (!possible(p, s)) {
			if (s->active)
				buf_printf(&out->lost, "%s%s", out->lost.len ? ":" : "", suite_name(s, name, sizeof(name)));
		} else if (s->kx < 0) {
			out->tls13 = true;
		} else {
			out->tls12 = true;
		}
	}
	buf_puts(&out->priority, "NONE:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL");
	for (size_t i = 0; i < p->kx_count; i++)
		buf_printf(&out->priority, ":+%s", kxs[p->kx[i]].gnutls);
	if (!p->kx_count)		/* TLS 1.3 alone, whose key exchange goes by groups */
		buf_puts(&out->priority, ":+ECDHE-ECDSA:+ECDHE-RSA");
	for (size_t i = 0; i < p->cipher_count; i++)
		buf_printf(&out->priority, ":+%s", ciphers[p->cipher[i]].gnutls);
	for (size_t i = 0; i < p->mac_count; i++)
		buf_printf(&out->priority, ":+%s", macs[p->mac[i]].gnutls);
	if (l->profile)
		buf_printf(&out->priority, ":%%PROFILE_%s", l->profile);
}

bool tls_ciphers_translate(const char *text, struct tls_ciphers *out, struct err *err)
{
	struct list *l = calloc(1, sizeof(*l));
	bool ok;

	*out = (struct tls_ciphers){ .tls12 = false };
	buf_init(&out->priority, 4096);
	buf_init(&out->lost, 4096);
	if (!l)
		bug("no memory for cipher suites");
	take_suites(l);
	ok = work_off(l, text, err);
	if (ok) {
		struct parts p = choose_parts(l);
		write_out(l, &p, out);
		ok = out->tls12 || out->tls13 || err_set(err, "it leaves nothing that GnuTLS has");
	}
	free(l);
	return ok;
}

void tls_ciphers_free(struct tls_ciphers *c)
{
	buf_free(&c->priority);
	buf_free(&c->lost);
}

bool tls_ciphers_is_priority(const char *text)
{
	static const char keywords[] = "NORMAL PERFORMANCE SECURE128 SECURE192 SECURE256 SUITEB128 SUITEB192 PFS LEGACY NONE SYSTEM";
	struct view rest = view_of(text), first = view_trim(view_cut(&rest, ':'));

	if (view_starts(first, VIEW("@")))
		return !view_eq(first, VIEW("@STRENGTH")) && !view_starts(first, VIEW("@SECLEVEL"));
	return in_words(keywords, first);
}
