/* shaping_read.c - reading conf/destinations, see shaping.h. A line that begins a rule names its kind and whom it is about,
 * the lines behind it say what holds for those:
 *
 *   site google.com
 *       mx .google.com .googlemail.com
 *       connections 20
 *       answer "421 4.7.28" suspend 30m */
#include "shaping.h"

#include "../lib/address.h"
#include "../lib/listfile.h"
#include "../lib/option.h"
#include "../lib/view.h"

#define FILE_NAME "destinations"
#define WORDS_MAX 64			/* in one line */
#define RULES_MAX 10000
#define COUNT_MAX 100000
#define SUSPEND_MAX (INT64_C(24) * 3600 * 1000)

enum kind { KIND_DEFAULT, KIND_SITE, KIND_DOMAIN, KIND_ADDRESS, KIND_SOURCE, KIND_SENDER, KIND_COUNT };

/* The line that is being read. */
struct reading {
	struct shaping *sh;
	struct arena *arena;
	const struct listfile *file;
	size_t line;
	struct err *err;
	bool failed;
	enum kind kind;
	struct shaping_rule *rule;	/* that the line belongs to; NULL before the first */
	size_t rules;
	size_t count;
	const char *words[WORDS_MAX];
};

static void wrong(struct reading *r, const char *format, ...) PRINTFLIKE(2, 3);
static void wrong(struct reading *r, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	err_set(r->err, "%s:%u: %s", r->file->path, r->file->numbers[r->line], text);
	r->failed = true;
}

/* ---- words ---- */

/* Blanks separate words, double quotes hold one together. */
static bool split_words(struct reading *r)
{
	struct view rest = view_of(r->file->lines[r->line]);

	for (r->count = 0; (rest = view_trim(rest)).len > 0; r->count++) {
		bool quoted = rest.data[0] == '"';
		struct view word;

		if (r->count == WORDS_MAX) {
			wrong(r, "more than %d words", WORDS_MAX);
			return false;
		}
		if (quoted) {
			rest = view_skip(rest, 1);
			if (view_find(rest, '"') == rest.len) {
				wrong(r, "a quote is not closed");
				return false;
			}
			word = view_cut(&rest, '"');
		} else {
			word = view_word(&rest);
		}
		r->words[r->count] = arena_view_dup(r->arena, word);
	}
	return true;
}

/* ---- settings ---- */

static bool number(struct reading *r, uint64_t max, unsigned *out)
{
	uint64_t n;

	if (r->count == 2 && view_u64(view_of(r->words[1]), max, &n) && n > 0) {
		*out = (unsigned)n;
		return true;
	}
	wrong(r, "%s: found \"%s\", expected a number from 1 to %llu", r->words[0], r->count == 2 ? r->words[1] : "", (unsigned long long)max);
	return false;
}

static void read_connections(struct reading *r)
{
	number(r, COUNT_MAX, &r->rule->limits.connections);
}

static void read_recipients(struct reading *r)
{
	number(r, COUNT_MAX, &r->rule->recipients);
}

static void read_deliveries(struct reading *r)
{
	number(r, COUNT_MAX, &r->rule->deliveries);
}

static void read_weight(struct reading *r)
{
	number(r, 100, &r->rule->weight);
}

static void read_pace(struct reading *r, struct pace *pace)
{
	if (r->count != 2 || !pace_parse(view_of(r->words[1]), pace))
		wrong(r, "%s: found \"%s\", expected so many in a time, such as 100/1m or 5/s", r->words[0], r->count == 2 ? r->words[1] : "");
}

static void read_connection_rate(struct reading *r)
{
	read_pace(r, &r->rule->limits.connection_pace);
}

static void read_message_rate(struct reading *r)
{
	read_pace(r, &r->rule->limits.message_pace);
}

static void read_mx(struct reading *r)
{
	struct err why = { "" };

	for (size_t i = 1; i < r->count; i++)
		if (!hostset_add(r->sh->sites, r->words[i], r->rule, &why))
			wrong(r, "mx: %s", why.text);
	r->rule->has_mx = true;
	if (r->count < 2)
		wrong(r, "mx: expected names of hosts, such as mx.example.com or .example.com");
}

static bool read_time(struct reading *r, size_t at, int64_t *ms)
{
	if (at < r->count && option_parse_duration(r->words[at], ms) && *ms >= 1000 && *ms <= SUSPEND_MAX)
		return true;
	wrong(r, "%s: found \"%s\", expected a time from 1s to 1d", r->words[at - 1], at < r->count ? r->words[at] : "");
	return false;
}

