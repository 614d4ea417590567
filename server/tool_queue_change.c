/* tool_queue_change.c - `postrider queue flush`, `retry`, `hold`, `release`, `remove` and `bounce`: asked of the
 * queue-runner, which alone changes the queue while it runs. When there is none, its lock is free: then it is taken and the
 * change made here. */
#include "tool_queue.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/ipc.h"
#include "../lib/scoreboard.h"
#include "../lib/view.h"
#include "../queue/bounce.h"
#include "../queue/part.h"

#include <getopt.h>
#include <poll.h>
#include <sys/socket.h>

#define ANSWER_MS 60000	/* a flush of a huge queue takes a while */
#define START_MS 60000	/* and so does its start */
#define START_LOOK_MS 50

/* Where changes go: the sockets of the queue-runners, or (no parts) the spool itself. */
struct changer {
	const struct settings *settings;
	struct spool *spool;
	unsigned parts;
	int fds[RUNNERS_MAX];
	struct arena *arena;
};

/* ---- through the queue-runner ---- */

/* One question, one answer. *OK is what the runner says of it, TEXT its words. */
static bool ask(int fd, enum ipc_type type, const char *what, bool *ok, char *text, size_t size, struct err *err)
{
	static struct ipc_out question;
	static struct ipc_in answer;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct view said;

	ipc_self(IPC_TOOL);
	ipc_begin(&question, type);
	if (type != IPC_QUEUE_STATS && type != IPC_QUEUE_RULES)
		ipc_put_view(&question, view_of(what));
	if (!ipc_send(fd, &question, err))
		return false;
	if (poll(&ready, 1, ANSWER_MS) <= 0 || ipc_receive(fd, &answer, err) != 1 || answer.type != IPC_RESULT)
		return err_set(err, "no answer from the queue-runner");
	*ok = ipc_get_u8(&answer) != 0;
	said = ipc_get_view(&answer);
	snprintf(text, size, "%.*s", VIEW_FMT(said));
	return ipc_end(&answer, err);
}

static void disconnect(int *fds, unsigned count)
{
	while (count > 0)
		close(fds[--count]);
}

static unsigned count_runners(const struct settings *s)
{
	return scoreboard() || scoreboard_open(s->run_dir, true, NULL) ? part_count() : 1;
}

static int connect_runner(const struct settings *s, unsigned part)
{
	char path[PART_PATH];

	return ipc_connect(part_path(path, s->run_dir, "queue", part), SOCK_SEQPACKET, NULL);
}

/* To all queue-runners: how many they are, 0 when they are not all there. */
static unsigned connect_runners(const struct settings *s, int fds[RUNNERS_MAX])
{
	unsigned count = count_runners(s);

	for (unsigned i = 0; i < count; i++) {
		fds[i] = connect_runner(s, i);
		if (fds[i] < 0) {
			disconnect(fds, i);
			return 0;
		}
	}
	return count;
}

/* Lines of text, each escaped. */
static void print_text(const char *text, FILE *out)
{
	struct view rest = view_of(text);
	char line[4096];

	while (rest.len) {
		if (!view_copy(view_cut(&rest, '\n'), line, sizeof(line)))
			continue;
		tool_print(out, line);
		putc('\n', out);
	}
}

/* Whose words follow. */
static void print_runner(unsigned count, unsigned i, FILE *out)
{
	char name[PART_NAME];

	if (count > 1)
		fprintf(out, "%s:\n", part_name(name, i));
}

/* Asked of the queue-runner on FD. */
static bool ask_rules(int fd, struct err *err)
{
	static char text[IPC_MAX];
	bool ok = true, answered = ask(fd, IPC_QUEUE_RULES, "", &ok, text, sizeof(text), err);

	if (!answered || !ok)
		return answered ? err_set(err, "%s", text) : err_context(err, "the rule is there, but whether it is in force is not known");
	print_text(text, stdout);
	return true;
}

/* One that is not there reads them when it starts. */
bool tool_queue_ask_rules(const struct settings *s, struct err *err)
{
	unsigned count = count_runners(s);
	bool ok = true;

	for (unsigned i = 0; ok && i < count; i++) {
		int fd = connect_runner(s, i);

		if (fd < 0)
			continue;
		print_runner(count, i, stdout);
		ok = ask_rules(fd, err);
		close(fd);
	}
	return ok;
}

void tool_queue_ask_stats(const struct settings *s)
{
	static char text[IPC_MAX];
	struct err err = { "" };
	int fds[RUNNERS_MAX];
	unsigned count = connect_runners(s, fds);
	bool ok;

	if (count == 0)
		puts("the queue-runner is not running");
	for (unsigned i = 0; i < count; i++) {
		print_runner(count, i, stdout);
		if (ask(fds[i], IPC_QUEUE_STATS, "", &ok, text, sizeof(text), &err))
			print_text(text, stdout);
		else
			puts("it does not answer");
	}
	disconnect(fds, count);
}

