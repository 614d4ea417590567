/* submit.c - see submit.h. What the server answers is read with care all the same: it may be a stranger's socket that
 * somebody has been told to use. */
#include "submit.h"
#include "../lib/clock.h"
#include "../lib/ipc.h"

#include <poll.h>
#include <sys/socket.h>
#include <sysexits.h>

#define ANSWER_S 900		/* a plugin may take its time with a message */
#define REPLY_LINES 200
#define BUSY_MS 30000		/* for so long a server that is busy (421) is asked again */
#define BUSY_PAUSE 200

/* ---- answers ---- */

static bool fail(struct submit *c, int status, struct err *err, const char *text)
{
	c->status = status;
	return err_set(err, "%s", text);
}

static bool lost(struct submit *c, struct err *err)
{
	c->status = EX_TEMPFAIL;
	return err_set(err, "the connection to the server is lost: nothing was sent");
}

/* One line of a reply, of which TEXT keeps what is printable. The code; 0: none. *MORE: another one follows. */
static unsigned read_line(struct submit *c, char *text, size_t size, bool *more)
{
	char line[1024];
	uint64_t code;
	size_t n = 0;

	if (!fgets(line, sizeof(line), c->in) || !strchr(line, '\n') || strlen(line) < 4 || !view_u64(view_make(line, 3), 999, &code))
		return 0;
	*more = line[3] == '-';
	for (const char *p = line + 3 + (line[3] == ' ' || line[3] == '-'); *p && n + 1 < size; p++)
		if (*p >= 0x20 && *p < 0x7f)
			text[n++] = *p;
	text[n] = '\0';
	return (unsigned)code;
}

/* The last line's code, and the first one's text. 0: the connection is over. */
static unsigned read_reply(struct submit *c, char *text, size_t size)
{
	char other[512];
	bool more = true;
	unsigned code = 0;

	fflush(c->out);
	for (int i = 0; more; i++) {
		code = i < REPLY_LINES ? read_line(c, i ? other : text, i ? sizeof(other) : size, &more) : 0;
		if (code == 0)
			return 0;
	}
	return code;
}

/* Whether the answer is CLASS (2 or 3); else what it means, when a 5xx means STATUS. */
static bool answered(struct submit *c, unsigned class, int status, const char *about, struct err *err)
{
	char text[512];
	unsigned code = read_reply(c, text, sizeof(text));

	if (code == 0)
		return lost(c, err);
	if (code / 100 == class)
		return true;
	c->status = code / 100 == 5 ? status : EX_TEMPFAIL;
	return err_set(err, "%s%s%u %s", about, *about ? ": " : "", code, text);
}

/* ---- the session ---- */

static bool connect_to(struct submit *c, const char *path, struct err *err)
{
	const struct timeval wait = { .tv_sec = ANSWER_S };
	int fd = ipc_connect(path, SOCK_STREAM, err), other = fd < 0 ? -1 : dup(fd);

	c->status = EX_TEMPFAIL;
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	c->in = fdopen(fd, "r");
	c->out = other < 0 ? NULL : fdopen(other, "w");
	return (c->in && c->out) || err_set(err, "out of memory or descriptors");
}

/* False with *BUSY: try again. */
static bool hello(struct submit *c, bool *busy, struct err *err)
{
	char text[512];
	unsigned code = read_reply(c, text, sizeof(text));

	*busy = code == 421;
	if (code == 0)
		return lost(c, err);
	if (code != 220) {
		c->status = code / 100 == 5 ? EX_NOPERM : EX_TEMPFAIL;
		return err_set(err, "%u %s", code, text);
	}
	fputs("EHLO localhost\r\n", c->out);
	code = read_reply(c, text, sizeof(text));
	if (code == 0)
		return lost(c, err);
	struct view rest = view_of(text), me = view_word(&rest);

	if (code != 250 || !view_copy(me, c->me, sizeof(c->me)) || !*c->me)
		return fail(c, EX_TEMPFAIL, err, "the server does not answer EHLO as it should");
	return true;
}

bool submit_open(struct submit *c, const char *path, struct err *err)
{
	int64_t until = clock_ms() + BUSY_MS;
	bool busy = false;

	for (;;) {
		*c = (struct submit){ .line_start = true };
		if (!connect_to(c, path, err))
			return false;
		if (hello(c, &busy, err))
			return true;
		if (!busy || clock_ms() >= until)
			return false;
		submit_close(c);
		poll(NULL, 0, BUSY_PAUSE);
	}
}

