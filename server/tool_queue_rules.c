/* tool_queue_rules.c - `postrider queue pause`, `suspend`, `hold`, `bounce`, `resume` and `rules`: what is to become of mail until further
 * notice. The file of rules is changed here, under its lock, and the queue-runner told to read it; one that is not there reads
 * it when it starts. */
#include "tool_queue.h"
#include "../lib/clock.h"
#include "../lib/option.h"
#include "../lib/view.h"
#include "../queue/rules.h"

#include <getopt.h>
#include <inttypes.h>

struct wish {
	enum rule_kind kind;
	char what[RULES_WHAT_MAX];
	int64_t duration;		/* seconds; 0: for ever */
	const char *reason;
};

struct desk {				/* where rules are changed */
	struct settings *settings;
	struct spool *spool;		/* opened for giving up root alone */
	struct arena *arena;
	struct rules rules;
	int lock;
};

/* ---- the file ---- */

static bool desk_open(struct desk *d, const struct tool *tool)
{
	struct err err = { "" };

	*d = (struct desk){ .lock = -1, .arena = arena_new(4096) };
	d->spool = tool_queue_open(tool, &d->settings);
	if (!d->spool)
		return false;
	d->lock = rules_lock(d->settings->spool_dir, &err);
	return (d->lock >= 0 && rules_read(d->settings->spool_dir, d->arena, &d->rules, &err)) || tool_fail("%s", err.text) == TOOL_OK;
}

static void desk_close(struct desk *d)
{
	if (d->lock >= 0)
		close(d->lock);
	spool_close(&d->spool);
	if (d->settings)
		settings_free(&d->settings);
	arena_free(&d->arena);
}

/* Writes the rules, and has the queue-runner read them. */
static bool desk_write(const struct desk *d)
{
	struct err err = { "" };

	return (rules_write(d->settings->spool_dir, &d->rules, clock_now(), &err) && tool_queue_ask_rules(d->settings, &err)) ||
		tool_fail("%s", err.text) == TOOL_OK;
}

/* ---- what is wanted ---- */

static bool set_what(struct wish *w, enum rule_kind kind, const char *text, struct arena *a)
{
	const char *domain;

	if (w->kind != RULE_ALL)
		return tool_fail("only one of --domain, --site and --sender can be given") == TOOL_OK;
	w->kind = kind;
	switch (kind) {
	case RULE_DOMAIN:
		domain = address_domain_canonical(view_of(text), a);
		if (domain && view_copy(view_of(domain), w->what, sizeof(w->what)))
			return true;
		return tool_fail("--domain: found \"%s\", expected a domain", text) == TOOL_OK;
	case RULE_SITE:
		if (*text && view_is_printable(view_of(text)) && !strchr(text, ' ') && view_copy(view_of(text), w->what, sizeof(w->what)))
			return true;
		return tool_fail("--site: found \"%s\", expected the name of a site as postrider queue stats tells it", text) == TOOL_OK;
	default:
		if (rules_sender(text, w->what))
			return true;
		return tool_fail("--sender: found \"%s\", expected an address, @domain, or <> for notices", text) == TOOL_OK;
	}
}

/* OPTIONS of the call; false when one is wrong, and that has been told. *STATUS is then what to leave with. */
static bool read_wish(const struct tool *tool, int argc, char **argv, const char *takes, struct wish *w, struct arena *a, int *status)
{
	static const struct option options[] = {
		{ "domain", required_argument, NULL, 'd' }, { "site", required_argument, NULL, 's' }, { "sender", required_argument, NULL, 'f' },
		{ "for", required_argument, NULL, 't' }, { "reason", required_argument, NULL, 'r' }, { NULL, 0, NULL, 0 },
	};
	int64_t ms;
	int c;

	*w = (struct wish){ .kind = RULE_ALL, .reason = "" };
	*status = TOOL_FAILED;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || !strchr(takes, c)) {
			*status = tool_usage(tool);
			return false;
		}
		if (c == 'r') {
			w->reason = optarg;
			if (strlen(optarg) > RULES_REASON_MAX || !view_is_printable(view_of(optarg)))
				return tool_fail("--reason: expected at most %d printable ASCII characters", RULES_REASON_MAX) == TOOL_OK;
		} else if (c == 't') {
			if (!option_parse_duration(optarg, &ms) || ms < 1000)
				return tool_fail("--for: found \"%s\", expected a time (such as 30m, 2h or 3d)", optarg) == TOOL_OK;
			w->duration = ms / 1000;
		} else if (!set_what(w, c == 'd' ? RULE_DOMAIN : c == 's' ? RULE_SITE : RULE_SENDER, optarg, a)) {
			return false;
		}
	}
	return true;
}

/* ---- making ---- */

static bool is_about(const struct rule *r, const struct wish *w)
{
	return r->kind == w->kind && strcmp(r->what, w->what) == 0;
}

/* In place of one of the same kind about the same. */
static bool add_rule(struct desk *d, enum rule_action action, const struct wish *w)
{
	struct rules *rules = &d->rules;
	int64_t now = clock_now();
	size_t kept = 0;

	for (size_t i = 0; i < rules->count; i++)
		if (rule_in_force(&rules->list[i], now) && !(rules->list[i].action == action && is_about(&rules->list[i], w)))
			rules->list[kept++] = rules->list[i];
	if (kept == RULES_MAX)
		return tool_fail("there are %d rules: end some first", RULES_MAX) == TOOL_OK;
	if (!rules->list)
		rules->list = arena_alloc(d->arena, sizeof(*rules->list));
	rules->list[kept] = (struct rule){ .number = ++rules->last, .action = action, .kind = w->kind, .what = w->what, .since = now,
		.until = w->duration ? now + w->duration : 0, .reason = w->reason };
	rules->count = kept + 1;
	if (!desk_write(d))
		return false;
	printf("rule %u\n", rules->last);
	return true;
}

