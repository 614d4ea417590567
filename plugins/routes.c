/* routes - next hops by recipient, from the file routes: a key (domain, .domain, user@domain or "*"), a next hop ("host:port",
 * "lmtp:unix:/path", "mx" ...) and what else is to be known of it, such as "auth=NAME", whose user and password stand in
 * routes_auth. A route wins over MX and over local delivery. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST "routes"
#define SECRETS "routes_auth"
#define BLANKS " \t"
#define HOPS_MAX 16		/* of pr_add_next_hop */

struct login {
	const char *name, *user, *password;	/* the latter NULL where nothing is delivered */
	struct login *next;
};

struct line {			/* of the file; sorted by key, those with the same as they came */
	const char *key;
	size_t index;
	struct pr_mx mx;
};

struct routes {
	struct login *logins;
	size_t count;
	struct line *lines;
	bool addresses;			/* some key is one */
	struct pr_hosts *domains;	/* values are keys */
	struct pr_hosts *local;
};

/* ---- words ---- */

static char *copy(struct plugin *self, const char *text, size_t len)
{
	char *to = pr_alloc(self, len + 1);
	memcpy(to, text, len);
	return to;
}

/* The next word of *REST, NULL at the end. */
static const char *next_word(struct plugin *self, const char **rest)
{
	const char *word = *rest + strspn(*rest, BLANKS);
	size_t len = strcspn(word, BLANKS);
	*rest = word + len;
	return len ? copy(self, word, len) : NULL;
}

