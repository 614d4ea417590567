/* tls_certs.c - see tls_certs.h. Names lead to sites. A site is a choice of pairs, at most one for each kind of key, and owns the
 * GnuTLS credentials made of them; names with the same choice share one. Credentials rather than GnuTLS's retrieve callback,
 * because that is asked only once, before the cipher suite is known, and could not tell what kind of key the client can use. */
#include "tls_certs.h"
#include "arena.h"
#include "address.h"
#include "clock.h"
#include "log.h"
#include "tls_key.h"
#include "tls_ocsp.h"

#include <gnutls/abstract.h>

#define uthash_fatal(text) bug("out of memory (%s)", text)
#include <uthash.h>

#define SOON (14 * 86400)	/* seconds before the end of a certificate: time to say so */

struct choice { const struct tls_pair *pair[TLS_KIND_COUNT]; };

struct site {
	struct choice choice;
	gnutls_certificate_credentials_t credentials;
	UT_hash_handle hh;		/* by choice */
};

struct name {
	struct choice choice;
	const struct site *site;
	UT_hash_handle hh;
	char text[];
};

struct tls_certs {
	struct arena *arena;
	struct tls_pair *pairs, **pairs_end;
	struct name *names;
	struct site *sites;
	struct choice preset;		/* the default */
	const struct site *preset_site;
};

struct tls_certs *tls_certs_new(void)
{
	struct arena *a = arena_new(16384);
	struct tls_certs *c = arena_alloc(a, sizeof(*c));

	c->arena = a;
	c->pairs_end = &c->pairs;
	return c;
}

void tls_certs_free(struct tls_certs **cp)
{
	struct tls_certs *c = *cp;
	struct arena *a;

	*cp = NULL;
	if (!c)
		return;
	for (struct site *s = c->sites; s; s = s->hh.next)
		gnutls_certificate_free_credentials(s->credentials);
	HASH_CLEAR(hh, c->sites);
	HASH_CLEAR(hh, c->names);
	a = c->arena;		/* which the structure itself, and the keys, live in */
	arena_free(&a);
}

/* ---- pairs ---- */

static bool kind_of(gnutls_pk_algorithm_t algorithm, enum tls_kind *kind)
{
	switch (algorithm) {
	case GNUTLS_PK_ECDSA:
		*kind = TLS_ECDSA;
		return true;
	case GNUTLS_PK_EDDSA_ED25519:
	case GNUTLS_PK_EDDSA_ED448:
		*kind = TLS_EDDSA;
		return true;
	case GNUTLS_PK_RSA:
	case GNUTLS_PK_RSA_PSS:
		*kind = TLS_RSA;
		return true;
	default:
		return false;
	}
}

static bool in_chain(const struct tls_pair *p, const struct tls_cert *cert)
{
	for (size_t i = 0; i < p->chain_len; i++)
		if (p->chain[i] == cert)
			return true;
	return false;
}

/* What certifies the top of the chain. Authorities that certify each other must not lead in a circle. */
static struct tls_cert *issuer_in(const struct tls_pair *p, struct tls_cert *among)
{
	const struct tls_cert *top = p->chain[p->chain_len - 1];

	if (view_eq(top->subject, top->issuer))
		return NULL;
	while (among && (!view_eq(among->subject, top->issuer) || in_chain(p, among)))
		among = among->next;
	return among;
}

void tls_pair_extend(struct tls_pair *p, struct tls_cert *among)
{
	struct tls_cert *above;

	while (p->chain_len < TLS_CHAIN_MAX && (above = issuer_in(p, among)) != NULL)
		p->chain[p->chain_len++] = above;
}

struct tls_pair *tls_pair_make(struct tls_certs *c, struct tls_cert *leaf, struct tls_key *key, struct tls_cert *among, struct err *err)
{
	struct tls_pair *p = arena_alloc(c->arena, sizeof(*p));

	if (!kind_of(leaf->algorithm, &p->kind)) {
		err_set(err, "TLS certificate %s: found a key of type %s, expected RSA, ECDSA or EdDSA", leaf->path, gnutls_pk_get_name(leaf->algorithm));
		return NULL;
	}
	p->key = key;
	p->chain[p->chain_len++] = leaf;
	/* RFC 5246 7.4.2 wants each to certify the one before it. */
	tls_pair_extend(p, among);
	return p;
}

static void warn_of_strays(const struct tls_pair *p, const struct tls_cert *among)
{
	size_t strays = 0;

	for (; among; among = among->next)
		strays += !in_chain(p, among);
	if (strays)
		log_warn("%s: certificates that are not in the chain of the one that belongs to %s: %zu", p->chain[0]->path, p->key->path, strays);
}

void tls_pair_add(struct tls_certs *c, struct tls_pair *p)
{
	*c->pairs_end = p;
	c->pairs_end = &p->next;
}

struct arena *tls_certs_arena(struct tls_certs *c)
{
	return c->arena;
}

