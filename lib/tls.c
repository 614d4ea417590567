/* tls.c - see tls.h. GnuTLS is always driven non-blocking: our push and pull functions never wait, whatever mode
 * the descriptor is in, and pull reads ahead so that a record costs one recv(), not two. */
#include "tls.h"
#include "clock.h"
#include "log.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <sys/socket.h>

#define READ_AHEAD 2048
#define WARNINGS_MAX 4		/* alerts that end nothing, in one handshake */
#define EMPTY_MAX 16		/* records without data that are read in one go: who sends them for ever holds up nobody */

struct tls_context {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;	/* server: one for all workers, made before the fork */
};

struct tls_session {
	gnutls_session_t gnutls;
	int fd;
	bool established, said_bye;
	unsigned warnings;
	char version[16], cipher[64], sni[256];
	size_t ahead_at, ahead_end;
	char ahead[READ_AHEAD];
};

static bool fail(struct err *err, const char *what, int code)
{
	return err_set(err, "%s: %s", what, gnutls_strerror(code));
}

/* The priority string: what the administrator gave, else NORMAL without anything below the minimum version. */
static bool make_priority(struct tls_context *ctx, const struct settings *s, struct err *err)
{
	static const char *const versions[] = { "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" };
	static const char *const names[] = { "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3" };
	char text[512];
	const char *at = NULL;
	size_t len = (size_t)snprintf(text, sizeof(text), "%s:-VERS-ALL",
				      s->tls_priority && *s->tls_priority ? s->tls_priority : "NORMAL:%SERVER_PRECEDENCE");
	bool on = false;

	for (size_t i = 0; i < COUNT_OF(versions) && len < sizeof(text); i++) {
		on = on || strcasecmp(s->tls_min_version, versions[i]) == 0;
		if (on)
			len += (size_t)snprintf(text + len, sizeof(text) - len, ":+VERS-%s", names[i]);
	}
	if (!on)
		return err_set(err, "tls.conf: min_version: found \"%s\", expected TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3", s->tls_min_version);
	if (len >= sizeof(text))
		return err_set(err, "tls.conf: priority is longer than %zu characters", sizeof(text) - 100);
	int code = gnutls_priority_init2(&ctx->priority, text, &at, 0);
	if (code < 0)
		return err_set(err, "tls.conf: priority: found \"%s\", which GnuTLS does not understand from \"%s\" on", text, at ? at : text);
	return true;
}

static void warn_if_expired(gnutls_certificate_credentials_t credentials, const char *path)
{
	time_t end;
	gnutls_x509_crt_t *list = NULL;
	unsigned count = 0;
	char when[CLOCK_DATE_SIZE];

	if (gnutls_certificate_get_x509_crt(credentials, 0, &list, &count) < 0)
		return;
	if (count) {
		end = gnutls_x509_crt_get_expiration_time(list[0]);
		if (end != (time_t)-1 && end < clock_now())
			log_warn("certificate %s has expired on %s", path, clock_date(end, when));
	}
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
}

