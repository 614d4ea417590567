/* tls_ocsp.c - see tls_ocsp.h. A worker looks at the file of a certificate at most once in LOOK seconds, and reads it only when it
 * has changed. Whoever fetches writes beside it and renames, so a response is whole or not there. */
#include "tls_ocsp.h"
#include "clock.h"
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/ocsp.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define RESPONSE_MAX 65536	/* octets; the common ones have 500 to 2500 */
#define SKEW 300		/* seconds that clocks may differ */
#define NO_END 3600		/* seconds that a response without nextUpdate is taken for good: RFC 6960 2.4 says it may be newer at any time */
#define LOOK 10

extern char **environ;

struct tls_ocsp {
	const char *cert_path, *file, *uri;
	gnutls_datum_t cert, issuer;	/* DER */
	/* what this process has read */
	int64_t looked;			/* clock_ms */
	struct timespec changed;
	gnutls_datum_t response;	/* data NULL: none */
	time_t until;
};

/* ---- what a certificate says ---- */

static gnutls_x509_crt_t import_cert(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t x = NULL;

	if (gnutls_x509_crt_init(&x) < 0)
		return NULL;
	if (gnutls_x509_crt_import(x, der, GNUTLS_X509_FMT_DER) >= 0)
		return x;
	gnutls_x509_crt_deinit(x);
	return NULL;
}

/* The address of the responder in A; NULL when none is named, or none that can be asked. */
static const char *responder(const struct tls_cert *cert, struct arena *a)
{
	gnutls_x509_crt_t x = import_cert(&cert->der);
	gnutls_datum_t uri = { NULL, 0 };
	const char *found = NULL;

	for (unsigned i = 0; x && !found && i < 16; i++) {
		int code = gnutls_x509_crt_get_authority_info_access(x, i, GNUTLS_IA_OCSP_URI, &uri, NULL);
		struct view v = view_make((const char *)uri.data, uri.size);

		if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (code >= 0 && view_is_printable(v) && (view_case_starts(v, VIEW("http://")) || view_case_starts(v, VIEW("https://"))))
			found = arena_view_dup(a, v);
		gnutls_free(uri.data);
		uri = (gnutls_datum_t){ NULL, 0 };
	}
	if (x)
		gnutls_x509_crt_deinit(x);
	return found;
}

/* Named by the certificate's hash: a renewed certificate has a file of its own. */
static const char *file_name(const char *dir, const struct tls_cert *cert, struct arena *a)
{
	unsigned char hash[32];
	char hex[2 * sizeof(hash) + 1];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, cert->der.data, cert->der.size, hash) < 0)
		bug("SHA-256 is missing");
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return arena_printf(a, "%s/%s.der", dir, hex);
}

struct tls_ocsp *tls_ocsp_new(struct arena *a, const char *dir, const struct tls_cert *cert, const struct tls_cert *issuer)
{
	const char *uri = responder(cert, a);
	struct tls_ocsp *o;

	if (!uri)
		return NULL;
	o = arena_alloc(a, sizeof(*o));
	*o = (struct tls_ocsp){ .cert_path = cert->path, .file = file_name(dir, cert, a), .uri = uri, .cert = cert->der, .issuer = issuer->der };
	return o;
}

/* ---- checking ---- */

/* The issuer itself signs, or whom it has certified for that alone (RFC 6960 4.2.2.2). */
static bool signed_rightly(gnutls_ocsp_resp_t r, gnutls_x509_crt_t issuer)
{
	gnutls_x509_trust_list_t trust = NULL;
	unsigned wrong = 0;

	if (gnutls_ocsp_resp_verify_direct(r, issuer, &wrong, 0) >= 0 && !wrong)
		return true;
	wrong = 0;
	bool ok = gnutls_x509_trust_list_init(&trust, 0) >= 0 && gnutls_x509_trust_list_add_cas(trust, &issuer, 1, 0) == 1 &&
		  gnutls_ocsp_resp_verify(r, trust, &wrong, 0) >= 0 && !wrong;
	if (trust)
		gnutls_x509_trust_list_deinit(trust, 0);	/* the issuer stays the caller's */
	return ok;
}

