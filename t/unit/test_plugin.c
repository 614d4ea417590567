/* test_plugin.c - running chains of hooks, and what plugins call to read their arguments and files, with plugins that are
 * made here. Loading shared objects is tested in t/plugin. */
#include "../../lib/base.h"
#include "../../lib/plugin_list.h"
#include "../../lib/reply.h"
#include "../../lib/scoreboard.h"
#include <check.h>
#include <sys/stat.h>

static struct settings settings;
static struct plugin_list list;
static struct plugin plugins[4];
static struct plugin *chain[4];
static struct err problems;
static struct reply reply;
static struct hook_call call;
static struct scoreboard_slot slot;
static char dir[64];
static unsigned ran;
static enum verdict answers[4];

/* What the watchdog sees while a plugin runs. */
static enum verdict answer(struct hook_call *c)
{
	unsigned index = (unsigned)(c->self - plugins);
	ran |= 1u << index;
	ck_assert_uint_eq(slot.plugin, index + 1);
	ck_assert_uint_eq(slot.hook, HOOK_MAIL + 1);
	ck_assert_int_gt(slot.hook_since, 0);
	if (answers[index] != DECLINED)
		pr_reply(c, answers[index] == OK ? 250 : 550, NULL, "from %u", index);
	return answers[index];
}

static const struct postrider_plugin ordinary = { .abi = POSTRIDER_ABI, .name = "x", .hooks = { [HOOK_MAIL] = answer } };
static const struct postrider_plugin observer = { .abi = POSTRIDER_ABI, .name = "x", .hooks = { [HOOK_MAIL] = answer }, .observer = true };

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/test-plugin-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	settings = (struct settings){ .dir = dir, .me = "mx.example.com" };
	settings.arena = arena_new(1024);
	list = (struct plugin_list){ .settings = &settings, .arena = settings.arena, .err = &problems, .path = "plugins", .count = 4, .plugin = plugins };
	problems.text[0] = '\0';
	ran = 0;
	for (uint16_t i = 0; i < 4; i++) {
		plugins[i] = (struct plugin){ .list = &list, .def = &ordinary, .name = "x", .line = i + 1u, .index = i, .reject_verdict = DENY };
		chain[i] = &plugins[i];
		answers[i] = DECLINED;
	}
	list.chain[HOOK_MAIL] = chain;
	list.chain_count[HOOK_MAIL] = 4;
	reply_clear(&reply);
	call = (struct hook_call){ .hook = HOOK_MAIL, .reply = &reply, .self = &plugins[0] };
	plugin_set_slot(&slot);
}

static void teardown(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/things", dir);
	unlink(path);
	rmdir(dir);
	arena_free(&settings.arena);
	plugin_set_slot(NULL);
}

