/* badcode - a plugin whose reply contradicts its verdict. */
#include <postrider.h>

static enum verdict on_rcpt(struct hook_call *call)
{
	pr_reply(call, 250, "2.1.5", "welcome");
	return DENY;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "badcode",
	.hooks = { [HOOK_RCPT] = on_rcpt },
};
