/* reader - logs the list `list NAME` (default "things") as it sees it in init, and again at MAIL. */
#include <postrider.h>

static void tell(struct plugin *self, const char *when)
{
	const char *name = pr_option(self, "list");
	const char *const *lines = pr_list(self, name ? name : "things");

	for (size_t i = 0; lines && lines[i]; i++)
		pr_log_init(self, PR_INFO, "%s: %u %s", when, pr_list_line(self, name ? name : "things", i), lines[i]);
	pr_log_init(self, PR_INFO, "%s: first is %s", when, pr_config(self, name ? name : "things", "nothing"));
}

static bool before_drop(struct plugin *self)
{
	if (pr_arg_count(self) > 0 && pr_option(self, "early"))
		tell(self, "early");
	return true;
}

static bool init(struct plugin *self)
{
	tell(self, "init");
	return pr_list(self, pr_option(self, "list") ? pr_option(self, "list") : "things") != NULL;
}

static enum verdict on_mail(struct hook_call *call)
{
	const char *const *late = pr_list(pr_self(call), "late");	/* the first time that anybody asks for it: in a worker */

	tell(pr_self(call), "mail");
	pr_log(call, PR_INFO, "late: %s", late && late[0] ? late[0] : "nothing");
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI, .name = "reader", .before_drop = before_drop, .init = init, .hooks = { [HOOK_MAIL] = on_mail } };
