/* tls_client.c - a load generator for TLS. SESSIONS processes make COUNT connections in all, one after the other:
 *
 *   handshake   TLS at once, one line from the server, close
 *   starttls    STARTTLS, a message of 4 KiB, QUIT
 *   plain       the same message in clear
 *
 * With "resumed" each process makes one more connection before, and takes its session up again in all others; a server that does
 * not let it is an error, and so is one that does where "full" is asked for. PRIORITY is the client's. Prints nothing; fails when an
 * answer is not the one that it should be.
 *
 *   tls_client PORT SESSIONS COUNT handshake|starttls|plain full|resumed PRIORITY */
#include "../../lib/base.h"
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define CONTENT 4096

struct load {
	uint16_t port;
	bool tls, starttls, resume;
	gnutls_priority_t priority;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t session;		/* to take up again; none yet: NULL */
	char content[CONTENT + 4];
};

struct connection { int fd; gnutls_session_t tls; };

static NORETURN void fail(const char *what, const char *why)
{
	fprintf(stderr, "tls_client: %s: %.200s\n", what, why);
	_exit(1);
}

static void must(const char *what, ssize_t code)
{
	if (code < 0)
		fail(what, gnutls_strerror((int)code));
}

static int dial(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		fail("connect", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static void put(struct connection *c, const char *data, size_t len)
{
	while (len) {
		ssize_t n = c->tls ? gnutls_record_send(c->tls, data, len) : send(c->fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			fail("send", c->tls ? gnutls_strerror((int)n) : strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* Reads one reply, whose first digit must be WANTED. */
static void expect(struct connection *c, char wanted)
{
	static char heard[65536];
	size_t len = 0, line = 0;

	for (;;) {
		ssize_t n = c->tls ? gnutls_record_recv(c->tls, heard + len, sizeof(heard) - 1 - len) : recv(c->fd, heard + len, sizeof(heard) - 1 - len, 0);

		if (c->tls && n == GNUTLS_E_AGAIN)	/* a ticket */
			continue;
		if (n <= 0)
			fail("the connection ended", c->tls && n < 0 ? gnutls_strerror((int)n) : "");
		len += (size_t)n;
		heard[len] = '\0';
		for (char *end; (end = strchr(heard + line, '\n')) != NULL; line = (size_t)(end + 1 - heard)) {
			if (heard[line + 3] == '-')
				continue;
			if (heard[line] != wanted)
				fail("reply", heard + line);
			return;
		}
	}
}

static void say(struct connection *c, const char *text, char wanted)
{
	put(c, text, strlen(text));
	expect(c, wanted);
}

static void shake(struct load *l, struct connection *c)
{
	gnutls_session_t s;
	int code;

	must("init", gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL));
	must("priority", gnutls_priority_set(s, l->priority));
	must("credentials", gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, l->credentials));
	if (l->session.data)
		must("session", gnutls_session_set_data(s, l->session.data, l->session.size));
	gnutls_transport_set_int(s, c->fd);
	do
		code = gnutls_handshake(s);
	while (code < 0 && !gnutls_error_is_fatal(code));
	must("handshake", code);
	if (!gnutls_session_is_resumed(s) != !l->session.data)
		fail("handshake", l->session.data ? "the session was not taken up again" : "the session was taken up again");
	c->tls = s;
}

static void message(const struct load *l, struct connection *c)
{
	say(c, "MAIL FROM:<bench@sender.test>\r\n", '2');
	say(c, "RCPT TO:<user@remote.test>\r\n", '2');
	say(c, "DATA\r\n", '3');
	say(c, l->content, '2');
}

static void leave(struct load *l, struct connection *c)
{
	if (c->tls) {
		if (l->resume && !l->session.data)	/* in TLS 1.3 it is there once something was read */
			must("session", gnutls_session_get_data2(c->tls, &l->session));
		gnutls_bye(c->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(c->tls);
	}
	close(c->fd);
}

static void run(struct load *l)
{
	struct connection c = { .fd = dial(l->port) };

	if (l->tls && !l->starttls) {
		shake(l, &c);
		expect(&c, '2');
		leave(l, &c);
		return;
	}
	expect(&c, '2');
	say(&c, "EHLO bench.test\r\n", '2');
	if (l->tls) {
		say(&c, "STARTTLS\r\n", '2');
		shake(l, &c);
		say(&c, "EHLO bench.test\r\n", '2');
	}
	message(l, &c);
	say(&c, "QUIT\r\n", '2');
	leave(l, &c);
}

NORETURN static void work(struct load *l, long count)
{
	if (l->resume)
		run(l);
	while (count-- > 0)
		run(l);
	_exit(0);
}

static void make_content(struct load *l)
{
	for (long i = 0; i < CONTENT; i++)
		l->content[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	memcpy(l->content, "Subject: b\r\n\r\n", 14);
	memcpy(l->content + CONTENT, ".\r\n", 4);
}

int main(int argc, char **argv)
{
	int status, failed = 0;

	if (argc != 7) {
		fprintf(stderr, "usage: tls_client PORT SESSIONS COUNT handshake|starttls|plain full|resumed PRIORITY\n");
		return 2;
	}
	struct load l = { .port = (uint16_t)strtol(argv[1], NULL, 10), .tls = strcmp(argv[4], "plain") != 0, .starttls = strcmp(argv[4], "starttls") == 0,
		.resume = strcmp(argv[5], "resumed") == 0 };
	long sessions = strtol(argv[2], NULL, 10), count = strtol(argv[3], NULL, 10);

	must("credentials", gnutls_certificate_allocate_credentials(&l.credentials));
	must("priority", gnutls_priority_init(&l.priority, argv[6], NULL));
	make_content(&l);
	for (long i = 0; i < sessions; i++)
		if (fork() == 0)
			work(&l, count / sessions + (i < count % sessions));
	while (wait(&status) > 0)
		failed |= status;
	gnutls_certificate_free_credentials(l.credentials);
	gnutls_priority_deinit(l.priority);
	return failed ? 1 : 0;
}
