/* tool_queue_list.c - `postrider queue list`, `show` and `stats`: the spool, read without a lock, one message at a time, so that a
 * queue of any size takes the same memory. What stands in it was written by others: it is escaped. */
#include "tool_queue.h"
#include "tool_queue_filter.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/view.h"

#include <getopt.h>
#include <inttypes.h>

struct listing {
	struct spool *spool;
	struct arena *arena;		/* reset for each message */
	enum spool_state state;		/* being scanned */
	int64_t now;
	bool json, ids;
	struct filter filter;
	struct rules rules;
};

/* ---- one message ---- */

static void print_rcpt(const struct envelope_rcpt *r, unsigned attempts, const char *before)
{
	printf("%s<", before);
	tool_print(stdout, r->address);
	printf("> %s", tool_queue_status(r->status, attempts));
	if (*r->last) {
		fputs(" (", stdout);
		tool_print(stdout, r->last);
		putchar(')');
	}
}

static void print_line(const struct listing *l, const struct spool_file *f)
{
	char age[TOOL_NUMBER_SIZE], size[TOOL_NUMBER_SIZE], next[TOOL_NUMBER_SIZE] = "-";

	if (f->state == SPOOL_LATER)
		tool_age(f->env.next - l->now, next);
	const struct rule *rule = tool_queue_rule_for(&l->rules, f);

	printf("%s %-5s %4s %5s next=%-4s ", f->id, spool_state_name(f->state), tool_age(l->now - f->env.arrived / 1000000, age),
	       tool_size(f->message_len, size), next);
	if (rule)
		printf("rule=%u ", rule->number);
	fputs("from=<", stdout);
	tool_print(stdout, f->env.sender);
	putchar('>');
	for (size_t i = 0; i < f->env.rcpt_count; i++)
		print_rcpt(&f->env.rcpts[i], f->env.attempts, i ? ", " : " to=");
	putchar('\n');
}

static void print_json_string(const char *key, const char *value)
{
	printf(",\"%s\":", key);
	tool_print_json(stdout, value);
}

static void print_json(const struct listing *l, const struct spool_file *f)
{
	const struct rule *rule = tool_queue_rule_for(&l->rules, f);
	const struct envelope *e = &f->env;

	printf("{\"id\":\"%s\",\"state\":\"%s\",\"arrived\":%" PRId64 ",\"size\":%" PRIu64 ",\"attempts\":%u,\"next\":%" PRId64, f->id,
	       spool_state_name(f->state), e->arrived / 1000000, f->message_len, e->attempts, e->next);
	if (rule)
		printf(",\"rule\":%u", rule->number);
	print_json_string("sender", e->sender);
	print_json_string("client", e->client);
	print_json_string("helo", e->helo);
	print_json_string("auth_user", e->auth_user);
	print_json_string("tls", e->tls);
	print_json_string("session", e->session);
	fputs(",\"recipients\":[", stdout);
	for (size_t i = 0; i < e->rcpt_count; i++) {
		printf("%s{\"status\":\"%s\"", i ? "," : "", tool_queue_status(e->rcpts[i].status, e->attempts));
		print_json_string("address", e->rcpts[i].address);
		print_json_string("last", e->rcpts[i].last);
		putchar('}');
	}
	puts("]}");
}

/* Of one that cannot be read, only what its name says. */
static void print_damaged(const struct listing *l, const char *id, const char *why)
{
	if (l->json) {
		printf("{\"id\":\"%s\",\"state\":\"%s\"", id, spool_state_name(l->state));
		print_json_string("error", why);
		puts("}");
	} else {
		printf("%s %-5s ", id, spool_state_name(l->state));
		tool_print(stdout, why);
		putchar('\n');
	}
}

static bool list_one(void *arg, const char *id, int64_t mtime UNUSED)
{
	struct listing *l = arg;
	struct spool_file f;
	struct err err = { "" };
	bool filtered = !filter_is_empty(&l->filter);
	enum spool_read result;

	if (l->ids && !filtered)
		return puts(id) >= 0;
	arena_reset(l->arena);
	result = spool_file_open(l->spool, id, l->state, false, l->arena, &f, &err);
	if (result == SPOOL_READ_OK) {
		if (filter_fits(&l->filter, &f, l->arena)) {
			if (l->ids)
				puts(id);
			else if (l->json)
				print_json(l, &f);
			else
				print_line(l, &f);
		}
		spool_file_close(&f);
	} else if (result != SPOOL_READ_GONE && result != SPOOL_READ_INCOMPLETE && !filtered) {
		print_damaged(l, id, err.text);
	}
	return !ferror(stdout);
}