static int make_rule(const struct tool *tool, int argc, char **argv, enum rule_action action, bool all)
{
	struct arena *a = arena_new(1024);
	struct desk d;
	struct wish w;
	int status;
	bool ok = read_wish(tool, argc, argv, all ? "tr" : "dsftr", &w, a, &status);

	if (ok && (optind < argc || (w.kind == RULE_ALL) != all)) {
		status = tool_usage(tool);
		ok = false;
	}
	if (ok) {
		status = desk_open(&d, tool) && add_rule(&d, action, &w) ? TOOL_OK : TOOL_FAILED;
		desk_close(&d);
	}
	arena_free(&a);
	return status;
}

int tool_queue_pause(const struct tool *tool, int argc, char **argv)
{
	return make_rule(tool, argc, argv, RULE_SUSPEND, true);
}

int tool_queue_suspend(const struct tool *tool, int argc, char **argv)
{
	return make_rule(tool, argc, argv, RULE_SUSPEND, false);
}

int tool_queue_hold_or_bounce(const struct tool *tool, int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == '-' && argv[1][1] == '-')
		return make_rule(tool, argc, argv, strcmp(argv[0], "hold") == 0 ? RULE_HOLD : RULE_BOUNCE, false);
	return tool_queue_change(tool, argc, argv);
}

/* ---- ending ---- */

/* Whether R is one of those to be ended: by its number in LIST, or else by what it is about. */
static bool is_ended(const struct rule *r, const struct wish *w, char **list)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", r->number);
	if (!*list)
		return is_about(r, w);
	for (; *list; list++)
		if (strcmp(*list, number) == 0)
			return true;
	return false;
}

static bool end_rules(struct desk *d, const struct wish *w, char **list)
{
	struct rules *rules = &d->rules;
	size_t kept = 0, ended = 0;

	for (size_t i = 0; i < rules->count; i++)
		if (!is_ended(&rules->list[i], w, list))
			rules->list[kept++] = rules->list[i];
		else
			ended++;
	rules->count = kept;
	if (ended == 0)
		return tool_fail("there is no such rule") == TOOL_OK;
	if (!desk_write(d))
		return false;
	printf("%zu ended\n", ended);
	return true;
}

int tool_queue_resume(const struct tool *tool, int argc, char **argv)
{
	struct arena *a = arena_new(1024);
	struct desk d;
	struct wish w;
	int status;
	bool ok = read_wish(tool, argc, argv, "dsf", &w, a, &status);

	if (ok && optind < argc && w.kind != RULE_ALL) {
		status = tool_usage(tool);
		ok = false;
	}
	if (ok) {
		status = desk_open(&d, tool) && end_rules(&d, &w, argv + optind) ? TOOL_OK : TOOL_FAILED;
		desk_close(&d);
	}
	arena_free(&a);
	return status;
}

/* ---- showing ---- */

struct rules tool_queue_read_rules(const struct settings *s)
{
	struct err err = { "" };
	struct rules rules;

	if (!rules_read(s->spool_dir, s->arena, &rules, &err))
		tool_fail("%s", err.text);
	return rules;
}

const struct rule *tool_queue_rule_for(const struct rules *rules, const struct spool_file *f)
{
	const struct rule *rule = f->state == SPOOL_NEW || f->state == SPOOL_LATER ? rules_pause(rules, clock_now()) : NULL;

	for (size_t i = 0; !rule && i < f->env.rcpt_count; i++) {
		struct rule_facts facts = { .domain = f->env.rcpts[i].domain, .sender = f->env.sender };

		if (f->env.rcpts[i].status == RCPT_TODO)
			rule = rules_find(rules, &facts, clock_now());
	}
	return rule;
}

static void print_rule(const struct rule *r, int64_t now)
{
	char since[TOOL_NUMBER_SIZE], left[TOOL_NUMBER_SIZE] = "-";

	if (r->until)
		tool_age(r->until - now, left);
	printf("%u %-7s %-6s ", r->number, rule_action_name(r->action), rule_kind_name(r->kind));
	tool_print(stdout, *r->what ? r->what : "-");
	printf(" age=%s left=%s%s", tool_age(now - r->since, since), left, *r->reason ? " " : "");
	tool_print(stdout, r->reason);
	putchar('\n');
}

static void print_rule_json(const struct rule *r)
{
	printf("{\"number\":%u,\"action\":\"%s\",\"kind\":\"%s\",\"what\":", r->number, rule_action_name(r->action), rule_kind_name(r->kind));
	tool_print_json(stdout, r->what);
	printf(",\"since\":%" PRId64 ",\"until\":%" PRId64 ",\"reason\":", r->since, r->until);
	tool_print_json(stdout, r->reason);
	puts("}");
}

int tool_queue_rules(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	int64_t now = clock_now();
	bool json = false;
	struct desk d;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return tool_usage(tool);
		json = true;
	}
	if (optind < argc)
		return tool_usage(tool);
	bool ok = desk_open(&d, tool);

	for (size_t i = 0; ok && i < d.rules.count; i++) {
		if (!rule_in_force(&d.rules.list[i], now))
			continue;
		if (json)
			print_rule_json(&d.rules.list[i]);
		else
			print_rule(&d.rules.list[i], now);
	}
	desk_close(&d);
	return ok ? TOOL_OK : TOOL_FAILED;
}
