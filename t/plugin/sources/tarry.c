/* tarry - marks the connection at helo, or the transaction at mail, with the time that each answer from then on is to wait:
 * tarry connection 1, tarry transaction 500ms. */
#include <postrider.h>

static enum verdict on_helo(struct hook_call *call)
{
	const char *time = pr_option(pr_self(call), "connection");

	if (time && !pr_set_connection_note(call, "tarpit", time))
		return DENYSOFT;
	return DECLINED;
}

static enum verdict on_mail(struct hook_call *call)
{
	const char *time = pr_option(pr_self(call), "transaction");

	if (time && !pr_set_note(call, "tarpit", time))
		return DENYSOFT;
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "tarry",
	.hooks = { [HOOK_HELO] = on_helo, [HOOK_EHLO] = on_helo, [HOOK_MAIL] = on_mail },
};