/* The time of one that waits says for which domain: the others need not be read. What is in work has a time that is over. */
static bool list_later(void *arg, const char *id, int64_t mtime, uint32_t domain)
{
	struct listing *l = arg;
	bool elsewhere = l->filter.domain && mtime > clock_now() && domain != SPOOL_DOMAIN_UNKNOWN && domain < SPOOL_DOMAIN_SEVERAL &&
		domain != spool_domain(l->filter.domain);

	return elsewhere || list_one(arg, id, mtime);
}

/* ---- list ---- */

static int list_states(struct listing *l, int only)
{
	struct err err = { "" };
	bool ok = true;

	l->arena = arena_new(8192);
	l->now = clock_now();
	for (int state = 0; ok && state < SPOOL_STATES; state++) {
		l->state = (enum spool_state)state;
		if (only < 0 || only == state)
			ok = state == SPOOL_LATER ? spool_scan_later(l->spool, list_later, l, &err) : spool_scan(l->spool, l->state, list_one, l, &err);
	}
	arena_free(&l->arena);
	return ok ? TOOL_OK : tool_fail("%s", err.text);
}

static int state_from(const char *name)
{
	for (int i = 0; i < SPOOL_STATES; i++)
		if (strcmp(name, spool_state_name((enum spool_state)i)) == 0)
			return i;
	return -1;
}

int tool_queue_list(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "ids", no_argument, NULL, 'i' }, { "domain", required_argument, NULL, 'd' },
		{ "sender", required_argument, NULL, 'f' }, { "state", required_argument, NULL, 's' },
		{ "recipient", required_argument, NULL, 'r' }, { "message-id", required_argument, NULL, 'm' }, { NULL, 0, NULL, 0 },
	};
	struct listing l = { .spool = NULL };
	struct settings *s;
	int c, only = -1, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			l.json = true;
			break;
		case 'i':
			l.ids = true;
			break;
		case 'd':
			l.filter.domain = optarg;
			break;
		case 'm':
			l.filter.message_id = optarg;
			break;
		case 'f':
			if (!filter_address("--sender", optarg, l.filter.sender, &l.filter.by_sender))
				return TOOL_FAILED;
			break;
		case 'r':
			if (!filter_address("--recipient", optarg, l.filter.recipient, &l.filter.by_recipient))
				return TOOL_FAILED;
			break;
		case 's':
			only = state_from(optarg);
			if (only < 0)
				return tool_fail("--state: found \"%s\", expected new, later, hold or bad", optarg);
			break;
		default:
			return tool_usage(tool);
		}
	}
	if (optind < argc)
		return tool_usage(tool);
	l.spool = tool_queue_open(tool, &s);
	if (!l.spool)
		return TOOL_FAILED;
	if (l.filter.domain && address_domain_canonical(view_of(l.filter.domain), s->arena))
		l.filter.domain = address_domain_canonical(view_of(l.filter.domain), s->arena);
	if (l.filter.message_id)
		l.filter.message_id = filter_bare(l.filter.message_id, s->arena);
	l.rules = tool_queue_read_rules(s);
	status = list_states(&l, only);
	spool_close(&l.spool);
	settings_free(&s);
	return status;
}

/* ---- show ---- */

static void print_field(const char *name, const char *value)
{
	if (!*value)
		return;
	printf("%-12s ", name);
	tool_print(stdout, value);
	putchar('\n');
}

static void print_time(const char *name, int64_t seconds)
{
	char date[CLOCK_DATE_SIZE];

	if (seconds > 0)
		print_field(name, clock_date((time_t)seconds, date));
}

/* As it is into a file or pipe; a terminal gets no control characters. */
static void print_content(const struct spool_file *f)
{
	char piece[16384];
	bool terminal = isatty(STDOUT_FILENO);
	ssize_t n = 1;

	for (uint64_t done = 0; done < f->message_len && n > 0; done += (uint64_t)n) {
		uint64_t left = f->message_len - done;
		n = pread(f->fd, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece), (off_t)(f->message_at + done));
		for (ssize_t i = 0; terminal && i < n; i++)
			if (((unsigned char)piece[i] < 0x20 && piece[i] != '\n' && piece[i] != '\t') || (unsigned char)piece[i] > 0x7e)
				piece[i] = piece[i] == '\r' ? ' ' : '?';
		if (n > 0)
			fwrite(piece, 1, (size_t)n, stdout);
	}
}

