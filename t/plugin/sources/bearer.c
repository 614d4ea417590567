/* bearer - backs OAUTHBEARER and XOAUTH2: the token "good-token" is that of whoever says so. */
#include <postrider.h>
#include <string.h>

static bool init(struct plugin *self)
{
	return pr_auth_options(self) && pr_no_more_options(self);
}

static enum verdict on_token(struct hook_call *call)
{
	if (strcmp(pr_auth_token(call), "good-token") == 0)
		return *pr_auth_login(call) || pr_auth_set_login(call, "alice@local.test") ? OK : DENY;
	pr_auth_oauth_error(call, "invalid_token", "mail", NULL);
	return DENY;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "bearer",
	.init = init,
	.hooks = { [HOOK_AUTH_OAUTHBEARER] = on_token, [HOOK_AUTH_XOAUTH2] = on_token },
};
