/* session_fixture.h - a session over a socket pair, with one plugin whose verdicts the test sets: for test_session.c and
 * test_worker.c. Everything is in a directory of its own, which is removed at the end. */
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

#include "unit.h"
#include "../../lib/arena.h"
#include "../../lib/log.h"
#include "../../lib/plugin_list.h"
#include "../../lib/settings.h"
#include "../../worker/greeting.h"
#include "../../worker/session.h"
#include <ftw.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct fixture {
	char dir[64];
	struct settings *settings;
	struct plugin_list list;
	struct plugin plugin;
	struct plugin *chain[1];
	struct postrider_plugin def;
	struct worker_args args;
	struct listener listener;
	struct session_host host;
	struct session s;
	volatile sig_atomic_t interrupted;
	int client;			/* the other end */
	bool over;
};

/* What the plugin answers at each hook; a text sets a reply with it. */
static enum verdict fixture_verdict[HOOK_COUNT];
static const char *fixture_text[HOOK_COUNT];
static unsigned fixture_calls[HOOK_COUNT];

static enum verdict fixture_hook(struct hook_call *call)
{
	enum verdict v = fixture_verdict[call->hook];

	fixture_calls[call->hook]++;
	if (fixture_text[call->hook])
		pr_reply(call, v == OK ? 250 : v == DENYSOFT ? 450 : 550, NULL, "%s", fixture_text[call->hook]);
	if (call->hook >= HOOK_AUTH_PLAIN && call->hook <= HOOK_AUTH && v == OK)
		v = strcmp(pr_auth_login(call), "alice") == 0 && strcmp(pr_auth_password(call), "secret") == 0 ? OK : DENY;
	return v;
}

static void fixture_write(const struct fixture *f, const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void fixture_want(struct fixture *f, enum hook hook, enum verdict v)
{
	f->def.hooks[hook] = fixture_hook;
	f->list.chain[hook] = f->chain;
	f->list.chain_count[hook] = 1;
	fixture_verdict[hook] = v;
	fixture_text[hook] = NULL;
}

static inline void fixture_begin(struct fixture *f, const char *conf)
{
	struct err err = { "" };
	char text[1024];

	*f = (struct fixture){ .client = -1 };
	snprintf(f->dir, sizeof(f->dir), "/tmp/pr-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(text, sizeof(text), "spool_dir = \"%s/spool\"\nrun_dir = \"%s\"\nstate_dir = \"%s\"\nlookup_rdns = false\n"
		"auth_failure_delay = 0\n%s", f->dir, f->dir, f->dir, conf);
	fixture_write(f, "postrider.conf", text);
	fixture_write(f, "me", "mx.test\n");
	f->settings = settings_read(f->dir, &err);
	ck_assert_msg(f->settings != NULL, "%s", err.text);
	ck_assert_msg(spool_create(f->settings->spool_dir, getuid(), getgid(), &err), "%s", err.text);
	ck_assert(log_open("none", false, LOG_LEVEL_DEBUG, &err));
	f->def = (struct postrider_plugin){ .abi = POSTRIDER_ABI, .name = "fixture" };
	f->plugin = (struct plugin){ .list = &f->list, .def = &f->def, .name = "fixture" };
	f->chain[0] = &f->plugin;
	f->list = (struct plugin_list){ .settings = f->settings, .count = 1, .plugin = &f->plugin };
	memset(fixture_verdict, 0, sizeof(fixture_verdict));
	memset(fixture_text, 0, sizeof(fixture_text));
	memset(fixture_calls, 0, sizeof(fixture_calls));
	f->listener = (struct listener){ .fd = -1, .role = LISTENER_SMTP };
	f->args = (struct worker_args){ .settings = f->settings, .plugins = &f->list, .listener_count = 1, .listeners = &f->listener,
		.life_fd = -1, .wake_fd = -1 };
	host_open(&f->host, &f->args, &f->interrupted);
}

static int fixture_remove(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static inline void fixture_end(struct fixture *f)
{
	host_close(&f->host);
	settings_free(&f->settings);
	if (f->client >= 0)
		close(f->client);
	nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Everything the session has said since the last call, in one text. */
static inline const char *fixture_heard(struct fixture *f)
{
	static char text[65536];
	ssize_t n;

	if (!f->over && f->s.stream)
		ck_assert_int_eq(stream_flush(f->s.stream, 1000), STREAM_OK);
	n = recv(f->client, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static inline const char *fixture_connect(struct fixture *f)
{
	struct netaddr peer = { .family = 4, .bytes = { 192, 0, 2, 1 }, .port = 1234 };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	f->client = pair[1];
	f->over = false;
	session_open(&f->s, &f->host, pair[0], &f->listener, &peer);
	greeting_run(&f->s);
	return fixture_heard(f);
}

static inline void fixture_hang_up(struct fixture *f)
{
	session_close(&f->s);
	f->over = true;
	close(f->client);
	f->client = -1;
}

/* Sends TEXT, lets the session work until it has read all of it, and gives back what it said. */
static inline const char *fixture_send(struct fixture *f, const char *text, size_t len)
{
	struct pollfd p = { .fd = stream_fd(f->s.stream), .events = POLLIN };

	ck_assert_int_eq(send(f->client, text, len, 0), (ssize_t)len);
	while (f->s.end == SESSION_GOES_ON && (stream_buffered(f->s.stream) || poll(&p, 1, 0) > 0))
		session_step(&f->s);
	return fixture_heard(f);
}

static inline const char *fixture_say(struct fixture *f, const char *text)
{
	return fixture_send(f, text, strlen(text));
}

/* The codes of the final lines of TEXT, as "250 354 250". */
static inline const char *fixture_codes(const char *text)
{
	static char out[1024];
	size_t at = 0;

	out[0] = '\0';
	for (const char *line = text; *line; line = strstr(line, "\r\n") + 2) {
		ck_assert_msg(strlen(line) >= 5 && strstr(line, "\r\n"), "not a reply: \"%s\"", line);
		if (line[3] == ' ')
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.3s", at ? " " : "", line);
	}
	return out;
}

static inline void fixture_expect(struct fixture *f, const char *said, const char *want)
{
	char got[1024];

	snprintf(got, sizeof(got), "%s", fixture_codes(fixture_say(f, said)));
	ck_assert_msg(strcmp(got, want) == 0, "\"%s\": got %s, expected %s", said, got, want);
}

static inline bool fixture_found(void *arg, const char *id, int64_t mtime UNUSED)
{
	snprintf(arg, SPOOL_ID_SIZE, "%s", id);
	return true;
}

/* The one message that is in the spool; the caller closes it. */
static inline void fixture_spooled(struct fixture *f, struct arena *a, struct spool_file *file)
{
	struct err err = { "" };
	char id[SPOOL_ID_SIZE] = "";

	ck_assert(spool_scan(f->host.spool, SPOOL_NEW, fixture_found, id, &err));
	ck_assert_msg(spool_file_open(f->host.spool, id, SPOOL_NEW, false, a, file, &err) == SPOOL_READ_OK, "%s", err.text);
}

#endif
