/* test_plugin.c - running chains of hooks, and what plugins call to read their arguments and files, with plugins that are
 * made here. Loading shared objects is tested in t/plugin. */
#include "../../lib/base.h"
#include "../../lib/log.h"
#include "../../lib/option.h"
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

/* ---- the logging hook ---- */

static char offered[4096];
static unsigned offers;
static enum verdict log_answer;

static enum verdict on_logging(struct hook_call *c)
{
	offers++;
	snprintf(offered, sizeof offered, "%s", pr_log_line(c));
	ck_assert_uint_eq(slot.plugin, 1);
	ck_assert_uint_eq(slot.hook, HOOK_LOGGING + 1);
	ck_assert_str_eq(pr_log_process(c), "unit");
	ck_assert_str_eq(pr_log_id(c), "ID-1");
	ck_assert_int_eq(pr_log_level(c), PR_WARN);
	pr_log(c, PR_WARN, "inner");
	errno = EBADF;
	return log_answer;
}

/* Logs in the middle of another hook. */
static enum verdict on_mail_logging(struct hook_call *c)
{
	int64_t since = slot.hook_since;
	ck_assert_str_eq(pr_log_line(c), "");
	errno = ENOENT;
	pr_log(c, PR_WARN, "outer");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_uint_eq(slot.plugin, 2);
	ck_assert_uint_eq(slot.hook, HOOK_MAIL + 1);
	ck_assert_int_eq(slot.hook_since, since);
	return OK;
}

static const char *log_text(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

START_TEST(test_logging)
{
	static const struct postrider_plugin taker = { .abi = POSTRIDER_ABI, .name = "x", .hooks = { [HOOK_LOGGING] = on_logging } };
	static const struct postrider_plugin watcher = { .abi = POSTRIDER_ABI, .name = "x", .hooks = { [HOOK_LOGGING] = on_logging }, .observer = true };
	static const struct postrider_plugin talker = { .abi = POSTRIDER_ABI, .name = "y", .hooks = { [HOOK_MAIL] = on_mail_logging } };
	static const struct { enum verdict answer; bool observer, written; } cases[] = {
		{ OK, false, false }, { DECLINED, false, true }, { DENY, false, true }, { (enum verdict)77, false, true }, { OK, true, true } };
	char path[128];
	struct err err = { .text = "" };
	snprintf(path, sizeof path, "%s/things", dir);
	plugins[1].def = &talker;
	list.chain[HOOK_LOGGING] = chain;
	list.chain_count[HOOK_LOGGING] = 1;
	list.chain[HOOK_MAIL] = chain + 1;
	list.chain_count[HOOK_MAIL] = 1;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unlink(path);
		ck_assert(log_open(path, false, LOG_LEVEL_WARN, &err));
		log_process("unit");
		log_id("ID-1");
		plugins[0].def = cases[i].observer ? &watcher : &taker;
		log_answer = cases[i].answer;
		offers = 0;
		plugin_take_log(&list);
		ck_assert_int_eq(plugin_run(&list, &call, NULL), OK);
		plugin_forget_log(&list);
		ck_assert_uint_eq(offers, 1);
		ck_assert_ptr_nonnull(strstr(offered, "ID-1 outer plugin=x"));
		ck_assert_ptr_null(strchr(offered, '\n'));
		ck_assert(!strstr(log_text(path), "outer plugin=x\n") == !cases[i].written);
		ck_assert_ptr_nonnull(strstr(log_text(path), "inner plugin=x\n"));
		log_warn("alone");
		ck_assert_uint_eq(offers, 1);
	}
	ck_assert(log_open("none", false, LOG_LEVEL_WARN, &err));
	ck_assert(!log_wants(LOG_LEVEL_ERROR));
	plugin_take_log(&list);
	ck_assert(log_wants(LOG_LEVEL_WARN) && !log_wants(LOG_LEVEL_INFO));
	log_answer = DECLINED;
	log_warn("to the plugin only");
	ck_assert_uint_eq(offers, 2);
	plugin_forget_log(&list);
	list.chain_count[HOOK_LOGGING] = 0;
	plugin_take_log(&list);
	ck_assert(!log_wants(LOG_LEVEL_ERROR));
	plugin_forget_log(&list);
	log_id("");
}
END_TEST

