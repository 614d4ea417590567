/* test_step.c - the step table against a scripted server at the other end of a socket pair: what is said when, what each
 * answer leads to, what becomes of each recipient.
 *
 * A script is lines: "S text" the server says, "R text" as it is, ~ being CRLF, "C text" the client must say a line that begins so,
 * "C text~" a line that is so,
 * "D" the client sends a message to its final dot, "B" as it is, "N" the client has said nothing more, "X" the server closes. */
#include "unit.h"
#include "../../lib/clock.h"
#include "../../queue/client.h"
#include "../../queue/spool.h"
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define RCPTS 3

static struct event_base *base;
static struct settings settings;
static struct client_shared shared;
static struct arena *arena;
static struct client *client;
static struct parcel parcel;
static struct parcel_rcpt rcpts[RCPTS];
static int peer, message;
static char heard[1 << 20];
static size_t heard_len;
static bool is_ready, is_done, is_lost;
static struct client_loss loss;
static unsigned sends;		/* parcels still to be sent */
static const char content[] = "Subject: x\r\n\r\n.dot\r\nbody\r\n";
static struct spool_file file;
static struct envelope_rcpt envelope_rcpts[RCPTS];

struct scene {
	const char *script;
	size_t rcpts;
	bool lmtp, own;
	bool done;			/* else lost */
	const char *outcomes;		/* a letter a recipient: D done, 4 deferred, 5 failed, - none */
	int kind;			/* of the loss */
	enum step_id step;
	unsigned sends;
	bool stale;
	/* Of the message and its first recipient. */
	const char *sender, *envid, *ret, *rcpt, *orcpt;
	unsigned flags, notify;
	const char *reports;		/* who reports on the first: "server", "relayed", "delivered" */
	bool chunking;			/* the option */
	bool without_auth;		/* the option says send */
	const struct access *access;	/* the route's */
	bool committed;			/* lost when all of it had gone out */
};
static const struct scene *scene;

static void on_ready(void *arg UNUSED);

static void on_done(void *arg UNUSED)
{
	is_done = true;
	if (sends)
		on_ready(NULL);
}

static void on_lost(void *arg UNUSED, const struct client_loss *l)
{
	loss = *l;
	is_lost = true;
	client_close(&client);
}

static const struct client_user user = { .ready = on_ready, .done = on_done, .lost = on_lost };

static void new_parcel(void)
{
	parcel = (struct parcel){ .file = &file, .head = "", .arena = arena, .total = parcel.total, .own = scene->own,
		.rcpts = rcpts };
	for (size_t i = 0; i < RCPTS; i++)
		rcpts[i] = (struct parcel_rcpt){ .rcpt = &envelope_rcpts[i], .index = i };
}

static void on_ready(void *arg UNUSED)
{
	is_ready = true;
	if (!sends)
		return;
	sends--;
	is_done = false;
	new_parcel();
	client_send(client, &parcel);
}

/* ---- the server ---- */

