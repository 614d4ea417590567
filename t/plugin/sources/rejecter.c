/* rejecter - refuses at the hook that its argument `at` names, by the standard arguments reject and reject_type; loaded
 * several times as rejecter:0, rejecter:1. Adds a capability, notes and headers, to be seen in the message. */
#include <postrider.h>
#include <string.h>

static bool init(struct plugin *self)
{
	pr_set_data(self, (void *)pr_option(self, "at"));
	return pr_reject_options(self) && pr_no_more_options(self);
}

static enum verdict at(struct hook_call *call, const char *hook)
{
	const char *want = pr_data(pr_self(call));
	return want && strcmp(want, hook) == 0 ? pr_reject(call, "5.7.9", "rejected by %s", pr_name(pr_self(call))) : DECLINED;
}

static enum verdict on_connect(struct hook_call *call)
{
	return at(call, "connect");
}

static enum verdict on_capabilities(struct hook_call *call)
{
	pr_add_capability(call, "X-REJECTER");
	return DECLINED;
}

static enum verdict on_mail(struct hook_call *call)
{
	pr_set_note(call, "sender", pr_sender(call));
	return at(call, "mail");
}

static enum verdict on_data_post(struct hook_call *call)
{
	pr_header_append(call, "X-Note", pr_note(call, "sender") ? pr_note(call, "sender") : "none");
	pr_header_prepend(call, "X-First", pr_name(pr_self(call)));
	pr_header_remove(call, "X-Unwanted");
	return at(call, "data_post");
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "rejecter",
	.init = init,
	.hooks = { [HOOK_CONNECT] = on_connect, [HOOK_CAPABILITIES] = on_capabilities, [HOOK_MAIL] = on_mail, [HOOK_DATA_POST] = on_data_post },
};
