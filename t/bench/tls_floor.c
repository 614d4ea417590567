/* tls_floor.c - the floor that postrider's handshakes are measured against: what GnuTLS itself reaches. PROCESSES preforked processes
 * take a client, shake hands with the certificate and key in PEM (one file), say one line, wait for the client's end, and close.
 * Tickets are given and taken, the key in the same process. Prints its port and serves until killed.
 *
 *   tls_floor PEM PRIORITY PROCESSES */
#include "../../lib/base.h"
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct floor {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;
	int listener;
};

static void must(int code)
{
	if (code < 0) {
		fprintf(stderr, "tls_floor: %s\n", gnutls_strerror(code));
		exit(1);
	}
}

static void session(const struct floor *f, int fd)
{
	gnutls_session_t s;
	char waste[1024];
	int code;

	must(gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NO_SIGNAL));
	must(gnutls_priority_set(s, f->priority));
	must(gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, f->credentials));
	must(gnutls_session_ticket_enable_server(s, &f->ticket_key));
	gnutls_transport_set_int(s, fd);
	do
		code = gnutls_handshake(s);
	while (code < 0 && !gnutls_error_is_fatal(code));
	if (code >= 0 && gnutls_record_send(s, "220 floor ESMTP\r\n", 17) == 17) {
		while (gnutls_record_recv(s, waste, sizeof(waste)) > 0)
			;
		gnutls_bye(s, GNUTLS_SHUT_WR);
	}
	gnutls_deinit(s);
}

NORETURN static void serve(const struct floor *f)
{
	int yes = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(f->listener, NULL, NULL);

		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		session(f, fd);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct floor f = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	socklen_t len = sizeof(sa);

	if (argc != 4) {
		fprintf(stderr, "usage: tls_floor PEM PRIORITY PROCESSES\n");
		return 2;
	}
	must(gnutls_certificate_allocate_credentials(&f.credentials));
	must(gnutls_certificate_set_x509_key_file(f.credentials, argv[1], argv[1], GNUTLS_X509_FMT_PEM));
	must(gnutls_priority_init(&f.priority, argv[2], NULL));
	must(gnutls_session_ticket_key_generate(&f.ticket_key));
	if (bind(f.listener, (struct sockaddr *)&sa, len) < 0 || listen(f.listener, 4096) < 0)
		return 1;
	getsockname(f.listener, (struct sockaddr *)&sa, &len);
	printf("%u\n", ntohs(sa.sin_port));
	fflush(stdout);
	for (long i = strtol(argv[3], NULL, 10); i > 0; i--)
		if (fork() == 0)
			serve(&f);
	pause();
	return 0;
}
