/* queueid - logs the queue id at the hooks where a message has one, and at one where it has none. */
#include <postrider.h>

static enum verdict tell(struct hook_call *call, const char *hook)
{
	pr_log(call, PR_INFO, "queue id at %s: [%s]", hook, pr_queue_id(call));
	return DECLINED;
}

#define TELL(name) static enum verdict on_##name(struct hook_call *call) { return tell(call, #name); }
TELL(mail)
TELL(data_post)
TELL(queue)
TELL(queue_outbound)
TELL(queue_post)
TELL(send_email)

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI, .name = "queueid",
	.hooks = { [HOOK_MAIL] = on_mail, [HOOK_DATA_POST] = on_data_post, [HOOK_QUEUE] = on_queue, [HOOK_QUEUE_OUTBOUND] = on_queue_outbound,
		[HOOK_QUEUE_POST] = on_queue_post, [HOOK_SEND_EMAIL] = on_send_email } };