START_TEST(test_observers_only)
{
	const struct plugin *decided = &plugins[0];
	plugins[2].def = &observer;
	for (size_t i = 0; i < 4; i++)
		answers[i] = DENY;
	call.observers = true;
	ck_assert_int_eq(plugin_run(&list, &call, &decided), DECLINED);
	ck_assert_ptr_null(decided);
	ck_assert_uint_eq(ran, 4);
	ck_assert_uint_eq(reply.code, 0);
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

/* ---- the config hook: plugins 0 and 2 give lists ---- */

static unsigned asked[4];
static const char *gives[4];	/* one entry, NULL: declines */
static enum verdict config_answer;

static enum verdict on_config(struct hook_call *c)
{
	unsigned index = (unsigned)(c->self - plugins);
	asked[index]++;
	ck_assert_str_eq(pr_config_name(c), "things");
	if (!gives[index]) {
		ck_assert(pr_config_add(c, "unwanted"));
		return DECLINED;
	}
	for (unsigned i = 0; i < 40; i++)
		if (!pr_config_add(c, gives[index]))
			return DECLINED;
	return config_answer;
}

static const struct postrider_plugin giver = { .abi = POSTRIDER_ABI, .name = "x", .hooks = { [HOOK_CONFIG] = on_config } };

static void with_givers(const char *first, const char *second)
{
	static struct plugin *givers[2] = { &plugins[0], &plugins[2] };
	memset(asked, 0, sizeof asked);
	plugins[0].def = plugins[2].def = &giver;
	plugins[0].ready = plugins[2].ready = true;
	plugins[0].name = "giver:0";
	plugins[2].name = "giver:2";
	gives[0] = first;
	gives[2] = second;
	config_answer = OK;
	list.chain[HOOK_CONFIG] = givers;
	list.chain_count[HOOK_CONFIG] = 2;
	write_things("# the file\nfile\n");
}

/* What each of the plugins sees, and the core; the last one first, and then all again: nobody is asked twice. */
static void check_seen(const char *const want[5], unsigned asked0, unsigned asked2)
{
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 4; i-- > 0;)
			ck_assert_str_eq(pr_config(&plugins[i], "things", "nothing"), want[i]);
	const struct listfile *all = plugin_listfile(&list, "things", &problems);
	ck_assert_str_eq(all->lines[0], want[4]);
	ck_assert_uint_eq(asked[0], asked0);
	ck_assert_uint_eq(asked[2], asked2);
	ck_assert_str_eq(problems.text, "");
}

START_TEST(test_config)
{
	static const struct { const char *first, *second, *want[5]; unsigned asked0, asked2; } cases[] = {
		{ NULL, NULL, { "file", "file", "file", "file", "file" }, 1, 1 },
		{ "a", "b", { "file", "a", "a", "a", "a" }, 1, 0 },
		{ NULL, "b", { "file", "file", "file", "b", "b" }, 1, 1 },
	};
	with_givers(cases[_i].first, cases[_i].second);
	check_seen(cases[_i].want, cases[_i].asked0, cases[_i].asked2);
	if (_i == 1) {
		const char *const *lines = pr_list(&plugins[3], "things");
		ck_assert_str_eq(lines[39], "a");
		ck_assert_ptr_null(lines[40]);
		ck_assert_uint_eq(pr_list_line(&plugins[3], "things", 39), 40);
		ck_assert_uint_eq(pr_list_line(&plugins[0], "things", 0), 2);
		pr_where(&plugins[3], "things", 39);
		pr_fail(&plugins[3], "no");
		ck_assert_str_eq(problems.text, "things (of plugin giver:0):40: plugin x: no");
	}
}
END_TEST

