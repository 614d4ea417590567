/* test_settings.c - reading configuration directories: values, every kind of problem with its line, qpsmtpd's small
 * files, and printing that reads back as the same. */
#include "../../lib/base.h"
#include "../../lib/option.h"
#include "../../lib/settings.h"
#include "../../lib/settings_table.h"

#include <check.h>
#include <ftw.h>
#include <sys/stat.h>

static char dir[128];

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/test_settings.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void remove_dir(void)
{
	ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static struct settings *get(void)
{
	struct err err = { "" };
	struct settings *s = settings_read(dir, &err);

	ck_assert_msg(s != NULL, "%s", err.text);
	return s;
}

/* What settings_read says about postrider.conf with CONTENT. */
static const char *complaint(const char *file, const char *content)
{
	static struct err err;
	struct settings *s;

	put("me", "mx.example.test\n");
	put(file, content);
	err.text[0] = '\0';
	s = settings_read(dir, &err);
	if (s)
		settings_free(&s);
	return err.text;
}

START_TEST(defaults)
{
	put("me", "# a comment\n\nmx.example.test\n");
	struct settings *s = get();

	ck_assert_str_eq(s->me, "mx.example.test");
	ck_assert_str_eq(s->dir, dir);
	ck_assert_int_eq(s->command_timeout, 300000);
	ck_assert_int_eq(s->max_message_size, 100 << 20);
	ck_assert_int_eq(s->max_recipients, 1000);
	ck_assert_str_eq(s->smtps_ports[0], "465");
	ck_assert_str_eq(s->smtps_ports[1], "4650");
	ck_assert_ptr_null(s->smtps_ports[2]);
	ck_assert_ptr_null(s->resolver_forwarders[0]);
	ck_assert_int_eq(s->outbound_end_of_data_timeout, 600000);
	ck_assert_int_eq(s->outbound_inet_prefer, INET_DEFAULT);
	ck_assert(s->outbound_enable_tls);
	ck_assert(!s->allow_bare_lf);
	settings_free(&s);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(values)
{
	put("postrider.conf", "# comment\nme = mx.example.test\nspool_dir = \"/tmp/a b\" // more\n/* and\nmore */ command_timeout = 90\n"
	    "session_timeout = 2d\nmax_message_size = 50M\nmemory_body_size = 64k\nlookup_rdns = off\nsmtps_ports = {}\n"
	    "submission_ports = { \"10\", 20 }\nlog_format = JSON\nresolver {\n\tforwarders = { \"127.0.0.1@5353\" }\n\ttimeout = 500ms\n}\n");
	put("outbound.conf", "inet_prefer = v6\nqueue_lifetime = 10s\ndisabled = yes\n");
	put("tls.conf", "cert = \"a.pem\"\nkey = /b.pem\nmin_version = tlsv1.3\n");
	struct settings *s = get();

	ck_assert_str_eq(s->spool_dir, "/tmp/a b");
	ck_assert_int_eq(s->command_timeout, 90000);
	ck_assert_int_eq(s->session_timeout, 2 * 86400000);
	ck_assert_int_eq(s->max_message_size, 50 << 20);
	ck_assert_int_eq(s->memory_body_size, 65536);
	ck_assert(!s->lookup_rdns);
	ck_assert_ptr_null(s->smtps_ports[0]);
	ck_assert_str_eq(s->submission_ports[1], "20");
	ck_assert_str_eq(s->log_format, "json");
	ck_assert_str_eq(s->resolver_forwarders[0], "127.0.0.1@5353");
	ck_assert_int_eq(s->resolver_timeout, 500);
	ck_assert_int_eq(s->outbound_inet_prefer, INET_V6);
	ck_assert_int_eq(s->outbound_queue_lifetime, 10000);
	ck_assert(s->outbound_disabled);
	const struct tls_settings *tls = settings_tls(s, "inbound");
	ck_assert_str_eq(tls->min_version, "TLSv1.3");
	ck_assert_str_eq(settings_path(s, tls->key[0]), "/b.pem");
	ck_assert_ptr_nonnull(strstr(settings_path(s, tls->cert[0]), "/a.pem"));
	ck_assert_ptr_null(tls->cert[1]);
	settings_free(&s);
}
END_TEST

static const struct { const char *file, *content, *says; } wrong[] = {
	{ "postrider.conf", "max_workers = 5x\n", "/postrider.conf:1: max_workers: found \"5x\", expected a number from 1 to 16384" },
	{ "postrider.conf", "\n\nmax_workers = 0\n", ":3: max_workers: found \"0\", expected a number from 1 to" },
	{ "postrider.conf", "max_workers = -1\n", ":1: max_workers: found \"-1\", expected" },
	{ "postrider.conf", "max_workers = 99999999999999999999999\n", ":1: max_workers: found \"9999" },
	{ "postrider.conf", "max_workers = \"\"\n", ":1: max_workers: found \"\", expected" },
	{ "postrider.conf", "command_timeout = 5 m\n", ":1: m: unknown option" },
	{ "postrider.conf", "command_timeout = 0\n", "expected a time from 1s to 1d (such as" },
	{ "postrider.conf", "command_timeout = 9223372036854775807d\n", "expected a time from" },
	{ "postrider.conf", "max_message_size = 50X\n", "expected a size from 0 to 1T (such as 64k or 50M)" },
	{ "postrider.conf", "lookup_rdns = maybe\n", ":1: lookup_rdns: found \"maybe\", expected true or false" },
	{ "postrider.conf", "log_format = xml\n", "expected one of: text json" },
	{ "postrider.conf", "log = relative\n", "expected stderr, syslog, none or an absolute path" },
	{ "postrider.conf", "spool_dir = spool\n", "spool_dir: found \"spool\", expected an absolute path" },
	{ "postrider.conf", "\nproxy_networks = { 10.0.0.0/33 }\n", ":2: proxy_networks: found \"10.0.0.0/33\", expected an address or a network" },
	{ "postrider.conf", "xclient_hosts = filter.test\n", ":1: xclient_hosts: found \"filter.test\", expected an address or a network" },
	{ "postrider.conf", "proxy_ports = { 0 }\n", ":1: proxy_ports: found \"0\", expected a port number" },
	{ "postrider.conf", "exempt_networks = { 192.0.2.1, localhost }\n", ":1: exempt_networks: found \"localhost\", expected an address or a network" },
	{ "postrider.conf", "smtps_ports = { 465,\n70000 }\n", ":2: smtps_ports: found \"70000\", expected a port number" },
	{ "postrider.conf", "smtps_ports = { 587 }\n", "expected a port that is not in submission_ports" },
	{ "postrider.conf", "max_workers = { 1, 2 }\n", ":1: max_workers: found a list, expected one value" },
	{ "postrider.conf", "max_workers = {}\n", "max_workers: found an empty list, expected one value" },
	{ "postrider.conf", "greeting = \"a\\r\\nb\"\n", "expected text without control characters" },
	{ "postrider.conf", "me = \"not a domain\"\n", "me: found \"not a domain\", expected a domain name" },
	{ "postrider.conf", "\nmax_wokers = 3\n", "/postrider.conf:2: max_wokers: unknown option, did you mean \"max_workers\"?" },
	{ "postrider.conf", "completely_else = { 1, 2 }\n", ":1: completely_else: unknown option" },
	{ "postrider.conf", "forwarders = { a }\n", "did you mean \"forwarders\" in section resolver?" },
	{ "postrider.conf", "\ncert = a\n", ":2: cert: unknown option, did you mean \"cert\" of tls.conf?" },
	{ "postrider.conf", "strange {\n a = 1\n b = { 2 }\n deeper { c = 3 }\n}\nmax_workers = x\n", ":1: strange: unknown option" },
	{ "postrider.conf", "strange {\n a = 1\n}\nmax_workers = x\n", ":4: max_workers: found \"x\"" },
	{ "postrider.conf", "resolver {\n\n\ttimeot = 5s\n}\n", ":3: timeot: unknown option, did you mean \"timeout\" in section resolver?" },
	{ "postrider.conf", "resolver {\n\ttimeout = soon\n}\n", ":2: timeout: found \"soon\", expected a time from 100ms to 5m" },
	{ "postrider.conf", "user = a\n}\n", ":2: unexpected closing brace" },
	{ "postrider.conf", "user = \"a\n", "postrider.conf:" },
	{ "postrider.conf", "user\n", "postrider.conf:" },
	{ "postrider.conf", "resolver|timeout = 3\n", ":1: timeout: unknown option, did you mean \"timeout\" in section resolver?" },
	{ "postrider.conf", "min_spare = 30\n", "min_spare: found 30, expected at most max_spare, which is 25" },
	{ "postrider.conf", "max_workers = 10\n", "max_spare: found 25, expected at most max_workers, which is 10" },
	{ "outbound.conf", "inet_prefer = v5\n", "/outbound.conf:1: inet_prefer: found \"v5\", expected one of: default v4 v6" },
	{ "outbound.conf", "temp_fail_intervals = \"1m, fish\"\n", "/outbound.conf:1: temp_fail_intervals: found \"1m, fish\", expected" },
	{ "tls.conf", "min_version = SSLv3\n", "/tls.conf:1: min_version: found \"SSLv3\"" },
	{ "tls.conf", "outbound { cert = a }\ninbound { mutual_tls = true }\n", ":2: mutual_tls: means nothing in section inbound, only in outbound" },
	{ "databytes", "\nlots\n", "/databytes:2: databytes: found \"lots\", expected a size" },
	{ "me", "mx_1 .example\n", "/me:1: me: found" },
};

START_TEST(problems)
{
	const char *said = complaint(wrong[_i].file, wrong[_i].content);

	ck_assert_msg(*said, "nothing wrong with \"%s\"", wrong[_i].content);
	ck_assert_msg(strstr(said, wrong[_i].says) != NULL, "\"%s\" gave: %s", wrong[_i].content, said);
}
END_TEST

static void count_one(void *arg, const char *text UNUSED)
{
	++*(int *)arg;
}

/* All of them at once, each where it stands. */
START_TEST(all_at_once)
{
	int count = 0;

	put("me", "mx.example.test\n");
	put("postrider.conf", "max_workers = x\nfoo = 1\nuser = \"\"\nresolver {\n\tbar = 2\n\ttimeout = x\n}\nbaz { a = 1 }\n");
	put("tls.conf", "min_version = 3\nqux = 1\n");
	put("outbound.conf", "disabled = never\n}\n");
	ck_assert_ptr_null(settings_read_each(dir, count_one, &count));
	ck_assert_int_eq(count, 10);
}
END_TEST

START_TEST(bad_files)
{
	char path[256], *big = calloc(1, 2 << 20);
	struct err err = { "" };
	FILE *out;

	memset(big, '#', (2 << 20) - 1);
	ck_assert_ptr_nonnull(strstr(complaint("tls.conf", big), "/tls.conf: is larger than"));
	free(big);
	ck_assert_str_eq(complaint("tls.conf", ""), "");
	snprintf(path, sizeof(path), "%s/tls.conf", dir);
	out = fopen(path, "w");
	ck_assert_uint_eq(fwrite("key = a\0b\n", 1, 10, out), 10);
	fclose(out);
	ck_assert_ptr_null(settings_read(dir, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "holds a NUL byte"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_ptr_null(settings_read(dir, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/tls.conf: cannot be read"));
	ck_assert_ptr_null(settings_read("/nowhere/at/all", &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/at/all: configuration directory"));
}
END_TEST

/* Hundreds of unknown names end in an answer, and soon. */
START_TEST(not_our_file)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; i < 500; i++)
		fprintf(out, "unheard_of_%d = %d\n", i, i);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(complaint("tls.conf", text), "unheard_of_0: unknown option"));
	free(text);
}
END_TEST

START_TEST(small_files)
{
	put("me", "mx.example.test\n");
	put("databytes", "0\n");
	put("timeout", "1200\n");
	put("smtpgreeting", "mx.example.test ESMTP go away\n");
	struct settings *s = get();

	ck_assert_int_eq(s->max_message_size, SETTINGS_SIZE_MAX);
	ck_assert_int_eq(s->command_timeout, 1200000);
	ck_assert_str_eq(s->greeting, "mx.example.test ESMTP go away");
	settings_free(&s);
	put("postrider.conf", "me = other.example.test\nmax_message_size = 1M\ncommand_timeout = 1m\n");
	s = get();
	ck_assert_str_eq(s->me, "other.example.test");
	ck_assert_int_eq(s->max_message_size, 1 << 20);
	ck_assert_int_eq(s->command_timeout, 60000);
	settings_free(&s);
}
END_TEST

/* A section says otherwise than outside of sections, and passes on what it leaves out; a plugin's inherits from outbound. */
/* The other way round; everything but 0 is yes. */
START_TEST(tls_before_auth)
{
	static const struct { const char *file, *conf; int clear; } cases[] = {
		{ "0\n", "", AUTH_CLEAR_ALL }, { "# no\n 0 \n", "", AUTH_CLEAR_ALL }, { "1\n", "", AUTH_CLEAR_NONE }, { "yes\n", "", AUTH_CLEAR_NONE },
		{ "", "", AUTH_CLEAR_NONE }, { "0\n", "auth_without_tls = challenge\n", AUTH_CLEAR_CHALLENGE },
	};

	put("me", "mx.example.test\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		put("tls_before_auth", cases[i].file);
		put("postrider.conf", cases[i].conf);
		struct settings *s = get();
		ck_assert_msg((int)s->auth_without_tls == cases[i].clear, "%zu: %d", i, (int)s->auth_without_tls);
		settings_free(&s);
	}
}
END_TEST

START_TEST(sections)
{
	put("me", "mx.example.test\n");
	put("plugins", "tls\nqueue/maildir:1 a b\nroutes # a comment\nroutes:2\n");
	put("tls.conf", "min_version = TLSv1.1\nciphers = \"PFS\"\nroutes { min_version = TLSv1 }\n"
	    "outbound {\n\tciphers = \"NORMAL\"\n\tcert = a.pem\n\tkey = { b.pem }\n}\n");
	struct settings *s = get();
	const struct tls_settings *in = settings_tls(s, "inbound"), *out = settings_tls(s, "outbound"), *routes = settings_tls(s, "routes");

	ck_assert_uint_eq(s->tls_count, 6);
	ck_assert_str_eq(in->min_version, "TLSv1.1");
	ck_assert_str_eq(in->ciphers, "PFS");
	ck_assert_str_eq(in->cert[0], "tls_cert.pem");
	ck_assert_str_eq(out->min_version, "TLSv1.1");
	ck_assert_str_eq(out->ciphers, "NORMAL");
	ck_assert_str_eq(out->cert[0], "a.pem");
	ck_assert_str_eq(routes->min_version, "TLSv1");
	ck_assert_str_eq(routes->ciphers, "NORMAL");
	ck_assert_str_eq(routes->key[0], "b.pem");
	ck_assert_str_eq(settings_tls(s, "maildir")->ciphers, "NORMAL");
	ck_assert_ptr_eq(settings_tls(s, "never-heard-of"), out);
	settings_free(&s);
	ck_assert_ptr_nonnull(strstr(complaint("tls.conf", "\nrouts { min_version = TLSv1 }\n"), "tls.conf:2: routs: unknown option"));
	ck_assert_ptr_nonnull(strstr(complaint("tls.conf", "inbound {\n\n\tmin_version = 3\n}\n"), "tls.conf:3: min_version: found \"3\""));
	ck_assert_ptr_nonnull(strstr(complaint("tls.conf", "inbound {\n\tciphrs = x\n}\n"), ":2: ciphrs: unknown option, did you mean \"ciphers\"?"));
	ck_assert_ptr_nonnull(strstr(complaint("tls.conf", "outbound { key = { a, b } }\n"), "key: found 2 files in section outbound, expected as many as cert names, which is 1"));
	ck_assert_ptr_nonnull(strstr(complaint("postrider.conf", "inbound { ciphers = x }\n"), ":1: inbound: unknown option"));
}
END_TEST

START_TEST(warnings)
{
	int count = 0;

	put("me", "mx.example.test\n");
	put("loglevel", "6\n");
	put("postrider.conf", "user = a\nsmtps_ports = { 1, 2 }\nresolver { timeout = 1s }\n\nuser = b\nsmtps_ports = {}\nsmtps_ports = { 3 }\nresolver { resolv_conf = /x }\n");
	put("spool_perms", "0700\n");
	put("rcpthosts", "example.test\n");
	struct settings *s = get();

	settings_warnings(s, count_one, &count);
	ck_assert_int_eq(count, 4);
	ck_assert_str_eq(s->user, "b");
	ck_assert_str_eq(s->resolver_resolv_conf, "/x");
	settings_free(&s);
}
END_TEST

/* What is printed is a valid file that says the same. */
START_TEST(print_reads_back)
{
	static const char *const files[] = { "postrider.conf", "tls.conf", "outbound.conf" };
	char *first = NULL, *second = NULL, *one = NULL;
	size_t len;

	put("me", "mx.example.test\n");
	put("plugins", "routes\n");
	put("tls.conf", "ciphers = PFS\ninbound { ciphers = NORMAL }\nroutes { cert = { a, b }\nkey = { c, d } }\n");
	put("postrider.conf", "greeting = \"say \\\"\\$HOME\\\" \\\\ now\"\nsmtps_ports = { 1, 2, 3 }\ndata_timeout = 90s\nresolver { local_data = { \"a. IN TXT \\\"b\\\"\" } }\n");
	struct settings *s = get();
	ck_assert_str_eq(s->greeting, "say \"$HOME\" \\ now");
	FILE *out = open_memstream(&first, &len);
	settings_print(s, NULL, out);
	fclose(out);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		out = open_memstream(&one, &len);
		settings_print(s, files[i], out);
		fclose(out);
		put(files[i], one);
		free(one);
	}
	settings_free(&s);
	s = get();
	out = open_memstream(&second, &len);
	settings_print(s, NULL, out);
	fclose(out);
	ck_assert_str_eq(first, second);
	ck_assert_ptr_nonnull(strstr(first, "data_timeout = 90s"));
	settings_free(&s);
	free(first);
	free(second);
}
END_TEST

START_TEST(table)
{
	size_t count, lines = 0;
	const struct option_row *rows = settings_rows(&count);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	settings_print_table(out);
	fclose(out);
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	ck_assert_uint_eq(lines, count);
	ck_assert_ptr_nonnull(strstr(text, "postrider.conf\tresolver\ttimeout\tduration\t10s\treload\t"));
	free(text);
	for (size_t i = 0; i < count; i++) {
		ck_assert_msg(rows[i].help && *rows[i].help, "%s has no help", rows[i].name);
		ck_assert_msg(!strchr(rows[i].help, '\t') && !strchr(rows[i].help, '\n'), "%s", rows[i].name);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(rows[i].at != rows[j].at || rows[i].varies != rows[j].varies, "%s and %s fill one field", rows[i].name, rows[j].name);
	}
}
END_TEST

static const struct { const char *text; int64_t ms; } durations[] = {
	{ "0", 0 }, { "30", 30000 }, { "30s", 30000 }, { "5m", 300000 }, { "1h", 3600000 }, { "5d", 432000000 }, { "500ms", 500 }, { "5M", 300000 },
	{ "", -1 }, { "s", -1 }, { "1.5s", -1 }, { " 5", -1 }, { "5 s", -1 }, { "+5", -1 }, { "5w", -1 }, { "99999999999999999999", -1 },
};
static const struct { const char *text; int64_t bytes; } sizes[] = {
	{ "0", 0 }, { "4096", 4096 }, { "64k", 65536 }, { "64K", 65536 }, { "50M", 50 << 20 }, { "1G", 1 << 30 }, { "1T", INT64_C(1) << 40 },
	{ "", -1 }, { "k", -1 }, { "64kb", -1 }, { "-1", -1 }, { "9999999999T", -1 },
};

START_TEST(notations)
{
	int64_t n;
	char text[OPTION_NUMBER_SIZE];

	for (size_t i = 0; i < COUNT_OF(durations); i++)
		ck_assert_msg((option_parse_duration(durations[i].text, &n) ? n : -1) == durations[i].ms, "\"%s\"", durations[i].text);
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		ck_assert_msg((option_parse_size(sizes[i].text, &n) ? n : -1) == sizes[i].bytes, "\"%s\"", sizes[i].text);
	ck_assert_str_eq(option_format_duration(90000, text), "90s");
	ck_assert_str_eq(option_format_duration(86400000, text), "1d");
	ck_assert_str_eq(option_format_duration(1, text), "1ms");
	ck_assert_str_eq(option_format_size(65536, text), "64k");
	ck_assert_str_eq(option_format_size(1000, text), "1000");
	ck_assert_str_eq(option_format_size(0, text), "0");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *t = tcase_create("settings");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_add_test(t, defaults);
	tcase_add_test(t, values);
	tcase_add_loop_test(t, problems, 0, (int)COUNT_OF(wrong));
	tcase_add_test(t, all_at_once);
	tcase_add_test(t, bad_files);
	tcase_add_test(t, not_our_file);
	tcase_add_test(t, small_files);
	tcase_add_test(t, tls_before_auth);
	tcase_add_test(t, sections);
	tcase_add_test(t, warnings);
	tcase_add_test(t, print_reads_back);
	tcase_add_test(t, table);
	tcase_add_test(t, notations);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
