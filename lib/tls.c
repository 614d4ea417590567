/* tls.c - see tls.h: sessions. GnuTLS is always driven non-blocking: our push and pull functions never wait, whatever mode
 * the descriptor is in, and pull reads ahead so that a record costs one recv(), not two. */
#include "tls_internal.h"

#include <sys/socket.h>

#define WARNINGS_MAX 4		/* alerts that end nothing, in one handshake */
#define EMPTY_MAX 16		/* records without data that are read in one go: who sends them for ever holds up nobody */

static void note_errno(struct tls_session *s)
{
	s->error = errno;
	gnutls_transport_set_errno(s->gnutls, errno);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	struct tls_session *s = ptr;

	if (s->ahead_at == s->ahead_end) {
		bool direct = len >= sizeof(s->ahead);
		ssize_t n = recv(s->fd, direct ? data : s->ahead, direct ? len : sizeof(s->ahead), MSG_DONTWAIT);

		if (n <= 0 || direct) {
			if (n < 0)
				note_errno(s);
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
		note_errno(s);
	return n;
}

/* A client that speaks ALPN must mean mail (cross-protocol attacks, ALPACA); one that does not is welcome. */
static void demand_smtp(gnutls_session_t g)
{
	static unsigned char smtp[] = "smtp";
	const gnutls_datum_t protocol = { smtp, sizeof(smtp) - 1 };

	gnutls_alpn_set_protocols(g, &protocol, 1, GNUTLS_ALPN_MANDATORY);
}

/* The client has named the host that it wants (RFC 6066 3), if at all. */
static int choose_certificates(gnutls_session_t g)
{
	const struct tls_session *s = gnutls_session_get_ptr(g);
	char name[sizeof(s->sni)];
	size_t len = sizeof(name) - 1;
	unsigned type = 0;

	if (gnutls_server_name_get(g, name, &len, &type, 0) < 0 || type != GNUTLS_NAME_DNS)
		name[0] = '\0';
	return gnutls_credentials_set(g, GNUTLS_CRD_CERTIFICATE, tls_certs_find(s->context->certs, name));
}

static void begin_server(struct tls_session *s, const struct tls_wish *wish)
{
	struct tls_context *ctx = s->context;

	demand_smtp(s->gnutls);
	if (tls_certs_by_name(ctx->certs))
		gnutls_handshake_set_post_client_hello_function(s->gnutls, choose_certificates);
	gnutls_session_ticket_enable_server(s->gnutls, &ctx->ticket_keys[wish->verify]);
	if (ctx->request || wish->verify)
		gnutls_certificate_server_set_request(s->gnutls, wish->verify ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
}

static void begin_client(struct tls_session *s, const struct tls_wish *wish)
{
	struct netaddr ip;

	snprintf(s->name, sizeof(s->name), "%s", wish->name ? wish->name : "");
	snprintf(s->domain, sizeof(s->domain), "%s", wish->domain ? wish->domain : "");
	s->domain_alone = wish->domain_alone;
	if (*s->name && !netaddr_parse(view_of(s->name), &ip))	/* RFC 6066 3: an address is no server name */
		gnutls_server_name_set(s->gnutls, GNUTLS_NAME_DNS, s->name, strlen(s->name));
}

struct tls_session *tls_session_new(struct tls_context *ctx, int fd, const struct tls_wish *wish, struct err *err)
{
	struct tls_session *s = calloc(1, sizeof(*s));
	bool shown = ctx->certs && (ctx->server || wish->certificate);
	int code;

	if (!s)
		return err_set(err, "out of memory"), NULL;
	s->context = ctx;
	s->fd = fd;
	s->verify = wish->verify;
	code = gnutls_init(&s->gnutls, (ctx->server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT) |
					       GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (code < 0) {
		tls_fail(err, "TLS", code);
		free(s);
		return NULL;
	}
	gnutls_session_set_ptr(s->gnutls, s);
	gnutls_priority_set(s->gnutls, ctx->priority);
	gnutls_credentials_set(s->gnutls, GNUTLS_CRD_CERTIFICATE, shown ? tls_certs_find(ctx->certs, "") : ctx->credentials);
	gnutls_handshake_set_timeout(s->gnutls, 0);	/* deadlines are ours */
	gnutls_transport_set_ptr(s->gnutls, s);
	gnutls_transport_set_pull_function(s->gnutls, pull);
	gnutls_transport_set_vec_push_function(s->gnutls, push);
	gnutls_session_set_verify_function(s->gnutls, tls_verify_peer);
	if (ctx->server)
		begin_server(s, wish);
	else
		begin_client(s, wish);
	if (!ctx->server)
		tls_resume_begin(s, wish->session);
	return s;
}

void tls_session_free(struct tls_session **sp)
{
	struct tls_session *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	gnutls_deinit(s->gnutls);
	free(s->peer);
	free(s->key);
	gnutls_memset(s, 0, sizeof(*s));
	free(s);
}

/* Turns a GnuTLS error into one of ours, with the words for the log. */
static int classify(struct tls_session *s, int code, struct err *err)
{
	s->own_fault = code == GNUTLS_E_PK_SIGN_FAILED || code == GNUTLS_E_MEMORY_ERROR;
	if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
		return gnutls_record_get_direction(s->gnutls) ? TLS_WANT_WRITE : TLS_WANT_READ;
	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED) {
		const char *name = gnutls_alert_get_name(gnutls_alert_get(s->gnutls));
		err_set(err, "TLS alert from the other side: %s", name ? name : "unknown");
	} else if (code == GNUTLS_E_PULL_ERROR || code == GNUTLS_E_PUSH_ERROR) {
		err_set(err, "TLS: %s", strerror(s->error));	/* GnuTLS has but the names of our functions to tell */
	} else {
		tls_fail(err, "TLS", code);
	}
	if (tls_untrusted(s))
		err_set(err, "TLS: %s", s->peer ? s->peer->status : "the other side has shown no certificate");
	return TLS_FAILED;
}

/* The handshake, and in TLS 1.3 the ticket that comes behind it: one, since whoever takes a session up again gets a new one, and not two as
 * GnuTLS does it by itself. */
static int shake(struct tls_session *s)
{
	int code = s->ticket_due ? GNUTLS_E_SUCCESS : gnutls_handshake(s->gnutls);

	if (code == GNUTLS_E_SUCCESS && s->context->server && gnutls_protocol_get_version(s->gnutls) == GNUTLS_TLS1_3) {
		s->ticket_due = true;
		code = gnutls_session_ticket_send(s->gnutls, 1, 0);
	}
	return code;
}

int tls_handshake(struct tls_session *s, struct err *err)
{
	for (;;) {
		int code = shake(s);

		if (code == GNUTLS_E_SUCCESS && !tls_verify_resumed(s)) {
			tls_resume_failed(s);
			return classify(s, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR, err);
		}
		if (code == GNUTLS_E_SUCCESS) {
			tls_note_facts(s);
			tls_resume_keep(s);
			return 1;
		}
		/* unrecognised server name and the like; the handshake goes on, but not for ever */
		if (code == GNUTLS_E_WARNING_ALERT_RECEIVED && ++s->warnings <= WARNINGS_MAX)
			continue;
		if (code != GNUTLS_E_AGAIN && code != GNUTLS_E_INTERRUPTED) {
			gnutls_alert_send_appropriate(s->gnutls, code);
			tls_resume_failed(s);
		}
		return classify(s, code, err);
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
	if (n > 0 && !s->kept)
		tls_resume_keep(s);
	/* Everything that is not data or a clean end, a rehandshake request included, ends the connection. */
	return n >= 0 ? n : classify(s, (int)n, err);
}

ssize_t tls_write(struct tls_session *s, const void *data, size_t len, struct err *err)
{
	/* after an interruption GnuTLS wants its own buffer sent first, and the same call again */
	ssize_t n = gnutls_record_send(s->gnutls, data, len);

	return n >= 0 ? n : classify(s, (int)n, err);
}

bool tls_own_fault(const struct tls_session *s)
{
	return s->own_fault;
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
