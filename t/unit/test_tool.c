/* test_tool.c - the subcommands of `postrider` that need no running server: texts made harmless, passwords, certificates, and the
 * queue read and changed through the spool. Each call runs in a child, since some give up root. */
#include "../../lib/base.h"
#include "../../lib/clock.h"
#include "../../lib/password.h"
#include "../../queue/spool.h"
#include "../../server/tool.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[128], output[65536];

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void path_of(char out[256], const char *name)
{
	snprintf(out, 256, "%s/%s", dir, name);
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *out;

	path_of(path, name);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

/* The spool belongs to whom the tool becomes: when root runs the test, to nobody. */
static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	const struct passwd *pw = getpwnam("nobody");
	char conf[512], spool[256];
	struct err err = { "" };
	bool root = geteuid() == 0;

	snprintf(dir, sizeof(dir), "%s/test_tool.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(conf, sizeof(conf), "me = mx.example.test\nuser = nobody\nspool_dir = \"%s/spool\"\nrun_dir = \"%s/run\"\nstate_dir = \"%s/state\"\n", dir, dir, dir);
	put("postrider.conf", conf);
	path_of(spool, "spool");
	ck_assert_msg(spool_create(spool, root && pw ? pw->pw_uid : geteuid(), root && pw ? pw->pw_gid : getegid(), &err), "%s", err.text);
}