static void turn_loop(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void hear(void)
{
	ssize_t n;

	turn_loop();
	while ((n = recv(peer, heard + heard_len, sizeof(heard) - 1 - heard_len, MSG_DONTWAIT)) > 0)
		heard_len += (size_t)n;
	heard[heard_len] = '\0';
}

static void forget(size_t n)
{
	memmove(heard, heard + n, heard_len - n + 1);
	heard_len -= n;
}

static void say(const char *text, const char *end)
{
	ck_assert_int_eq(send(peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	ck_assert_int_eq(send(peer, end, strlen(end), MSG_NOSIGNAL), (ssize_t)strlen(end));
	turn_loop();
}

/* A line that begins so; with "~" at its end, one that ends there. */
static void expect_line(const char *prefix, const char *script)
{
	char *end, wanted[512];

	snprintf(wanted, sizeof(wanted), "%s", prefix);
	if (strchr(wanted, '~'))
		memcpy(strchr(wanted, '~'), "\r", 2);
	prefix = wanted;
	hear();
	end = strstr(heard, "\r\n");
	ck_assert_msg(end != NULL, "expected \"%s\", heard \"%s\" in:\n%s", prefix, heard, script);
	ck_assert_msg(strncmp(heard, prefix, strlen(prefix)) == 0, "expected \"%s\", heard \"%s\" in:\n%s", prefix, heard, script);
	forget((size_t)(end - heard) + 2);
}

static void expect_content(const char *want)
{
	hear();
	ck_assert_msg(strncmp(heard, want, strlen(want)) == 0, "content is \"%s\"", heard);
	forget(strlen(want));
}

static void play(const char *script)
{
	char line[512];
	struct view rest = view_of(script);

	while (rest.len) {
		ck_assert(view_copy(view_cut(&rest, '\n'), line, sizeof(line)));
		const char *text = strlen(line) > 2 ? line + 2 : "";

		switch (line[0]) {
		case 'S': say(text, "\r\n"); break;
		case 'R':
			for (char *at = line; (at = strchr(at, '~')); at++) {
				memmove(at + 2, at + 1, strlen(at));
				memcpy(at, "\r\n", 2);
			}
			say(text, "");
			break;
		case 'C': expect_line(text, script); break;
		case 'D': expect_content("Subject: x\r\n\r\n..dot\r\nbody\r\n.\r\n"); break;
		case 'B': expect_content(content); break;
		case 'N':
			hear();
			ck_assert_msg(heard_len == 0, "heard \"%s\" in:\n%s", heard, script);
			break;
		case 'X': shutdown(peer, SHUT_RDWR); turn_loop(); break;
		default: ck_abort_msg("script: %s", line);
		}
	}
	turn_loop();
}

/* ---- cases ---- */

static const char *either(const char *given, const char *usual)
{
	return given ? given : usual;
}

static void make_message(const struct scene *c)
{
	file = (struct spool_file){ .fd = message, .message_len = sizeof(content) - 1, .env = { .sender = either(c->sender, "from@here.test"),
		.envid = either(c->envid, ""), .ret = either(c->ret, ""), .by_mode = "", .flags = c->flags ? c->flags : ENVELOPE_8BIT,
		.rcpt_count = RCPTS, .rcpts = envelope_rcpts } };
	for (size_t i = 0; i < RCPTS; i++)
		envelope_rcpts[i] = (struct envelope_rcpt){ .address = arena_printf(arena, "r%zu@there.test", i), .domain = "there.test",
			.orcpt = "", .status = RCPT_TODO, .last = "" };
	envelope_rcpts[0].address = either(c->rcpt, "r0@there.test");
	envelope_rcpts[0].orcpt = either(c->orcpt, "");
	envelope_rcpts[0].notify = c->notify;
}

static void check_reports(const struct scene *c)
{
	const struct result *r = &rcpts[0].result;

	if (c->reports)
		ck_assert_str_eq(r->reports ? "server" : r->delivered ? "delivered" : "relayed", c->reports);
}

static void run(const struct scene *c)
{
	const struct access *access = c->access ? access_make(c->access) : NULL;
	struct target target = { .name = "mx.there.test", .lmtp = c->lmtp, .path = "/x", .access = access };
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	peer = fds[1];
	heard_len = 0;
	is_ready = is_done = is_lost = false;
	memset(&loss, 0, sizeof(loss));
	scene = c;
	settings.outbound_chunking = c->chunking;
	settings.outbound_without_auth = c->without_auth ? WITHOUT_AUTH_SEND : WITHOUT_AUTH_DEFER;
	make_message(c);
	parcel.total = c->rcpts ? c->rcpts : 1;
	sends = c->sends ? c->sends : 1;
	new_parcel();
	client = client_adopt(&shared, &target, fds[0], &user, NULL);
	play(c->script);
	ck_assert_msg(is_lost != c->done && is_done == c->done, "done %d lost %d (%s) after:\n%s", is_done, is_lost, loss.text, c->script);
	for (size_t i = 0; c->outcomes && i < parcel.total; i++) {
		char got = "-D45"[rcpts[i].result.outcome], want = c->outcomes[rcpts[i].index];

		ck_assert_msg(got == want, "recipient %zu: %c, expected %c after:\n%s", i, got, want, c->script);
	}
	check_reports(c);
	if (!c->done) {
		ck_assert_msg((int)loss.kind == c->kind, "kind %d (%s), expected %d after:\n%s", loss.kind, loss.text, c->kind, c->script);
		ck_assert_int_eq(loss.stale, c->stale);
		ck_assert_msg(loss.committed == (c->committed || c->step == STEP_END || c->step == STEP_END_LMTP), "committed %d after:\n%s", loss.committed, c->script);
		ck_assert_msg(loss.step == c->step, "step %s after:\n%s", step_row(loss.step)->name, c->script);
	}
	client_close(&client);
	access_drop(&access);
	close(peer);
}

static void run_all(const struct scene *table, size_t count)
{
	base = event_base_new();
	shared = (struct client_shared){ .base = base, .settings = &settings };
	settings = (struct settings){ .me = "me.test", .outbound_without_8bitmime = DOWNGRADE_SEND, .outbound_deliveries_per_connection = 10, .outbound_greeting_timeout = 10000,
		.outbound_helo_timeout = 10000, .outbound_mail_timeout = 10000, .outbound_rcpt_timeout = 10000, .outbound_data_timeout = 10000,
		.outbound_body_timeout = 10000, .outbound_end_of_data_timeout = 10000, .outbound_rset_timeout = 10000, .outbound_quit_timeout = 10000, .outbound_auth_timeout = 10000 };
	arena = arena_new(4096);
	message = memfd_create("message", MFD_CLOEXEC);
	ck_assert_int_eq(write(message, content, sizeof(content) - 1), (ssize_t)sizeof(content) - 1);
	for (size_t i = 0; i < count; i++)
		run(&table[i]);
	close(message);
	arena_free(&arena);
	event_base_free(base);
}

#define HELLO "S 220 hi\nC EHLO me.test\nS 250 hello\n"
#define HELLO_PIPE "S 220 hi\nC EHLO me.test\nS 250-hello\nS 250-PIPELINING\nS 250-SIZE 1000000\nS 250 8bitmime\n"
#define SENT "C MAIL FROM:<from@here.test>\nS 250 ok\nC RCPT TO:<r0@there.test>\nS 250 ok\nC DATA\nS 354 go\nD\n"
#define AHEAD "C MAIL FROM:<from@here.test> SIZE=26 BODY=8BITMIME\nC RCPT TO:<r0@there.test>\nC DATA\nN\n"

START_TEST(one_by_one)
{
	static const struct scene table[] = {
		{ HELLO SENT "S 250 2.0.0 queued", .done = true, .outcomes = "D" },
		{ HELLO SENT "S 451 4.3.0 later", .done = true, .outcomes = "4" },
		{ HELLO SENT "S 554 5.7.1 no", .done = true, .outcomes = "5" },
		{ HELLO SENT "X", .outcomes = "-", .kind = LOSS_NETWORK, .step = STEP_END },
		{ HELLO SENT "S 421 4.3.0 shutting down", .done = true, .outcomes = "4" },
		{ HELLO SENT "S 354 more", .outcomes = "-", .kind = LOSS_PROTOCOL, .step = STEP_END },
		/* nothing is sent past an error */
		{ HELLO "C MAIL\nS 550 5.1.0 no\nC RSET\nN\nS 250 ok", .done = true, .outcomes = "5" },
		{ HELLO "C MAIL\nS 451 no\nC RSET\nN\nS 250 ok", .done = true, .outcomes = "4" },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT\nS 550 no\nC RSET\nN\nS 250 ok", .done = true, .outcomes = "5" },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT\nS 550 no\nC RSET\nS 500 what", .outcomes = "5", .kind = LOSS_REFUSED, .step = STEP_RSET },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 451 no\nC RSET\nN\nS 250 ok", .done = true, .outcomes = "4" },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 250 what", .outcomes = "-", .kind = LOSS_PROTOCOL, .step = STEP_DATA },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT\nS 552 too many\nC RSET\nS 250 ok", .done = true, .outcomes = "4" },
		/* per recipient */
		{ HELLO "C MAIL\nS 250 ok\nC RCPT TO:<r0\nS 550 no\nC RCPT TO:<r1\nS 250 ok\nC RCPT TO:<r2\nS 450 later\nC DATA\nS 354 go\nD\nS 250 ok",
			.rcpts = 3, .done = true, .outcomes = "5D4" },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT TO:<r0\nS 550 no\nC RCPT TO:<r1\nS 250 ok\nC RCPT TO:<r2\nS 452 too many\nC DATA\nS 354 go\nD\nS 250 ok",
			.rcpts = 3, .done = true, .outcomes = "5D-" },
		{ HELLO "C MAIL\nS 250 ok\nC RCPT TO:<r0\nS 550 no\nC RCPT TO:<r1\nS 250 ok\nC RCPT TO:<r2\nS 450 later\nC DATA\nS 354 go\nD\nS 554 no",
			.rcpts = 3, .done = true, .outcomes = "554" },
		/* two parcels over one connection */
		{ HELLO SENT "S 250 ok\n" SENT "S 250 ok", .sends = 2, .done = true, .outcomes = "D" },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

START_TEST(ahead)
{
	static const struct scene table[] = {
		{ HELLO_PIPE AHEAD "S 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok", .done = true, .outcomes = "D" },
		{ HELLO_PIPE AHEAD "R 250 ok~250 ok~354 \nR go~\nD\nS 250 ok", .done = true, .outcomes = "D" },
		{ HELLO_PIPE AHEAD "S 550 no\nS 503 what\nS 503 what\nC RSET\nS 250 ok", .done = true, .outcomes = "5" },
		{ HELLO_PIPE AHEAD "S 250 ok\nS 550 no\nS 503 what\nC RSET\nS 250 ok", .done = true, .outcomes = "5" },
		/* 354 although nobody was accepted: a dot ends it, and nothing of the message goes out */
		{ HELLO_PIPE AHEAD "S 250 ok\nS 550 no\nS 354 go\nC .\nN\nS 250 ok\nC RSET\nS 250 ok", .done = true, .outcomes = "5" },
		{ HELLO_PIPE AHEAD "S 451 no\nS 503 no\nS 354 go\nC .\nN\nS 250 ok\nC RSET\nS 250 ok", .done = true, .outcomes = "4" },
		/* but not when it might go to somebody */
		{ HELLO_PIPE AHEAD "S 451 no\nS 250 ok\nS 354 go\nN", .outcomes = "4", .kind = LOSS_PROTOCOL, .step = STEP_DATA },
		{ HELLO_PIPE AHEAD "S 250 ok\nS 250 ok\nS 451 no\nC RSET\nS 250 ok", .done = true, .outcomes = "4" },
		/* one answer too many, before the message */
		{ HELLO_PIPE AHEAD "R 250 ok~250 ok~354 go~250 what~", .outcomes = "-", .kind = LOSS_PROTOCOL, .step = STEP_DATA },
		{ HELLO_PIPE "C MAIL\nC RCPT TO:<r0\nC RCPT TO:<r1\nC RCPT TO:<r2\nC DATA\nS 250 ok\nS 250 ok\nS 550 no\nS 250 ok\nS 354 go\nD\nS 250 ok",
			.rcpts = 3, .done = true, .outcomes = "D5D" },
		{ HELLO_PIPE AHEAD "S 250 ok\nX", .outcomes = "-", .kind = LOSS_NETWORK, .step = STEP_RCPT },
		/* over the announced size: not even tried */
		{ "S 220 hi\nC EHLO\nS 250-hello\nS 250 SIZE 25\nN", .done = true, .outcomes = "5" },
		{ "S 220 hi\nC EHLO\nS 250-hello\nS 250 SIZE 0\nC MAIL FROM:<from@here.test> SIZE=26\nS 451 x\nC RSET\nS 250 ok", .done = true, .outcomes = "4" },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

START_TEST(set_up)
{
	static const struct scene table[] = {
		{ "S 554 go away", .kind = LOSS_REFUSED, .step = STEP_GREETING },
		{ "S 421 busy", .kind = LOSS_BUSY, .step = STEP_GREETING },
		{ "S 450 later", .kind = LOSS_REFUSED, .step = STEP_GREETING },
		{ "X", .kind = LOSS_NETWORK, .step = STEP_GREETING },
		{ "S SSH-2.0-OpenSSH", .kind = LOSS_PROTOCOL, .step = STEP_GREETING },
		{ "S 220-one\nS 250 two", .kind = LOSS_PROTOCOL, .step = STEP_GREETING },
		{ "S 220 hi\nC EHLO\nS 502 what\nC HELO me.test\nS 250 ok\n" SENT "S 250 ok", .done = true, .outcomes = "D" },
		{ "S 220 hi\nC EHLO\nS 502 what\nC HELO\nS 550 no", .kind = LOSS_REFUSED, .step = STEP_HELO },
		{ "S 220 hi\nC EHLO\nS 450 later", .kind = LOSS_REFUSED, .step = STEP_EHLO },
		{ "S 220 hi\nC EHLO\nS 220 what", .kind = LOSS_PROTOCOL, .step = STEP_EHLO },
		{ "R 220 hi~250 early~", .kind = LOSS_PROTOCOL, .step = STEP_GREETING },
		/* a Unix socket needs no TLS */
		{ "S 220 hi\nC EHLO\nS 250-x\nS 250 STARTTLS\n" SENT "S 250 ok", .done = true, .outcomes = "D" },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

START_TEST(lmtp)
{
	static const struct scene table[] = {
		{ "S 220 hi\nC LHLO me.test\nS 250-x\nS 250 PIPELINING\nC MAIL\nC RCPT\nC RCPT\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\nS 550 no\nS 250 ok\nS 354 go\nD\n"
		  "S 250 ok\nS 451 full", .rcpts = 3, .lmtp = true, .done = true, .outcomes = "D54" },
		{ "S 220 hi\nC LHLO me.test\nS 250 x\n" SENT "S 552 full", .lmtp = true, .done = true, .outcomes = "5" },
		{ "S 220 hi\nC LHLO me.test\nS 250-x\nS 250 PIPELINING\nC MAIL\nC RCPT\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
		  "S 250 ok\nX", .rcpts = 2, .lmtp = true, .outcomes = "D-", .kind = LOSS_NETWORK, .step = STEP_END_LMTP },
		{ "S 220 hi\nC LHLO me.test\nS 500 no", .lmtp = true, .kind = LOSS_REFUSED, .step = STEP_LHLO },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

/* RFC 3461 5.2: what was asked for is passed on as it was, and not made up; a server that does not know it hears nothing of it. */
#define HELLO_DSN "S 220 hi\nC EHLO\nS 250-hello\nS 250 DSN\n"
#define MAIL_DSN(parameters) HELLO_DSN "C MAIL FROM:<from@here.test>" parameters "~\nS 250 ok\n"
#define RCPT_DSN(parameters) MAIL_DSN("") "C RCPT TO:<r0@there.test>" parameters "~\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok"
#define TO_END "S 250 ok\nC DATA\nS 354 go\nD\nS 250 ok"

START_TEST(reports)
{
	static const struct scene table[] = {
		{ MAIL_DSN(" RET=HDRS ENVID=a+20b+3Dc+2B") "C RCPT TO:<r0@there.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2Bo@y~\n" TO_END, .done = true,
			.outcomes = "D", .ret = "HDRS", .envid = "a b=c+", .notify = NOTIFY_SUCCESS | NOTIFY_DELAY | NOTIFY_DELAYED, .orcpt = "rfc822;x+o@y",
			.reports = "server" },
		{ RCPT_DSN(""), .done = true, .outcomes = "D", .reports = "server" },
		{ RCPT_DSN(" NOTIFY=NEVER"), .done = true, .outcomes = "D", .notify = NOTIFY_NEVER },
		{ RCPT_DSN(" NOTIFY=FAILURE"), .done = true, .outcomes = "D", .notify = NOTIFY_FAILURE },
		{ RCPT_DSN(""), .done = true, .outcomes = "D", .notify = NOTIFY_DELAYED },
		{ RCPT_DSN(" ORCPT=utf-8;j\\x{FC}rg\\x{2B}\\x{20AC}@x"), .done = true, .outcomes = "D", .orcpt = "utf-8;j\xc3\xbcrg+\xe2\x82\xac@x" },
		/* what cannot be written is left out */
		{ RCPT_DSN(""), .done = true, .outcomes = "D", .orcpt = "rfc822;\xc3\xbc", .envid = "\xc3\xbc", .ret = "WHAT" },
		{ RCPT_DSN(""), .done = true, .outcomes = "D", .orcpt = "nonsense" },
		{ RCPT_DSN(""), .done = true, .outcomes = "D", .orcpt = "utf-8;\xff" },
		/* a notice: nobody to report to */
		{ HELLO_DSN "C MAIL FROM:<> ENVID=x~\nS 451 no\nC RSET\nS 250 ok", .done = true, .outcomes = "4", .sender = "", .ret = "FULL", .envid = "x" },
		/* without DSN, in LMTP, to our own workers */
		{ HELLO "C MAIL FROM:<from@here.test>~\nS 250 ok\nC RCPT TO:<r0@there.test>~\n" TO_END, .done = true, .outcomes = "D", .ret = "HDRS",
			.notify = NOTIFY_SUCCESS, .orcpt = "rfc822;x@y", .reports = "relayed" },
		{ "S 220 hi\nC LHLO\nS 250 x\nC MAIL FROM:<from@here.test>~\nS 250 ok\nC RCPT TO:<r0@there.test>~\n" TO_END, .lmtp = true, .done = true,
			.outcomes = "D", .notify = NOTIFY_SUCCESS, .reports = "delivered" },
		{ "S 220 hi\nC LHLO\nS 250-x\nS 250 DSN\nC MAIL\nS 250 ok\nC RCPT TO:<r0@there.test> NOTIFY=SUCCESS~\n" TO_END, .lmtp = true, .done = true,
			.outcomes = "D", .notify = NOTIFY_SUCCESS, .reports = "server" },
		{ HELLO_DSN "C MAIL FROM:<from@here.test>~\nS 250 ok\nC RCPT TO:<r0@there.test>~\n" TO_END, .own = true, .done = true, .outcomes = "D",
			.notify = NOTIFY_SUCCESS, .reports = "delivered" },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

/* RFC 6531: an internationalised message needs a server that knows what that is; but not where it is ASCII after all. */
#define HELLO_UTF8 "S 220 hi\nC EHLO\nS 250-hello\nS 250-8BITMIME\nS 250 SMTPUTF8\n"

START_TEST(internationalised)
{
	static const struct scene table[] = {
		{ HELLO_UTF8 "C MAIL FROM:<\xc3\xa4@\xc3\xb6.test> BODY=8BITMIME SMTPUTF8~\nS 250 ok\nC RCPT TO:<\xc3\xbc@there.test>~\n" TO_END, .done = true,
			.outcomes = "D", .sender = "\xc3\xa4@\xc3\xb6.test", .rcpt = "\xc3\xbc@there.test", .flags = ENVELOPE_8BIT | ENVELOPE_UTF8 },
		{ HELLO_UTF8 "C MAIL FROM:<from@here.test> SMTPUTF8~\nS 250 ok\nC RCPT\n" TO_END, .done = true, .outcomes = "D", .flags = ENVELOPE_UTF8 },
		{ HELLO_UTF8 "C MAIL FROM:<from@here.test> BODY=8BITMIME~\nS 250 ok\nC RCPT\n" TO_END, .done = true, .outcomes = "D", .flags = ENVELOPE_8BIT },
		{ HELLO "C MAIL FROM:<from@xn--nda.test>~\nS 250 ok\nC RCPT TO:<r0@xn--tda.test>~\n" TO_END, .done = true, .outcomes = "D",
			.sender = "from@\xc3\xb6.test", .rcpt = "r0@\xc3\xbc.test", .flags = ENVELOPE_UTF8 },
		{ HELLO "N", .done = true, .outcomes = "5", .sender = "\xc3\xa4@here.test", .flags = ENVELOPE_UTF8 },
		{ HELLO "N", .done = true, .outcomes = "5", .rcpt = "\xc3\xa4@there.test", .flags = ENVELOPE_UTF8 },
		/* the others are not held up; 8BITMIME is needed too */
		{ "S 220 hi\nC EHLO\nS 250-hello\nS 250 SMTPUTF8\nC MAIL FROM:<from@here.test>~\nS 250 ok\nC RCPT TO:<r1@there.test>~\nS 250 ok\n"
		  "C RCPT TO:<r2@there.test>~\nS 450 no\nC DATA\nS 354 go\nD\nS 250 ok", .done = true, .rcpts = 3, .outcomes = "5D4",
			.rcpt = "\xc3\xa4@there.test", .flags = ENVELOPE_UTF8 },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

/* RFC 3030: content as it is, with MAIL and RCPT when it is small and the connection fresh. */
#define HELLO_BDAT(more) "S 220 hi\nC EHLO\nS 250-hello\nS 250-" more "\nS 250-BINARYMIME\nS 250 CHUNKING\n"
#define ALL_AHEAD "C MAIL\nC RCPT\nC BDAT 26 LAST~\nB\nN\n"

START_TEST(chunking)
{
	static const struct scene table[] = {
		/* only where it is offered, and asked for */
		{ HELLO SENT "S 250 ok", .done = true, .outcomes = "D", .chunking = true },
		{ HELLO_BDAT("X") SENT "S 250 ok", .done = true, .outcomes = "D" },
		{ HELLO_BDAT("X") "C MAIL FROM:<from@here.test>~\nS 250 ok\nC RCPT\nS 250 ok\nC BDAT 26 LAST~\nB\nS 250 ok", .done = true, .outcomes = "D", .chunking = true },
		{ HELLO_BDAT("X") "C MAIL\nS 250 ok\nC RCPT\nS 550 no\nC RSET\nN\nS 250 ok", .done = true, .outcomes = "5", .chunking = true },
		{ HELLO_BDAT("X") "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC BDAT\nB\nS 554 no", .done = true, .outcomes = "5", .chunking = true },
		{ HELLO_BDAT("X") "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC BDAT\nB\nX", .outcomes = "-", .kind = LOSS_NETWORK, .step = STEP_END, .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 250 ok\nS 250 ok\nS 250 ok", .done = true, .outcomes = "D", .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 250 ok\nS 550 no\nS 503 what\nC RSET\nS 250 ok", .done = true, .outcomes = "5", .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 451 no\nS 503 no\nS 503 what\nC RSET\nS 250 ok", .done = true, .outcomes = "4", .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 250 ok\nX", .outcomes = "-", .kind = LOSS_NETWORK, .step = STEP_RCPT, .chunking = true, .committed = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 421 busy", .outcomes = "-", .kind = LOSS_BUSY, .step = STEP_MAIL, .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 451 no\nS 250 ok\nS 250 taken", .done = true, .outcomes = "D", .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 451 no\nS 250 ok\nS 503 what", .done = true, .outcomes = "4", .chunking = true },
		/* the second over the same connection waits */
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 250 ok\nS 250 ok\nS 250 ok\nC MAIL\nC RCPT\nN\nS 250 ok\nS 250 ok\nC BDAT 26 LAST\nB\nS 250 ok", .sends = 2,
			.done = true, .outcomes = "D", .chunking = true },
		{ HELLO_BDAT("PIPELINING") ALL_AHEAD "S 250 ok\nS 250 ok\nS 250 ok\nC MAIL\nC RCPT\nX", .sends = 2, .kind = LOSS_NETWORK, .step = STEP_MAIL, .chunking = true,
			.stale = true },
		/* in LMTP the number of answers depends on those before */
		{ "S 220 hi\nC LHLO\nS 250-x\nS 250-PIPELINING\nS 250 CHUNKING\nC MAIL\nC RCPT\nC RCPT\nN\nS 250 ok\nS 250 ok\nS 550 no\nC BDAT 26 LAST\nB\nS 250 ok",
			.lmtp = true, .rcpts = 2, .done = true, .outcomes = "D5", .chunking = true },
		/* binary: in no other way; else converted, which is not needed for what this holds */
		{ HELLO_BDAT("X") "C MAIL FROM:<from@here.test> BODY=BINARYMIME~\nS 250 ok\nC RCPT\nS 250 ok\nC BDAT 26 LAST\nB\nS 250 ok", .done = true, .outcomes = "D",
			.flags = ENVELOPE_BINARY },
		{ "S 220 hi\nC EHLO\nS 250-x\nS 250 BINARYMIME\nC MAIL FROM:<from@here.test>~\nS 250 ok\nC RCPT\n" TO_END, .done = true, .outcomes = "D", .flags = ENVELOPE_BINARY },
		/* long lines would have to be folded */
		{ HELLO_BDAT("X") SENT "S 250 ok", .done = true, .outcomes = "D", .chunking = true, .flags = ENVELOPE_LONG_LINES },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

/* What the route demands: TLS, AUTH. The socket is no TCP connection, so that TLS itself is for t/outbound. */
#define HELLO_AUTH(words) "S 220 hi\nC EHLO me.test\nS 250-hello\nS 250 AUTH " words "\n"
#define AFTER_AUTH "C MAIL\nS 451 no\nC RSET\nS 250 ok"

START_TEST(demands)
{
	static const struct access login = { .user = "alice", .password = "secret", .mechanism = "", .helo = "", .domain = "" };
	static const struct access named = { .user = "", .password = "", .mechanism = "", .helo = "other.test", .domain = "" };
	static const struct scene table[] = {
		{ HELLO_AUTH("LOGIN PLAIN") "C AUTH PLAIN AGFsaWNlAHNlY3JldA==~\nS 235 ok\n" AFTER_AUTH, .access = &login, .done = true, .outcomes = "4" },
		{ HELLO_AUTH("PLAIN") "C AUTH PLAIN\nS 334 \nC AGFsaWNlAHNlY3JldA==~\nS 235 ok\n" AFTER_AUTH, .access = &login, .done = true, .outcomes = "4" },
		{ HELLO_AUTH("LOGIN") "C AUTH LOGIN~\nS 334 VXNlcm5hbWU6\nC YWxpY2U=~\nS 334 UGFzc3dvcmQ6\nC c2VjcmV0~\nS 235 ok\n" AFTER_AUTH, .access = &login, .done = true,
			.outcomes = "4" },
		{ HELLO_AUTH("CRAM-MD5") "C AUTH CRAM-MD5~\nS 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\nC YWxpY2Ug\nS 235 ok\n" AFTER_AUTH, .access = &login,
			.done = true, .outcomes = "4" },
		{ HELLO_AUTH("PLAIN") "C AUTH\nS 535 5.7.8 wrong", .access = &login, .kind = LOSS_SECURITY, .step = STEP_AUTH },
		{ HELLO_AUTH("PLAIN") "C AUTH\nS 454 4.7.0 later", .access = &login, .kind = LOSS_SECURITY, .step = STEP_AUTH },
		{ HELLO_AUTH("PLAIN") "C AUTH\nS 421 4.7.0 later", .access = &login, .kind = LOSS_BUSY, .step = STEP_AUTH },
		{ HELLO_AUTH("PLAIN") "C AUTH\nS 250 ok", .access = &login, .kind = LOSS_SECURITY, .step = STEP_AUTH },
		{ HELLO_AUTH("LOGIN") "C AUTH\nS 235 ok", .access = &login, .kind = LOSS_SECURITY, .step = STEP_AUTH },
		{ HELLO_AUTH("SCRAM-SHA-256") "C AUTH SCRAM-SHA-256 \nS 334 cj14LHM9eCxpPTE=\nN", .access = &login, .kind = LOSS_SECURITY, .step = STEP_AUTH_ANSWER },
		{ HELLO_AUTH("CRAM-MD5") "C AUTH\nS 334 !!\nN", .access = &login, .kind = LOSS_SECURITY, .step = STEP_AUTH_ANSWER },
		{ HELLO_AUTH("PLAIN") "C AUTH\nR 235 ok~250 more~\nN", .access = &login, .kind = LOSS_PROTOCOL, .step = STEP_AUTH },
		/* none that we know: as configured */
		{ HELLO_AUTH("NTLM") "N", .access = &login, .kind = LOSS_SECURITY, .step = STEP_EHLO },
		{ HELLO_AUTH("NTLM") AFTER_AUTH, .access = &login, .done = true, .outcomes = "4", .without_auth = true },
		{ HELLO AFTER_AUTH, .access = &login, .done = true, .outcomes = "4", .without_auth = true },
		{ "S 220 hi\nC EHLO\nS 502 what\nC HELO\nS 250 ok\nN", .access = &login, .kind = LOSS_SECURITY, .step = STEP_HELO },
		/* our name there */
		{ "S 220 hi\nC EHLO other.test~\nS 250 hello\n" AFTER_AUTH, .access = &named, .done = true, .outcomes = "4" },
	};
	run_all(table, COUNT_OF(table));
}
END_TEST

/* A second parcel over a connection that had died in between: nothing is said about the message. */
START_TEST(died_while_idle)
{
	static const struct scene stale[] = {
		{ HELLO SENT "S 250 ok\nC MAIL\nX", .sends = 2, .kind = LOSS_NETWORK, .step = STEP_MAIL, .stale = true },
		{ HELLO SENT "S 250 ok\nC MAIL\nS 421 idle too long", .sends = 2, .kind = LOSS_BUSY, .step = STEP_MAIL, .stale = true },
		{ HELLO "C MAIL\nX", .kind = LOSS_NETWORK, .step = STEP_MAIL },
		{ HELLO SENT "S 250 ok\nC MAIL\nS 250 ok\nC RCPT\nX", .sends = 2, .kind = LOSS_NETWORK, .step = STEP_RCPT },
	};
	run_all(stale, COUNT_OF(stale));
}
END_TEST

UNIT_MAIN("step", one_by_one, ahead, set_up, lmtp, reports, internationalised, chunking, demands, died_while_idle)
