/* relay - decides who may send to any domain: the addresses and networks in relayclients and morerelayclients, but
 * those in norelayclients. With the argument `only`, nobody else may send at all. */
#include <postrider.h>
#include <string.h>

struct relay {
	struct pr_networks *yes, *no;
	bool only;
};

static bool init(struct plugin *self)
{
	struct relay *r = pr_alloc(self, sizeof *r);
	const char *word = pr_arg(self, 0);
	r->only = word && strcmp(word, "only") == 0;
	r->yes = pr_networks_new(self);
	r->no = pr_networks_new(self);
	pr_set_data(self, r);
	bool good = !word || r->only || pr_fail(self, "found the argument \"%s\", expected \"only\" or none", word);
	good &= pr_networks_load(self, r->yes, "relayclients");
	good &= pr_networks_load(self, r->yes, "morerelayclients");
	good &= pr_networks_load(self, r->no, "norelayclients");
	return pr_no_more_options(self) && good;
}

static enum verdict on_connect(struct hook_call *call)
{
	const struct relay *r = pr_data(pr_self(call));
	const char *ip = pr_remote_ip(call);
	if (pr_networks_has(r->no, ip))
		pr_set_relaying(call, false);
	else if (pr_networks_has(r->yes, ip))
		pr_set_relaying(call, true);
	return DECLINED;
}

static enum verdict on_rcpt(struct hook_call *call)
{
	const struct relay *r = pr_data(pr_self(call));
	if (!r->only || pr_relaying(call))
		return DECLINED;
	pr_reply(call, 550, "5.7.1", "relaying denied: this server takes mail from its own clients only");
	return DENY;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "relay",
	.init = init,
	.hooks = { [HOOK_CONNECT] = on_connect, [HOOK_RCPT] = on_rcpt },
};
