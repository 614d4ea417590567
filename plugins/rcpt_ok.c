/* rcpt_ok - accepts recipients in our own domains (me, rcpthosts, morercpthosts), every recipient of a client that may
 * relay, and refuses the rest. Belongs at the end of the plugins that look at recipients. */
#include <postrider.h>
#include <string.h>

/* "*" would make this an open relay for everybody; that is too much for one letter. */
static bool load(struct plugin *self, struct pr_hosts *hosts, const char *name)
{
	const char *const *entries = pr_list(self, name);
	bool good = entries && pr_hosts_load(self, hosts, name);
	for (size_t i = 0; entries && entries[i]; i++)
		if (strcmp(entries[i], "*") == 0) {
			pr_where(self, name, i);
			good = pr_fail(self, "found \"*\", expected a domain or \".domain\": it would relay for everybody");
		}
	pr_where(self, NULL, 0);
	return good;
}

static bool init(struct plugin *self)
{
	struct pr_hosts *hosts = pr_hosts_new(self);
	pr_set_data(self, hosts);
	bool good = pr_hosts_add(self, hosts, pr_me(self), "");
	good &= load(self, hosts, "rcpthosts");
	good &= load(self, hosts, "morercpthosts");
	return pr_no_more_options(self) && good;
}

static enum verdict on_rcpt(struct hook_call *call)
{
	/* <postmaster> without a domain has our own name for a domain here (RFC 5321 4.5.1). */
	if (pr_relaying(call) || pr_hosts_find(pr_data(pr_self(call)), pr_recipient_domain(call)))
		return OK;
	pr_reply(call, 550, "5.7.1", "relaying denied");
	return DENY;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "rcpt_ok",
	.init = init,
	.hooks = { [HOOK_RCPT] = on_rcpt },
};
