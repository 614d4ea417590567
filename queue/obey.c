/* obey.c - see obey.h. A message that meets a suspension waits for its end, as all others do: that is no failed attempt. */
#include "obey.h"

#include "../lib/clock.h"
#include "../lib/log.h"
#include "../lib/option.h"

static void obey_site(struct delivery *d, const struct shaping_answer *a, const char *text)
{
	struct sched *s = &d->job->runner->sched;
	struct site *site = d->turn.site;
	char time[OPTION_NUMBER_SIZE];

	log_id(job_id(d->job));
	if (a->slow) {
		site_slow(site);
		log_info("site %s: %u deliveries at once after: %s", site->key, site->window, text);
	}
	if (a->suspend) {
		sched_suspend(s, site, clock_ms() + a->suspend, text);
		log_warn("site %s: nothing for %s after: %s", site->key, option_format_duration(a->suspend, time), text);
	}
	log_id("");
}

void obey_loss(struct delivery *d, const struct client_loss *loss)
{
	char text[REPLY_TEXT + 16];

	d->obeyed = NULL;
	if (!loss->code)
		return;
	snprintf(text, sizeof(text), "%u %s", loss->code, loss->text);
	d->obeyed = shaping_answer(d->turn.site->rule, text);
	if (d->obeyed)
		obey_site(d, d->obeyed, text);
}

void obey_results(struct delivery *d)
{
	const struct shaping_answer *last = NULL;

	for (size_t i = 0; i < d->count; i++) {
		struct job_rcpt *rcpt = &d->job->rcpts[d->rcpts[i]];
		const struct shaping_answer *a = d->obeyed;

		if (rcpt->result.outcome != OUTCOME_DEFER && rcpt->result.outcome != OUTCOME_FAIL)
			continue;
		if (rcpt->result.remote) {
			a = shaping_answer(d->turn.site->rule, rcpt->result.text);
			if (a && a != last)
				obey_site(d, a, rcpt->result.text);
			last = a;
		}
		if (!a || rcpt->result.outcome != OUTCOME_DEFER)
			continue;
		rcpt->retry = a->retry;
		if (a->suspend) {
			rcpt->untried = true;
			rcpt->not_before = turn_put_off_until(d->job->runner, clock_ms() + a->suspend);
		}
	}
}
