/* extension.c - see extension.h. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "auth.h"
#include "extension.h"
#include "session.h"
#include <strings.h>

static bool always(struct session *s UNUSED)
{
	return true;
}

/* RFC 3030 3: it goes by BDAT alone, and is a value of BODY. */
static bool binary_possible(struct session *s)
{
	return extension_offered(s, EXTENSION_CHUNKING) && extension_offered(s, EXTENSION_8BITMIME);
}

/* RFC 6531 3.1: not without 8BITMIME. */
static bool utf8_possible(struct session *s)
{
	return extension_offered(s, EXTENSION_8BITMIME);
}

/* On the internal socket the queue-runner delivers what it will report on itself. */
static bool from_outside(struct session *s)
{
	return !session_internal(s);
}

/* RFC 4865 3: for nobody else. */
static bool at_submission(struct session *s)
{
	return session_submission(s);
}

/* RFC 6710 5: from those who are trusted. */
static bool from_a_user(struct session *s)
{
	return session_submission(s) || (session_relaying(s) && !session_internal(s));
}

static bool over_tls(struct session *s)	/* RFC 8689 2 */
{
	return stream_tls(s->stream) && !session_internal(s);
}

static bool tls_possible(struct session *s)
{
	return s->host->args->tls && !stream_tls(s->stream) && !session_internal(s) && !cmd_starttls_avoided(s);
}

static bool auth_possible(struct session *s)
{
	return auth_offered(s);
}

static void size_value(struct session *s, struct buf *lines)
{
	/* 0: no limit (RFC 1870 4) */
	buf_printf(lines, " %lld", (long long)s->settings->max_message_size);
}

static void auth_value(struct session *s, struct buf *lines)
{
	auth_names(s, lines);
}

/* RFC 4865 3: the longest time, and when that will be. */
static void futurerelease_value(struct session *s UNUSED, struct buf *lines)
{
	time_t last = (time_t)clock_now() + PARAMETER_HOLD_MAX;
	char date[sizeof("2026-11-24T19:05:00Z")];
	struct tm tm;

	if (gmtime_r(&last, &tm) && strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf_printf(lines, " %d %s", PARAMETER_HOLD_MAX, date);
}

/* RFC 9422 4: 1 to 999999; without a limit there is nothing to say. */
static void put_limit(struct buf *lines, const char *name, int64_t limit)
{
	if (limit > 0 && limit <= 999999)
		buf_printf(lines, " %s=%lld", name, (long long)limit);
}

static void limits_value(struct session *s, struct buf *lines)
{
	put_limit(lines, "RCPTMAX", s->settings->max_recipients);
	put_limit(lines, "MAILMAX", s->settings->max_transactions);
}

static const struct {
	const char *keyword;
	/* Whether this session could have it. */
	bool (*available)(struct session *s);
	/* Appends the keyword's parameters, each with a blank before it. NULL: it has none. */
	void (*value)(struct session *s, struct buf *lines);
} rows[EXTENSION_COUNT] = {
	[EXTENSION_NONE] = { "", always, NULL },
	[EXTENSION_PIPELINING] = { "PIPELINING", always, NULL },
	[EXTENSION_8BITMIME] = { "8BITMIME", always, NULL },
	[EXTENSION_ENHANCEDSTATUSCODES] = { "ENHANCEDSTATUSCODES", always, NULL },
	[EXTENSION_SIZE] = { "SIZE", always, size_value },
	[EXTENSION_CHUNKING] = { "CHUNKING", always, NULL },
	[EXTENSION_BINARYMIME] = { "BINARYMIME", binary_possible, NULL },
	[EXTENSION_SMTPUTF8] = { "SMTPUTF8", utf8_possible, NULL },
	[EXTENSION_DSN] = { "DSN", from_outside, NULL },
	[EXTENSION_DELIVERBY] = { "DELIVERBY", from_outside, NULL },
	[EXTENSION_FUTURERELEASE] = { "FUTURERELEASE", at_submission, futurerelease_value },
	[EXTENSION_MT_PRIORITY] = { "MT-PRIORITY", from_a_user, NULL },
	[EXTENSION_REQUIRETLS] = { "REQUIRETLS", over_tls, NULL },
	[EXTENSION_LIMITS] = { "LIMITS", from_outside, limits_value },
	[EXTENSION_STARTTLS] = { "STARTTLS", tls_possible, NULL },
	[EXTENSION_AUTH] = { "AUTH", auth_possible, auth_value },
	[EXTENSION_XCLIENT] = { "XCLIENT", cmd_xclient_trusted, cmd_xclient_attributes },
};

bool extension_discarded(const struct session *s, enum extension e)
{
	return s->discarded & 1u << e;
}

bool extension_offered(struct session *s, enum extension e)
{
	return !extension_discarded(s, e) && rows[e].available(s);
}

unsigned extensions_offered(struct session *s)
{
	unsigned set = 0;

	for (unsigned e = 0; e < EXTENSION_COUNT; e++)
		if (extension_offered(s, (enum extension)e))
			set |= 1u << e;
	return set;
}

void extension_lines(struct session *s, struct buf *lines)
{
	for (unsigned e = EXTENSION_NONE + 1; e < EXTENSION_COUNT; e++) {
		if (!extension_offered(s, (enum extension)e))
			continue;
		buf_printf(lines, "\n%s", rows[e].keyword);
		if (rows[e].value)
			rows[e].value(s, lines);
	}
}

enum extension extension_find(const char *keyword)
{
	for (unsigned e = EXTENSION_NONE + 1; e < EXTENSION_COUNT; e++)
		if (strcasecmp(rows[e].keyword, keyword) == 0)
			return (enum extension)e;
	return EXTENSION_NONE;
}

unsigned extension_set(const char *const *keywords)
{
	unsigned set = 0;

	for (; *keywords; keywords++)
		set |= 1u << extension_find(*keywords) & ~(1u << EXTENSION_NONE);
	return set;
}
