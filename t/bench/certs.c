/* certs.c - makes a certificate directory: COUNT bundles of key, certificate and the authority that signed it, for the hosts
 * mx0.example.test, mx1.example.test, ..., and root.pem in front of them all.
 *
 *   certs DIRECTORY COUNT [rsa|ec] */
#include "../../lib/base.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

static void must(int code)
{
	if (code < 0) {
		fprintf(stderr, "certs: %s\n", gnutls_strerror(code));
		exit(1);
	}
}

static gnutls_x509_privkey_t make_key(bool rsa)
{
	gnutls_x509_privkey_t key;

	must(gnutls_x509_privkey_init(&key));
	if (rsa)
		must(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0));
	else
		must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	return key;
}

/* SIGNER NULL: by itself, as an authority. */
static gnutls_x509_crt_t make_cert(const char *name, unsigned serial, gnutls_x509_privkey_t key, gnutls_x509_crt_t signer, gnutls_x509_privkey_t signer_key)
{
	unsigned char number[5] = { 1, (unsigned char)(serial >> 24), (unsigned char)(serial >> 16), (unsigned char)(serial >> 8), (unsigned char)serial };
	gnutls_x509_crt_t cert;

	must(gnutls_x509_crt_init(&cert));
	must(gnutls_x509_crt_set_version(cert, 3));
	must(gnutls_x509_crt_set_serial(cert, number, sizeof(number)));
	must(gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)));
	if (signer)
		must(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_SET));
	must(gnutls_x509_crt_set_basic_constraints(cert, !signer, -1));
	must(gnutls_x509_crt_set_activation_time(cert, time(NULL) - 3600));
	must(gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 90 * 86400));
	must(gnutls_x509_crt_set_key(cert, key));
	must(gnutls_x509_crt_sign2(cert, signer ? signer : cert, signer ? signer_key : key, GNUTLS_DIG_SHA256, 0));
	return cert;
}

static void put(FILE *out, gnutls_x509_privkey_t key, gnutls_x509_crt_t cert)
{
	gnutls_datum_t pem;

	if (key) {
		must(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
		fwrite(pem.data, 1, pem.size, out);
		gnutls_free(pem.data);
	}
	must(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem));
	fwrite(pem.data, 1, pem.size, out);
	gnutls_free(pem.data);
}

static FILE *create(const char *directory, const char *name)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s.pem", directory, name);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		exit(1);
	}
	return out;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	bool rsa = argc > 3 && strcmp(argv[3], "rsa") == 0;
	gnutls_x509_privkey_t root_key = make_key(false);
	gnutls_x509_crt_t root = make_cert("Bench root", 1, root_key, NULL, NULL);
	FILE *out;

	if (!count) {
		fprintf(stderr, "usage: certs DIRECTORY COUNT [rsa|ec]\n");
		return 2;
	}
	out = create(argv[1], "root");
	put(out, NULL, root);
	fclose(out);
	for (unsigned i = 0; i < count; i++) {
		gnutls_x509_privkey_t key = make_key(rsa);
		char name[64];
		snprintf(name, sizeof(name), "mx%u.example.test", i);
		gnutls_x509_crt_t cert = make_cert(name, i + 2, key, root, root_key);
		out = create(argv[1], name);
		put(out, key, cert);
		put(out, NULL, root);
		fclose(out);
		gnutls_x509_crt_deinit(cert);
		gnutls_x509_privkey_deinit(key);
	}
	return 0;
}
