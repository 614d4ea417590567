/* plugin_api.c - the part of plugins/postrider.h that has a meaning only in the queue-runner. In a worker's hooks these
 * functions give "", 0 or false. */
#include "../lib/base.h"
#include "../lib/plugin.h"
#include "job.h"
#include "job_call.h"

const char *pr_next_domain(struct hook_call *call)
{
	return call->job ? call->job->domain : "";
}

unsigned pr_failures(struct hook_call *call)
{
	return call->job ? call->job->job->file.env.attempts : 0;
}

bool pr_add_next_hop(struct hook_call *call, const struct pr_mx *mx)
{
	const char *problem;

	if (!call->job || !call->job->route)
		return false;
	if (route_add(call->job->route, mx, tls_policy_section(call->job->job->runner->shared.tls, pr_name(call->self)), &problem))
		return true;
	pr_log(call, PR_ERROR, "next hop \"%s\" cannot be used, expected %s", mx->exchange ? mx->exchange : "", problem);
	return false;
}

bool pr_add_mx(struct hook_call *call, unsigned priority, const char *exchange)
{
	/* the MX hosts, which an empty exchange stands for, are asked for with conditions or not at all */
	return exchange && *exchange && pr_add_next_hop(call, &(struct pr_mx){ .priority = priority, .exchange = exchange });
}

const char *pr_mx_problem(const struct pr_mx *mx)
{
	const char *problem = NULL;
	struct hop hop;

	if (hop_read(&hop, mx, HOP_SMTP_PORT, 0, &problem))
		hop_clear(&hop);
	return problem;
}

void pr_set_delay(struct hook_call *call, int64_t seconds)
{
	if (!call->job)
		return;
	call->job->delay = seconds < 0 ? 0 : seconds > SCHEDULE_DELAY_MAX ? SCHEDULE_DELAY_MAX : seconds;
	call->job->delay_set = true;
}

int64_t pr_delay(struct hook_call *call)
{
	return call->job ? call->job->delay : 0;
}

const char *pr_response(struct hook_call *call)
{
	return call->job ? call->job->response : "";
}

const char *pr_response_host(struct hook_call *call)
{
	return call->job ? call->job->response_host : "";
}

const char *pr_response_ip(struct hook_call *call)
{
	return call->job ? call->job->response_ip : "";
}