static bool says_good(gnutls_ocsp_resp_t r, gnutls_x509_crt_t cert, time_t now, time_t *until, struct err *err)
{
	unsigned status;
	time_t from;
	int code;

	if (gnutls_ocsp_resp_check_crt(r, 0, cert) < 0)
		return err_set(err, "the response is about another certificate");
	code = gnutls_ocsp_resp_get_single(r, 0, NULL, NULL, NULL, NULL, &status, &from, until, NULL, NULL);
	if (code < 0)
		return err_set(err, "%s", gnutls_strerror(code));
	if (*until == (time_t)-1)
		*until = from + NO_END;
	if (from == (time_t)-1 || from > now + SKEW || *until <= now)
		return err_set(err, "the response is not of this time");
	if (status == GNUTLS_OCSP_CERT_REVOKED)
		return err_set(err, "THE CERTIFICATE HAS BEEN REVOKED");
	return status == GNUTLS_OCSP_CERT_GOOD || err_set(err, "the responder does not know the certificate");
}

bool tls_ocsp_check(const struct tls_ocsp *o, const gnutls_datum_t *response, time_t now, time_t *until, struct err *err)
{
	gnutls_x509_crt_t cert = import_cert(&o->cert), issuer = import_cert(&o->issuer);
	gnutls_ocsp_resp_t r = NULL;
	bool ok = false;
	int status;

	if (!cert || !issuer || gnutls_ocsp_resp_init(&r) < 0)
		err_set(err, "out of memory");
	else if (gnutls_ocsp_resp_import(r, response) < 0)
		err_set(err, "the answer is no OCSP response");
	else if ((status = gnutls_ocsp_resp_get_status(r)) != GNUTLS_OCSP_RESP_SUCCESSFUL)
		err_set(err, "the responder refuses (status %d)", status);
	else if (!signed_rightly(r, issuer))
		err_set(err, "the response is not signed by the issuer of the certificate");
	else
		ok = says_good(r, cert, now, until, err);
	if (r)
		gnutls_ocsp_resp_deinit(r);
	if (issuer)
		gnutls_x509_crt_deinit(issuer);
	if (cert)
		gnutls_x509_crt_deinit(cert);
	return ok;
}

/* ---- stapling ---- */

static bool read_response(int fd, gnutls_datum_t *out)
{
	char data[RESPONSE_MAX];
	ssize_t n = read(fd, data, sizeof(data));

	if (n <= 0 || !(out->data = gnutls_malloc((size_t)n)))
		return false;
	memcpy(out->data, data, (size_t)n);
	out->size = (unsigned)n;
	return true;
}

static void forget(struct tls_ocsp *o)
{
	gnutls_free(o->response.data);
	o->response = (gnutls_datum_t){ NULL, 0 };
}

/* A response that is damaged or over is no response: a handshake without one is better than one with nonsense. */
static void read_again(struct tls_ocsp *o, int fd)
{
	struct err err = { "" };

	forget(o);
	if (read_response(fd, &o->response) && !tls_ocsp_check(o, &o->response, clock_now(), &o->until, &err))
		forget(o);
}

static void look(struct tls_ocsp *o)
{
	int fd;
	struct stat st;

	o->looked = clock_ms();
	fd = open(o->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		forget(o);
		o->changed = (struct timespec){ 0, 0 };
	} else if (st.st_mtim.tv_sec != o->changed.tv_sec || st.st_mtim.tv_nsec != o->changed.tv_nsec) {
		o->changed = st.st_mtim;
		read_again(o, fd);
	}
	if (fd >= 0)
		close(fd);
}

int tls_ocsp_give(gnutls_session_t session UNUSED, void *arg, gnutls_datum_t *response)
{
	struct tls_ocsp *o = arg;

	if (!o->looked || clock_ms() - o->looked > LOOK * 1000)
		look(o);
	if (!o->response.data || o->until <= clock_now())
		return GNUTLS_E_NO_CERTIFICATE_STATUS;
	response->data = gnutls_malloc(o->response.size);
	if (!response->data)
		return GNUTLS_E_MEMORY_ERROR;
	memcpy(response->data, o->response.data, o->response.size);
	response->size = o->response.size;
	return 0;
}

