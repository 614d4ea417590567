/* recorder - an observer that logs the hooks as they come, and what it sees there; it answers DENY to all, which must
 * change nothing. */
#include <postrider.h>

static enum verdict see(struct hook_call *call, const char *hook)
{
	pr_log(call, PR_INFO, "saw %s: sender=%s recipients=%zu", hook, pr_sender(call), pr_recipient_count(call));
	return DENY;
}

#define SEE(name) static enum verdict on_##name(struct hook_call *call) { return see(call, #name); }
SEE(pre_connection)
SEE(connect)
SEE(ehlo)
SEE(mail)
SEE(rcpt)
SEE(data)
SEE(data_post)
SEE(queue)
SEE(queue_post)
SEE(reset_transaction)
SEE(quit)
SEE(disconnect)

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "recorder",
	.observer = true,
	.hooks = { [HOOK_PRE_CONNECTION] = on_pre_connection, [HOOK_CONNECT] = on_connect, [HOOK_EHLO] = on_ehlo,
		[HOOK_MAIL] = on_mail, [HOOK_RCPT] = on_rcpt, [HOOK_DATA] = on_data, [HOOK_DATA_POST] = on_data_post,
		[HOOK_QUEUE] = on_queue, [HOOK_QUEUE_POST] = on_queue_post, [HOOK_RESET_TRANSACTION] = on_reset_transaction,
		[HOOK_QUIT] = on_quit, [HOOK_DISCONNECT] = on_disconnect },
};
