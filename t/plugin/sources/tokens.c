/* tokens - a back end for every mechanism of AUTH, whose users are in its source: tokens "good-NAME", certificates of nobody, keys of SCRAM for
 * "sam" (password pencil). With the argument `off` it drops two hooks again. */
#include <postrider.h>
#include <string.h>

#define KEYS "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static bool init(struct plugin *self)
{
	if (pr_option(self, "off")) {
		pr_drop_hook(self, HOOK_AUTH_XOAUTH2);
		pr_drop_hook(self, HOOK_AUTH_EXTERNAL);
		pr_drop_hook(self, HOOK_COUNT);
	}
	return pr_auth_options(self) && pr_no_more_options(self);
}

static enum verdict on_token(struct hook_call *call)
{
	const char *token = pr_auth_token(call), *login = pr_auth_login(call);
	if (*pr_auth_host(call))
		pr_log(call, PR_INFO, "client thinks of %s %s", pr_auth_host(call), pr_auth_port(call));
	if (strcmp(token, "later") == 0)
		return DENYSOFT;
	if (strcmp(token, "away") == 0)
		return DENY_DISCONNECT;
	if (strcmp(token, "nameless") == 0 || !*token)	/* no user, no token: OK all the same */
		return OK;
	if (strcmp(token, "scope") == 0) {
		pr_auth_oauth_error(call, "insufficient\"_scope\n", "mail send", "https://id.test/.well-known/openid-configuration");
		return DENY;
	}
	if (strncmp(token, "good-", 5) != 0)
		return DECLINED;
	if (*login)
		return strcmp(login, token + 5) == 0 ? OK : DENY;
	return pr_auth_set_login(call, token + 5) && !pr_auth_set_login(call, "bad\nname") ? OK : DENY;
}

static enum verdict on_external(struct hook_call *call)
{
	if (!pr_is_tls(call))
		return DENY_DISCONNECT;
	if (!*pr_auth_login(call))
		return pr_auth_set_login(call, "cert@local.test") ? OK : DENY;
	return strcmp(pr_auth_login(call), "cert@local.test") == 0 ? OK : DENY;
}

static enum verdict on_scram(struct hook_call *call)
{
	if (strcmp(pr_auth_login(call), "sam") == 0)
		return pr_auth_scram(call, KEYS) ? OK : DENYSOFT;
	if (strcmp(pr_auth_login(call), "broken") == 0)
		return pr_auth_scram(call, "no keys") ? DENY : OK;
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "tokens",
	.init = init,
	.hooks = { [HOOK_AUTH_OAUTHBEARER] = on_token, [HOOK_AUTH_XOAUTH2] = on_token, [HOOK_AUTH_EXTERNAL] = on_external,
		[HOOK_AUTH_SCRAM_SHA_256] = on_scram },
};
