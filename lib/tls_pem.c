/* tls_pem.c - see tls_pem.h. A file is cut at its BEGIN lines and each piece is given to GnuTLS alone, so that what stands between
 * them (text, parameters) does no harm and an error can say which piece it was. */
#include "tls_pem.h"
#include "address.h"
#include "tls_key.h"
#include <fcntl.h>
#include <sys/stat.h>

#define PEM_MAX (1 << 20)	/* bytes of a file: hundreds of certificates */
#define NAMES_MAX 1000		/* of a certificate */

/* ---- the file ---- */

/* The whole file, to be freed with end_text; NULL with ERR. */
static char *read_text(const char *path, size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text = NULL;
	ssize_t n = 0;

	if (fd < 0)
		return err_sys(err, "cannot read %s", path), NULL;
	*len = 0;
	if (fstat(fd, &st) < 0)
		err_sys(err, "cannot read %s", path);
	else if (!S_ISREG(st.st_mode) || st.st_size > PEM_MAX)
		err_set(err, "%s: expected a file in PEM of at most %d bytes", path, PEM_MAX);
	else if (!(text = malloc((size_t)st.st_size + 1)))
		err_set(err, "out of memory");
	while (text && *len < (size_t)st.st_size && (n = read(fd, text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	close(fd);
	if (n < 0) {
		err_sys(err, "cannot read %s", path);
		free(text);
		return NULL;
	}
	return text;
}

static void end_text(char *text, size_t len)
{
	gnutls_memset(text, 0, len);	/* there may be a key in it */
	free(text);
}

static struct view before(struct view in, const char *mark)
{
	const char *found = in.len ? memmem(in.data, in.len, mark, strlen(mark)) : NULL;

	return view_head(in, found ? (size_t)(found - in.data) : in.len);
}

/* The next piece, with its BEGIN and END lines; *LABEL is what it says that it is. Empty at the end. */
static struct view next_piece(struct view *rest, struct view *label)
{
	struct view start = view_skip(*rest, before(*rest, "-----BEGIN ").len), inside = view_skip(start, 11);

	*label = before(inside, "-----");
	inside = view_skip(inside, label->len + 5);
	size_t body = before(inside, "-----END ").len;
	size_t end = body + before(view_skip(inside, body), "\n").len + 1;
	*rest = view_skip(inside, end);
	return start.len ? view_make(start.data, start.len - rest->len) : start;
}

static gnutls_datum_t datum_of(struct view v)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)v.data, (unsigned)v.len };
}

/* ---- a certificate ---- */

static void add_name(struct tls_cert *c, struct arena *a, const char *text)
{
	char name[ADDRESS_DOMAIN_MAX + 3];
	struct view v = view_of(text);
	bool wild = view_starts(v, VIEW("*."));

	if (c->name_count == NAMES_MAX || !address_domain_fold(view_skip(v, wild ? 2 : 0), name + 2) || name[2] == '[')
		return;
	memcpy(name, "*.", 2);
	const char *whole = wild ? name : name + 2;
	for (size_t i = 0; i < c->name_count; i++)
		if (strcmp(c->names[i], whole) == 0)
			return;
	c->names[c->name_count++] = arena_strdup(a, whole);
}

/* Subject alternative names, and the common name, which is what old certificates have alone. */
static void take_names(struct tls_cert *c, gnutls_x509_crt_t x, struct arena *a)
{
	const char *found[NAMES_MAX];
	char text[ADDRESS_DOMAIN_MAX + 3];
	size_t size = sizeof(text);

	c->names = found;
	if (gnutls_x509_crt_get_dn_by_oid(x, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) == 0)
		add_name(c, a, text);
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		size = sizeof(text);
		int kind = gnutls_x509_crt_get_subject_alt_name(x, i, text, &size, NULL);
		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (kind == GNUTLS_SAN_DNSNAME)
			add_name(c, a, text);
	}
	c->names = arena_alloc(a, (c->name_count + 1) * sizeof(*c->names));
	memcpy(c->names, found, c->name_count * sizeof(*c->names));
}

static struct view keep_datum(gnutls_datum_t *d, struct arena *a)
{
	struct view v = view_make(arena_view_dup(a, view_make((const char *)d->data, d->size)), d->size);

	gnutls_free(d->data);
	return v;
}

#define FEATURE_STATUS_REQUEST 5	/* RFC 7633: the number of the TLS extension */

static bool demands_staple(gnutls_x509_crt_t x)
{
	gnutls_x509_tlsfeatures_t features = NULL;
	unsigned feature, critical;
	bool must = false;

	if (gnutls_x509_tlsfeatures_init(&features) >= 0 && gnutls_x509_crt_get_tlsfeatures(x, features, 0, &critical) >= 0)
		for (unsigned i = 0; !must && gnutls_x509_tlsfeatures_get(features, i, &feature) >= 0; i++)
			must = feature == FEATURE_STATUS_REQUEST;
	if (features)
		gnutls_x509_tlsfeatures_deinit(features);
	return must;
}