/* What stands behind NAME and "=" in WORD; NULL when it is something else. */
static const char *value_of(const char *word, const char *name)
{
	size_t len = strlen(name);
	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

/* ---- routes_auth: name, user, password; never printed ---- */

static struct login *find_login(const struct routes *r, const char *name)
{
	struct login *l = r->logins;
	while (l && strcmp(l->name, name) != 0)
		l = l->next;
	return l;
}

static bool add_login(struct plugin *self, struct routes *r, const char *line)
{
	struct login *l = pr_alloc(self, sizeof *l);
	l->name = next_word(self, &line);
	l->user = next_word(self, &line);
	line += strspn(line, BLANKS);
	if (!l->user || !*line)
		return pr_fail(self, "expected a name that routes refer to, a user and a password");
	if (find_login(r, l->name))
		return pr_fail(self, "found the name \"%s\" again", l->name);
	const char *problem = pr_mx_problem(&(struct pr_mx){ .exchange = "host", .auth_user = l->user, .auth_pass = line });
	if (problem)
		return pr_fail(self, "the login \"%s\": expected %s", l->name, problem);
	l->password = pr_delivers(self) ? copy(self, line, strlen(line)) : NULL;
	l->next = r->logins;
	r->logins = l;
	return true;
}

/* As root, so that nobody else need be able to read the file. */
static bool before_drop(struct plugin *self)
{
	struct routes *r = pr_alloc(self, sizeof *r);
	const char *const *lines = pr_secrets(self, SECRETS);
	bool good = lines != NULL;
	for (size_t i = 0; lines && lines[i]; i++) {
		pr_where(self, SECRETS, i);
		good &= add_login(self, r, lines[i]);
	}
	pr_where(self, NULL, 0);
	if (lines)
		pr_forget(self, SECRETS);
	pr_set_data(self, r);
	return good;
}

/* ---- routes ---- */

static bool read_priority(struct plugin *self, struct pr_mx *mx, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	if (strspn(value, "0123456789") == 0 || *end || n > 65535)
		return pr_fail(self, "found priority \"%s\", expected a number up to 65535", value);
	mx->priority = (unsigned)n;
	return true;
}

static bool read_auth(struct plugin *self, const struct routes *r, struct pr_mx *mx, const char *name)
{
	const struct login *l = find_login(r, name);
	if (!l)
		return pr_fail(self, "found auth=%s, which is no name in " SECRETS, name);
	mx->auth_user = l->user;
	mx->auth_pass = l->password ? l->password : "not here";
	return true;
}

static bool read_option(struct plugin *self, const struct routes *r, struct pr_mx *mx, const char *word)
{
	static const struct { const char *name; size_t at; } texts[] = {
		{ "tls", offsetof(struct pr_mx, tls) }, { "auth_type", offsetof(struct pr_mx, auth_type) },
		{ "bind", offsetof(struct pr_mx, bind) }, { "helo", offsetof(struct pr_mx, bind_helo) },
	};
	const char *value;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if ((value = value_of(word, texts[i].name))) {
			memcpy((char *)mx + texts[i].at, &value, sizeof value);
			return true;
		}
	if ((value = value_of(word, "priority")))
		return read_priority(self, mx, value);
	if ((value = value_of(word, "auth")))
		return read_auth(self, r, mx, value);
	if (strcmp(word, "auth_in_clear") == 0)
		return mx->auth_in_clear = true;
	return pr_fail(self, "found \"%s\", expected priority=, tls=, auth=, auth_type=, auth_in_clear, bind= or helo=", word);
}

static bool read_hop(struct plugin *self, const struct routes *r, const char *rest, struct pr_mx *mx)
{
	const char *word = next_word(self, &rest);
	if (!word)
		return pr_fail(self, "expected a domain, .domain, user@domain or *, and behind it host:port, or mx");
	mx->exchange = strcasecmp(word, "mx") == 0 ? "" : word;
	while ((word = next_word(self, &rest)))
		if (!read_option(self, r, mx, word))
			return false;
	const char *problem = pr_mx_problem(mx);
	return !problem || pr_fail(self, "found \"%s\", expected %s", mx->exchange, problem);
}

/* In the form in which it is looked for. */
static const char *read_key(struct plugin *self, struct routes *r, char *key)
{
	char folded[PR_ADDRESS_SIZE];
	if (strchr(key, '@')) {
		r->addresses = true;
		return pr_address_folded(key, folded) ? copy(self, folded, strlen(folded)) : NULL;
	}
	for (char *c = key; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	return *key ? key : NULL;
}

static bool read_line(struct plugin *self, struct routes *r, const char *text, struct line *line)
{
	size_t len = strcspn(text, BLANKS ":");		/* qmail's smtproutes have ":" here */
	line->key = read_key(self, r, copy(self, text, len));
	if (!line->key)
		return pr_fail(self, "found \"%.*s\", expected a domain, .domain, user@domain or *", (int)len, text);
	return read_hop(self, r, text + len + (text[len] == ':'), &line->mx);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

static int by_key_and_place(const void *a, const void *b)
{
	const struct line *one = a, *two = b;
	int order = by_key(a, b);
	return order ? order : one->index < two->index ? -1 : 1;
}

/* The lines with one key, COUNT of them from LINE on. */
static bool add_route(struct plugin *self, const struct routes *r, const struct line *line, size_t count)
{
	for (size_t i = 0; i < count && count > 1; i++) {
		pr_where(self, LIST, line[i].index);
		if (!*line[i].mx.exchange)
			return pr_fail(self, "found mx beside other next hops of \"%s\", expected it alone", line->key);
		if (i == HOPS_MAX)
			return pr_fail(self, "found another next hop of \"%s\", expected at most %d", line->key, HOPS_MAX);
	}
	pr_where(self, LIST, line->index);
	return strchr(line->key, '@') || strcmp(line->key, "*") == 0 || pr_hosts_add(self, r->domains, line->key, line->key);
}

static bool read_routes(struct plugin *self, struct routes *r, const char *const *texts)
{
	bool good = true;
	while (texts[r->count])
		r->count++;
	r->lines = pr_alloc(self, (r->count + 1) * sizeof *r->lines);
	for (size_t i = 0; i < r->count; i++) {
		r->lines[i].index = i;
		pr_where(self, LIST, i);
		good &= read_line(self, r, texts[i], &r->lines[i]);
	}
	if (!good)
		return false;
	qsort(r->lines, r->count, sizeof *r->lines, by_key_and_place);
	for (size_t from = 0, to; from < r->count; from = to) {
		for (to = from + 1; to < r->count && by_key(&r->lines[from], &r->lines[to]) == 0; to++)
			;
		good &= add_route(self, r, &r->lines[from], to - from);
	}
	return good;
}

static bool init(struct plugin *self)
{
	struct routes *r = pr_data(self);
	const char *const *texts = pr_list(self, LIST);
	r->domains = pr_hosts_new(self);
	r->local = pr_hosts_new(self);
	bool good = texts && pr_hosts_add(self, r->local, pr_me(self), "");
	good &= pr_hosts_load(self, r->local, "rcpthosts");
	good &= pr_hosts_load(self, r->local, "morercpthosts");
	good &= texts && read_routes(self, r, texts);
	pr_where(self, NULL, 0);
	return pr_no_more_options(self) && good;
}

/* ---- hooks ---- */

/* The first line with KEY. */
static const struct line *find_key(const struct routes *r, const char *key)
{
	struct line wanted = { .key = key };
	const struct line *line = bsearch(&wanted, r->lines, r->count, sizeof *r->lines, by_key);
	while (line && line > r->lines && by_key(line - 1, line) == 0)
		line--;
	return line;
}

/* The most special route; that of "*" only for what is not ours, and only with ALL. */
static const struct line *find(const struct routes *r, const char *address, const char *domain, bool all)
{
	char folded[PR_ADDRESS_SIZE];
	const struct line *line = r->addresses && pr_address_folded(address, folded) ? find_key(r, folded) : NULL;
	if (line)
		return line;
	const char *key = pr_hosts_find(r->domains, domain);
	if (!key && all && !pr_hosts_find(r->local, domain))
		key = "*";
	return key ? find_key(r, key) : NULL;
}

/* One of our domains with a route of its own: to the spool with it, not to the local mailboxes. */
static enum verdict on_rcpt_pre(struct hook_call *call)
{
	const struct routes *r = pr_data(pr_self(call));
	if (find(r, pr_recipient(call), pr_recipient_domain(call), false))
		pr_recipient_to_spool(call);
	return DECLINED;
}

static enum verdict on_get_mx(struct hook_call *call)
{
	const struct routes *r = pr_data(pr_self(call));
	const struct line *first = find(r, pr_recipient(call), pr_next_domain(call), true);
	if (!first)
		return DECLINED;
	for (const struct line *line = first; line < r->lines + r->count && by_key(line, first) == 0; line++)
		if (!pr_add_next_hop(call, &line->mx))
			return DENYSOFT;
	return OK;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "routes",
	.before_drop = before_drop,
	.init = init,
	.hooks = { [HOOK_RCPT_PRE] = on_rcpt_pre, [HOOK_GET_MX] = on_get_mx },
};