static void read_answer(struct reading *r)
{
	struct shaping_answer *a = arena_alloc(r->arena, sizeof(*a));
	struct shaping_answer **end = &r->rule->answers;
	int64_t ms = 0;

	if (r->count < 3 || !*r->words[1]) {
		wrong(r, "answer: expected a text, and slow, suspend TIME or retry TIME");
		return;
	}
	a->text = r->words[1];
	for (size_t i = 2; i < r->count; i++) {
		if (strcmp(r->words[i], "slow") == 0) {
			a->slow = true;
		} else if (strcmp(r->words[i], "suspend") == 0) {
			if (!read_time(r, ++i, &a->suspend))
				return;
		} else if (strcmp(r->words[i], "retry") == 0) {
			if (!read_time(r, ++i, &ms))
				return;
			a->retry = ms / 1000;
		} else {
			wrong(r, "answer: found \"%s\", expected slow, suspend TIME or retry TIME", r->words[i]);
			return;
		}
	}
	while (*end)
		end = &(*end)->next;
	*end = a;
}

static const struct setting {
	const char *name;
	unsigned kinds;			/* bits */
	void (*read)(struct reading *r);
} settings[] = {
	{ "connections", 1 << KIND_DEFAULT | 1 << KIND_SITE | 1 << KIND_DOMAIN | 1 << KIND_ADDRESS | 1 << KIND_SOURCE, read_connections },
	{ "connection_rate", 1 << KIND_DEFAULT | 1 << KIND_SITE | 1 << KIND_DOMAIN | 1 << KIND_ADDRESS | 1 << KIND_SOURCE, read_connection_rate },
	{ "message_rate", 1 << KIND_DEFAULT | 1 << KIND_SITE | 1 << KIND_DOMAIN | 1 << KIND_ADDRESS | 1 << KIND_SOURCE, read_message_rate },
	{ "recipients", 1 << KIND_DEFAULT | 1 << KIND_SITE | 1 << KIND_DOMAIN, read_recipients },
	{ "deliveries", 1 << KIND_DEFAULT | 1 << KIND_SITE, read_deliveries },
	{ "mx", 1 << KIND_SITE, read_mx },
	{ "answer", 1 << KIND_DEFAULT | 1 << KIND_SITE, read_answer },
	{ "weight", 1 << KIND_SENDER, read_weight },
};

/* ---- beginnings of rules ---- */

static void begin_network(struct reading *r, const struct shaping_network **list)
{
	struct shaping_network *n = arena_alloc(r->arena, sizeof(*n));
	struct err why = { "" };

	n->list = netlist_new();
	n->rule = r->rule;
	n->next = *list;
	*list = n;
	if (strcmp(r->words[1], "*") == 0)
		return (void)(netlist_add(n->list, VIEW("0.0.0.0/0"), &why) && netlist_add(n->list, VIEW("::/0"), &why));
	if (!netlist_add(n->list, view_of(r->words[1]), &why))
		wrong(r, "%s: %s", r->words[0], why.text);
}

static void begin_hosts(struct reading *r, struct hostset *set)
{
	struct err why = { "" };

	if (!hostset_add(set, r->words[1], r->rule, &why))
		wrong(r, "%s: %s", r->words[0], why.text);
}

static void begin_site(struct reading *r)
{
	if (!address_domain_valid(view_of(r->words[1]), false))
		wrong(r, "site: found \"%s\", expected a name such as example.com", r->words[1]);
	r->rule->next = r->sh->named;
	r->sh->named = r->rule;
}

static void begin_sender(struct reading *r)
{
	struct shaping_user *u;

	if (r->count == 2) {
		begin_hosts(r, r->sh->senders);
		return;
	}
	u = arena_alloc(r->arena, sizeof(*u));
	*u = (struct shaping_user){ r->words[2], r->rule, r->sh->users };
	r->sh->users = u;
}

