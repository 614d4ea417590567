/* facts - writes what the server says of a client into the log, at each step; and how often it was asked before in this
 * session, by a note of the connection. */
#include <postrider.h>
#include <stdio.h>
#include <stdlib.h>

static enum verdict tell(struct hook_call *call, const char *step)
{
	const char *note = pr_connection_note(call, "asked");
	char asked[16];

	snprintf(asked, sizeof asked, "%d", (note ? (int)strtol(note, NULL, 10) : 0) + 1);
	pr_set_connection_note(call, "asked", asked);
	pr_log(call, PR_INFO, "facts %s remote=%s:%u host=%s proxy=%s local=%s:%u helo=%s esmtp=%d user=%s relaying=%d sessions=%u asked=%s", step,
		pr_remote_ip(call), pr_remote_port(call), pr_remote_host(call), pr_proxy_ip(call), pr_local_ip(call), pr_local_port(call),
		pr_helo(call), pr_is_esmtp(call), pr_auth_user(call), pr_relaying(call), pr_sessions_from_ip(call), asked);
	return DECLINED;
}

static enum verdict on_pre_connection(struct hook_call *call)
{
	return tell(call, "pre_connection");
}

static enum verdict on_connect(struct hook_call *call)
{
	return tell(call, "connect");
}

static enum verdict on_helo(struct hook_call *call)
{
	return tell(call, "helo");
}

static enum verdict on_mail(struct hook_call *call)
{
	return tell(call, "mail");
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "facts",
	.hooks = { [HOOK_PRE_CONNECTION] = on_pre_connection, [HOOK_CONNECT] = on_connect, [HOOK_HELO] = on_helo, [HOOK_EHLO] = on_helo,
		[HOOK_MAIL] = on_mail },
};