/* The first of CERTS with the public key of one of *KEYS, which becomes that one. */
static struct tls_cert *matching(struct tls_cert *certs, struct tls_key **keys)
{
	for (; *keys; *keys = (*keys)->next)
		for (struct tls_cert *cert = certs; cert; cert = cert->next)
			if (memcmp(cert->id, (*keys)->id, sizeof(cert->id)) == 0)
				return cert;
	return NULL;
}

bool tls_certs_add(struct tls_certs *c, const char *cert, const char *key, struct err *err)
{
	struct tls_cert *certs = NULL, *leaf;
	struct tls_key *keys = NULL;
	struct tls_pair *p;

	cert = arena_strdup(c->arena, cert);
	key = arena_strdup(c->arena, key);
	if (!tls_pem_read(cert, c->arena, &certs, NULL, err))
		return err_context(err, "TLS certificate");
	if (!tls_pem_read(key, c->arena, NULL, &keys, err))
		return err_context(err, "TLS key");
	if (!certs)
		return err_set(err, "TLS certificate %s: found no certificate in it", cert);
	if (!keys)
		return err_set(err, "TLS key %s: found no private key in it", key);
	leaf = matching(certs, &keys);
	if (!leaf)
		return err_set(err, "TLS key %s does not belong to certificate %s", key, cert);
	p = tls_pair_make(c, leaf, keys, certs, err);
	if (!p)
		return false;
	warn_of_strays(p, certs);
	tls_pair_add(c, p);
	if (!c->preset.pair[p->kind])
		c->preset.pair[p->kind] = p;
	return true;
}

/* ---- names and sites ---- */

static bool valid_now(const struct tls_cert *cert, time_t now)
{
	return cert->from <= now && now < cert->until;
}

/* Whether A is to be preferred to B, which was added earlier. */
static bool better(const struct tls_pair *a, const struct tls_pair *b, time_t now)
{
	const struct tls_cert *x = a->chain[0], *y = b->chain[0];

	if (valid_now(x, now) != valid_now(y, now))
		return valid_now(x, now);
	return x->until > y->until;
}

static struct name *name_of(struct tls_certs *c, const char *text)
{
	size_t len = strlen(text);
	struct name *n;

	HASH_FIND(hh, c->names, text, len, n);
	if (n)
		return n;
	n = arena_alloc(c->arena, sizeof(*n) + len + 1);
	memcpy(n->text, text, len + 1);
	HASH_ADD_KEYPTR(hh, c->names, n->text, len, n);
	return n;
}

static void index_names(struct tls_certs *c, const struct tls_pair *p, time_t now)
{
	for (size_t i = 0; i < p->chain[0]->name_count; i++) {
		const struct tls_pair **at = &name_of(c, p->chain[0]->names[i])->choice.pair[p->kind];
		if (!*at || better(p, *at, now))
			*at = p;
	}
}

/* Gives the pair to CREDENTIALS, which own what is made here; the index that it returns is how GnuTLS's other functions call it. That key and certificate belong together has been seen to. */
static int use_pair(gnutls_certificate_credentials_t credentials, const struct tls_pair *p)
{
	gnutls_pcert_st chain[TLS_CHAIN_MAX];
	gnutls_privkey_t key = NULL;
	size_t n = 0;
	int code = tls_key_import(p->key, &key);

	for (; code >= 0 && n < p->chain_len; n += code >= 0)
		code = gnutls_pcert_import_x509_raw(&chain[n], &p->chain[n]->der, GNUTLS_X509_FMT_DER, 0);
	if (code >= 0)
		code = gnutls_certificate_set_key(credentials, NULL, 0, chain, (int)n, key);
	if (code >= 0 && p->ocsp)
		gnutls_certificate_set_ocsp_status_request_function2(credentials, (unsigned)code, tls_ocsp_give, p->ocsp);
	if (code >= 0)
		return code;
	while (n)
		gnutls_pcert_deinit(&chain[--n]);
	if (key)
		gnutls_privkey_deinit(key);
	return code;
}

