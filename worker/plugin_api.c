/* plugin_api.c - the part of plugins/postrider.h that concerns the connection. Outside a session (in the queue-runner)
 * only what the message itself remembers has a meaning: that is asked from queue/job_call.h. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../queue/job_call.h"
#include "../queue/result.h"
#include "limits.h"
#include "session.h"

/* NULL while plain, in the queue-runner, and after the connection was closed. */
static const struct tls_session *tls_of(const struct hook_call *call)
{
	return call->session && call->session->stream ? stream_tls(call->session->stream) : NULL;
}

const char *pr_id(struct hook_call *call)
{
	return call->session ? call->session->id : job_call_id(call);
}

const char *pr_remote_ip(struct hook_call *call)
{
	return call->session ? call->session->remote_ip : job_call_remote_ip(call);
}

uint16_t pr_remote_port(struct hook_call *call)
{
	return call->session ? call->session->remote.port : 0;
}

const char *pr_remote_host(struct hook_call *call)
{
	return call->session ? session_remote_host(call->session) : "";
}

const char *pr_proxy_ip(struct hook_call *call)
{
	if (!call->session || !call->session->proxied)
		return "";
	return netaddr_text(&call->session->peer, arena_alloc(call->scratch, NETADDR_TEXT));
}

const char *pr_local_ip(struct hook_call *call)
{
	struct netaddr local = call->session ? session_local(call->session) : (struct netaddr){ 0 };

	return local.family ? netaddr_text(&local, arena_alloc(call->scratch, NETADDR_TEXT)) : "";
}

uint16_t pr_local_port(struct hook_call *call)
{
	return call->session ? session_local(call->session).port : 0;
}

const char *pr_helo(struct hook_call *call)
{
	if (!call->session)
		return job_call_helo(call);
	/* in the helo and ehlo hooks: the name that is being offered */
	if (call->hook == HOOK_HELO || call->hook == HOOK_EHLO)
		return arena_view_dup(call->scratch, call->session->command->helo);
	return call->session->helo;
}

bool pr_is_esmtp(struct hook_call *call)
{
	return call->session && (call->session->esmtp || call->hook == HOOK_EHLO);
}

bool pr_is_submission(struct hook_call *call)
{
	return call->session && session_submission(call->session);
}

bool pr_is_tls(struct hook_call *call)
{
	return tls_of(call) || *job_call_tls(call)->version;
}

const char *pr_tls_version(struct hook_call *call)
{
	return tls_of(call) ? tls_version(tls_of(call)) : job_call_tls(call)->version;
}

const char *pr_tls_cipher(struct hook_call *call)
{
	return tls_of(call) ? tls_cipher(tls_of(call)) : job_call_tls(call)->cipher;
}

const char *pr_tls_group(struct hook_call *call)
{
	return tls_of(call) ? tls_group(tls_of(call)) : job_call_tls(call)->group;
}

const char *pr_tls_sni(struct hook_call *call)
{
	return tls_of(call) ? tls_sni(tls_of(call)) : "";
}

bool pr_tls_resumed(struct hook_call *call)
{
	return tls_of(call) ? tls_resumed(tls_of(call)) : job_call_tls(call)->resumed;
}

const char *pr_tls_peer_subject(struct hook_call *call)
{
	return tls_of(call) ? tls_peer_subject(tls_of(call)) : job_call_tls(call)->subject;
}

const char *pr_tls_peer_issuer(struct hook_call *call)
{
	return tls_of(call) ? tls_peer_issuer(tls_of(call)) : job_call_tls(call)->issuer;
}

const char *pr_tls_peer_cn(struct hook_call *call)
{
	return tls_of(call) ? tls_peer_cn(tls_of(call)) : "";
}

const char *pr_tls_peer_email(struct hook_call *call, size_t index)
{
	return tls_of(call) ? tls_peer_email(tls_of(call), index) : "";
}

const char *pr_tls_peer_fingerprint(struct hook_call *call)
{
	return tls_of(call) ? tls_peer_fingerprint(tls_of(call)) : job_call_tls(call)->fingerprint;
}

const char *pr_tls_peer_status(struct hook_call *call)
{
	return tls_of(call) ? tls_peer_status(tls_of(call)) : job_call_tls(call)->status;
}

bool pr_tls_peer_verified(struct hook_call *call)
{
	return tls_of(call) ? tls_peer_verified(tls_of(call)) : job_call_tls(call)->verified;
}

bool pr_relaying(struct hook_call *call)
{
	return call->session && session_relaying(call->session);
}

void pr_set_relaying(struct hook_call *call, bool yes)
{
	if (call->session)
		call->session->relaying = yes;
}

const char *pr_auth_user(struct hook_call *call)
{
	return call->session ? call->session->auth_user : job_call_auth_user(call);
}

unsigned pr_sessions_from_ip(struct hook_call *call)
{
	if (!call->session || session_internal(call->session))
		return 0;
	return limits_sessions_from(call->session);
}

bool pr_early_bytes(struct hook_call *call, int64_t wait_ms)
{
	const struct session *s = call->session;

	if (!s || !s->stream || (s->command && s->command->verb && s->command->verb->refused))
		return false;
	return stream_readable(s->stream, wait_ms);
}

const char *pr_command(struct hook_call *call)
{
	if (!call->session || !call->session->command)
		return "";
	return arena_view_dup(call->scratch, call->session->command->name);
}

const char *pr_command_args(struct hook_call *call)
{
	if (!call->session || !call->session->command)
		return "";
	return arena_view_dup(call->scratch, call->session->command->args);
}

unsigned pr_unrecognized_count(struct hook_call *call)
{
	return call->session ? call->session->unrecognized : 0;
}

void pr_add_capability(struct hook_call *call, const char *line)
{
	if (call->session && call->session->capabilities && view_is_printable(view_of(line)))
		buf_printf(call->session->capabilities, "\n%s", line);
}
