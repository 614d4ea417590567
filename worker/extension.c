/* extension.c - see extension.h. */
#include "../lib/base.h"
#include "auth.h"
#include "extension.h"
#include "session.h"
#include <strings.h>

static bool always(struct session *s UNUSED)
{
	return true;
}

/* BINARYMIME goes with BDAT alone. */
static bool chunking(struct session *s)
{
	return extension_offered(s, EXTENSION_CHUNKING);
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
	[EXTENSION_BINARYMIME] = { "BINARYMIME", chunking, NULL },
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