static bool load_pair(struct tls_context *ctx, const char *cert, const char *key, struct err *err)
{
	for (int i = 0; i < 2; i++) {
		const char *path = i ? key : cert;
		if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
			return err_sys(err, "cannot read TLS %s %s", i ? "key" : "certificate", path);
	}
	int code = gnutls_certificate_set_x509_key_file2(ctx->credentials, cert, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return err_set(err, "TLS key %s does not belong to certificate %s", key, cert);
	if (code < 0)
		return err_set(err, "TLS certificate %s with key %s: %s", cert, key, gnutls_strerror(code));
	warn_if_expired(ctx->credentials, cert);
	return true;
}

static struct tls_context *context_new(const struct settings *s, struct err *err)
{
	struct tls_context *ctx = calloc(1, sizeof(*ctx));
	int code;

	if (!ctx)
		return err_set(err, "out of memory"), NULL;
	code = gnutls_certificate_allocate_credentials(&ctx->credentials);
	if (code < 0)
		fail(err, "TLS", code);
	if (code < 0 || !make_priority(ctx, s, err))
		tls_context_free(&ctx);
	return ctx;
}

struct tls_context *tls_server_context(const struct settings *s, const char *cert, const char *key, struct err *err)
{
	struct tls_context *ctx = context_new(s, err);
	int code = 0;

	if (!ctx)
		return NULL;
	if (!load_pair(ctx, cert, key, err) || (code = gnutls_session_ticket_key_generate(&ctx->ticket_key)) < 0) {
		if (code < 0)
			fail(err, "TLS ticket key", code);
		tls_context_free(&ctx);
		return NULL;
	}
	/* RFC 7919 groups for finite-field Diffie-Hellman */
	gnutls_certificate_set_known_dh_params(ctx->credentials, GNUTLS_SEC_PARAM_MEDIUM);
	return ctx;
}

struct tls_context *tls_client_context(const struct settings *s, struct err *err)
{
	return context_new(s, err);
}

void tls_context_free(struct tls_context **ctxp)
{
	struct tls_context *ctx = *ctxp;

	*ctxp = NULL;
	if (!ctx)
		return;
	if (ctx->credentials)
		gnutls_certificate_free_credentials(ctx->credentials);
	if (ctx->priority)
		gnutls_priority_deinit(ctx->priority);
	if (ctx->ticket_key.data) {
		gnutls_memset(ctx->ticket_key.data, 0, ctx->ticket_key.size);
		gnutls_free(ctx->ticket_key.data);
	}
	free(ctx);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	struct tls_session *s = ptr;

	if (s->ahead_at == s->ahead_end) {
		bool direct = len >= sizeof(s->ahead);
		ssize_t n = recv(s->fd, direct ? data : s->ahead, direct ? len : sizeof(s->ahead), MSG_DONTWAIT);

		if (n <= 0 || direct) {
			if (n < 0)
				gnutls_transport_set_errno(s->gnutls, errno);
			return n;
		}
		s->ahead_at = 0;
		s->ahead_end = (size_t)n;
	}
	size_t n = s->ahead_end - s->ahead_at;
	if (n > len)
		n = len;
	memcpy(data, s->ahead + s->ahead_at, n);
	s->ahead_at += n;
	return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int count)
{
	struct tls_session *s = ptr;
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count };
	ssize_t n = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		gnutls_transport_set_errno(s->gnutls, errno);
	return n;
}

/* A client that speaks ALPN must mean mail (cross-protocol attacks, ALPACA); one that does not is welcome. */
static void demand_smtp(gnutls_session_t g)
{
	static unsigned char smtp[] = "smtp";
	const gnutls_datum_t protocol = { smtp, sizeof(smtp) - 1 };

	gnutls_alpn_set_protocols(g, &protocol, 1, GNUTLS_ALPN_MANDATORY);
}

struct tls_session *tls_session_new(struct tls_context *ctx, bool server, int fd, const char *server_name, struct err *err)
{
	struct tls_session *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return err_set(err, "out of memory"), NULL;
	s->fd = fd;
	code = gnutls_init(&s->gnutls, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (code < 0) {
		fail(err, "TLS", code);
		free(s);
		return NULL;
	}
	gnutls_priority_set(s->gnutls, ctx->priority);
	gnutls_credentials_set(s->gnutls, GNUTLS_CRD_CERTIFICATE, ctx->credentials);
	gnutls_handshake_set_timeout(s->gnutls, 0);	/* deadlines are ours */
	gnutls_transport_set_ptr(s->gnutls, s);
	gnutls_transport_set_pull_function(s->gnutls, pull);
	gnutls_transport_set_vec_push_function(s->gnutls, push);
	if (server) {
		demand_smtp(s->gnutls);
		gnutls_session_ticket_enable_server(s->gnutls, &ctx->ticket_key);
	} else if (server_name && *server_name) {
		gnutls_server_name_set(s->gnutls, GNUTLS_NAME_DNS, server_name, strlen(server_name));
	}
	return s;
}

void tls_session_free(struct tls_session **sp)
{
	struct tls_session *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	gnutls_deinit(s->gnutls);
	gnutls_memset(s, 0, sizeof(*s));
	free(s);
}

/* Turns a GnuTLS error into one of ours, with the words for the log. */
static int classify(struct tls_session *s, int code, struct err *err)
{
	if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
		return gnutls_record_get_direction(s->gnutls) ? TLS_WANT_WRITE : TLS_WANT_READ;
	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED) {
		const char *name = gnutls_alert_get_name(gnutls_alert_get(s->gnutls));
		err_set(err, "TLS alert from the other side: %s", name ? name : "unknown");
	} else {
		fail(err, "TLS", code);
	}
	return TLS_FAILED;
}