/* True when the line is the first of a rule. */
static bool begin_rule(struct reading *r)
{
	static const char *const kinds[KIND_COUNT] = {
		[KIND_DEFAULT] = "default", [KIND_SITE] = "site", [KIND_DOMAIN] = "domain", [KIND_ADDRESS] = "address",
		[KIND_SOURCE] = "source", [KIND_SENDER] = "sender",
	};
	size_t kind = 0;

	while (kind < KIND_COUNT && strcmp(kinds[kind], r->words[0]))
		kind++;
	if (kind == KIND_COUNT)
		return false;
	r->kind = (enum kind)kind;
	r->rule = kind == KIND_DEFAULT ? &r->sh->preset : arena_alloc(r->arena, sizeof(*r->rule));
	if (kind == KIND_DEFAULT && r->count == 1)
		return true;
	bool user = kind == KIND_SENDER && r->count == 3 && strcmp(r->words[1], "user") == 0;

	if (kind == KIND_DEFAULT || (r->count != 2 && !user) || ++r->rules > RULES_MAX) {
		wrong(r, r->rules > RULES_MAX ? "more than 10000 rules" : kind == KIND_DEFAULT ? "default: expected nothing behind it" :
		      "%s: expected one name behind it", r->words[0]);
		return true;
	}
	r->rule->name = r->words[1];
	if (kind == KIND_SITE)
		begin_site(r);
	else if (kind == KIND_DOMAIN)
		begin_hosts(r, r->sh->domains);
	else if (kind == KIND_ADDRESS)
		begin_network(r, &r->sh->addresses);
	else if (kind == KIND_SOURCE)
		begin_network(r, &r->sh->sources);
	else if (kind == KIND_SENDER)
		begin_sender(r);
	return true;
}

static void read_line(struct reading *r)
{
	if (!split_words(r) || begin_rule(r))
		return;
	if (!r->rule) {
		wrong(r, "found \"%s\", expected default, site, domain, address, source or sender first", r->words[0]);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		if (strcmp(settings[i].name, r->words[0]) == 0 && settings[i].kinds & 1u << r->kind) {
			settings[i].read(r);
			return;
		}
	wrong(r, "%s: unknown here", r->words[0]);
}

/* ---- the whole ---- */

static void hosts_cleanup(void *set)
{
	struct hostset *hosts = set;

	hostset_free(&hosts);
}

static struct hostset *hosts_new(struct arena *a)
{
	struct hostset *hosts = hostset_new();

	arena_cleanup(a, hosts_cleanup, hosts);
	return hosts;
}

static void networks_cleanup(void *arg)
{
	const struct shaping *sh = arg;

	for (const struct shaping_network *n = sh->addresses; n; n = n->next) {
		struct netlist *list = n->list;
		netlist_free(&list);
	}
	for (const struct shaping_network *n = sh->sources; n; n = n->next) {
		struct netlist *list = n->list;
		netlist_free(&list);
	}
}

static void take_settings(struct shaping_rule *preset, const struct settings *s)
{
	if (!preset->limits.connections)
		preset->limits.connections = (unsigned)s->outbound_concurrency_per_destination;
	if (!preset->recipients)
		preset->recipients = (unsigned)s->outbound_recipients_per_delivery;
	if (!preset->deliveries)
		preset->deliveries = (unsigned)s->outbound_deliveries_per_connection;
}

/* What a site does not say itself is as in the default, whose answers stand behind its own. */
static void complete_site(struct shaping *sh, struct shaping_rule *rule, struct err *err)
{
	const struct shaping_rule *preset = &sh->preset;
	struct shaping_answer **end = &rule->answers;

	while (*end)
		end = &(*end)->next;
	*end = preset->answers;
	if (!rule->limits.connections)
		rule->limits.connections = preset->limits.connections;
	if (!rule->limits.connection_pace.count)
		rule->limits.connection_pace = preset->limits.connection_pace;
	if (!rule->limits.message_pace.count)
		rule->limits.message_pace = preset->limits.message_pace;
	if (!rule->recipients)
		rule->recipients = preset->recipients;
	if (!rule->deliveries)
		rule->deliveries = preset->deliveries;
	if (!rule->has_mx && !hostset_add(sh->sites, rule->name, rule, err))
		err_context(err, "site %s", rule->name);
}

struct shaping *shaping_read(const struct settings *s, struct arena *a, struct err *err)
{
	struct shaping *sh = arena_alloc(a, sizeof(*sh));
	struct listfile file;
	struct reading r = { .sh = sh, .arena = a, .file = &file, .err = err };
	struct err late = { "" };

	sh->sites = hosts_new(a);
	sh->domains = hosts_new(a);
	sh->senders = hosts_new(a);
	arena_cleanup(a, networks_cleanup, sh);
	if (!listfile_read(s->dir, FILE_NAME, a, &file, err))
		return NULL;
	for (r.line = 0; r.line < file.count; r.line++)
		read_line(&r);
	take_settings(&sh->preset, s);
	for (struct shaping_rule *rule = sh->named; rule; rule = rule->next)
		complete_site(sh, rule, &late);
	if (late.text[0])
		r.failed = !err_set(err, "%s: %s", file.path, late.text);
	return r.failed ? NULL : sh;
}
