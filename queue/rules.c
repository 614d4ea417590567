/* rules.c - see rules.h. A line a rule: "3 suspend domain example.com 1764000000 0 their disk is full"; a site or an address holds no
 * blank. The first line says what the file is, and the last number that was given. */
#include "rules.h"
#include "../lib/view.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define MAGIC "postrider-rules 1 "
#define FILE_MAX (RULES_MAX * (RULES_WHAT_MAX + RULES_REASON_MAX + 128))

static const char *const actions[RULE_ACTIONS] = { [RULE_SUSPEND] = "suspend", [RULE_HOLD] = "hold", [RULE_BOUNCE] = "bounce" };
static const char *const kinds[RULE_KINDS] = { [RULE_ALL] = "all", [RULE_DOMAIN] = "domain", [RULE_SITE] = "site", [RULE_SENDER] = "sender" };

const char *rule_action_name(enum rule_action action)
{
	return actions[action];
}

const char *rule_kind_name(enum rule_kind kind)
{
	return kinds[kind];
}

bool rules_sender(const char *address, char out[RULES_WHAT_MAX])
{
	char key[ADDRESS_KEY_SIZE], domain[ADDRESS_DOMAIN_MAX + 1];

	if (!*address || strcmp(address, "<>") == 0)
		return snprintf(out, RULES_WHAT_MAX, "<>") > 0;
	if (*address == '@')
		return address_domain_fold(view_of(address + 1), domain) && snprintf(out, RULES_WHAT_MAX, "@%s", domain) < RULES_WHAT_MAX;
	return address_key(view_of(address), true, key) && !strchr(key, ' ') && view_copy(view_of(key), out, RULES_WHAT_MAX);
}

/* ---- reading ---- */

static bool name_of(struct view text, const char *const *names, size_t count, unsigned *out)
{
	for (size_t i = 0; i < count; i++)
		if (view_eq(text, view_of(names[i]))) {
			*out = (unsigned)i;
			return true;
		}
	return false;
}

static bool parse_time(struct view text, int64_t *out)
{
	uint64_t n;

	if (!view_u64(text, INT64_MAX / 2, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

static bool parse_rule(struct view line, struct arena *a, struct rule *r)
{
	unsigned action, kind;
	uint64_t number;
	struct view what;

	if (!view_u64(view_cut(&line, ' '), UINT_MAX - 1, &number) || !name_of(view_cut(&line, ' '), actions, RULE_ACTIONS, &action) ||
	    !name_of(view_cut(&line, ' '), kinds, RULE_KINDS, &kind))
		return false;
	what = view_cut(&line, ' ');
	if (what.len == 0 || what.len >= RULES_WHAT_MAX || !parse_time(view_cut(&line, ' '), &r->since) || !parse_time(view_cut(&line, ' '), &r->until) ||
	    line.len > RULES_REASON_MAX || !view_is_printable(line))
		return false;
	r->number = (unsigned)number;
	r->action = (enum rule_action)action;
	r->kind = (enum rule_kind)kind;
	r->what = kind == RULE_ALL ? "" : arena_view_dup(a, what);
	r->reason = arena_view_dup(a, line);
	return kind != RULE_ALL || action == RULE_SUSPEND;
}

static bool parse(struct view text, struct arena *a, struct rules *out)
{
	struct view first = view_cut(&text, '\n');
	uint64_t last;

	if (!view_starts(first, VIEW(MAGIC)) || !view_u64(view_skip(first, strlen(MAGIC)), UINT_MAX - 1, &last))
		return false;
	out->last = (unsigned)last;
	out->list = arena_alloc(a, RULES_MAX * sizeof(*out->list));
	while (text.len) {
		if (out->count == RULES_MAX || view_find(text, '\n') == text.len || !parse_rule(view_cut(&text, '\n'), a, &out->list[out->count]))
			return false;
		out->count++;
	}
	return true;
}

bool rules_read(const char *dir, struct arena *a, struct rules *out, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t n = -1;

	*out = (struct rules){ .count = 0 };
	snprintf(path, sizeof(path), "%s/rules", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || err_sys(err, "%s", path);
	bool sound = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX;
	char *text = sound ? arena_alloc(a, (size_t)st.st_size + 1) : NULL;

	if (sound)
		n = read(fd, text, (size_t)st.st_size);
	close(fd);
	if (!sound || n != st.st_size)
		return err_set(err, "%s: it cannot be read whole", path);
	if (parse(view_make(text, (size_t)n), a, out))
		return true;
	err_set(err, "%s:%zu: it is not as postrider queue writes it; remove it, and there are no rules", path, out->count + 2);
	*out = (struct rules){ .count = 0 };
	return false;
}

/* ---- writing ---- */

static void put(struct buf *out, const struct rules *rules, int64_t now)
{
	buf_printf(out, MAGIC "%u\n", rules->last);
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *r = &rules->list[i];

		if (rule_in_force(r, now))
			buf_printf(out, "%u %s %s %s %lld %lld %s\n", r->number, actions[r->action], kinds[r->kind], *r->what ? r->what : "-",
				   (long long)r->since, (long long)r->until, r->reason);
	}
}

static bool replace(int dir, struct view text)
{
	unlinkat(dir, "rules.new", 0);
	int fd = openat(dir, "rules.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok && renameat(dir, "rules.new", dir, "rules") == 0 && fsync(dir) == 0;
}

bool rules_write(const char *dir, const struct rules *rules, int64_t now, struct err *err)
{
	struct buf text;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	buf_init(&text, FILE_MAX);
	put(&text, rules, now);
	bool ok = fd >= 0 && !text.failed && replace(fd, buf_view(&text));

	if (!ok)
		err_sys(err, "%s/rules cannot be written", dir);
	buf_free(&text);
	if (fd >= 0)
		close(fd);
	return ok;
}

int rules_lock(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = -1;

	while (fd >= 0 && (failed = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	if (failed == 0)
		return fd;
	err_sys(err, "%s cannot be locked", dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- finding ---- */

bool rule_in_force(const struct rule *rule, int64_t now)
{
	return rule->until == 0 || now < rule->until;
}

bool rules_sender_fits(const char *what, const char *sender)
{
	char key[RULES_WHAT_MAX];
	const char *at;

	if (!rules_sender(sender, key))
		return false;
	at = *what == '@' ? strrchr(key, '@') : key;
	return at && strcmp(at, what) == 0;
}

static bool fits(const struct rule *rule, const struct rule_facts *f)
{
	switch (rule->kind) {
	case RULE_DOMAIN:
		return f->domain && strcmp(rule->what, f->domain) == 0;
	case RULE_SITE:
		return f->at_site && f->at_site(f->arg, rule->what);
	case RULE_SENDER:
		return f->sender && rules_sender_fits(rule->what, f->sender);
	default:
		return false;		/* while all is suspended nobody asks */
	}
}

const struct rule *rules_find(const struct rules *rules, const struct rule_facts *facts, int64_t now)
{
	const struct rule *found = NULL;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *r = &rules->list[i];

		if ((!found || r->action > found->action) && rule_in_force(r, now) && fits(r, facts))
			found = r;
	}
	return found;
}

const struct rule *rules_pause(const struct rules *rules, int64_t now)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].kind == RULE_ALL && rule_in_force(&rules->list[i], now))
			return &rules->list[i];
	return NULL;
}

char *rule_text(const struct rule *rule, char out[RULES_TEXT])
{
	snprintf(out, RULES_TEXT, "rule %u (%s%s%s)%s%s", rule->number, kinds[rule->kind], *rule->what ? " " : "", rule->what, *rule->reason ? ": " : "",
		 rule->reason);
	return out;
}
