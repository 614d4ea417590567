/* headers - refuses messages whose header section RFC 5322 does not allow: required fields missing, single fields
 * repeated, a Date too far off. */
#define _GNU_SOURCE 1
#include <postrider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define REQUIRED_MAX 16
#define DAY 86400

struct rules {
	const char *required[REQUIRED_MAX + 1];
	int64_t past, future;		/* days; -1: any */
};

static bool read_required(struct plugin *self, struct rules *r)
{
	const char *text = pr_option(self, "require");
	size_t count = 0;
	char *copy, *state = NULL;
	if (!text)
		text = "Date,From";	/* RFC 5322 3.6: the only two that every message has */
	copy = pr_alloc(self, strlen(text) + 1);
	memcpy(copy, text, strlen(text));
	for (char *name = strtok_r(copy, ",", &state); name; name = strtok_r(NULL, ",", &state)) {
		if (count == REQUIRED_MAX)
			return pr_fail(self, "argument require: found more than %d names", REQUIRED_MAX);
		r->required[count++] = name;
	}
	return true;
}

static bool init(struct plugin *self)
{
	struct rules *r = pr_alloc(self, sizeof *r);
	bool good = read_required(self, r);
	good &= pr_option_int(self, "past", 0, 36500, -1, &r->past);
	good &= pr_option_int(self, "future", 0, 36500, -1, &r->future);
	good &= pr_reject_options(self);
	pr_set_data(self, r);
	return pr_no_more_options(self) && good;
}

/* "+0130" in seconds; the obsolete names (RFC 5322 4.3) but for these count as UTC. */
static long zone_offset(const char *zone)
{
	static const struct { const char *name; int hours; } names[] = {
		{ "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 }, { "MDT", -6 }, { "MST", -7 }, { "PDT", -7 }, { "PST", -8 } };
	char *end;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncasecmp(zone, names[i].name, 3) == 0)
			return names[i].hours * 3600L;
	long number = strtol(zone, &end, 10);
	if ((*zone != '+' && *zone != '-') || end != zone + 5)
		return 0;
	return (number / 100) * 3600 + (number % 100) * 60;
}

/* RFC 5322 3.3 with the obsolete years of 4.3. False when it is no date. */
static bool parse_date(const char *text, time_t *out)
{
	struct tm tm = { 0 };
	const char *comma = strchr(text, ',');
	const char *rest = strptime(comma ? comma + 1 : text, " %d %b %Y %H:%M", &tm);
	if (!rest)
		return false;
	if (*rest == ':' && !(rest = strptime(rest, ":%S", &tm)))
		return false;
	if (*rest != '\0' && *rest != ' ' && *rest != '\t')
		return false;
	if (tm.tm_year < 50 - 1900)
		tm.tm_year += 2000;
	else if (tm.tm_year < 1000 - 1900)
		tm.tm_year += 1900;
	*out = timegm(&tm) - zone_offset(rest + strspn(rest, " \t"));
	return true;
}

static enum verdict check_date(struct hook_call *call, const struct rules *r)
{
	time_t date, now = time(NULL);
	const char *text = pr_header(call, "Date", 0);
	if (!text || (r->past < 0 && r->future < 0))
		return DECLINED;
	if (!parse_date(text, &date)) {
		pr_log(call, PR_INFO, "Date cannot be read: %s", text);
		return DECLINED;
	}
	if (r->past >= 0 && date < now - r->past * DAY)
		return pr_reject(call, "5.6.0", "the Date header is too far in the past");
	if (r->future >= 0 && date > now + r->future * DAY)
		return pr_reject(call, "5.6.0", "the Date header is too far in the future");
	return DECLINED;
}

static enum verdict check_fields(struct hook_call *call, const struct rules *r)
{
	/* The table in RFC 5322 3.6. */
	static const char *const single[] = { "Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-Id",
		"In-Reply-To", "References", "Subject" };
	for (size_t i = 0; r->required[i]; i++)
		if (pr_header_count(call, r->required[i]) == 0)
			return pr_reject(call, "5.6.0", "a %s header is required (RFC 5322 section 3.6)", r->required[i]);
	for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
		if (pr_header_count(call, single[i]) > 1)
			return pr_reject(call, "5.6.0", "only one %s header is allowed (RFC 5322 section 3.6)", single[i]);
	return DECLINED;
}

static enum verdict on_data_post(struct hook_call *call)
{
	const struct rules *r = pr_data(pr_self(call));
	if (pr_relaying(call))
		return DECLINED;	/* our own clients are not judged, as in qpsmtpd */
	enum verdict verdict = check_fields(call, r);
	return verdict == DECLINED ? check_date(call, r) : verdict;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "headers",
	.init = init,
	.hooks = { [HOOK_DATA_POST] = on_data_post },
};
