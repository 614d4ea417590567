/* test_stream.c - a connection whose other side is slow: deadlines of lines, the budget of content, stress that begins while
 * somebody is waited for, pauses. Only lower bounds of times are exact; the upper ones are far off, for a busy machine. */
#include "unit.h"
#include "../../lib/clock.h"
#include "../../lib/stream.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define LONG 60000		/* ms: what must not be waited for */
#define SOON 30000		/* ms: over by then, on any machine */

static int peer;
static int calm;		/* looks until there is stress */
static pid_t talker;

static bool stressed(void)
{
	return calm-- <= 0;
}

static struct stream *begin(const struct stream_rules *rules)
{
	int pair[2];
	struct stream *s;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peer = pair[1];
	s = stream_open(pair[0]);
	stream_rules(s, rules);
	return s;
}

static void end(struct stream *s)
{
	if (talker) {
		kill(talker, SIGKILL);
		waitpid(talker, NULL, 0);
	}
	talker = 0;
	stream_close(&s);
	if (peer >= 0)
		close(peer);
	stream_rest();
}

static void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* A process that says TEXT every PAUSE ms, COUNT times, and then nothing. */
static void talk(const char *text, long pause, int count)
{
	talker = fork();
	if (talker)
		return;
	for (int i = 0; i < count; i++) {
		sleep_ms(pause);
		if (write(peer, text, strlen(text)) < 0)
			_exit(0);
	}
	for (;;)
		sleep_ms(LONG);
}

START_TEST(test_line_deadline)
{
	struct stream_rules plain = { 0 }, calm_rules = { .stressed = stressed, .stressed_ms = 50 }, ends = { 0 };
	const struct stream_rules *all[] = { &plain, &calm_rules, &ends };
	struct view line;

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		int64_t begun = clock_ms();

		ends.until = begun + 200;
		struct stream *s = begin(all[i]);

		calm = INT_MAX;
		ck_assert_int_eq(stream_line(s, 1000, i == 2 ? LONG : 300, &line), STREAM_TIMEOUT);
		ck_assert_int_ge(clock_ms() - begun, i == 2 ? 200 : 300);
		ck_assert_int_lt(clock_ms() - begun, SOON);
		end(s);
	}
}
END_TEST

/* Stretches of waiting without stress are not felt: what comes in a later one is read. */
START_TEST(test_calm_is_patient)
{
	struct stream_rules rules = { .stressed = stressed, .stressed_ms = 20 };
	struct stream *s = begin(&rules);
	struct view line;

	calm = INT_MAX;
	talk("NO", 150, 1);
	ck_assert_int_eq(write(peer, "EHLO\r\n", 6), 6);
	ck_assert_int_eq(stream_line(s, 1000, LONG, &line), STREAM_OK);
	int64_t begun = clock_ms();
	struct view piece;

	ck_assert_int_eq(stream_peek(s, LONG, &piece), STREAM_OK);
	ck_assert(view_eq(piece, VIEW("NO")));
	ck_assert_int_lt(clock_ms() - begun, SOON);
	end(s);
}
END_TEST

/* Nothing said, half a line said, octets dribbled, and nothing read. */
START_TEST(test_stress_ends_waits_under_way)
{
	static const struct { const char *said; const char *dribbled; } cases[] = { { "", NULL }, { "EH", NULL }, { "", "x" } };
	struct stream_rules rules = { .stressed = stressed, .stressed_ms = 50 };
	struct view line;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct stream *s = begin(&rules);
		int64_t begun = clock_ms();

		calm = 3;
		if (cases[i].dribbled)
			talk(cases[i].dribbled, 10, INT_MAX);
		ck_assert_int_eq(write(peer, cases[i].said, strlen(cases[i].said)), (ssize_t)strlen(cases[i].said));
		ck_assert_int_eq(stream_line(s, 60000, LONG, &line), STREAM_TIMEOUT);
		ck_assert_int_ge(clock_ms() - begun, 50);
		ck_assert_int_lt(clock_ms() - begun, SOON);
		end(s);
	}
	static const char much[STREAM_OUT];
	struct stream *s = begin(&rules);
	enum stream_result r = STREAM_OK;

	calm = 3;
	while (r == STREAM_OK) {
		stream_put(s, much, sizeof(much) - 1);
		r = stream_flush(s, LONG);
	}
	ck_assert_int_eq(r, STREAM_TIMEOUT);
	end(s);
}
END_TEST

