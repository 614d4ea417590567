/* auth_dovecot - AUTH PLAIN and LOGIN by Dovecot: asks its authentication server over a Unix socket, in its client protocol (version 1). */
#define _GNU_SOURCE 1
#include <postrider.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 8192	/* as Dovecot has it */
#define LINES_MAX 200		/* in front of an answer: a greeting has a dozen */
#define LOGIN_MAX 1024

struct dovecot {
	struct sockaddr_un address;
	const char *service;
	int64_t timeout;	/* seconds */
};

/* One question. */
struct talk {
	struct hook_call *call;
	const struct dovecot *d;
	int fd;
	int64_t until;		/* now_ms() */
	const char *trouble;	/* for the log; NULL: none */
	size_t used, len;	/* of buffer: read by us, there */
	char buffer[LINE_MAX_OCTETS];
};

/* ---- start ---- */

static bool init(struct plugin *self)
{
	struct dovecot *d = pr_alloc(self, sizeof *d);
	const char *path = pr_option(self, "socket"), *service = pr_option(self, "service");
	bool good = pr_option_int(self, "timeout", 1, 300, 30, &d->timeout);
	good &= pr_auth_options(self);
	good &= pr_no_more_options(self);
	path = path ? path : "/run/dovecot/auth-client";
	d->service = service ? service : "smtp";
	if (path[0] != '/' || strlen(path) >= sizeof d->address.sun_path)
		good = pr_fail(self, "argument socket: found \"%s\", expected an absolute path of at most %zu bytes", path, sizeof d->address.sun_path - 1);
	if (!*d->service || strpbrk(d->service, "\t\r\n"))
		good = pr_fail(self, "argument service: found \"%s\", expected a name", d->service);
	d->address.sun_family = AF_UNIX;
	snprintf(d->address.sun_path, sizeof d->address.sun_path, "%s", path);
	pr_set_data(self, d);
	return good;
}

/* ---- lines over the socket ---- */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool fail(struct talk *t, const char *trouble)
{
	t->trouble = trouble;
	return false;
}