static void note_facts(struct tls_session *s)
{
	const char *version = gnutls_protocol_get_name(gnutls_protocol_get_version(s->gnutls));
	const char *cipher = gnutls_ciphersuite_get(s->gnutls);
	size_t len = sizeof(s->sni) - 1;
	unsigned type = 0;

	s->established = true;
	snprintf(s->version, sizeof(s->version), "%s", version ? version : "TLS");
	snprintf(s->cipher, sizeof(s->cipher), "%s", cipher ? cipher : "");
	if (gnutls_server_name_get(s->gnutls, s->sni, &len, &type, 0) < 0 || type != GNUTLS_NAME_DNS)
		s->sni[0] = '\0';
}

int tls_handshake(struct tls_session *s, struct err *err)
{
	for (;;) {
		int code = gnutls_handshake(s->gnutls);

		if (code == GNUTLS_E_SUCCESS) {
			note_facts(s);
			return 1;
		}
		/* unrecognised server name and the like; the handshake goes on, but not for ever */
		if (code == GNUTLS_E_WARNING_ALERT_RECEIVED && ++s->warnings <= WARNINGS_MAX)
			continue;
		if (code != GNUTLS_E_AGAIN && code != GNUTLS_E_INTERRUPTED)
			gnutls_alert_send_appropriate(s->gnutls, code);
		return classify(s, code, err);
	}
}

bool tls_handshake_until(struct tls_session *s, int64_t deadline, struct err *err)
{
	for (;;) {
		int r = tls_handshake(s, err);
		struct pollfd p = { .fd = s->fd, .events = r == TLS_WANT_WRITE ? POLLOUT : POLLIN };

		if (r == 1)
			return true;
		if (r == TLS_FAILED)
			return false;
		int left = clock_left(deadline), n = left ? poll(&p, 1, left) : 0;
		if (n == 0)
			return err_set(err, "TLS handshake: time-out");
		if (n < 0 && errno != EINTR)
			return err_sys(err, "TLS handshake: poll");
	}
}

ssize_t tls_read(struct tls_session *s, void *data, size_t len, struct err *err)
{
	unsigned empty = 0;
	ssize_t n;

	/* After a record that holds no data (a session ticket) GnuTLS says "again" although more was read ahead. */
	do {
		n = gnutls_record_recv(s->gnutls, data, len);
	} while ((n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) && s->ahead_at < s->ahead_end && ++empty < EMPTY_MAX);
	/* Everything that is not data or a clean end, a rehandshake request included, ends the connection. */
	return n >= 0 ? n : classify(s, (int)n, err);
}

ssize_t tls_write(struct tls_session *s, const void *data, size_t len, struct err *err)
{
	/* after an interruption GnuTLS wants its own buffer sent first, and the same call again */
	ssize_t n = gnutls_record_send(s->gnutls, data, len);

	return n >= 0 ? n : classify(s, (int)n, err);
}

bool tls_pending(const struct tls_session *s)
{
	return s->ahead_at < s->ahead_end || gnutls_record_check_pending(s->gnutls) > 0;
}

void tls_bye(struct tls_session *s)
{
	if (s->established && !s->said_bye) {
		s->said_bye = true;
		gnutls_bye(s->gnutls, GNUTLS_SHUT_WR);
	}
}

const char *tls_version(const struct tls_session *s)
{
	return s->version;
}

const char *tls_cipher(const struct tls_session *s)
{
	return s->cipher;
}

const char *tls_sni(const struct tls_session *s)
{
	return s->sni;
}