/* Octets that come more slowly than MIN_RATE use the budget up, whatever the time-out for each; a fast sender never does. */
START_TEST(test_budget)
{
	struct stream_rules rules = { .min_rate = 1000, .budget_ms = 300 };
	struct stream *s = begin(&rules);
	int64_t begun = clock_ms();
	struct view piece;
	size_t got = 0;

	talk("x", 50, INT_MAX);
	while (stream_peek(s, LONG, &piece) == STREAM_OK) {
		got += piece.len;
		stream_eat(s, piece.len);
	}
	ck_assert_uint_gt(got, 0);
	ck_assert_uint_lt(got, 300);
	ck_assert_int_ge(clock_ms() - begun, 300);
	ck_assert_int_lt(clock_ms() - begun, SOON);
	ck_assert_int_eq(stream_peek(s, LONG, &piece), STREAM_TIMEOUT);	/* and it stays used up */
	end(s);
}
END_TEST

/* Silence as long as the budget is allowed again and again, as long as enough has come in between; and each line makes it whole. */
START_TEST(test_budget_is_filled)
{
	static char much[3000];
	struct stream_rules rules = { .min_rate = 1000, .budget_ms = 2000 };
	struct view piece, line;

	memset(much, 'x', sizeof(much) - 1);
	for (int i = 0; i < 2; i++) {
		struct stream *s = begin(&rules);
		int64_t begun = clock_ms();

		talk(i ? "x\r\n" : much, 400, INT_MAX);
		while (clock_ms() - begun < 3000) {
			ck_assert_int_eq(i ? stream_peek(s, LONG, &piece) : STREAM_OK, STREAM_OK);
			if (i)
				ck_assert_int_eq(stream_line(s, 1000, LONG, &line), STREAM_OK);
			else if (stream_peek(s, LONG, &piece) == STREAM_OK)
				stream_eat(s, piece.len);
			else
				ck_abort_msg("timed out");
		}
		end(s);
	}
}
END_TEST

/* Under stress the budget is no more than the time-out of stress: dribbling content ends as silence does. */
START_TEST(test_budget_under_stress)
{
	struct stream_rules rules = { .min_rate = 1000, .budget_ms = LONG, .stressed = stressed, .stressed_ms = 200 };
	struct stream *s = begin(&rules);
	int64_t begun = clock_ms();
	struct view piece;

	calm = 2;
	talk("x", 20, INT_MAX);
	while (stream_peek(s, LONG, &piece) == STREAM_OK)
		stream_eat(s, piece.len);
	ck_assert_int_ge(clock_ms() - begun, 200);
	ck_assert_int_lt(clock_ms() - begun, SOON);
	end(s);
}
END_TEST

START_TEST(test_pause)
{
	struct stream_rules plain = { 0 }, rules = { .stressed = stressed, .stressed_ms = LONG }, ends = { 0 };
	struct stream *s = begin(&plain);
	int64_t begun = clock_ms();

	ck_assert_int_eq(write(peer, "chatter", 7), 7);
	stream_pause(s, 200);
	ck_assert_int_ge(clock_ms() - begun, 200);
	close(peer);			/* left */
	peer = -1;
	stream_pause(s, LONG);
	end(s);
	s = begin(&plain);
	stream_interrupt(stream_fd(s));	/* the worker is to end */
	stream_pause(s, LONG);
	end(s);
	s = begin(&rules);
	calm = 1;			/* stress comes while it lasts */
	stream_pause(s, LONG);
	end(s);
	ends.until = clock_ms() + 100;
	s = begin(&ends);
	stream_pause(s, LONG);
	end(s);
	ck_assert_int_lt(clock_ms() - begun, SOON);
}
END_TEST

UNIT_MAIN("stream", test_line_deadline, test_calm_is_patient, test_stress_ends_waits_under_way, test_budget, test_budget_is_filled,
	test_budget_under_stress, test_pause)