/* Who is not ready is not asked; later he is, by those who come after him. */
START_TEST(test_config_before_ready)
{
	with_givers("a", "b");
	plugins[0].ready = plugins[2].ready = false;
	ck_assert_str_eq(pr_config(&plugins[3], "things", ""), "file");
	ck_assert_uint_eq(asked[0] + asked[2], 0);
	plugins[0].ready = true;
	ck_assert_str_eq(pr_config(&plugins[3], "things", ""), "a");
	ck_assert_str_eq(pr_config(&plugins[0], "things", ""), "file");
}
END_TEST

START_TEST(test_config_errors)
{
	static char overlong[4098];
	static const struct { const char *entry; enum verdict answer; const char *want; } cases[] = {
		{ "a", DENY, "plugins:2: plugin x: list \"things\": plugin giver:0 failed with DENY" },
		{ "a", (enum verdict)-1, "plugins:2: plugin x: list \"things\": plugin giver:0 failed with DENYSOFT" },
		{ "a\nb", OK, "plugins:1: plugin giver:0: list \"things\": entry 1 has 3 bytes, expected one line of 1 to 4096" },
		{ " ", OK, "plugins:2: plugin x: list \"things\": plugin giver:0 gave what is no entry" },
		{ overlong, OK, "entry 1 has 4097 bytes" },
	};
	memset(overlong, 'a', sizeof overlong - 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		with_givers(cases[i].entry, NULL);
		config_answer = cases[i].answer;
		problems.text[0] = '\0';
		list.files = NULL;
		ck_assert_ptr_null(pr_list(&plugins[1], "things"));
		ck_assert_msg(strstr(problems.text, cases[i].want), "%s", problems.text);
		ck_assert_ptr_null(pr_list(&plugins[3], "things"));	/* no later plugin's word, nor the file, in its place */
		ck_assert_uint_eq(asked[2], 0);
	}
	ck_assert_str_eq(pr_config_name(&call), "");
	ck_assert(!pr_config_add(&call, "x"));
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
	const char *certs[] = { "/c", "/d", NULL }, *keys[] = { "/k", "/l", NULL };
	struct option_section sections[] = { { "", 0 }, { "inbound", 0 }, { "outbound", 0 } };
	struct tls_settings ways[3] = { 0 };
	ways[1] = (struct tls_settings){ .cert = certs, .key = keys };
	settings.tls_sections = sections;
	settings.tls = ways;
	settings.tls_count = COUNT_OF(ways);
	ck_assert_ptr_null(plugin_tls(&list));
	ck_assert(!pr_enable_tls(&plugins[0], NULL, NULL, NULL, NULL));	/* too late: not in before_drop */
	list.before_drop = true;
	ck_assert(pr_enable_tls(&plugins[0], NULL, "own.key", "own.ca", NULL));
	ck_assert(!pr_enable_tls(&plugins[1], NULL, NULL, NULL, NULL));	/* twice */
	ck_assert_ptr_nonnull(plugin_tls(&list));
	ck_assert_ptr_eq(plugin_tls(&list)->cert, certs);
	ck_assert_str_eq(plugin_tls(&list)->key[0], "own.key");
	ck_assert_ptr_null(plugin_tls(&list)->key[1]);
	ck_assert_str_eq(plugin_tls(&list)->ca, "own.ca");
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
	tcase_add_test(t, test_logging);
	tcase_add_test(t, test_observers_only);
	tcase_add_test(t, test_names);
	tcase_add_test(t, test_options);
	tcase_add_test(t, test_bad_options);
	tcase_add_loop_test(t, test_reject, 0, (int)COUNT_OF(rejects));
	tcase_add_test(t, test_reply);
	tcase_add_test(t, test_lists);
	tcase_add_loop_test(t, test_config, 0, 3);
	tcase_add_test(t, test_config_before_ready);
	tcase_add_test(t, test_config_errors);
	tcase_add_test(t, test_sets);
	tcase_add_test(t, test_tls);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