/* ---- fetching ---- */

bool tls_ocsp_due(const struct tls_ocsp *o, time_t now)
{
	gnutls_datum_t response = { NULL, 0 };
	struct err err = { "" };
	struct stat st;
	time_t until = 0;
	int fd = open(o->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_response(fd, &response) &&
		    tls_ocsp_check(o, &response, now, &until, &err);

	if (fd >= 0)
		close(fd);
	gnutls_free(response.data);
	return !good || st.st_mtim.tv_sec > now || until - now < (until - st.st_mtim.tv_sec) / 2;
}

static bool make_request(const struct tls_ocsp *o, gnutls_datum_t *out)
{
	gnutls_x509_crt_t cert = import_cert(&o->cert), issuer = import_cert(&o->issuer);
	gnutls_ocsp_req_t r = NULL;
	/* SHA-1 is what responders index by (RFC 5019 2.1.1); it only names the certificate, and protects nothing */
	bool ok = cert && issuer && gnutls_ocsp_req_init(&r) >= 0 && gnutls_ocsp_req_add_cert(r, GNUTLS_DIG_SHA1, issuer, cert) >= 0 &&
		  gnutls_ocsp_req_export(r, out) >= 0;

	if (r)
		gnutls_ocsp_req_deinit(r);
	if (issuer)
		gnutls_x509_crt_deinit(issuer);
	if (cert)
		gnutls_x509_crt_deinit(cert);
	return ok;
}

static bool start_fetch(const char *program, const char *uri, int in, int out, pid_t *pid)
{
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)uri, (char *)(uintptr_t)"application/ocsp-request", NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!error)
		error = posix_spawn(pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = error;
	return error == 0;
}

/* All that comes up to RESPONSE_MAX; more is cut off, and then is no response. */
static size_t read_answer(int fd, char *answer)
{
	size_t len = 0;
	ssize_t n;

	while (len < RESPONSE_MAX && ((n = read(fd, answer + len, RESPONSE_MAX - len)) > 0 || (n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	return len;
}

/* Runs FETCH with REQUEST, which fits into a pipe; ANSWER holds RESPONSE_MAX. */
static bool ask(const char *fetch, const char *uri, const gnutls_datum_t *request, char *answer, size_t *len, struct err *err)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, status = -1;
	pid_t pid = -1;
	bool ok = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && write(in[1], request->data, request->size) == (ssize_t)request->size &&
		  start_fetch(fetch, uri, in[0], out[1], &pid);

	if (!ok)
		err_sys(err, "cannot run %s", fetch);
	for (int i = 0; i < 3; i++)
		close(i == 0 ? in[0] : i == 1 ? in[1] : out[1]);
	*len = ok ? read_answer(out[0], answer) : 0;
	close(out[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ok && status != 0)
		return err_set(err, "%.*s", (int)(*len < 200 ? *len : 200), *len ? answer : "the request was broken off");
	return ok;
}

static bool write_file(const char *path, const char *data, size_t len, struct err *err)
{
	char beside[PATH_MAX];
	int fd;

	snprintf(beside, sizeof(beside), "%s.new", path);
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && write(fd, data, len) == (ssize_t)len && rename(beside, path) == 0;
	if (!ok)
		err_sys(err, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	if (!ok)
		unlink(beside);
	return ok;
}

bool tls_ocsp_refresh(const struct tls_ocsp *o, const char *fetch, struct err *err)
{
	gnutls_datum_t request = { NULL, 0 };
	char answer[RESPONSE_MAX];
	struct err why = { "" };
	size_t len = 0;
	time_t until;
	bool ok = make_request(o, &request) || err_set(&why, "out of memory");

	ok = ok && ask(fetch, o->uri, &request, answer, &len, &why);
	gnutls_datum_t response = { (unsigned char *)answer, (unsigned)len };
	ok = ok && tls_ocsp_check(o, &response, clock_now(), &until, &why) && write_file(o->file, answer, len, &why);
	gnutls_free(request.data);
	return ok || err_set(err, "OCSP response for %s from %s: %s", o->cert_path, o->uri, why.text);
}
