/* courier - logs every fact that the hooks of outbound mail are given, sends a message itself, and adds to what is generated. */
#include <postrider.h>
#include <stdio.h>
#include <string.h>

static const char *list(struct hook_call *call, char *out, size_t size)
{
	size_t len = 0;

	*out = '\0';
	for (size_t i = 0; i < pr_recipient_count(call) && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s%s", i ? "," : "", pr_recipient_at(call, i), pr_recipient_expired_at(call, i) ? "(expired)" : "");
	return out;
}

static void tell(struct hook_call *call, const char *hook)
{
	char who[1000];

	pr_log(call, PR_INFO, "at %s: to=%s domain=%s failures=%u delay=%lld response=[%s] host=%s ip=%s port=%u", hook, list(call, who, sizeof who),
	       pr_next_domain(call), pr_failures(call), (long long)pr_delay(call), pr_response(call), pr_response_host(call), pr_response_ip(call),
	       (unsigned)pr_response_port(call));
}

static enum verdict on_send_email(struct hook_call *call)
{
	FILE *f = fopen(pr_queue_path(call), "r");

	pr_log(call, PR_INFO, "at send_email: path=%s readable=%d queued=%lld origin=%s note=[%s]", pr_queue_path(call), f != NULL,
	       (long long)pr_queue_time(call), pr_origin(call), pr_note(call, "courier") ? pr_note(call, "courier") : "");
	if (f)
		fclose(f);
	if (strstr(pr_recipient(call), "noted@"))
		pr_set_note(call, "courier", "was here");
	return DECLINED;
}

static enum verdict on_deferred(struct hook_call *call)
{
	tell(call, "deferred");
	return DECLINED;
}

static enum verdict on_bounce(struct hook_call *call)
{
	tell(call, "bounce");
	for (size_t i = 0; i < pr_recipient_count(call); i++)
		pr_log(call, PR_INFO, "bounced %s: %s", pr_recipient_at(call, i), pr_response_at(call, i));
	return DECLINED;
}

static enum verdict on_delivered(struct hook_call *call)
{
	static const char *const names[] = { [PR_DELIVERED] = "delivered", [PR_DEFERRED] = "deferred", [PR_BOUNCED] = "bounced" };
	static const char *const to[] = { "told@remote.test", NULL };
	char id[32];

	tell(call, "delivered");
	pr_log(call, PR_INFO, "delivery: tls=[%s %s] authenticated=%d lmtp=%d time=%d", pr_tls_version(call), pr_tls_cipher(call), pr_delivery_authenticated(call),
	       pr_delivery_lmtp(call), pr_delivery_time(call) >= 0 && pr_delivery_time(call) < 100000);
	for (size_t i = 0; i < pr_attempt_count(call); i++)
		pr_log(call, PR_INFO, "attempt %s %s: %s", pr_attempt_recipient(call, i), names[pr_attempt_outcome(call, i)], pr_attempt_response(call, i));
	if (strstr(pr_recipient(call), "tell@") && pr_outbound_send(call, "teller@local.test", to, "Subject: told\n\nit is there\n", NULL, id))
		pr_log(call, PR_INFO, "sent %s", id);
	if (strstr(pr_recipient(call), "nosend@") && !pr_outbound_send(call, "teller@local.test", to, "Subject: refuse\n\n.\n", NULL, id))
		pr_log(call, PR_INFO, "not sent");
	return DECLINED;
}

static bool is_whole(struct hook_call *call)
{
	uint64_t at = 0;
	char piece[1000];
	ssize_t n;

	while ((n = pr_message_read(call, at, piece, sizeof piece)) > 0)
		at += (uint64_t)n;
	return n == 0 && at == pr_message_size(call);
}

static enum verdict on_pre_send(struct hook_call *call)
{
	const char *subject = pr_header(call, "Subject", 0);
	static const char *const to[] = { "told@remote.test", NULL };
	char who[1000], id[32];

	pr_log(call, PR_INFO, "at pre_send_trans_email: id=%s from=[%s] to=%s subject=[%s] whole=%d", pr_queue_id(call), pr_sender(call),
	       list(call, who, sizeof who), subject ? subject : "", is_whole(call));
	pr_set_note(call, "courier", "before");
	if (!pr_header_prepend(call, "X-Courier", "seen"))
		pr_log(call, PR_ERROR, "the header section cannot be changed");
	if (subject && strcmp(subject, "told") == 0 && pr_outbound_send(call, "x@local.test", to, "\n", NULL, id))
		pr_log(call, PR_ERROR, "sent from there");
	if (subject && strcmp(subject, "refuse") == 0) {
		pr_reply(call, 554, "5.7.1", "not this one");
		return DENY;
	}
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "courier",
	.hooks = { [HOOK_PRE_SEND_TRANS_EMAIL] = on_pre_send, [HOOK_SEND_EMAIL] = on_send_email, [HOOK_DEFERRED] = on_deferred,
		[HOOK_BOUNCE] = on_bounce, [HOOK_DELIVERED] = on_delivered },
};
