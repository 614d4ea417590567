/* badverdict - a plugin that returns what is no verdict: DELAY, which means nothing in a session, and a number. It says 250
 * to it, which must not reach the client either. */
#include <postrider.h>
#include <string.h>

static enum verdict on_mail(struct hook_call *call)
{
	pr_reply(call, 250, "2.0.0", "do not say this");
	if (strncmp(pr_sender(call), "delay", 5) == 0)
		return DELAY;
	return (enum verdict)77;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "badverdict",
	.hooks = { [HOOK_MAIL] = on_mail },
};
