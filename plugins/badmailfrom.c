/* badmailfrom - refuses senders that stand in the file badmailfrom: "user@domain", "@domain" or "domain" (that domain),
 * ".domain" (every one below it), each with an optional text for the client after a blank. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TEXT "your envelope sender is not welcome here"

struct entry {
	const char *address, *text;
};

struct bad {
	struct pr_hosts *domains;	/* values are the texts */
	size_t count;
	struct entry *entry;		/* folded addresses, sorted */
};

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->address, ((const struct entry *)b)->address);
}

/* qpsmtpd takes regular expressions; taking one for an address would silently match nothing. */
static bool is_pattern(const char *what)
{
	return *what == '^' || strchr(what, '\\') || strstr(what, ".*") || what[strlen(what) - 1] == '$';
}

static char *keep(struct plugin *self, const char *text, size_t len)
{
	return memcpy(pr_alloc(self, len + 1), text, len);
}

static bool add(struct plugin *self, struct bad *bad, const char *line)
{
	size_t len = strcspn(line, " \t");
	const char *text = line + len + strspn(line + len, " \t");
	char *what = keep(self, line, len);
	if (*text == '\0')
		text = DEFAULT_TEXT;
	const char *at = strrchr(what, '@');
	if (is_pattern(what) || (at && at[1] == '\0'))
		return pr_fail(self, "found \"%s\", expected user@domain, @domain, domain or .domain (no pattern)", what);
	if (!at || at == what)
		return pr_hosts_add(self, bad->domains, at ? at + 1 : what, text);
	char folded[PR_ADDRESS_SIZE];
	if (!pr_address_folded(what, folded))
		return pr_fail(self, "found \"%s\", which is no address", what);
	bad->entry[bad->count++] = (struct entry){ .address = keep(self, folded, strlen(folded)), .text = text };
	return true;
}

static bool init(struct plugin *self)
{
	const char *const *lines = pr_list(self, "badmailfrom");
	bool good = pr_reject_options(self);
	size_t count = 0;
	while (lines && lines[count])
		count++;
	struct bad *bad = pr_alloc(self, sizeof *bad);
	bad->domains = pr_hosts_new(self);
	bad->entry = pr_alloc(self, (count + 1) * sizeof *bad->entry);
	for (size_t i = 0; i < count; i++) {
		pr_where(self, "badmailfrom", i);
		good &= add(self, bad, lines[i]);
	}
	pr_where(self, NULL, 0);
	qsort(bad->entry, bad->count, sizeof *bad->entry, by_address);
	pr_set_data(self, bad);
	return pr_no_more_options(self) && good && lines;
}

static enum verdict on_mail(struct hook_call *call)
{
	const struct bad *bad = pr_data(pr_self(call));
	char folded[PR_ADDRESS_SIZE];
	struct entry key = { .address = folded };
	if (pr_relaying(call) || !pr_address_folded(pr_sender(call), folded) || !folded[0])
		return DECLINED;	/* notices have no sender; our own clients are not judged, as in qpsmtpd */
	const struct entry *found = bsearch(&key, bad->entry, bad->count, sizeof key, by_address);
	const char *text = found ? found->text : pr_hosts_find(bad->domains, pr_sender_domain(call));
	return text ? pr_reject(call, "5.7.1", "%s", text) : DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "badmailfrom",
	.init = init,
	.hooks = { [HOOK_MAIL] = on_mail },
};
