/* tool_tls_cert.c - `postrider tls-cert`: a self-signed certificate and its key, so that TLS works before there is a
 * bought one. ECDSA P-256 unless RSA is asked for: an RSA handshake costs many times as much. */
#include "tool.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/view.h"

#include <fcntl.h>
#include <getopt.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <sys/stat.h>

#define NAMES_MAX 64

struct request {
	const char *dir;
	size_t name_count;
	const char *names[NAMES_MAX];
	unsigned days;
	bool rsa, force;
};

static bool check_gnutls(int code, const char *what, struct err *err)
{
	return code >= 0 || err_set(err, "%s: %s", what, gnutls_strerror(code));
}

/* RFC 5280 4.1.2.2: positive, at most 20 octets; and not to be guessed. */
static int set_serial(gnutls_x509_crt_t cert)
{
	unsigned char serial[16];
	int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] = (serial[0] & 0x3f) | 0x40;
	return code < 0 ? code : gnutls_x509_crt_set_serial(cert, serial, sizeof(serial));
}

static int set_names(gnutls_x509_crt_t cert, const struct request *r)
{
	/* A common name has at most 64 characters (RFC 5280 appendix A); the alternative names are what counts. */
	const char *first = strlen(r->names[0]) <= 64 ? r->names[0] : "postrider";
	int code = gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, first, (unsigned)strlen(first));

	for (size_t i = 0; i < r->name_count && code >= 0; i++)
		code = gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, r->names[i], (unsigned)strlen(r->names[i]),
			i ? GNUTLS_FSAN_APPEND : GNUTLS_FSAN_SET);
	return code;
}

static bool fill(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const struct request *r, struct err *err)
{
	time_t now = clock_now();
	unsigned char id[20];
	size_t id_size = sizeof(id);
	unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE | (r->rsa ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0);

	return check_gnutls(gnutls_x509_crt_set_version(cert, 3), "version", err) && check_gnutls(set_serial(cert), "serial number", err)
		&& check_gnutls(gnutls_x509_crt_set_activation_time(cert, now - 3600), "begin", err)
		&& check_gnutls(gnutls_x509_crt_set_expiration_time(cert, now + (time_t)r->days * 86400), "end", err)
		&& check_gnutls(set_names(cert, r), "names", err)
		&& check_gnutls(gnutls_x509_crt_set_key(cert, key), "key", err)
		&& check_gnutls(gnutls_x509_crt_set_basic_constraints(cert, 0, -1), "constraints", err)
		&& check_gnutls(gnutls_x509_crt_set_key_usage(cert, usage), "key usage", err)
		&& check_gnutls(gnutls_x509_crt_set_key_purpose_oid(cert, GNUTLS_KP_TLS_WWW_SERVER, 0), "key purpose", err)
		&& check_gnutls(gnutls_x509_crt_get_key_id(cert, 0, id, &id_size), "key id", err)
		&& check_gnutls(gnutls_x509_crt_set_subject_key_id(cert, id, id_size), "key id", err)
		&& check_gnutls(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), "signature", err);
}

/* Both in PEM; to be freed with gnutls_free. */
static bool make_pair(const struct request *r, gnutls_datum_t *cert_pem, gnutls_datum_t *key_pem, struct err *err)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t cert = NULL;
	bool ok = check_gnutls(gnutls_x509_privkey_init(&key), "key", err) && check_gnutls(gnutls_x509_crt_init(&cert), "certificate", err);

	if (ok && r->rsa)
		ok = check_gnutls(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 3072, 0), "RSA key", err);
	else if (ok)
		ok = check_gnutls(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
			"ECDSA key", err);
	ok = ok && fill(cert, key, r, err) && check_gnutls(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, key_pem), "key", err)
		&& check_gnutls(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, cert_pem), "certificate", err);
	if (cert)
		gnutls_x509_crt_deinit(cert);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return ok;
}

