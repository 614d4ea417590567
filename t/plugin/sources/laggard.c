/* laggard - a plugin whose hooks of the queue-runner answer later. "at HOOK" (repeatable): where. What it does is what the recipient's
 * name begins with: dns (what the TXT record HOOK.policy.test says: "VERDICT [seconds or next hop]", or HANG), store, now (within the hook), none
 * (without a number), twice, never, block (it keeps the loop for 300 ms), hang (for ever); others are declined. */
#include <postrider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const verdicts[] = { "DECLINED", "OK", "DENY", "DENYSOFT", "DENY_DISCONNECT", "DENYSOFT_DISCONNECT", "DELAY", "LATER" };

struct waiting { uint64_t number; };

static struct waiting *waiting_new(struct hook_call *call, int64_t ms)
{
	struct waiting *w = malloc(sizeof(*w));

	w->number = pr_later(call, ms);
	if (!w->number || pr_later_call(w->number) != call)
		abort();
	return w;
}

static void answer(struct waiting *w, const char *text)
{
	struct hook_call *call = pr_later_call(w->number);
	char word[32] = "", rest[200] = "";
	int verdict = 99;

	sscanf(text, "%31s %199s", word, rest);
	for (int i = 0; i < 8; i++)
		if (strcmp(word, verdicts[i]) == 0)
			verdict = i;
	if (call && *rest && strchr(rest, ':'))
		pr_add_mx(call, 0, rest);
	else if (call && *rest)
		pr_set_delay(call, strtoll(rest, NULL, 10));
	if (call && verdict == DENY)
		pr_reply(call, 550, "5.7.1", "so says the policy");
	if (call)
		pr_log(call, PR_INFO, "answers %s for %s", word, pr_recipient(call));
	if (pr_answer(w->number, (enum verdict)verdict) != (call != NULL) || pr_later_call(w->number) || pr_answer(w->number, OK))
		abort();
	free(w);
}

static void on_dns(struct plugin *self, void *arg, enum pr_dns result, const char *const *values)
{
	pr_log_init(self, PR_INFO, "DNS says %s", result == PR_DNS_OK ? values[0] : result == PR_DNS_NONE ? "nothing" : "later");
	while (result == PR_DNS_OK && strcmp(values[0], "HANG") == 0)
		pause();
	answer(arg, result == PR_DNS_OK ? values[0] : result == PR_DNS_NONE ? "DECLINED" : "DENYSOFT");
}

static void on_store(struct plugin *self, void *arg, const struct pr_store_answer *a)
{
	pr_log_init(self, PR_INFO, "the store says %d %lld", (int)a->result, (long long)a->count);
	answer(arg, "DECLINED");
}

static enum verdict lag(struct hook_call *call, const char *hook)
{
	const char *who = pr_recipient(call);
	char name[64];

	snprintf(name, sizeof name, "%s.policy.test", hook);
	pr_log(call, PR_INFO, "asked at %s for %s and %zu others", hook, who, pr_recipient_count(call) - 1);
	if (strncmp(who, "dns", 3) == 0) {
		pr_dns_later(call, name, "TXT", on_dns, waiting_new(call, 0));
	} else if (strncmp(who, "store", 5) == 0) {
		pr_store_add_later(call, pr_data(pr_self(call)), "k", 1, 1, 60, on_store, waiting_new(call, 0));
	} else if (strncmp(who, "now", 3) == 0) {
		answer(waiting_new(call, 0), "DECLINED");
	} else if (strncmp(who, "twice", 5) == 0) {
		if (pr_later(call, 100) != pr_later(call, 60000))
			abort();
		pr_answer(pr_later(call, 0), LATER);
	} else if (strncmp(who, "never", 5) == 0) {
		free(waiting_new(call, 1000));
		pr_set_delay(call, 99999);	/* which does not count */
	} else if (strncmp(who, "block", 5) == 0) {
		usleep(300000);
		return DECLINED;
	} else if (strncmp(who, "hang", 4) == 0) {
		for (;;)
			pause();
	} else if (strncmp(who, "none", 4) != 0) {
		return DECLINED;
	}
	return LATER;
}

#define LAG(name) static enum verdict on_##name(struct hook_call *call) { return lag(call, #name); }
LAG(send_email)
LAG(get_mx)
LAG(deferred)
LAG(bounce)
LAG(delivered)
LAG(pre_send_trans_email)

static bool init(struct plugin *self)
{
	static const struct { const char *name; enum hook hook; } all[] = { { "send_email", HOOK_SEND_EMAIL }, { "get_mx", HOOK_GET_MX },
		{ "deferred", HOOK_DEFERRED }, { "bounce", HOOK_BOUNCE }, { "delivered", HOOK_DELIVERED }, { "pre_send_trans_email", HOOK_PRE_SEND_TRANS_EMAIL } };

	for (size_t i = 0; i < 6; i++) {
		bool wanted = false;
		const char *at;

		for (size_t n = 0; (at = pr_option_nth(self, "at", n)); n++)
			wanted |= strcmp(at, all[i].name) == 0;
		if (!wanted)
			pr_drop_hook(self, all[i].hook);
	}
	pr_set_data(self, pr_store_open(self, NULL, false));
	return pr_data(self) && pr_no_more_options(self);
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "laggard",
	.init = init,
	.hooks = { [HOOK_SEND_EMAIL] = on_send_email, [HOOK_GET_MX] = on_get_mx, [HOOK_DEFERRED] = on_deferred, [HOOK_BOUNCE] = on_bounce,
		[HOOK_DELIVERED] = on_delivered, [HOOK_PRE_SEND_TRANS_EMAIL] = on_pre_send_trans_email },
};
