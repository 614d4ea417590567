/* crash_point.c - the steps of the spool and of the queue-runner at which crash tests kill the process. The environment is
 * read once; the table exists so that a test can walk through every name. */
#include "crash_point.h"
#include <signal.h>

#include "../lib/view.h"

static const char *const crash_point_names[] = {
	/* a small message: spool_writer.c */
	"spool-small-created", "spool-small-written", "spool-small-synced", "spool-small-committed",
	/* a large one */
	"spool-large-created", "spool-large-flushed", "spool-large-headed", "spool-large-written", "spool-large-renamed",
	"spool-large-synced", "spool-large-committed",
	/* the queue-runner's changes: spool_update.c */
	"spool-status-set", "spool-update-marked", "spool-update-written", "spool-update-timed",
	"spool-defer-timed", "spool-defer-moved", "spool-moved", "spool-removed",
	/* a delivery: client.c, step.c, job.c, settle.c */
	"deliver-sent", "deliver-answered", "deliver-recorded", "deliver-bounced", "deliver-deferred", "deliver-finished",
};

const char *crash_point_name(size_t index)
{
	return index < COUNT_OF(crash_point_names) ? crash_point_names[index] : NULL;
}

/* The environment's "NAME:N": the text, how much of it is the name, and how many passes are left. */
struct crash_plan {
	bool read;
	const char *name;
	size_t len;
	uint64_t left;
};

static void crash_plan_read(struct crash_plan *plan)
{
	plan->read = true;
	plan->name = getenv("POSTRIDER_CRASH_AT");
	if (plan->name == NULL)
		return;
	struct view rest = view_of(plan->name);
	plan->len = view_cut(&rest, ':').len;
	if (!view_u64(rest, UINT32_MAX, &plan->left) || plan->left == 0)
		plan->left = 1;
}

void crash_point(const char *name)
{
	static struct crash_plan plan;

	if (!plan.read)
		crash_plan_read(&plan);
	if (plan.name == NULL || strlen(name) != plan.len || memcmp(name, plan.name, plan.len) != 0)
		return;
	const char *token = getenv("POSTRIDER_CRASH_TOKEN");
	if (--plan.left == 0 && (token == NULL || unlink(token) == 0))
		raise(SIGKILL);
}
