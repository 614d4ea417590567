/* sleeper - a plugin that hangs: for the watchdog. Argument: the hook, "mail" or "disconnect". */
#include <postrider.h>
#include <string.h>
#include <unistd.h>

static bool init(struct plugin *self)
{
	pr_set_data(self, (void *)pr_arg(self, 0));
	return pr_data(self) ? pr_no_more_options(self) : pr_fail(self, "found no argument, expected a hook");
}

static enum verdict hang(struct hook_call *call, const char *hook)
{
	while (strcmp(pr_data(pr_self(call)), hook) == 0)
		sleep(1);
	return DECLINED;
}

static enum verdict on_mail(struct hook_call *call)
{
	return hang(call, "mail");
}

static enum verdict on_disconnect(struct hook_call *call)
{
	return hang(call, "disconnect");
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "sleeper",
	.init = init,
	.hooks = { [HOOK_MAIL] = on_mail, [HOOK_DISCONNECT] = on_disconnect },
};