static void write_things(const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/things", dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static struct plugin *with_args(size_t count, const char **args)
{
	static unsigned char use[16];
	memset(use, 0, sizeof use);
	plugins[0].arg_count = count;
	plugins[0].args = args;
	plugins[0].arg_use = use;
	return &plugins[0];
}
#define ARGS(...) with_args(COUNT_OF(((const char *[]){ __VA_ARGS__ })), (const char *[]){ __VA_ARGS__ })

/* ---- chains ---- */

static const struct {
	enum verdict answers[4];
	int observer;			/* index, -1 none */
	enum verdict verdict;
	int decided;			/* index, -1 none */
	unsigned ran;			/* bits */
	const char *text;
} chains[] = {
	{ { DECLINED, DECLINED, DECLINED, DECLINED }, -1, DECLINED, -1, 15, "" },
	{ { OK, DENY, DENY, DENY }, -1, OK, 0, 1, "from 0" },
	{ { DECLINED, DENY, OK, OK }, -1, DENY, 1, 3, "from 1" },
	{ { DECLINED, DENY, DENY_DISCONNECT, OK }, 1, DENY_DISCONNECT, 2, 7, "from 2" },
	{ { DENY, DECLINED, DECLINED, DECLINED }, 0, DECLINED, -1, 15, "" },
	{ { DECLINED, DECLINED, DECLINED, DENYSOFT_DISCONNECT }, -1, DENYSOFT_DISCONNECT, 3, 15, "from 3" },
	/* No verdict: the plugin is broken, the mail waits. */
	{ { (enum verdict)99, OK, OK, OK }, -1, DENYSOFT, 0, 1, "" },
	{ { (enum verdict)-1, OK, OK, OK }, -1, DENYSOFT, 0, 1, "" },
	{ { VERDICT_COUNT, OK, OK, OK }, -1, DENYSOFT, 0, 1, "" },
	{ { DELAY, OK, OK, OK }, -1, DENYSOFT, 0, 1, "" },
	{ { (enum verdict)99, OK, DENY, DENY }, 0, OK, 1, 3, "from 1" },
};

START_TEST(test_chain)
{
	const struct plugin *decided = &plugins[0];
	memcpy(answers, chains[_i].answers, sizeof answers);
	if (chains[_i].observer >= 0)
		plugins[chains[_i].observer].def = &observer;
	ck_assert_int_eq(plugin_run(&list, &call, &decided), chains[_i].verdict);
	ck_assert_ptr_eq(decided, chains[_i].decided < 0 ? NULL : &plugins[chains[_i].decided]);
	ck_assert_uint_eq(ran, chains[_i].ran);
	ck_assert_str_eq(reply.text, chains[_i].text);
	ck_assert_uint_eq(slot.plugin, 0);
	ck_assert_uint_eq(slot.hook, 0);
	ck_assert_int_eq(slot.hook_since, 0);
}
END_TEST

/* In the queue-runner a reply that contradicts the verdict is dropped: it would end in a bounce. */
START_TEST(test_reply_in_runner)
{
	static const struct { enum verdict verdict; const char *text; } cases[] = {
		{ DENY, "from 0" }, { DENYSOFT, "" }, { OK, "from 0" }, { DENY_DISCONNECT, "from 0" }, { DENYSOFT_DISCONNECT, "" } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		answers[0] = cases[i].verdict;
		call.job = (struct job_call *)&list;	/* only looked at for being there */
		ck_assert_int_eq(plugin_run(&list, &call, NULL), cases[i].verdict);
		ck_assert_str_eq(reply.text, cases[i].text);
	}
}
END_TEST

START_TEST(test_empty_chain)
{
	const struct plugin *decided = &plugins[0];
	call.hook = HOOK_RCPT;
	ck_assert(!plugin_wants(&list, HOOK_RCPT));
	ck_assert(plugin_wants(&list, HOOK_MAIL));
	ck_assert_int_eq(plugin_run(&list, &call, &decided), DECLINED);
	ck_assert_ptr_null(decided);
	plugin_set_slot(NULL);
	ck_assert_int_eq(plugin_run(&list, &call, NULL), DECLINED);
}
END_TEST

START_TEST(test_names)
{
	for (unsigned i = 0; i < HOOK_COUNT; i++)
		ck_assert_ptr_nonnull(plugin_hook_name(i));
	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		ck_assert_ptr_nonnull(plugin_verdict_name(i));
	ck_assert_str_eq(plugin_hook_name(HOOK_DATA_POST), "data_post");
	ck_assert_str_eq(plugin_hook_name(HOOK_COUNT), "unknown");
	ck_assert_str_eq(plugin_verdict_name(77), "unknown");
}
END_TEST

/* ---- arguments ---- */

START_TEST(test_options)
{
	struct plugin *p = ARGS("path", "wait", "5", "check-at", "CONNECT", "key=a=b", "check-at", "DATA", "wait2", "end");
	int64_t number;
	bool flag;
	ck_assert_str_eq(pr_arg(p, 0), "path");
	ck_assert_ptr_null(pr_arg(p, 10));
	ck_assert_ptr_null(pr_option(p, "path"));	/* was taken as a position */
	ck_assert(pr_option_int(p, "wait", 0, 60, 1, &number) && number == 5);
	ck_assert_str_eq(pr_option(p, "key"), "a=b");
	ck_assert_str_eq(pr_option_nth(p, "check-at", 0), "CONNECT");
	ck_assert_str_eq(pr_option_nth(p, "check-at", 1), "DATA");
	ck_assert_ptr_null(pr_option_nth(p, "check-at", 2));
	ck_assert(pr_option_bool(p, "absent", true, &flag) && flag);
	ck_assert(!pr_no_more_options(p));
	ck_assert_ptr_nonnull(strstr(problems.text, "\"wait2\""));
	ck_assert_ptr_nonnull(strstr(problems.text, "\"end\""));
	ck_assert_str_eq(pr_option(p, "end"), "");	/* no value */
}
END_TEST

START_TEST(test_bad_options)
{
	static const struct { const char *value; bool number, flag; } cases[] = {
		{ "1", true, true }, { "0", true, true }, { "yes", false, true }, { "off", false, true }, { "", false, false },
		{ "x", false, false }, { "1x", false, false }, { "61", false, false }, { "-1", false, false },
		{ "99999999999999999999", false, false }, { " ", false, false },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plugin *p = ARGS("key", cases[i].value);
		int64_t number;
		bool flag;
		problems.text[0] = '\0';
		ck_assert_msg(pr_option_int(p, "key", 0, 60, 7, &number) == cases[i].number, "%s", cases[i].value);
		ck_assert(cases[i].number || (number == 7 && strstr(problems.text, "plugins:1: plugin x: argument key: found")));
		ck_assert_msg(pr_option_bool(p, "key", false, &flag) == cases[i].flag, "%s", cases[i].value);
	}
}
END_TEST

/* ---- refusing ---- */

static const struct {
	const char *reject, *type;
	bool good;
	enum hook hook;
	enum verdict verdict;
	unsigned code;
	const char *enhanced;
} rejects[] = {
	{ NULL, NULL, true, HOOK_MAIL, DENY, 550, "5.1.8" },
	{ "1", "perm", true, HOOK_MAIL, DENY, 550, "5.1.8" },
	{ "1", "temp", true, HOOK_MAIL, DENYSOFT, 450, "4.1.8" },
	{ "1", "disconnect", true, HOOK_MAIL, DENY_DISCONNECT, 550, "5.1.8" },
	{ "1", "temp_disconnect", true, HOOK_MAIL, DENYSOFT_DISCONNECT, 421, "4.1.8" },
	{ NULL, "perm", true, HOOK_CONNECT, DENY, 554, "5.1.8" },
	{ NULL, "temp", true, HOOK_CONNECT, DENYSOFT, 421, "4.1.8" },
	{ "0", "perm", true, HOOK_MAIL, DECLINED, 0, "" },
	{ "naughty", "perm", true, HOOK_DATA_POST, DENY, 550, "5.1.8" },
	{ "2", "perm", false, HOOK_MAIL, DENY, 550, "5.1.8" },
	{ "1", "never", false, HOOK_MAIL, DENY, 550, "5.1.8" },
};

START_TEST(test_reject)
{
	const char *args[4];
	size_t count = 0;
	if (rejects[_i].reject) {
		args[count++] = "reject";
		args[count++] = rejects[_i].reject;
	}
	if (rejects[_i].type) {
		args[count++] = "reject_type";
		args[count++] = rejects[_i].type;
	}
	call.self = with_args(count, args);
	ck_assert(pr_reject_options(call.self) == rejects[_i].good);
	ck_assert(pr_no_more_options(call.self));
	call.hook = rejects[_i].hook;
	ck_assert_int_eq(pr_reject(&call, "5.1.8", "no %s", "way"), rejects[_i].verdict);
	ck_assert_uint_eq(reply.code, rejects[_i].code);
	ck_assert_str_eq(reply.enhanced, rejects[_i].enhanced);
	ck_assert_str_eq(reply.text, rejects[_i].code ? "no way" : "");
}
END_TEST

START_TEST(test_reply)
{
	static const struct { int code; const char *enhanced, *want; } cases[] = {
		{ 550, NULL, "5.7.1" }, { 550, "5.1.1", "5.1.1" }, { 550, "4.1.1", "5.7.1" }, { 450, "x", "4.7.1" },
		{ 550, "5.7", "5.7.1" }, { 550, "5.7.1.1", "5.7.1" }, { 550, "5.7.1\r\n", "5.7.1" }, { 250, "2.1.5", "2.1.5" },
		{ 334, "3.0.0", "" }, { 550, "5.1234.1", "5.7.1" }, { 0, "5.1.1", "4.7.1" }, { 999, NULL, "4.7.1" }, { -1, "", "4.7.1" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		pr_reply(&call, cases[i].code, cases[i].enhanced, "a\r\n250 b");
		ck_assert_msg(strcmp(reply.enhanced, cases[i].want) == 0, "%d %s: %s", cases[i].code, cases[i].enhanced, reply.enhanced);
		ck_assert_ptr_null(strchr(reply.text, '\r'));
	}
}
END_TEST

/* ---- files ---- */

START_TEST(test_lists)
{
	write_things("# one\nexample.com\n\n.example.org # two\n192.0.2.1\n");
	const char *const *lines = pr_list(&plugins[0], "things");
	ck_assert_ptr_nonnull(lines);
	ck_assert_str_eq(lines[0], "example.com");
	ck_assert_str_eq(lines[1], ".example.org");
	ck_assert_str_eq(lines[2], "192.0.2.1");
	ck_assert_ptr_null(lines[3]);
	ck_assert_uint_eq(pr_list_line(&plugins[0], "things", 1), 4);
	ck_assert_uint_eq(pr_list_line(&plugins[0], "things", 3), 0);
	ck_assert_ptr_eq(pr_list(&plugins[1], "things"), lines);
	ck_assert_str_eq(pr_config(&plugins[0], "things", "x"), "example.com");
	ck_assert_str_eq(pr_config(&plugins[0], "absent", "x"), "x");
	ck_assert_ptr_null(pr_list(&plugins[0], "absent")[0]);
	ck_assert_str_eq(problems.text, "");
	ck_assert_ptr_null(pr_list(&plugins[0], "../things"));
	ck_assert_ptr_null(pr_list(&plugins[0], "/etc/passwd"));
	ck_assert_ptr_null(pr_list(&plugins[0], ""));
	ck_assert(problems.text[0] != '\0');
}
END_TEST

START_TEST(test_sets)
{
	struct plugin *p = &plugins[0];
	struct pr_hosts *hosts = pr_hosts_new(p);
	struct pr_networks *networks = pr_networks_new(p);
	write_things("example.com\n.example.org\n");
	ck_assert(pr_hosts_load(p, hosts, "things"));
	ck_assert(pr_hosts_add(p, hosts, "example.net", "value"));
	ck_assert_str_eq(pr_hosts_find(hosts, "example.com"), "");
	ck_assert_str_eq(pr_hosts_find(hosts, "a.example.org"), "");
	ck_assert_str_eq(pr_hosts_find(hosts, "example.net"), "value");
	ck_assert_ptr_null(pr_hosts_find(hosts, "www.example.com"));
	ck_assert_ptr_null(pr_hosts_find(hosts, ""));
	ck_assert(pr_networks_add(p, networks, "192.0.2.0/24"));
	ck_assert(pr_networks_has(networks, "192.0.2.9"));
	ck_assert(!pr_networks_has(networks, "192.0.3.9"));
	ck_assert(!pr_networks_has(networks, ""));
	ck_assert_str_eq(problems.text, "");
	ck_assert(!pr_networks_load(p, networks, "things"));
	ck_assert_ptr_nonnull(strstr(problems.text, "things:1: "));
	ck_assert(!pr_networks_add(p, networks, "192.0.2.0/33"));
	ck_assert(!pr_hosts_add(p, hosts, "no domain", ""));
}
END_TEST

START_TEST(test_tls)
{
	const char *cert, *key;
	settings.tls_cert = "/c";
	settings.tls_key = "/k";
	ck_assert(!plugin_tls_files(&list, &cert, &key));
	ck_assert(!pr_enable_tls(&plugins[0], NULL, NULL));	/* too late: not in before_drop */
	list.before_drop = true;
	ck_assert(pr_enable_tls(&plugins[0], NULL, "own.key"));
	ck_assert(!pr_enable_tls(&plugins[1], NULL, NULL));	/* twice */
	ck_assert(plugin_tls_files(&list, &cert, &key));
	ck_assert_str_eq(cert, "/c");
	ck_assert(strncmp(key, dir, strlen(dir)) == 0 && strcmp(key + strlen(dir), "/own.key") == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugin");
	TCase *t = tcase_create("plugin");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_chain, 0, (int)COUNT_OF(chains));
	tcase_add_test(t, test_reply_in_runner);
	tcase_add_test(t, test_empty_chain);
	tcase_add_test(t, test_names);
	tcase_add_test(t, test_options);
	tcase_add_test(t, test_bad_options);
	tcase_add_loop_test(t, test_reject, 0, (int)COUNT_OF(rejects));
	tcase_add_test(t, test_reply);
	tcase_add_test(t, test_lists);
	tcase_add_test(t, test_sets);
	tcase_add_test(t, test_tls);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
