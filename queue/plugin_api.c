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

bool pr_add_mx(struct hook_call *call, unsigned priority, const char *next_hop)
{
	return call->job && call->job->route && route_add(call->job->route, priority, next_hop);
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
