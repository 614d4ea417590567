/* tarpit.c - see tarpit.h. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/option.h"
#include "../lib/scoreboard.h"
#include "session.h"
#include "tarpit.h"

/* A note that is no time is none. */
static int64_t by_note(const struct session *s)
{
	const char *note = notes_get(&s->transaction.notes, "tarpit");
	int64_t ms;

	if (!note)
		note = notes_get(&s->notes, "tarpit");
	return note && option_parse_duration(note, &ms) ? ms : 0;
}

static int64_t by_errors(const struct session *s)
{
	const struct settings *set = s->settings;

	if (!session_reached(set->tarpit_errors, s->errors) || netlist_has(set->exempt, session_counted(s)))
		return 0;
	return set->tarpit_delay;
}

void tarpit_wait(struct session *s)
{
	int64_t note = by_note(s), errors = by_errors(s), delay = note > errors ? note : errors;
	int64_t most = s->settings->tarpit_max, begun;

	if (!delay || !session_from_network(s) || scoreboard_stressed())
		return;
	scoreboard_count(COUNT_TARPITTED, 1);
	begun = clock_ms();
	if (stream_flush(s->stream, session_wait(s, s->settings->command_timeout)) == STREAM_OK)
		stream_pause(s->stream, delay < most ? delay : most);
	s->delayed += clock_ms() - begun;
}
