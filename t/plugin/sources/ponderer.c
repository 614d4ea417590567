/* ponderer - a plugin whose hooks of the queue-runner block: it asks DNS and the store and waits for both, sleeps, crashes and hangs. */
#include <postrider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum verdict on_get_mx(struct hook_call *call)
{
	const char *const *values;
	char name[300];

	if (strcmp(pr_next_domain(call), "other.test") == 0 || strcmp(pr_next_domain(call), "local.test") == 0)
		return DECLINED;
	snprintf(name, sizeof name, "%s.routes.test", pr_next_domain(call));
	enum pr_dns result = pr_dns(call, name, "TXT", &values);

	if (result == PR_DNS_NONE) {
		pr_reply(call, 550, "5.1.2", "no way to %s", pr_next_domain(call));
		return DENY;
	}
	if (result != PR_DNS_OK)
		return DENYSOFT;
	for (size_t i = 0; values[i]; i++)
		pr_add_next_hop(call, &(struct pr_mx){ .priority = 10, .exchange = values[i], .bind = "127.0.0.1", .bind_helo = "from.local.test" });
	return OK;
}

static enum verdict on_send_email(struct hook_call *call)
{
	const struct pr_store *store = pr_data(pr_self(call));
	int64_t count = 0;
	enum pr_store_result r = pr_store_add(call, store, "sent", 4, 1, 600, &count);

	pr_log(call, PR_INFO, "ponders in %d over %s, the store says %d %lld", (int)getpid(), pr_recipient(call), (int)r, (long long)count);
	if (pr_later(call, 0))
		abort();
	if (strncmp(pr_recipient(call), "crash", 5) == 0)
		abort();
	while (strncmp(pr_recipient(call), "hang", 4) == 0)
		pause();
	usleep(300000);
	if (strncmp(pr_recipient(call), "later", 5) == 0)
		return LATER;
	if (strncmp(pr_recipient(call), "wait", 4) == 0 && !pr_note(call, "waited")) {
		pr_set_note(call, "waited", "yes");
		pr_set_delay(call, 1);
		return DELAY;
	}
	return DECLINED;
}

static enum verdict on_deferred(struct hook_call *call)
{
	pr_set_delay(call, 3000);
	return strncmp(pr_recipient(call), "busy", 4) == 0 ? DENYSOFT : DECLINED;
}

static enum verdict on_bounce(struct hook_call *call)
{
	return strncmp(pr_recipient(call), "quiet", 5) == 0 ? OK : DECLINED;
}

static bool init(struct plugin *self)
{
	pr_set_data(self, pr_store_open(self, NULL, false));
	return pr_data(self) != NULL;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "ponderer",
	.blocking = true,
	.init = init,
	.hooks = { [HOOK_GET_MX] = on_get_mx, [HOOK_SEND_EMAIL] = on_send_email, [HOOK_DEFERRED] = on_deferred, [HOOK_BOUNCE] = on_bounce },
};
