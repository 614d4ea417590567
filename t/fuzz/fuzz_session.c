/* fuzz_session.c - all that a client may say in one connection, command lines, chunks and content in any order, to a whole
 * session with two plugins behind it. Whatever comes: every reply is well-formed (RFC 5321 4.2.1, RFC 2034), there are not
 * more messages than ends of data, no message that is not binary holds a bare CR, a bare LF or NUL, and the session ends. */
#include "fuzz.h"
#include "../../lib/log.h"
#include "../../lib/plugin_list.h"
#include "../../lib/settings.h"
#include "../../worker/greeting.h"
#include "../../worker/session.h"
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define INPUT_MAX 60000
#define STEPS_MAX 20000

static char dir[64];
static struct settings *settings;
static struct plugin_list list;
static struct plugin plugin;
static struct plugin *chain[1] = { &plugin };
static struct postrider_plugin def = { .abi = POSTRIDER_ABI, .name = "fuzz" };
static struct listener listener = { .fd = -1, .role = LISTENER_SMTP };
static struct worker_args args;
static struct session_host host;
static volatile sig_atomic_t interrupted;
static unsigned messages;

/* What is handed on reads as what it says that it is. */
static void look_at_message(struct hook_call *call)
{
	const char *body = pr_parameter(call, "BODY");
	bool binary = body && strcasecmp(body, "BINARYMIME") == 0, cr = false;
	uint64_t at = 0;
	char piece[4096];
	ssize_t n;

	while ((n = pr_message_read(call, at, piece, sizeof(piece))) > 0) {
		for (ssize_t i = 0; i < n && !binary; i++) {
			MUST(piece[i] != '\0');
			MUST(cr == (piece[i] == '\n'));
			cr = piece[i] == '\r';
		}
		at += (uint64_t)n;
	}
	MUST(n == 0 && !cr && at == pr_message_size(call));
}

static enum verdict on_hook(struct hook_call *call)
{
	switch (call->hook) {
	case HOOK_AUTH_PLAIN:
	case HOOK_AUTH_LOGIN:
		return strcmp(pr_auth_login(call), "alice") == 0 && strcmp(pr_auth_password(call), "secret") == 0 ? OK : DENY;
	case HOOK_RCPT:
		return strcmp(pr_recipient_domain(call), "local.test") == 0 ? OK : DECLINED;
	case HOOK_QUEUE:
	case HOOK_QUEUE_OUTBOUND:
		messages++;
		look_at_message(call);
		return OK;
	default:
		return DECLINED;
	}
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void clean_up(void)
{
	host_close(&host);
	settings_free(&settings);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
	static const enum hook wanted[] = { HOOK_AUTH_PLAIN, HOOK_AUTH_LOGIN, HOOK_RCPT, HOOK_QUEUE, HOOK_QUEUE_OUTBOUND };
	struct err err = { "" };
	char path[96];

	snprintf(dir, sizeof(dir), "%s/fuzz-XXXXXX", getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
	MUST(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/postrider.conf", dir);
	FILE *out = fopen(path, "w");
	MUST(out);
	fprintf(out, "spool_dir = \"%s/spool\"\nrun_dir = \"%s\"\nstate_dir = \"%s\"\nlookup_rdns = false\nme = \"mx.test\"\nauth_failure_delay = 0\n"
		"auth_without_tls = true\nxclient_hosts = { \"192.0.2.0/24\" }\nmax_errors = 0\nmax_noops = 0\nmin_free_space = 0\nmin_free_inodes = 0\n", dir, dir, dir);
	fclose(out);
	settings = settings_read(dir, &err);
	if (!settings)
		fprintf(stderr, "%s\n", err.text);
	MUST(settings && spool_create(settings->spool_dir, getuid(), getgid(), &err) && log_open("none", false, LOG_LEVEL_DEBUG, &err));
	plugin = (struct plugin){ .list = &list, .def = &def, .name = "fuzz" };
	list = (struct plugin_list){ .settings = settings, .count = 1, .plugin = &plugin };
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		def.hooks[wanted[i]] = on_hook;
		list.chain[wanted[i]] = chain;
		list.chain_count[wanted[i]] = 1;
	}
	args = (struct worker_args){ .settings = settings, .plugins = &list, .listener_count = 1, .listeners = &listener,
		.life_fd = -1, .wake_fd = -1 };
	host_open(&host, &args, &interrupted);
	atexit(clean_up);
}

/* One reply line, without its CRLF. */
static void look_at_line(const char *line, size_t len)
{
	MUST(len >= 4 && line[0] >= '2' && line[0] <= '5' && line[1] >= '0' && line[1] <= '5' && line[2] >= '0' && line[2] <= '9');
	MUST(line[3] == ' ' || line[3] == '-');
	MUST(len <= 512);	/* RFC 5321 4.5.3.1.5, CRLF apart */
	for (size_t i = 0; i < len; i++)
		MUST((uint8_t)line[i] >= ' ' && line[i] != 0x7f);
	if (line[0] == '4' || line[0] == '5')
		MUST(len > 9 && line[4] == line[0] && line[5] == '.');
}

static void hear(int fd)
{
	static char text[1 << 17];
	static size_t len;
	ssize_t n = recv(fd, text + len, sizeof(text) - len, MSG_DONTWAIT);
	size_t at = 0;

	len = n > 0 ? len + (size_t)n : len;
	for (char *end; (end = memmem(text + at, len - at, "\r\n", 2)); at = (size_t)(end + 2 - text))
		look_at_line(text + at, (size_t)(end - text) - at);
	memmove(text, text + at, len - at);
	len -= at;
	if (n == 0)
		MUST(len == 0);		/* whole lines, up to the end */
}

static size_t ends_of_data(struct view in)
{
	size_t count = 0;

	for (; in.len >= 4; in = view_skip(in, 1))
		count += view_starts(in, VIEW(".\r\n")) || view_case_starts(in, VIEW("LAST"));
	return count + view_starts(in, VIEW(".\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netaddr peer = { .family = 4, .bytes = { 192, 0, 2, 1 }, .port = 1234 };
	struct view in = view_make((const char *)data, size < INPUT_MAX ? size : INPUT_MAX);
	struct session s;
	int pair[2];

	if (!settings)
		set_up();
	messages = 0;
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	MUST(in.len == 0 || send(pair[1], in.data, in.len, MSG_DONTWAIT) == (ssize_t)in.len);
	shutdown(pair[1], SHUT_WR);
	session_open(&s, &host, pair[0], &listener, &peer);
	greeting_run(&s);
	for (unsigned step = 0; s.end == SESSION_GOES_ON; step++) {
		MUST(step < STEPS_MAX);
		session_step(&s);
		hear(pair[1]);
	}
	session_close(&s);
	hear(pair[1]);
	hear(pair[1]);
	MUST(messages <= ends_of_data(in));
	close(pair[1]);
	return 0;
}
