/* plugin_api_auth.c - the part of plugins/postrider.h that concerns AUTH: the exchange in hand, which there is only inside its hooks. */
#include "../lib/base.h"
#include "../lib/password.h"
#include "auth.h"
#include "session.h"

static struct auth *auth_of(const struct hook_call *call)
{
	return call->session ? call->session->auth : NULL;
}

const char *pr_auth_mechanism(struct hook_call *call)
{
	return auth_of(call) ? auth_of(call)->mechanism->name : "";
}

const char *pr_auth_login(struct hook_call *call)
{
	return auth_of(call) ? auth_of(call)->login : "";
}

bool pr_auth_set_login(struct hook_call *call, const char *login)
{
	return auth_of(call) && auth_set_login(auth_of(call), view_of(login));
}

const char *pr_auth_password(struct hook_call *call)
{
	return auth_of(call) ? auth_of(call)->password : "";
}

/* ---- CRAM-MD5 ---- */

const char *pr_auth_challenge(struct hook_call *call)
{
	return auth_of(call) ? auth_of(call)->challenge : "";
}

const char *pr_auth_response(struct hook_call *call)
{
	return auth_of(call) ? auth_of(call)->response : "";
}

bool pr_auth_cram_md5(struct hook_call *call, const char *password)
{
	const struct auth *a = auth_of(call);
	char digest[CRAM_MD5_SIZE];
	bool good = a && a->challenge[0] && cram_md5_digest(password ? password : "nobody", a->challenge, digest) &&
		    password_same(digest, a->response);

	return good && password;
}

/* ---- SCRAM ---- */

static bool give_keys(struct hook_call *call, const char *text, bool of_user)
{
	struct auth *a = auth_of(call);
	struct scram_keys keys;

	if (!a || a->mechanism->hook != HOOK_AUTH_SCRAM_SHA_256 || !scram_keys_read(text, &keys))
		return false;
	a->keys = keys;
	a->keys_given = of_user;
	return true;
}

bool pr_auth_scram(struct hook_call *call, const char *keys)
{
	return give_keys(call, keys, true);
}

bool pr_auth_scram_like(struct hook_call *call, const char *keys)
{
	return give_keys(call, keys, false);
}

/* ---- bearer tokens ---- */

const char *pr_auth_token(struct hook_call *call)
{
	return auth_of(call) ? arena_view_dup(call->scratch, auth_of(call)->token) : "";
}

const char *pr_auth_host(struct hook_call *call)
{
	return auth_of(call) && auth_of(call)->host ? auth_of(call)->host : "";
}

const char *pr_auth_port(struct hook_call *call)
{
	return auth_of(call) && auth_of(call)->port ? auth_of(call)->port : "";
}

/* Appends ,"KEY":"VALUE": what JSON wants escaped and what is not ASCII is left out, since none of these values has any use for it. */
static void put_member(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(out, "%s\"%s\":\"", out->len > 1 ? "," : "", key);
	for (; *value; value++)
		if (*value >= ' ' && *value <= '~' && *value != '"' && *value != '\\')
			buf_putc(out, *value);
	buf_putc(out, '"');
}

void pr_auth_oauth_error(struct hook_call *call, const char *status, const char *scope, const char *configuration)
{
	struct auth *a = auth_of(call);
	struct buf out;

	if (!a)
		return;
	buf_init(&out, sizeof(a->out) - 1);
	buf_putc(&out, '{');
	put_member(&out, "status", status);
	put_member(&out, "schemes", "bearer");
	put_member(&out, "scope", scope);
	put_member(&out, "openid-configuration", configuration);
	buf_putc(&out, '}');
	if (!out.failed)
		memcpy(a->out, buf_text(&out), out.len + 1);
	buf_free(&out);
}