static bool ready(struct talk *t, short events)
{
	struct pollfd p = { .fd = t->fd, .events = events };
	int64_t left;
	while ((left = t->until - now_ms()) > 0) {
		int n = poll(&p, 1, (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return fail(t, strerror(errno));
	}
	return fail(t, "no answer in time");
}

static bool connect_to(struct talk *t)
{
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return fail(t, strerror(errno));
	/* a Unix socket is connected at once, or its queue is full */
	return connect(t->fd, (const struct sockaddr *)&t->d->address, sizeof t->d->address) == 0 || fail(t, strerror(errno));
}

static bool say(struct talk *t, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(t->fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(t, strerror(errno));
		if (n < 0 && !ready(t, POLLOUT))
			return false;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The next line without its end, valid until the next call; NULL when there is none. */
static char *hear(struct talk *t)
{
	for (;;) {
		char *line = t->buffer + t->used, *end = memchr(line, '\n', t->len - t->used);
		if (end) {
			*end = '\0';
			t->used = (size_t)(end + 1 - t->buffer);
			return line;
		}
		memmove(t->buffer, line, t->len - t->used);
		t->len -= t->used;
		t->used = 0;
		if (t->len == sizeof t->buffer)
			return fail(t, "a line that is too long"), NULL;
		if (!ready(t, POLLIN))
			return NULL;
		ssize_t n = recv(t->fd, t->buffer + t->len, sizeof t->buffer - t->len, 0);
		if (n == 0)
			return fail(t, "connection closed"), NULL;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(t, strerror(errno)), NULL;
		t->len += n > 0 ? (size_t)n : 0;
	}
}

/* ---- the protocol ---- */

/* Splits off the next field, in place. */
static char *field(char **rest)
{
	return *rest ? strsep(rest, "\t") : NULL;
}

/* Undoes the escapes of Dovecot: \001 in front of "1", "0", "t", "r", "n". Control characters are no part of a name: pr_auth_set_login refuses
 * them, and NUL, which would hide the rest, becomes one of those. */
static void unescape(char *text)
{
	static const char from[] = "10trn", to[] = "\001\001\t\r\n";
	char *out = text;
	for (; *text; text++) {
		const char *found = *text == '\001' && text[1] ? strchr(from, text[1]) : NULL;
		*out++ = found ? to[found - from] : *text;
		text += found != NULL;
	}
	*out = '\0';
}

/* "OK id user=...": the name as Dovecot knows it. */
static enum verdict accepted(struct talk *t, char *rest)
{
	for (char *f = field(&rest); f; f = field(&rest)) {
		if (strncmp(f, "user=", 5) != 0)
			continue;
		unescape(f + 5);
		if (pr_auth_set_login(t->call, f + 5))
			return OK;
		t->trouble = "a user name that cannot be one";
		return DENYSOFT;
	}
	return OK;
}

static enum verdict refused(struct talk *t, char *rest)
{
	for (char *f = field(&rest); f; f = field(&rest))
		if (strcmp(f, "temp") == 0 || strcmp(f, "code=temp_fail") == 0) {
			t->trouble = "temporary failure";
			return DENYSOFT;
		}
	return DECLINED;
}

/* Reads up to the answer to our question, past the greeting, of which the version matters. */
static enum verdict await(struct talk *t)
{
	char *line;
	for (int lines = 0; lines < LINES_MAX && (line = hear(t)) != NULL; lines++) {
		char *rest = line, *word = field(&rest), *first = field(&rest);
		if (strcmp(word, "VERSION") == 0 && (!first || strcmp(first, "1") != 0)) {
			t->trouble = "another version of the protocol";
			return DENYSOFT;
		}
		bool ours = first && strcmp(first, "1") == 0;
		if (ours && strcmp(word, "OK") == 0)
			return accepted(t, rest);
		if (ours && strcmp(word, "FAIL") == 0)
			return refused(t, rest);
		if (ours && strcmp(word, "CONT") == 0)
			break;
	}
	if (!t->trouble)
		t->trouble = "no answer that makes sense";
	return DENYSOFT;
}

/* The question. "resp" must come last, as whatever is behind it belongs to it. */
static bool ask(struct talk *t)
{
	char plain[2 * LOGIN_MAX], coded[3 * LOGIN_MAX], text[4 * LOGIN_MAX];
	struct hook_call *call = t->call;
	int n = snprintf(plain, sizeof plain, "%c%s%c%s", 0, pr_auth_login(call), 0, pr_auth_password(call));
	bool good = n > 0 && n < (int)sizeof plain && pr_base64(plain, (size_t)n, coded, sizeof coded);
	n = snprintf(text, sizeof text, "VERSION\t1\t1\nCPID\t%d\nAUTH\t1\tPLAIN\tservice=%s\tnologin%s", (int)getpid(), t->d->service,
		pr_is_tls(call) ? "\tsecured" : "");
	if (*pr_remote_ip(call))
		n += snprintf(text + n, sizeof text - (size_t)n, "\tlip=%s\trip=%s\tlport=%u\trport=%u", pr_local_ip(call), pr_remote_ip(call),
			(unsigned)pr_local_port(call), (unsigned)pr_remote_port(call));
	n += snprintf(text + n, sizeof text - (size_t)n, "\tresp=%s\n", good ? coded : "");
	good = good && n < (int)sizeof text;
	good = good ? say(t, text, (size_t)n) : fail(t, "name and password are too long");
	explicit_bzero(plain, sizeof plain);
	explicit_bzero(coded, sizeof coded);
	explicit_bzero(text, sizeof text);
	return good;
}

static enum verdict on_auth(struct hook_call *call)
{
	const struct dovecot *d = pr_data(pr_self(call));
	struct talk t = { .call = call, .d = d, .until = now_ms() + d->timeout * 1000 };
	enum verdict verdict = connect_to(&t) && ask(&t) ? await(&t) : DENYSOFT;
	if (t.fd >= 0)
		close(t.fd);
	if (t.trouble)
		pr_log(call, PR_WARN, "%s: %s", d->address.sun_path, t.trouble);
	return verdict;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "auth_dovecot",
	.init = init,
	.hooks = { [HOOK_AUTH_PLAIN] = on_auth, [HOOK_AUTH_LOGIN] = on_auth },
};
