/* hosts_allow - lets clients in or not by their address, before the greeting. Lines of the file hosts_allow: network,
 * DENY, DENYSOFT, OK or DECLINED, text for the client. The first line that fits decides. */
#include <postrider.h>
#include <stdio.h>
#include <string.h>

struct rule {
	struct pr_networks *networks;	/* one */
	enum verdict verdict;
	const char *text;
};

struct rules {
	size_t count;
	struct rule *rule;
};

/* A session that is refused before the greeting is over. */
static bool verdict_of(const char *word, enum verdict *out)
{
	static const struct { const char *word; enum verdict verdict; } words[] = {
		{ "DENY", DENY_DISCONNECT }, { "DENY_DISCONNECT", DENY_DISCONNECT }, { "DENYSOFT", DENYSOFT_DISCONNECT },
		{ "DENYSOFT_DISCONNECT", DENYSOFT_DISCONNECT }, { "OK", OK }, { "DECLINED", DECLINED },
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i].word) == 0) {
			*out = words[i].verdict;
			return true;
		}
	return false;
}

static bool add(struct plugin *self, struct rules *rules, const char *line)
{
	char network[80], word[32];
	int end = 0;
	struct rule *rule = &rules->rule[rules->count++];
	if (sscanf(line, "%79s %31s %n", network, word, &end) != 2 || !verdict_of(word, &rule->verdict))
		return pr_fail(self, "found \"%s\", expected a network, DENY, DENYSOFT, OK or DECLINED, and a text", line);
	rule->text = line[end] ? line + end : "connections from your address are not accepted";
	rule->networks = pr_networks_new(self);
	return pr_networks_add(self, rule->networks, network);
}

static bool init(struct plugin *self)
{
	const char *const *lines = pr_list(self, "hosts_allow");
	bool good = lines && pr_no_more_options(self);
	size_t count = 0;
	while (lines && lines[count])
		count++;
	struct rules *rules = pr_alloc(self, sizeof *rules);
	rules->rule = pr_alloc(self, (count + 1) * sizeof *rules->rule);
	for (size_t i = 0; i < count; i++) {
		pr_where(self, "hosts_allow", i);
		good &= add(self, rules, lines[i]);
	}
	pr_where(self, NULL, 0);
	pr_set_data(self, rules);
	return good;
}

static enum verdict on_pre_connection(struct hook_call *call)
{
	const struct rules *rules = pr_data(pr_self(call));
	const char *ip = pr_remote_ip(call);
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];
		if (!pr_networks_has(rule->networks, ip))
			continue;
		if (rule->verdict == DENY_DISCONNECT)
			pr_reply(call, 554, "5.7.1", "%s", rule->text);
		else if (rule->verdict == DENYSOFT_DISCONNECT)
			pr_reply(call, 421, "4.7.1", "%s", rule->text);
		return rule->verdict;
	}
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "hosts_allow",
	.init = init,
	.hooks = { [HOOK_PRE_CONNECTION] = on_pre_connection },
};