/* ---- without one ---- */

static bool make_due(struct changer *c, const char *id, enum spool_state from, const char *domain, struct err *err)
{
	struct spool_file f;
	bool ok, hit = !domain;

	arena_reset(c->arena);
	if (spool_file_open(c->spool, id, from, true, c->arena, &f, err) != SPOOL_READ_OK)
		return false;
	for (size_t i = 0; !hit && i < f.env.rcpt_count; i++)
		hit = f.env.rcpts[i].status == RCPT_TODO && view_case_eq(view_of(domain), view_of(f.env.rcpts[i].domain));
	ok = !hit || spool_defer(c->spool, &f, clock_now(), err);
	spool_file_close(&f);
	return ok;
}

struct flush { struct changer *c; const char *domain; };

static bool flush_one(void *arg, const char *id, int64_t mtime UNUSED)
{
	struct flush *flush = arg;
	struct err err = { "" };

	if (!make_due(flush->c, id, SPOOL_LATER, flush->domain, &err))
		tool_fail("%s", err.text);	/* one that is damaged does not keep the others */
	return true;
}

/* A notice about all that are not done; on disk before they are marked, as in the queue-runner. Plugins are not asked. */
static bool give_up(struct changer *c, struct spool_file *f, struct err *err)
{
	struct bounce_config config = { .me = c->settings->me, .max_return = (uint64_t)c->settings->outbound_bounce_max_return };
	struct bounce_rcpt *failed = arena_alloc(c->arena, f->env.rcpt_count * sizeof(*failed) + 1);
	struct bounce about = { .kind = BOUNCE_FAILED, .file = f, .rcpts = failed };
	char notice[SPOOL_ID_SIZE];
	bool ok = true;

	if (!bounce_read_texts(c->settings->dir, c->arena, &config, err))
		return false;
	for (size_t i = 0; i < f->env.rcpt_count; i++)
		if (f->env.rcpts[i].status == RCPT_TODO)
			failed[about.count++] = (struct bounce_rcpt){ .rcpt = i, .action = ACTION_FAILED,
				.answer = BOUNCE_RETURNED_CODE " " BOUNCE_RETURNED_TEXT };
	if (bounce_send(c->spool, &config, &about, notice, err) == BOUNCE_ERROR)
		return false;
	for (size_t i = 0; ok && i < about.count; i++)
		ok = spool_set_status(f, failed[i].rcpt, RCPT_FAILED, err);
	return ok;
}

static bool bounce_file(struct changer *c, const char *id, struct err *err)
{
	struct spool_file f;
	bool ok;

	arena_reset(c->arena);
	if (spool_file_find(c->spool, id, true, c->arena, &f, err) != SPOOL_READ_OK)
		return false;
	ok = bounce_possible(&f, err) && give_up(c, &f, err) && spool_remove(c->spool, id, f.state, err);
	spool_file_close(&f);
	return ok;
}

static bool change_file(struct changer *c, enum ipc_type type, const char *id, struct err *err)
{
	struct spool_file f;
	enum spool_read result;

	arena_reset(c->arena);
	result = spool_file_find(c->spool, id, false, c->arena, &f, err);
	if (result == SPOOL_READ_OK)
		spool_file_close(&f);
	else if (result != SPOOL_READ_DAMAGED || type != IPC_QUEUE_REMOVE)
		return false;
	err->text[0] = '\0';
	if (type == IPC_QUEUE_REMOVE)
		return spool_remove(c->spool, id, f.state, err);
	if (type == IPC_QUEUE_HOLD)
		return f.state == SPOOL_HOLD || spool_move(c->spool, id, f.state, SPOOL_HOLD, err);
	if (type == IPC_QUEUE_RELEASE && f.state != SPOOL_HOLD)
		return err_set(err, "it is not held");
	if (type != IPC_QUEUE_RELEASE && f.state == SPOOL_HOLD)
		return err_set(err, "it is held; release it first");
	if (f.state == SPOOL_BAD)
		return err_set(err, "it is set aside in bad/");
	return f.state == SPOOL_NEW || make_due(c, id, f.state, NULL, err);
}

static bool change_spool(struct changer *c, enum ipc_type type, const char *what, struct err *err)
{
	struct flush flush = { c, NULL };

	if (type == IPC_QUEUE_BOUNCE)
		return bounce_file(c, what, err);
	if (type != IPC_QUEUE_FLUSH || spool_id_valid(view_of(what)))
		return change_file(c, type, what, err);
	if (strncmp(what, "site:", 5) == 0)
		return err_set(err, "only a running queue-runner knows which domains lead to a site");
	if (*what)
		flush.domain = what + strlen("domain:");
	return spool_scan(c->spool, SPOOL_LATER, flush_one, &flush, err);
}

/* ---- the commands ---- */