/* Writes beside PATH; the caller renames. */
static bool write_beside(const char *path, char temporary[PATH_MAX], const gnutls_datum_t *pem, mode_t mode, struct err *err)
{
	int fd;
	bool ok;

	if (snprintf(temporary, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return err_set(err, "%s: the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", temporary);
	ok = (fchmod(fd, mode) == 0 && write(fd, pem->data, pem->size) == (ssize_t)pem->size && fsync(fd) == 0) || err_sys(err, "%s", temporary);
	close(fd);
	if (!ok)
		unlink(temporary);
	return ok;
}

/* link(2) refuses what rename(2) would replace. */
static bool put_in_place(const char *temporary, const char *path, bool force, struct err *err)
{
	bool ok = force ? rename(temporary, path) == 0 : link(temporary, path) == 0;

	if (!ok && errno == EEXIST)
		err_set(err, "%s exists; --force replaces it", path);
	else if (!ok)
		err_sys(err, "%s", path);
	if (!ok || !force)
		unlink(temporary);
	return ok;
}

static bool write_pair(const char *cert, const gnutls_datum_t *cert_pem, const char *key, const gnutls_datum_t *key_pem, bool force, struct err *err)
{
	char new_cert[PATH_MAX], new_key[PATH_MAX];

	if (!force && (access(cert, F_OK) == 0 || access(key, F_OK) == 0))
		return err_set(err, "%s exists; --force replaces it", access(cert, F_OK) == 0 ? cert : key);
	if (!write_beside(key, new_key, key_pem, 0600, err))
		return false;
	if (!write_beside(cert, new_cert, cert_pem, 0644, err)) {
		unlink(new_key);
		return false;
	}
	if (!put_in_place(new_key, key, force, err)) {
		unlink(new_cert);
		return false;
	}
	return put_in_place(new_cert, cert, force, err);
}

/* FILE as tls.conf names it; in DIR instead of the configuration directory when that is given. */
static char *target(const struct settings *s, const struct request *r, const char *file)
{
	const char *slash = strrchr(file, '/');

	return r->dir ? arena_printf(s->arena, "%s/%s", r->dir, slash ? slash + 1 : file) : settings_path(s, file);
}

static int run(const struct tool *tool, struct request *r)
{
	struct settings *s = tool_settings(tool);
	struct err err = { "" };
	gnutls_datum_t cert_pem = { NULL, 0 }, key_pem = { NULL, 0 };
	const struct tls_settings *t;
	const char *cert, *key;
	bool ok;

	if (!s)
		return TOOL_FAILED;
	t = settings_tls(s, "inbound");
	if (!t->cert[0] || !t->key[0])
		return tool_fail("tls.conf names no certificate or no key");
	if (r->name_count == 0)
		r->names[r->name_count++] = s->me;
	cert = target(s, r, t->cert[0]);
	key = target(s, r, t->key[0]);
	ok = make_pair(r, &cert_pem, &key_pem, &err) && write_pair(cert, &cert_pem, key, &key_pem, r->force, &err);
	if (ok)
		printf("%s\n%s\n", cert, key);
	gnutls_memset(key_pem.data, 0, key_pem.size);
	gnutls_free(cert_pem.data);
	gnutls_free(key_pem.data);
	settings_free(&s);
	return ok ? TOOL_OK : tool_fail("%s", err.text);
}

static bool add_name(struct request *r, const char *name)
{
	struct view v = view_of(name);

	if (view_starts(v, VIEW("*.")))
		v = view_skip(v, 2);
	if (r->name_count == NAMES_MAX || !address_domain_valid(v, false))
		return false;
	r->names[r->name_count++] = name;
	return true;
}

int tool_tls_cert(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' }, { "name", required_argument, NULL, 'n' }, { "days", required_argument, NULL, 't' },
		{ "rsa", no_argument, NULL, 'r' }, { "force", no_argument, NULL, 'f' }, { NULL, 0, NULL, 0 },
	};
	struct request r = { .days = 3650 };
	uint64_t days;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			r.dir = optarg;
			break;
		case 'n':
			if (!add_name(&r, optarg))
				return tool_fail("--name: found \"%s\", expected a domain name (at most %d)", optarg, NAMES_MAX);
			break;
		case 't':
			if (!view_u64(view_of(optarg), 36500, &days) || !days)
				return tool_fail("--days: found \"%s\", expected a number from 1 to 36500", optarg);
			r.days = (unsigned)days;
			break;
		case 'r':
			r.rsa = true;
			break;
		case 'f':
			r.force = true;
			break;
		default:
			return tool_usage(tool);
		}
	}
	return optind < argc ? tool_usage(tool) : run(tool, &r);
}
