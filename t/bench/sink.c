/* sink.c - a remote server for measurements of delivery: takes everything, keeps nothing, offers STARTTLS when it is given a
 * certificate, and lets each answer wait DELAY ms. A thread a connection, so that thousands may wait at once. It listens on
 * all of 127.0.0.0/8, prints its port, and serves until killed; on SIGUSR1 it prints a line: the messages taken, the
 * connections that came, and the most that were open at once.
 *
 *   sink DELAY [CERTIFICATE KEY] */
#include "../../lib/base.h"
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define STACK (128 * 1024)

struct client {
	int fd;
	gnutls_session_t tls;		/* NULL: in clear */
	size_t len, at;			/* of what was read, and of that used */
	char in[8192];
};

static long delay;
static gnutls_certificate_credentials_t certificate;
static _Atomic long messages, connections, open_now, open_most;

static bool say(struct client *c, const char *text)
{
	size_t len = strlen(text);

	if (delay)
		nanosleep(&(struct timespec){ delay / 1000, delay % 1000 * 1000000 }, NULL);
	ssize_t n = c->tls ? gnutls_record_send(c->tls, text, len) : send(c->fd, text, len, MSG_NOSIGNAL);
	return n == (ssize_t)len;
}

static bool fill(struct client *c)
{
	memmove(c->in, c->in + c->at, c->len - c->at);
	c->len -= c->at;
	c->at = 0;
	size_t room = sizeof(c->in) - c->len;
	ssize_t n = room == 0 ? 0 : c->tls ? gnutls_record_recv(c->tls, c->in + c->len, room) : recv(c->fd, c->in + c->len, room, 0);

	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

/* The next line, without its end; NULL at the end of the connection. */
static const char *line(struct client *c)
{
	for (;;) {
		char *start = c->in + c->at, *end = memchr(start, '\n', c->len - c->at);

		if (end) {
			*end = '\0';
			c->at = (size_t)(end + 1 - c->in);
			return start;
		}
		if (!fill(c))
			return NULL;
	}
}

/* Reads content up to CRLF.CRLF. */
static bool content(struct client *c)
{
	for (;;) {
		char *end = memmem(c->in + c->at, c->len - c->at, "\r\n.\r\n", 5);

		if (end) {
			c->at = (size_t)(end + 5 - c->in);
			atomic_fetch_add(&messages, 1);
			return true;
		}
		if (c->len - c->at > 4)
			c->at = c->len - 4;
		if (!fill(c))
			return false;
	}
}

static bool start_tls(struct client *c)
{
	if (!certificate || c->at != c->len || !say(c, "220 go\r\n"))
		return false;
	gnutls_init(&c->tls, GNUTLS_SERVER);
	gnutls_set_default_priority(c->tls);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, certificate);
	gnutls_transport_set_int(c->tls, c->fd);
	return gnutls_handshake(c->tls) == 0;
}

/* False: the connection is at its end. */
static bool answer(struct client *c, const char *verb)
{
	if (strncasecmp(verb, "EHLO", 4) == 0)
		return say(c, certificate && !c->tls ? "250-sink\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 PIPELINING\r\n" :
			   "250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n");
	if (strncasecmp(verb, "STARTTLS", 8) == 0)
		return start_tls(c);
	if (strncasecmp(verb, "DATA", 4) == 0)
		return say(c, "354 go on\r\n") && content(c) && say(c, "250 taken\r\n");
	if (strncasecmp(verb, "QUIT", 4) == 0) {
		say(c, "221 bye\r\n");
		return false;
	}
	return say(c, "250 ok\r\n");
}

static void *serve(void *arg)
{
	struct client c = { .fd = (int)(intptr_t)arg };
	long now = atomic_fetch_add(&open_now, 1) + 1, most = atomic_load(&open_most);
	const char *verb;
	int yes = 1;

	while (now > most && !atomic_compare_exchange_weak(&open_most, &most, now))
		;
	setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (say(&c, "220 sink ESMTP\r\n"))
		while ((verb = line(&c)) && answer(&c, verb))
			;
	if (c.tls)
		gnutls_deinit(c.tls);
	close(c.fd);
	atomic_fetch_sub(&open_now, 1);
	return NULL;
}

static void *tell(void *arg)
{
	const sigset_t *set = arg;
	int got;

	while (sigwait(set, &got) == 0) {
		printf("%ld %ld %ld\n", atomic_load(&messages), atomic_load(&connections), atomic_load(&open_most));
		fflush(stdout);
	}
	return NULL;
}

static int open_listener(uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_ANY) } };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 8192) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	*port = ntohs(sa.sin_port);
	return fd;
}

static void accept_all(int listener)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		atomic_fetch_add(&connections, 1);
		if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	pthread_t teller;
	uint16_t port;
	sigset_t set;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: sink DELAY [CERTIFICATE KEY]\n");
		return 2;
	}
	delay = strtol(argv[1], NULL, 10);
	if (argc == 4 && (gnutls_certificate_allocate_credentials(&certificate) != 0 ||
			  gnutls_certificate_set_x509_key_file(certificate, argv[2], argv[3], GNUTLS_X509_FMT_PEM) < 0)) {
		fprintf(stderr, "sink: cannot read %s, %s\n", argv[2], argv[3]);
		return 1;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int listener = open_listener(&port);

	if (listener < 0 || pthread_create(&teller, NULL, tell, &set) != 0)
		return 1;
	printf("%u\n", port);
	fflush(stdout);
	accept_all(listener);
}