static void print_rule(const struct settings *s, const struct spool_file *f)
{
	struct rules rules = tool_queue_read_rules(s);
	const struct rule *rule = tool_queue_rule_for(&rules, f);
	char text[RULES_TEXT], whole[RULES_TEXT + 16];

	if (!rule)
		return;
	snprintf(whole, sizeof(whole), "%s by %s", rule_action_name(rule->action), rule_text(rule, text));
	print_field("waits", whole);
}

static void print_all(const struct settings *s, const struct spool_file *f, bool content)
{
	const struct envelope *e = &f->env;
	char size[TOOL_NUMBER_SIZE], attempts[TOOL_NUMBER_SIZE];

	print_field("id", f->id);
	print_field("state", spool_state_name(f->state));
	print_field("size", tool_size(f->message_len, size));
	print_time("arrived", e->arrived / 1000000);
	snprintf(attempts, sizeof(attempts), "%u", e->attempts);
	print_field("attempts", attempts);
	print_time("next", e->next);
	print_rule(s, f);
	print_time("release", e->hold_until);
	print_time("deliver-by", e->deliver_by);
	if (e->priority)
		printf("%-13s%d\n", "priority", e->priority);
	print_field("sender", *e->sender ? e->sender : "<>");
	print_field("client", e->client);
	print_field("helo", e->helo);
	print_field("auth", e->auth_user);
	print_field("tls", e->tls);
	print_field("session", e->session);
	print_field("envid", e->envid);
	print_field("ret", e->ret);
	for (size_t i = 0; i < e->note_count; i++)
		print_field(e->notes[i].key, e->notes[i].value);
	for (size_t i = 0; i < e->rcpt_count; i++) {
		print_rcpt(&e->rcpts[i], e->attempts, "recipient    ");
		putchar('\n');
	}
	if (content) {
		putchar('\n');
		print_content(f);
	}
}

int tool_queue_show(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "message", no_argument, NULL, 'm' }, { NULL, 0, NULL, 0 } };
	bool content = false;
	struct arena *arena;
	struct spool_file f;
	struct settings *s;
	struct spool *sp;
	struct err err = { "" };
	int c, status = TOOL_OK;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'm')
			return tool_usage(tool);
		content = true;
	}
	if (optind + 1 != argc)
		return tool_usage(tool);
	if (!spool_id_valid(view_of(argv[optind])))
		return tool_fail("\"%s\" is not a queue id", argv[optind]);
	sp = tool_queue_open(tool, &s);
	if (!sp)
		return TOOL_FAILED;
	arena = arena_new(8192);
	if (spool_file_find(sp, argv[optind], false, arena, &f, &err) == SPOOL_READ_OK) {
		print_all(s, &f, content);
		spool_file_close(&f);
	} else {
		status = tool_fail("%s", err.text);
	}
	arena_free(&arena);
	spool_close(&sp);
	settings_free(&s);
	return status;
}

/* ---- stats ---- */

struct tally { uint64_t count; int64_t oldest; };

static bool tally_one(void *arg, const char *id UNUSED, int64_t mtime)
{
	struct tally *t = arg;

	if (t->count++ == 0 || mtime < t->oldest)
		t->oldest = mtime;
	return true;
}

int tool_queue_stats(const struct tool *tool, int argc, char **argv UNUSED)
{
	struct settings *s;
	struct spool *sp;
	struct err err = { "" };
	bool ok = true;

	if (argc > 1)
		return tool_usage(tool);
	sp = tool_queue_open(tool, &s);
	if (!sp)
		return TOOL_FAILED;
	for (int state = 0; ok && state < SPOOL_STATES; state++) {
		struct tally t = { 0, 0 };
		char date[CLOCK_DATE_SIZE];
		ok = spool_scan(sp, (enum spool_state)state, tally_one, &t, &err);
		printf("%-6s %10" PRIu64, spool_state_name((enum spool_state)state), t.count);
		if (t.count)
			printf("  %s %s", state == SPOOL_LATER ? "next" : "oldest", clock_date((time_t)t.oldest, date));
		putchar('\n');
	}
	spool_close(&sp);
	if (ok)
		tool_queue_ask_stats(s);
	settings_free(&s);
	return ok ? TOOL_OK : tool_fail("%s", err.text);
}