/* Whether TEXT can stand in a command: what begins another line, or (but in a quoted local part) another parameter, cannot. */
static bool fits(const char *text, bool blanks)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || (*p == ' ' && !blanks))
			return false;
	return *text;
}

static bool mail(struct submit *c, const struct submit_envelope *e, struct err *err)
{
	bool utf8 = !view_is_ascii(view_of(e->from));

	if (*e->from && !fits(e->from, true))
		return fail(c, EX_USAGE, err, "the sender's address holds characters that no address has");
	for (size_t i = 0; e->to[i]; i++)
		utf8 |= !view_is_ascii(view_of(e->to[i]));
	fprintf(c->out, "MAIL FROM:<%s> BODY=8BITMIME%s", e->from, utf8 ? " SMTPUTF8" : "");
	for (const char *const *p = e->parameters; *p; p++) {
		if (!fits(*p, false))
			return fail(c, EX_USAGE, err, "a parameter holds characters that none has");
		fprintf(c->out, " %s", *p);
	}
	fputs("\r\n", c->out);
	return answered(c, 2, EX_NOPERM, "", err);
}

static bool rcpt(struct submit *c, const char *to, const char *notify, struct err *err)
{
	char about[ADDRESS_MAX + 3];

	if (!fits(to, true))
		return fail(c, EX_NOUSER, err, "a recipient's address holds characters that no address has");
	if (notify && !fits(notify, false))
		return fail(c, EX_USAGE, err, "the wish to be notified holds characters that none has");
	snprintf(about, sizeof(about), "<%s>", to);
	fprintf(c->out, "RCPT TO:<%s>%s%s\r\n", to, notify ? " NOTIFY=" : "", notify ? notify : "");
	return answered(c, 2, EX_NOUSER, about, err);
}

bool submit_begin(struct submit *c, const struct submit_envelope *e, struct err *err)
{
	if (!mail(c, e, err))
		return false;
	for (size_t i = 0; e->to[i]; i++)
		if (!rcpt(c, e->to[i], e->notify, err))
			return false;
	fputs("DATA\r\n", c->out);
	return answered(c, 3, EX_UNAVAILABLE, "", err);
}

bool submit_text(struct submit *c, struct view text, struct err *err)
{
	if (c->line_start && text.len && *text.data == '.')
		putc('.', c->out);
	c->line_start &= text.len == 0;
	return fwrite(text.data, 1, text.len, c->out) == text.len || lost(c, err);
}

bool submit_line_end(struct submit *c, struct err *err)
{
	c->line_start = true;
	return fputs("\r\n", c->out) >= 0 || lost(c, err);
}

bool submit_end(struct submit *c, char *answer, size_t size, struct err *err)
{
	unsigned code;

	fputs(".\r\n", c->out);
	code = read_reply(c, answer, size);
	if (code == 0) {
		c->status = EX_TEMPFAIL;
		return err_set(err, "the connection to the server is lost: it is not known whether the message was sent");
	}
	if (code / 100 == 2)
		return true;
	c->status = code / 100 == 5 ? EX_UNAVAILABLE : EX_TEMPFAIL;
	return err_set(err, "%u %s", code, answer);
}

void submit_close(struct submit *c)
{
	/* in the middle of a message it is part of that, which is never ended, and so forgotten */
	if (c->out) {
		fputs("QUIT\r\n", c->out);
		fclose(c->out);
	}
	if (c->in)
		fclose(c->in);
	c->in = c->out = NULL;
}

/* ---- as it is ---- */

static bool pass(int from, int to)
{
	char piece[16384];
	ssize_t n = read(from, piece, sizeof(piece)), done = 0, w;

	while (done < n && (w = write(to, piece + done, (size_t)(n - done))) > 0)
		done += w;
	return n > 0 && done == n;
}

int submit_pass(const char *path, struct err *err)
{
	int fd = ipc_connect(path, SOCK_STREAM, err);
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	if (fd < 0)
		return EX_TEMPFAIL;
	while (poll(fds, COUNT_OF(fds), -1) >= 0 || errno == EINTR) {
		if (fds[1].revents && !pass(fd, STDOUT_FILENO))
			break;
		if (fds[0].revents && !pass(STDIN_FILENO, fd)) {
			shutdown(fd, SHUT_WR);	/* the answers to what was said are still to come */
			fds[0].fd = -1;
		}
	}
	close(fd);
	return EX_OK;
}
