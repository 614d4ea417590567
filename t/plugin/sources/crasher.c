/* crasher - a plugin that dies, for senders whose address begins with "crash". */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>

static enum verdict on_mail(struct hook_call *call)
{
	if (strncmp(pr_sender(call), "crash", 5) == 0)
		abort();
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "crasher",
	.hooks = { [HOOK_MAIL] = on_mail },
};