static enum ipc_type type_of(const char *command)
{
	static const struct { const char *name; enum ipc_type type; } types[] = {
		{ "flush", IPC_QUEUE_FLUSH }, { "retry", IPC_QUEUE_RETRY }, { "hold", IPC_QUEUE_HOLD }, { "release", IPC_QUEUE_RELEASE },
		{ "remove", IPC_QUEUE_REMOVE }, { "bounce", IPC_QUEUE_BOUNCE },
	};

	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcmp(types[i].name, command) == 0)
			return types[i].type;
	bug("queue %s is not a change", command);
}

/* Asked of the queue-runner that has PART, or made here. */
static bool change_part(struct changer *c, unsigned part, enum ipc_type type, const char *what)
{
	struct err err = { "" };
	char text[sizeof(err.text)] = "";
	bool ok = true;

	if (c->parts ? !ask(c->fds[part], type, what, &ok, text, sizeof(text), &err) : !change_spool(c, type, what, &err)) {
		ok = false;
		snprintf(text, sizeof(text), "%s", err.text);
	}
	if (!ok) {
		fprintf(stderr, "postrider: %s%s", what, *what ? ": " : "");
		print_text(*text ? text : "refused", stderr);
	} else if (*text) {
		print_text(text, stdout);
	}
	return ok;
}

/* One message concerns its owner, everything else all. */
static bool change(struct changer *c, enum ipc_type type, const char *what)
{
	bool ok = true;

	if (c->parts < 2 || spool_id_valid(view_of(what)))
		return change_part(c, c->parts < 2 ? 0 : part_of(what, c->parts), type, what);
	for (unsigned i = 0; i < c->parts; i++) {
		print_runner(c->parts, i, stdout);
		ok = change_part(c, i, type, what) && ok;
	}
	return ok;
}

static bool change_id(struct changer *c, enum ipc_type type, const char *id)
{
	if (spool_id_valid(view_of(id)))
		return change(c, type, id);
	fputs("postrider: \"", stderr);
	tool_print(stderr, id);
	fputs("\" is not a queue id\n", stderr);
	return false;
}

static bool change_list(struct changer *c, enum ipc_type type, FILE *in)
{
	char line[256];
	bool ok = true;

	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (*line)
			ok = change_id(c, type, line) && ok;
	}
	return ok;
}

static bool change_all(struct changer *c, enum ipc_type type, const char *domain, const char *site, char **ids)
{
	char what[1024] = "";
	bool ok = true;

	if (domain)
		snprintf(what, sizeof(what), "domain:%s", domain);
	else if (site)
		snprintf(what, sizeof(what), "site:%s", site);
	if (!*ids)
		return change(c, type, what);
	for (; *ids; ids++)
		ok = (strcmp(*ids, "-") == 0 ? change_list(c, type, stdin) : change_id(c, type, *ids)) && ok;
	return ok;
}

/* The runner, or the spool with the runner's lock. A runner that reads a long queue at its start has the lock and does not
 * listen yet. */
static bool open_changer(struct changer *c, const struct settings *s)
{
	int64_t until = clock_ms() + START_MS;
	struct err err = { "" };
	int locked = 0;

	while ((c->parts = connect_runners(s, c->fds)) == 0 && locked == 0 && clock_ms() < until) {
		locked = spool_lock(c->spool, false, &err);
		if (locked == 0)
			poll(NULL, 0, START_LOOK_MS);
	}
	if (c->parts == 0 && locked == 0)
		err_set(&err, "the queue-runner holds the spool but does not listen");
	return c->parts > 0 || locked == 1 || tool_fail("%s", err.text) == TOOL_OK;
}

int tool_queue_change(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "domain", required_argument, NULL, 'd' }, { "site", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 } };
	enum ipc_type type = type_of(argv[0]);
	const char *domain = NULL, *site = NULL;
	struct changer c = { .parts = 0 };
	struct settings *s;
	bool ok;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if ((option != 'd' && option != 's') || type != IPC_QUEUE_FLUSH)
			return tool_usage(tool);
		*(option == 'd' ? &domain : &site) = optarg;
	}
	if (optind == argc ? type != IPC_QUEUE_FLUSH || (domain && site) : domain || site)
		return tool_usage(tool);
	c.spool = tool_queue_open(tool, &s);
	if (!c.spool)
		return TOOL_FAILED;
	c.settings = s;
	c.arena = arena_new(8192);
	if (domain)
		domain = address_domain_canonical(view_of(domain), s->arena);
	if (optind == argc && !domain && !site && argc > 1)
		ok = tool_fail("--domain: not a domain name") == TOOL_OK;
	else
		ok = open_changer(&c, s) && change_all(&c, type, domain, site, argv + optind);
	disconnect(c.fds, c.parts);
	arena_free(&c.arena);
	spool_close(&c.spool);
	settings_free(&s);
	return ok ? TOOL_OK : TOOL_FAILED;
}