static int take_cert(struct tls_cert *c, gnutls_x509_crt_t x, struct arena *a)
{
	gnutls_datum_t der = { NULL, 0 }, subject = { NULL, 0 }, issuer = { NULL, 0 };
	size_t size = sizeof(c->id);
	unsigned critical, ca = 0;
	int code = gnutls_x509_crt_export2(x, GNUTLS_X509_FMT_DER, &der);

	if (code >= 0)
		code = gnutls_x509_crt_get_raw_dn(x, &subject);
	if (code >= 0)
		code = gnutls_x509_crt_get_raw_issuer_dn(x, &issuer);
	if (code >= 0)
		code = gnutls_x509_crt_get_key_id(x, GNUTLS_KEYID_USE_SHA256, c->id, &size);
	c->der = datum_of(keep_datum(&der, a));
	c->subject = keep_datum(&subject, a);
	c->issuer = keep_datum(&issuer, a);
	if (code < 0)
		return code;
	c->algorithm = (gnutls_pk_algorithm_t)gnutls_x509_crt_get_pk_algorithm(x, NULL);
	c->is_ca = gnutls_x509_crt_get_basic_constraints(x, &critical, &ca, NULL) >= 0 && ca;
	c->must_staple = demands_staple(x);
	c->from = gnutls_x509_crt_get_activation_time(x);
	c->until = gnutls_x509_crt_get_expiration_time(x);
	take_names(c, x, a);
	return 0;
}

static int read_cert(struct view pem, struct arena *a, struct tls_cert *c)
{
	gnutls_datum_t d = datum_of(pem);
	gnutls_x509_crt_t x = NULL;
	int code = gnutls_x509_crt_init(&x);

	if (code >= 0)
		code = gnutls_x509_crt_import(x, &d, GNUTLS_X509_FMT_PEM);
	if (code >= 0)
		code = take_cert(c, x, a);
	if (x)
		gnutls_x509_crt_deinit(x);
	return code;
}

/* ---- a key ---- */

static void free_key(void *key)
{
	gnutls_x509_privkey_deinit(key);
}

static int read_key(struct view pem, struct arena *a, struct tls_key *key)
{
	gnutls_datum_t d = datum_of(pem);
	size_t size = sizeof(key->id);
	int code = gnutls_x509_privkey_init(&key->x509);

	if (code < 0)
		return code;
	arena_cleanup(a, free_key, key->x509);
	code = gnutls_x509_privkey_import2(key->x509, &d, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	return code < 0 ? code : gnutls_x509_privkey_get_key_id(key->x509, GNUTLS_KEYID_USE_SHA256, key->id, &size);
}

/* ---- both ---- */

static bool is_encrypted(struct view piece, struct view label)
{
	return view_eq(label, VIEW("ENCRYPTED PRIVATE KEY")) || before(piece, "Proc-Type: 4,ENCRYPTED").len < piece.len;
}

bool tls_pem_read(const char *path, struct arena *a, struct tls_cert **certs, struct tls_key **keys, struct err *err)
{
	if (keys && tls_key_is_remote()) {
		if (!tls_key_fetch(path, a, keys, err))
			return false;
		keys = NULL;
	}
	if (!certs && !keys)
		return true;

	size_t len = 0;
	char *text = read_text(path, &len, err);
	struct view rest = view_make(text, len), label, piece;
	bool ok = text != NULL;

	while (certs && *certs)
		certs = &(*certs)->next;
	while (keys && *keys)
		keys = &(*keys)->next;
	while (ok && (piece = next_piece(&rest, &label)).len) {
		int code = 0;
		if (certs && (view_eq(label, VIEW("CERTIFICATE")) || view_eq(label, VIEW("X509 CERTIFICATE")))) {
			*certs = arena_alloc(a, sizeof(**certs));
			(*certs)->path = path;
			code = read_cert(piece, a, *certs);
			certs = &(*certs)->next;
		} else if (keys && view_case_ends(label, VIEW("PRIVATE KEY"))) {
			if (is_encrypted(piece, label)) {
				ok = err_set(err, "%s: found an encrypted private key, expected one without a password", path);
				break;
			}
			*keys = arena_alloc(a, sizeof(**keys));
			(*keys)->path = path;
			code = read_key(piece, a, *keys);
			keys = &(*keys)->next;
		}
		if (code < 0)
			ok = err_set(err, "%s: broken %.*s: %s", path, (int)(label.len < 40 ? label.len : 40), label.data, gnutls_strerror(code));
	}
	if (text)
		end_text(text, len);
	return ok;
}