static void remove_dir(void)
{
	ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- calling ---- */

static void child(int (*command)(const struct tool *, int, char **), char **argv, int argc, const char *input, int out)
{
	static const struct tool_command row = { .name = "test", .arguments = "", .summary = "", .details = "" };
	const struct tool tool = { .config_dir = dir, .command = &row, .group = "" };
	int in[2], status;

	if (pipe(in) < 0 || write(in[1], input, strlen(input)) < 0)
		_exit(99);
	close(in[1]);
	dup2(in[0], STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	status = command(&tool, argc, argv);
	fflush(stdout);
	_exit(status);
}

/* COMMAND with the words of LINE; its exit status. What it says goes to output[]. */
static int run(int (*command)(const struct tool *, int, char **), const char *line, const char *input)
{
	char words[512], *argv[32], *save = NULL;
	int argc = 0, out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	ck_assert_int_eq(pipe(out), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(command, argv, argc, input, out[1]);
	close(out[1]);
	while ((n = read(out[0], output + len, sizeof(output) - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "signal: %s", output);
	return WEXITSTATUS(status);
}

static bool said(const char *text)
{
	return strstr(output, text) != NULL;
}

/* ---- texts ---- */

static const struct { const char *text, *plain, *json; } texts[] = {
	{ "", "", "\"\"" },
	{ "a@b", "a@b", "\"a@b\"" },
	{ "\033[2J\a", "\\x1b[2J\\x07", "\"\\u001b[2J\\u0007\"" },
	{ "a\"b\\c\n", "a\"b\\\\c\\x0a", "\"a\\\"b\\\\c\\u000a\"" },
	{ "\xc3\xbc", "\\xc3\\xbc", "\"\xc3\xbc\"" },
	{ "\xf0\x9f\x93\xa7", "\\xf0\\x9f\\x93\\xa7", "\"\xf0\x9f\x93\xa7\"" },
	{ "\xc0\xaf", "\\xc0\\xaf", "\"\\ufffd\\ufffd\"" },			/* overlong */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\ufffd\\ufffd\\ufffd\"" },	/* a surrogate */
	{ "\xe2\x82", "\\xe2\\x82", "\"\\ufffd\\ufffd\"" },			/* cut off */
	{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
};

START_TEST(escapes)
{
	char *plain = NULL, *json = NULL;
	size_t len;
	FILE *out = open_memstream(&plain, &len);

	tool_print(out, texts[_i].text);
	fclose(out);
	out = open_memstream(&json, &len);
	tool_print_json(out, texts[_i].text);
	fclose(out);
	ck_assert_str_eq(plain, texts[_i].plain);
	ck_assert_str_eq(json, texts[_i].json);
	free(plain);
	free(json);
}
END_TEST

START_TEST(numbers)
{
	char text[TOOL_NUMBER_SIZE];

	ck_assert_str_eq(tool_age(-5, text), "0s");
	ck_assert_str_eq(tool_age(119, text), "119s");
	ck_assert_str_eq(tool_age(120, text), "2m");
	ck_assert_str_eq(tool_age(7200, text), "2h");
	ck_assert_str_eq(tool_age(432000, text), "5d");
	ck_assert_str_eq(tool_size(1023, text), "1023");
	ck_assert_str_eq(tool_size(1536, text), "1.5k");
	ck_assert_str_eq(tool_size(50 << 20, text), "50M");
	ck_assert_str_eq(tool_size(UINT64_MAX, text), "16E");
}
END_TEST

/* ---- passwd ---- */

static char *file_text(const char *name)
{
	static char text[8192];
	char path[256];
	FILE *in;

	path_of(path, name);
	in = fopen(path, "r");
	ck_assert_ptr_nonnull(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	return text;
}

START_TEST(passwd)
{
	char path[256], *hash;
	struct stat st;

	put("flat_auth_pw", "# people\nbob:$y$old\nlast:x");
	ck_assert_int_eq(run(tool_passwd, "passwd alice@local.test", "alice-secret\nmore\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd BOB", "other"), 0);
	hash = file_text("flat_auth_pw");
	ck_assert_int_eq(strncmp(hash, "# people\nBOB:SCRAM-SHA-256$32768:", 33), 0);
	ck_assert_ptr_nonnull(strstr(hash, "\nlast:x\n"));
	hash = strstr(hash, "\nalice@local.test:");
	ck_assert_ptr_nonnull(hash);
	hash += strlen("\nalice@local.test:");
	hash[strcspn(hash, "\n")] = '\0';
	ck_assert(password_check("alice-secret", hash));
	path_of(path, "flat_auth_pw");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(run(tool_passwd, "passwd --delete bob", ""), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --delete bob", ""), 1);
	ck_assert_ptr_null(strstr(file_text("flat_auth_pw"), "BOB"));
	ck_assert_int_eq(run(tool_passwd, "passwd -f other carl", "x\n"), 0);
	ck_assert_ptr_nonnull(strstr(file_text("other"), "carl:SCRAM-SHA-256$32768:"));
}
END_TEST

static const struct { const char *line, *input; int status; } refused[] = {
	{ "passwd a:b", "x\n", 1 }, { "passwd a#b", "x\n", 1 }, { "passwd carl\x01", "x\n", 1 }, { "passwd carl\xff", "x\n", 1 },
	{ "passwd carl", "\n", 1 }, { "passwd carl", "", 1 }, { "passwd carl", "tab\there\n", 1 }, { "passwd carl", "\xff\n", 1 },
	{ "passwd", "x\n", 2 }, { "passwd carl dora", "x\n", 2 }, { "passwd --list carl", "", 2 }, { "passwd --delete --list carl", "", 2 },
	{ "passwd --delete --yescrypt carl", "", 2 }, { "passwd --yescrypt --cram-md5 carl", "x\n", 2 },
	{ "passwd --iterations 4095 carl", "x\n", 1 }, { "passwd --iterations 1000001 carl", "x\n", 1 }, { "passwd --iterations x carl", "x\n", 1 },
	{ "passwd --cram-md5 carl", " x\n", 1 }, { "passwd --cram-md5 carl", "x #y\n", 1 }, { "passwd --verify carl", "x\n", 1 },
	{ "passwd -f nowhere/file carl", "x\n", 1 },
};

START_TEST(passwd_refused)
{
	put("flat_auth_pw", "bob:x\n");
	ck_assert_msg(run(tool_passwd, refused[_i].line, refused[_i].input) == refused[_i].status, "%s: %s", refused[_i].line, output);
	ck_assert_str_eq(file_text("flat_auth_pw"), "bob:x\n");
}
END_TEST

START_TEST(passwd_forms)
{
	put("flat_auth_pw", "# none: here\nold:clear\nhaschen:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n");
	ck_assert_int_eq(run(tool_passwd, "passwd --iterations 4096 anna", "p\xc3\xa4ssword\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --yescrypt bert", "two words\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --cram-md5 carl", "in the clear\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd j\xc3\xbcrgen", "x\n"), 0);
	ck_assert_ptr_nonnull(strstr(file_text("flat_auth_pw"), "\nbert:$y$"));
	ck_assert_ptr_nonnull(strstr(file_text("flat_auth_pw"), "\ncarl:{PLAIN}in the clear\n"));
	ck_assert_int_eq(run(tool_passwd, "passwd --list", ""), 0);
	ck_assert_str_eq(output, "old\tclear text\nhaschen\thash $2a$\nanna\tSCRAM-SHA-256, 4096 iterations\nbert\thash $y$\n"
		"carl\tclear text\nj\\xc3\\xbcrgen\tSCRAM-SHA-256, 32768 iterations\n");
	/* the same letter, in two characters */
	ck_assert_int_eq(run(tool_passwd, "passwd --verify Anna", "pa\xcc\x88ssword\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify ju\xcc\x88rgen", "x\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify anna", "password\n"), 1);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify bert", "two words\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify bert", "two word\n"), 1);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify carl", "in the clear\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify carl", "{PLAIN}in the clear\n"), 1);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify old", "clear\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd --verify haschen", "U*U\n"), 0);
	ck_assert_int_eq(run(tool_passwd, "passwd -f nothing --list", ""), 0);
	ck_assert_str_eq(output, "");
}
END_TEST

/* ---- tls-cert and check ---- */

START_TEST(certificate)
{
	char path[256];
	struct stat st;

	ck_assert_int_eq(run(tool_tls_cert, "tls-cert --days 10", ""), 0);
	path_of(path, "tls_key.pem");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(run(tool_tls_cert, "tls-cert", ""), 1);
	ck_assert(said("--force"));
	put("plugins", "");
	ck_assert_msg(run(tool_check, "check", "") == 0, "%s", output);
	ck_assert(said("warning: certificate "));
	ck_assert(said(": fine"));
	ck_assert_int_eq(run(tool_tls_cert, "tls-cert --force --name mx.example.test --name *.example.test", ""), 0);
	ck_assert_int_eq(run(tool_tls_cert, "tls-cert --name not/a/name", ""), 1);
	ck_assert_int_eq(run(tool_tls_cert, "tls-cert --days 0", ""), 1);
	ck_assert_int_eq(run(tool_tls_cert, "tls-cert more", ""), 2);
	put("tls_cert.pem", "");
	put("postrider.conf", "me = mx.example.test\nuser = nobody\nspool_dir = /nowhere/at/all\nrun_dir = /nowhere/else\n");
	put("rcpthosts", "example.test\nnot a domain\n");
	ck_assert_int_eq(run(tool_check, "check", ""), 1);
	ck_assert(said("spool_dir: /nowhere/at/all does not exist"));
	ck_assert(said("run_dir: /nowhere/else"));
	ck_assert(said("/rcpthosts:2: "));
	ck_assert(said("/tls_cert.pem"));
	put("postrider.conf", "max_workers = 0\nmax_spare = x\n");
	ck_assert_int_eq(run(tool_check, "check", ""), 1);
	ck_assert(said("/postrider.conf:1: max_workers"));
	ck_assert(said("/postrider.conf:2: max_spare"));
}
END_TEST

/* ---- queue ---- */

/* A message in new/; its id. In a child, as the spool's owner. */
static const char *add(const char *sender, const char *rcpt, const char *domain)
{
	static char id[SPOOL_ID_SIZE];
	struct envelope_rcpt to = { .address = rcpt, .domain = domain, .orcpt = "", .status = RCPT_TODO, .last = "mx [192.0.2.1] 451 \033[1m" };
	struct envelope env = { .sender = sender, .envid = "", .ret = "", .arrived = clock_now_us(), .client = "192.0.2.9", .helo = "h", .auth_user = "",
		.tls = "", .session = "S", .rcpt_count = 1, .rcpts = &to };
	struct err err = { "" };
	char path[256];
	struct spool *sp;
	struct spool_writer *w;

	path_of(path, "spool");
	sp = spool_open(path, 1, &err);
	ck_assert_msg(sp != NULL, "%s", err.text);
	w = spool_write_begin(sp, 4096);
	snprintf(id, sizeof(id), "%s", spool_write_id(w));
	ck_assert(spool_write(w, "Subject: x\r\n\r\ny\r\n", 17, &err));
	ck_assert_msg(spool_commit(w, view_of(""), 0, &env, &err), "%s", err.text);
	spool_write_end(&w);
	spool_close(&sp);
	if (geteuid() == 0 && getpwnam("nobody")) {
		char file[320];
		snprintf(file, sizeof(file), "%s/new/%s/%s", path, id + SPOOL_ID - 2, id);
		ck_assert_int_eq(chown(file, getpwnam("nobody")->pw_uid, getpwnam("nobody")->pw_gid), 0);
	}
	return id;
}

static int queue(const char *format, const char *id, const char *input)
{
	char line[256];

	snprintf(line, sizeof(line), format, id);
	return run(tool_queue, line, input);
}

START_TEST(queue_read)
{
	char first[SPOOL_ID_SIZE], second[SPOOL_ID_SIZE], line[SPOOL_ID_SIZE + 1];

	snprintf(first, sizeof(first), "%s", add("alice@local.test", "bob@remote.test", "remote.test"));
	snprintf(second, sizeof(second), "%s", add("", "carl@other.test", "other.test"));
	ck_assert_int_eq(run(tool_queue, "queue list", ""), 0);
	ck_assert(said(first) && said(second) && said("from=<alice@local.test> to=<bob@remote.test> waiting (mx [192.0.2.1] 451 \\x1b[1m)"));
	ck_assert_int_eq(run(tool_queue, "queue list --domain REMOTE.test", ""), 0);
	ck_assert(said(first) && !said(second));
	ck_assert_int_eq(run(tool_queue, "queue list --sender <> --ids", ""), 0);
	snprintf(line, sizeof(line), "%s\n", second);
	ck_assert_str_eq(output, line);
	ck_assert_int_eq(run(tool_queue, "queue list --sender <\"Alice\"@LOCAL.Test> --ids", ""), 0);
	snprintf(line, sizeof(line), "%s\n", first);
	ck_assert_str_eq(output, line);
	ck_assert_int_ne(run(tool_queue, "queue list --sender alice", ""), 0);
	ck_assert_int_eq(run(tool_queue, "queue list --state later", ""), 0);
	ck_assert_str_eq(output, "");
	ck_assert_int_eq(run(tool_queue, "queue list --json", ""), 0);
	ck_assert(said("\"sender\":\"alice@local.test\"") && said("\"last\":\"mx [192.0.2.1] 451 \\u001b[1m\""));
	ck_assert_int_eq(queue("queue show --message %s", first, ""), 0);
	ck_assert(said("recipient    <bob@remote.test> waiting") && said("Subject: x\r\n\r\ny\r\n"));
	ck_assert_int_eq(run(tool_queue, "queue show 000000000000000000", ""), 1);
	ck_assert_int_eq(run(tool_queue, "queue show ../x", ""), 1);
	ck_assert_int_eq(run(tool_queue, "queue stats", ""), 0);
	ck_assert(said("new             2") && said("not running"));
	ck_assert_int_eq(run(tool_queue, "queue list --state lost", ""), 1);
	ck_assert_int_eq(run(tool_queue, "queue juggle", ""), 2);
	ck_assert_int_eq(run(tool_queue, "queue", ""), 2);
}
END_TEST

static bool in_state(const char *state, const char *id)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/spool/%s/%s/%s", dir, state, id + SPOOL_ID - 2, id);
	return access(path, F_OK) == 0;
}

START_TEST(queue_change)
{
	char id[SPOOL_ID_SIZE], line[64];

	snprintf(id, sizeof(id), "%s", add("alice@local.test", "bob@remote.test", "remote.test"));
	snprintf(line, sizeof(line), "\n%s trailing words\n", id);
	ck_assert_msg(queue("queue hold %s", id, "") == 0, "%s", output);
	ck_assert(in_state("hold", id));
	ck_assert_int_eq(queue("queue hold %s", id, ""), 0);
	ck_assert_int_eq(queue("queue retry %s", id, ""), 1);
	ck_assert_int_eq(queue("queue release -%s", "", line), 0);
	ck_assert(in_state("later", id));
	ck_assert_int_eq(queue("queue release %s", id, ""), 1);
	ck_assert_int_eq(queue("queue retry %s", id, ""), 0);
	ck_assert_int_eq(run(tool_queue, "queue flush", ""), 0);
	ck_assert_int_eq(run(tool_queue, "queue flush --domain remote.test", ""), 0);
	ck_assert_int_eq(queue("queue flush --domain remote.test %s", id, ""), 2);
	ck_assert_int_eq(run(tool_queue, "queue remove", ""), 2);
	ck_assert_int_eq(run(tool_queue, "queue remove ../../etc/passwd", ""), 1);
	ck_assert_int_eq(queue("queue remove %s", id, ""), 0);
	ck_assert(!in_state("later", id));
	ck_assert_int_eq(queue("queue remove %s", id, ""), 1);
}
END_TEST

START_TEST(queue_bounce)
{
	char id[SPOOL_ID_SIZE], nobody[SPOOL_ID_SIZE];

	snprintf(id, sizeof(id), "%s", add("alice@local.test", "bob@remote.test", "remote.test"));
	snprintf(nobody, sizeof(nobody), "%s", add("", "bob@remote.test", "remote.test"));
	ck_assert_int_eq(queue("queue hold %s", id, ""), 0);
	ck_assert_int_eq(run(tool_queue, "queue bounce", ""), 2);
	ck_assert_int_eq(run(tool_queue, "queue bounce ../../etc/passwd", ""), 1);
	ck_assert_int_eq(queue("queue bounce %s", nobody, ""), 1);
	ck_assert(in_state("new", nobody));
	ck_assert_msg(queue("queue bounce %s", id, "") == 0, "%s", output);
	ck_assert(!in_state("hold", id));
	ck_assert_int_eq(queue("queue bounce %s", id, ""), 1);
	ck_assert_int_eq(run(tool_queue, "queue list --sender <> --domain local.test --ids", ""), 0);
	ck_assert_uint_eq(strlen(output), SPOOL_ID + 1);
	snprintf(id, sizeof(id), "%.*s", SPOOL_ID, output);
	ck_assert_int_eq(queue("queue show --message %s", id, ""), 0);
	ck_assert(said("Status: 5.7.0") && said("returned by the postmaster") && said("bob@remote.test") && said("recipient    <alice@local.test> waiting"));
	ck_assert_int_eq(queue("queue bounce %s", id, ""), 1);	/* the notice itself */
}
END_TEST

/* Nothing runs: told, and no signal is sent to whoever has the number in a stale file. */
START_TEST(not_running)
{
	char path[256], text[32];

	path_of(path, "run");
	ck_assert_int_eq(run(tool_status, "status", ""), 1);
	ck_assert_int_eq(run(tool_metrics, "metrics", ""), 1);
	ck_assert_int_eq(run(tool_stop, "stop", ""), 1);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	put("run/master.pid", text);
	ck_assert_int_eq(run(tool_stop, "stop", ""), 1);
	ck_assert_int_eq(run(tool_reload, "reload", ""), 1);
	put("run/master.pid", "-1\n");
	ck_assert_int_eq(run(tool_stop, "stop", ""), 1);
	ck_assert(said("no process id"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tool");
	TCase *t = tcase_create("tool");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_add_loop_test(t, escapes, 0, (int)COUNT_OF(texts));
	tcase_add_test(t, numbers);
	tcase_add_test(t, passwd);
	tcase_add_loop_test(t, passwd_refused, 0, (int)COUNT_OF(refused));
	tcase_add_test(t, passwd_forms);
	tcase_add_test(t, certificate);
	tcase_add_test(t, queue_read);
	tcase_add_test(t, queue_change);
	tcase_add_test(t, queue_bounce);
	tcase_add_test(t, not_running);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