static int fill_site(struct site *s, gnutls_dh_params_t dh)
{
	gnutls_x509_trust_list_t small;
	int code = gnutls_certificate_allocate_credentials(&s->credentials);

	if (code < 0)
		return code;
	/* They come with a hash table for authorities, which are not looked up here: 6 KiB a site. */
	if (gnutls_x509_trust_list_init(&small, 1) >= 0)
		gnutls_certificate_set_trust_list(s->credentials, small, 0);
	gnutls_certificate_set_flags(s->credentials, GNUTLS_CERTIFICATE_API_V2 | GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	if (dh)
		gnutls_certificate_set_dh_params(s->credentials, dh);
	else
		gnutls_certificate_set_known_dh_params(s->credentials, GNUTLS_SEC_PARAM_MEDIUM);
	for (int kind = 0; code >= 0 && kind < TLS_KIND_COUNT; kind++)
		if (s->choice.pair[kind])
			code = use_pair(s->credentials, s->choice.pair[kind]);
	return code;
}

static const struct site *site_of(struct tls_certs *c, const struct choice *choice, gnutls_dh_params_t dh, struct err *err)
{
	struct site *s;
	int code;

	HASH_FIND(hh, c->sites, choice, sizeof(*choice), s);
	if (s)
		return s;
	s = arena_alloc(c->arena, sizeof(*s));
	s->choice = *choice;
	code = fill_site(s, dh);
	HASH_ADD(hh, c->sites, choice, sizeof(s->choice), s);
	if (code >= 0)
		return s;
	for (int kind = 0; kind < TLS_KIND_COUNT; kind++)
		if (choice->pair[kind])
			err_set(err, "TLS certificate %s: %s", choice->pair[kind]->chain[0]->path, gnutls_strerror(code));
	return NULL;
}

/* What the name leads to, as it is or by a wildcard. */
static const struct name *find(const struct tls_certs *c, const char *name)
{
	char folded[ADDRESS_DOMAIN_MAX + 1];
	const struct name *n;
	size_t len, label;

	if (!*name || !address_domain_fold(view_of(name), folded))
		return NULL;
	len = strlen(folded);
	label = strcspn(folded, ".");
	HASH_FIND(hh, c->names, folded, len, n);
	if (n || !label || label == len)
		return n;
	folded[label - 1] = '*';	/* RFC 6125 6.4.3: for the whole of the first label */
	HASH_FIND(hh, c->names, folded + label - 1, len - label + 1, n);
	return n;
}

static void make_preset(struct tls_certs *c, const char *me)
{
	const struct name *own = find(c, me);

	for (int kind = 0; kind < TLS_KIND_COUNT; kind++)
		if (c->preset.pair[kind])
			return;
	if (own)
		c->preset = own->choice;
	else
		c->preset.pair[c->pairs->kind] = c->pairs;
}

bool tls_certs_finish(struct tls_certs *c, const char *me, gnutls_dh_params_t dh, struct err *err)
{
	time_t now = clock_now();

	if (!c->pairs)
		return err_set(err, "TLS: there are no certificates");
	for (const struct tls_pair *p = c->pairs; p; p = p->next)
		index_names(c, p, now);
	make_preset(c, me);
	if (!(c->preset_site = site_of(c, &c->preset, dh, err)))
		return false;
	for (struct name *n = c->names; n; n = n->hh.next)
		if (!(n->site = site_of(c, &n->choice, dh, err)))
			return false;
	return true;
}

bool tls_certs_by_name(const struct tls_certs *c)
{
	return HASH_COUNT(c->sites) > 1;
}

gnutls_certificate_credentials_t tls_certs_find(const struct tls_certs *c, const char *name)
{
	const struct name *n = find(c, name);

	return (n ? n->site : c->preset_site)->credentials;
}

/* ---- stapling ---- */

void tls_certs_staple(struct tls_certs *c, const char *dir)
{
	for (struct tls_pair *p = c->pairs; p; p = p->next) {
		const struct tls_cert *cert = p->chain[0];

		if (dir && p->chain_len > 1)
			p->ocsp = tls_ocsp_new(c->arena, dir, cert, p->chain[1]);
		if (!p->ocsp && cert->must_staple)
			log_warn("TLS certificate %s demands a stapled OCSP response, and gets none: %s", cert->path,
				 !dir ? "request_ocsp is off" : p->chain_len > 1 ? "it names no responder" : "its issuer's certificate is not in the chain");
	}
}

bool tls_certs_staples(const struct tls_certs *c)
{
	for (const struct tls_pair *p = c->pairs; p; p = p->next)
		if (p->ocsp)
			return true;
	return false;
}

bool tls_certs_refresh(const struct tls_certs *c, const char *fetch)
{
	bool ok = true;

	for (const struct tls_pair *p = c->pairs; p; p = p->next) {
		struct err err = { "" };

		if (!p->ocsp || !tls_ocsp_due(p->ocsp, clock_now()))
			continue;
		if (tls_ocsp_refresh(p->ocsp, fetch, &err)) {
			log_info("OCSP response for %s fetched", p->chain[0]->path);
			continue;
		}
		ok = false;
		log_warn("%s%s", err.text, p->chain[0]->must_staple ? "; clients may refuse the certificate, which demands it" : "");
	}
	return ok;
}

/* ---- how long they last ---- */

static void report(const struct tls_cert *cert, bool own, time_t now, tls_certs_report *each, void *arg)
{
	char text[PATH_MAX + 512], date[CLOCK_DATE_SIZE];
	const char *name = own && cert->name_count ? cert->names[0] : "";
	bool over = cert->until <= now, early = cert->from > now, soon = cert->until < now + SOON;

	snprintf(text, sizeof(text), "certificate %s%s%s%s%s: %s %s", cert->path, *name ? " (" : "", name, *name ? ")" : "",
		 own ? "" : ", one of its chain", over ? "has expired on" : early ? "is not valid before" : "valid until",
		 clock_date(over || !early ? cert->until : cert->from, date));
	if (own || over || early || soon)
		each(arg, over || early || soon, text);
}

void tls_certs_each(const struct tls_certs *c, tls_certs_report *each, void *arg)
{
	time_t now = clock_now();

	for (const struct tls_pair *p = c->pairs; p; p = p->next)
		for (size_t i = 0; i < p->chain_len; i++)
			report(p->chain[i], i == 0, now, each, arg);
}
