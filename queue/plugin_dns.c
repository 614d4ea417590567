/* plugin_dns.c - see plugin_dns.h. The plugin is never called before its hook has returned, also when the answer is at hand. */
#include "plugin_dns.h"
#include "../lib/dns_text.h"
#include "../lib/log.h"
#include "hook_run.h"
#include "job.h"
#include "job_call.h"
#include "runner.h"
#include <event2/event.h>
#include <utlist.h>

#define OPEN_MAX_QUESTIONS 10000	/* at once; more are PR_DNS_TEMPORARY */

struct question {
	struct hook_visit visit;
	struct plugin *self;
	pr_dns_done *done;
	void *arg;
	enum dns_type type;
	struct dns_query *query;
	struct dns_answer *answer;	/* to be told */
	struct event *event;
	struct question *prev, *next;
};

static struct question *questions;
static size_t open_questions;

enum pr_dns plugin_dns_result(enum dns_status status)
{
	if (status == DNS_OK)
		return PR_DNS_OK;
	return status == DNS_NODATA || status == DNS_NXDOMAIN ? PR_DNS_NONE : PR_DNS_TEMPORARY;
}

static void question_free(struct question *q)
{
	DL_DELETE(questions, q);
	open_questions--;
	dns_cancel(&q->query);
	dns_answer_free(&q->answer);
	event_free(q->event);
	free(q);
}

static void on_event(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct question *q = arg;
	struct arena *a = arena_new(1024);

	hook_enter(&q->visit);
	q->done(q->self, q->arg, plugin_dns_result(q->answer->status), dns_texts(q->answer, q->type, a));
	hook_leave(&q->visit, "an answer of DNS");
	runner_unmark();
	arena_free(&a);
	question_free(q);
}

static void on_answer(void *arg, struct dns_answer *answer)
{
	struct question *q = arg;

	q->query = NULL;
	q->answer = answer;
	event_active(q->event, EV_TIMEOUT, 0);
}

void plugin_dns_ask(struct hook_call *call, const char *name, const char *type, pr_dns_done *done, void *arg)
{
	struct runner *r = call->job->job->runner;
	struct question *q = calloc(1, sizeof(*q));
	bool known;

	if (!q || !(q->event = event_new(r->base, -1, 0, on_event, q)))
		bug("no memory for a question to DNS");
	q->visit = hook_visit(call);
	q->self = call->self;
	q->done = done;
	q->arg = arg;
	known = dns_type_parse(type, &q->type);
	DL_APPEND(questions, q);
	if (++open_questions <= OPEN_MAX_QUESTIONS && known) {
		struct dns_query *query = dns_ask(r->dns, r->base, name, q->type, r->settings->resolver_timeout, on_answer, q);

		if (query)
			q->query = query;
	} else {
		on_answer(q, dns_answer_empty(DNS_TEMPORARY));
	}
}

size_t plugin_dns_open(void)
{
	return open_questions;
}

void plugin_dns_end(void)
{
	struct question *q, *next;

	DL_FOREACH_SAFE(questions, q, next)
		question_free(q);
}
