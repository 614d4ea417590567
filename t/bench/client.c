/* client.c - a load generator for what smtp-source does not speak: content by BDAT (RFC 3030), and pipelining (RFC 2920).
 * SESSIONS processes send MESSAGES in all, of SIZE octets, PER of them on one connection. A message costs four round trips by
 * DATA, three by BDAT; pipelined two and one. Prints nothing; fails when an answer is not the one that it should be.
 * Given DOMAINS, recipients are in d0.test, d1.test ... in turn, else all in remote.test.
 *
 *   client PORT SESSIONS MESSAGES SIZE data|bdat plain|pipelined PER [DOMAINS] */
#include "../../lib/base.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct load {
	uint16_t port;
	long messages, size, per, domains;	/* domains: 0 for remote.test */
	long turn;				/* which of them is next */
	bool bdat, pipelined;
	char *content;			/* of SIZE octets, lines with CRLF */
};

static NORETURN void fail(const char *what, const char *heard)
{
	fprintf(stderr, "client: %s: %.200s\n", what, heard);
	_exit(1);
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

static void put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			fail("send", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* Reads COUNT replies; the first digit of each must be that of WANTED in its place. */
static void expect(int fd, const char *wanted)
{
	static char heard[65536];
	size_t len = 0, line = 0;

	while (*wanted) {
		ssize_t n = recv(fd, heard + len, sizeof(heard) - 1 - len, 0);

		if (n <= 0)
			fail("the connection ended", heard);
		len += (size_t)n;
		heard[len] = '\0';
		for (char *end; *wanted && (end = strchr(heard + line, '\n')); line = (size_t)(end + 1 - heard)) {
			if (heard[line + 3] == '-')
				continue;
			if (heard[line] != *wanted++)
				fail("reply", heard + line);
		}
	}
}

static void message(int fd, struct load *l)
{
	static char out[8 << 20];
	const char *last = l->bdat ? "BDAT" : "DATA";
	size_t at = 0;

	at += (size_t)snprintf(out, sizeof(out), "MAIL FROM:<bench@sender.test>\r\n");
	if (!l->pipelined)
		put(fd, out, at), expect(fd, "2"), at = 0;
	if (l->domains)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "RCPT TO:<user@d%ld.test>\r\n", l->turn++ % l->domains);
	else
		at += (size_t)snprintf(out + at, sizeof(out) - at, "RCPT TO:<user@remote.test>\r\n");
	if (!l->pipelined)
		put(fd, out, at), expect(fd, "2"), at = 0;
	at += (size_t)snprintf(out + at, sizeof(out) - at, l->bdat ? "%s %ld LAST\r\n" : "%s\r\n", last, l->size);
	if (!l->bdat) {
		put(fd, out, at);
		expect(fd, l->pipelined ? "223" : "3");
		at = 0;
	}
	memcpy(out + at, l->content, (size_t)l->size);
	at += (size_t)l->size;
	if (!l->bdat)
		at += (size_t)snprintf(out + at, sizeof(out) - at, ".\r\n");
	put(fd, out, at);
	expect(fd, l->bdat && l->pipelined ? "222" : "2");
}

static void session(struct load *l, long messages)
{
	while (messages > 0) {
		int fd = dial(l->port);

		expect(fd, "2");
		put(fd, "EHLO bench.test\r\n", 17);
		expect(fd, "2");
		for (long i = 0; i < l->per && messages > 0; i++, messages--)
			message(fd, l);
		put(fd, "QUIT\r\n", 6);
		expect(fd, "2");
		close(fd);
	}
	_exit(0);
}

static void make_content(struct load *l)
{
	l->content = malloc((size_t)l->size + 1);
	for (long i = 0; i < l->size; i++)
		l->content[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : 'x';
	memcpy(l->content, "Subject: b\r\n\r\n", 14);
	memcpy(l->content + l->size - 2, "\r\n", 2);
	for (long i = l->size - 3; i > 14 && (l->content[i] == '\r' || l->content[i] == '\n'); i--)
		l->content[i] = 'x';
}

int main(int argc, char **argv)
{
	int status, failed = 0;

	if (argc != 8 && argc != 9) {
		fprintf(stderr, "usage: client PORT SESSIONS MESSAGES SIZE data|bdat plain|pipelined PER [DOMAINS]\n");
		return 2;
	}
	long sessions = strtol(argv[2], NULL, 10);
	struct load l = { .port = (uint16_t)strtol(argv[1], NULL, 10), .messages = strtol(argv[3], NULL, 10), .size = strtol(argv[4], NULL, 10),
		.bdat = strcmp(argv[5], "bdat") == 0, .pipelined = strcmp(argv[6], "pipelined") == 0, .per = strtol(argv[7], NULL, 10) };

	if (argc == 9)
		l.domains = strtol(argv[8], NULL, 10);
	if (sessions < 1 || l.size < 40 || l.size > 4 << 20 || l.per < 1)
		return 2;
	make_content(&l);
	for (long i = 0; i < sessions; i++, l.turn += l.messages / sessions)
		if (fork() == 0)
			session(&l, l.messages / sessions + (i < l.messages % sessions));
	while (wait(&status) > 0)
		failed |= status;
	free(l.content);
	return failed ? 1 : 0;
}
