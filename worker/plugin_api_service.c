/* plugin_api_service.c - what postrider does for plugins: DNS through the resolver, and queueing a new message. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/resolve.h"
#include "../queue/job_call.h"
#include "injection.h"
#include "session.h"
#include <strings.h>

static const struct { const char *name; enum dns_type type; } types[] = {
	{ "A", DNS_A }, { "AAAA", DNS_AAAA }, { "MX", DNS_MX }, { "TXT", DNS_TXT }, { "PTR", DNS_PTR }, { "CNAME", DNS_CNAME },
};

static const char *text_of(const struct dns_record *r, enum dns_type type, struct arena *a)
{
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return netaddr_text(&r->addr, arena_alloc(a, NETADDR_TEXT));
	case DNS_MX:
		return arena_printf(a, "%u %s", r->preference, r->name);
	case DNS_TXT:
		return arena_view_dup(a, view_make((const char *)r->data, r->data_len));
	default:
		return arena_strdup(a, r->name);
	}
}

static enum pr_dns outcome(enum dns_status status)
{
	if (status == DNS_OK)
		return PR_DNS_OK;
	return status == DNS_NODATA || status == DNS_NXDOMAIN ? PR_DNS_NONE : PR_DNS_TEMPORARY;
}

static enum pr_dns lookup(struct hook_call *call, const char *name, enum dns_type type, const char *const **values)
{
	int64_t deadline = clock_ms() + call->session->settings->resolver_timeout;
	struct dns_answer *answer = resolve_wait(resolve_ask(name, type), deadline);
	enum pr_dns result = outcome(answer->status);
	const char **list = arena_alloc(call->scratch, (answer->count + 1) * sizeof(*list));

	for (unsigned i = 0; i < answer->count; i++)
		list[i] = text_of(&answer->records[i], type, call->scratch);
	dns_answer_free(&answer);
	*values = list;
	return result;
}

enum pr_dns pr_dns(struct hook_call *call, const char *name, const char *type, const char *const **values)
{
	static const char *const none[] = { NULL };

	*values = none;
	for (size_t i = 0; call->session && i < COUNT_OF(types); i++)
		if (strcasecmp(type, types[i].name) == 0)
			return lookup(call, name, types[i].type, values);
	return PR_DNS_TEMPORARY;
}

bool pr_outbound_send(struct hook_call *call, const char *from, const char *const *to, const char *contents, char id[32])
{
	struct session *s = call->session;
	struct err err = { "" };

	if (call->draft) {
		log_error("plugin %s: no message can be sent in pre_send_trans_email of one that was made here", pr_name(call->self));
		return false;
	}
	if (!s)
		return job_call_outbound_send(call, from, to, contents, id);
	if (!host_spool(s->host))
		return false;
	if (!injection_send(s->host->spool, s->host->args->plugins, s->settings->me, from, to, contents, id, &err)) {
		log_error("plugin %s: message not queued: %s", pr_name(call->self), err.text);
		return false;
	}
	host_poke(s->host, id);
	return true;
}
