/* noted - logs what the plugin headers has noted, at queue_pre. */
#include <postrider.h>

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

static enum verdict on_queue_pre(struct hook_call *call)
{
	pr_log(call, PR_INFO, "from_match=%s direct=%s agent=<%s> list=<%s>", or_none(pr_note(call, "headers_from_match")),
	       or_none(pr_note(call, "headers_direct")), or_none(pr_note(call, "headers_user_agent")), or_none(pr_note(call, "headers_list")));
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = { .abi = POSTRIDER_ABI, .name = "noted", .hooks = { [HOOK_QUEUE_PRE] = on_queue_pre } };
