/* clock.c - monotonic deadlines and wall-clock dates. Breaking a time down to the local zone costs more than the
 * rest of a log line, so the result is kept for as long as the second lasts. */
#include "base.h"
#include "clock.h"

static time_t fake;

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now_us(void)
{
	struct timespec t;

	if (fake)
		return (int64_t)fake * 1000000;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

time_t clock_now(void)
{
	return (time_t)(clock_now_us() / 1000000);
}

void clock_fake(time_t now)
{
	fake = now;
}

int clock_left(int64_t deadline)
{
	int64_t left;

	if (deadline == 0)
		return -1;
	left = deadline - clock_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* One second, broken down, and as both texts. */
struct second {
	time_t when;
	bool filled;
	char date[CLOCK_DATE_SIZE];
	char stamp[24], zone[8];	/* "2026-11-21T02:10:00", "+00:00" */
};

/* A time that no calendar can hold (a hostile file's) is shown as the beginning of 1970. Day and month names are
 * not strftime's, which follow the locale. */
static void fill_second(struct second *s, time_t when)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm = { .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };
	struct tm found;
	char rest[24], zone[8];

	if (localtime_r(&when, &found) && found.tm_year >= -900 && found.tm_year < 8100)
		tm = found;
	strftime(rest, sizeof(rest), "%Y %H:%M:%S %z", &tm);
	snprintf(s->date, sizeof(s->date), "%.3s, %u %.3s %s", days[tm.tm_wday], (unsigned)tm.tm_mday % 100, months[tm.tm_mon], rest);
	strftime(s->stamp, sizeof(s->stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(s->zone, sizeof(s->zone), "%.3s:%.2s", zone, zone + 3);
	s->when = when;
	s->filled = true;
}

static const struct second *second_of(time_t when)
{
	static struct second last;

	if (!last.filled || last.when != when)
		fill_second(&last, when);
	return &last;
}

char *clock_date(time_t when, char out[CLOCK_DATE_SIZE])
{
	return memcpy(out, second_of(when)->date, CLOCK_DATE_SIZE);
}

char *clock_stamp(int64_t us, char out[CLOCK_STAMP_SIZE])
{
	int64_t seconds = us / 1000000, rest = us % 1000000;
	const struct second *s;

	if (rest < 0) {
		seconds--;
		rest += 1000000;
	}
	s = second_of((time_t)seconds);
	snprintf(out, CLOCK_STAMP_SIZE, "%.19s.%03u%.6s", s->stamp, (unsigned)(rest / 1000) % 1000, s->zone);
	return out;
}
