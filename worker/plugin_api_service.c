/* plugin_api_service.c - what postrider does for plugins: DNS, through the resolver. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/dns_text.h"
#include "../lib/resolve.h"
#include "../queue/plugin_dns.h"
#include "../queue/runner.h"
#include "session.h"

enum pr_dns pr_dns(struct hook_call *call, const char *name, const char *type, const char *const **values)
{
	static const char *const none[] = { NULL };
	enum dns_type number;

	*values = none;
	const struct settings *s = call->session ? call->session->settings : job_call_helping(call) ? job_call_helping(call)->settings : NULL;

	if (!s || !dns_type_parse(type, &number))
		return PR_DNS_TEMPORARY;
	int64_t deadline = clock_ms() + s->resolver_timeout;
	struct dns_answer *answer = resolve_wait(resolve_ask(name, number), deadline);
	enum pr_dns result = plugin_dns_result(answer->status);

	*values = dns_texts(answer, number, call->scratch);
	dns_answer_free(&answer);
	return result;
}

void pr_dns_later(struct hook_call *call, const char *name, const char *type, pr_dns_done *done, void *arg)
{
	const char *const *values;

	if (call->job && !job_call_helping(call)) {
		plugin_dns_ask(call, name, type, done, arg);
		return;
	}
	enum pr_dns result = pr_dns(call, name, type, &values);

	done(call->self, arg, result, values);
}
