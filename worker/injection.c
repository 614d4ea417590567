/* injection.c - see injection.h. Line ends become CRLF; a trace header of our own goes in front, so that loops end. */
#include "../lib/base.h"
#include "../lib/address.h"
#include "../lib/buf.h"
#include "../lib/clock.h"
#include "../queue/part.h"
#include "../queue/spool.h"
#include "body.h"
#include "draft.h"
#include "injection.h"

#define MEMORY (256 * 1024)	/* octets held in memory before the spool writes to a file */
#define RECIPIENTS 1000

static bool fill_envelope(struct envelope *env, const char *from, const char *const *to, struct arena *a, struct err *err)
{
	struct address address;
	size_t n = 0;

	if (*from && !address_parse_bare(view_of(from), 0, a, &address))
		return err_set(err, "bad sender address");
	while (to[n] && n < RECIPIENTS)
		n++;
	if (!n || to[n])
		return err_set(err, "no recipient, or more than %d", RECIPIENTS);
	env->rcpts = arena_alloc(a, n * sizeof(*env->rcpts));
	for (size_t i = 0; i < n; i++) {
		if (!address_parse_bare(view_of(to[i]), 0, a, &address))
			return err_set(err, "bad recipient address");
		char *domain = address_domain_canonical(address.domain, a);
		env->rcpts[env->rcpt_count++] = (struct envelope_rcpt){ .address = address.text, .orcpt = "", .last = "",
			.domain = domain ? domain : arena_view_dup(a, address.domain), .status = RCPT_TODO };
	}
	return true;
}

/* One line with CRLF; raises the envelope's flags for it. */
static bool write_line(struct spool_writer *w, struct view line, struct envelope *env, struct err *err)
{
	if (memchr(line.data, '\r', line.len))
		return err_set(err, "bare CR in the contents");
	if (line.len && *line.data == '.')
		env->flags |= ENVELOPE_DOTS;
	if (line.len > BODY_LINE_MAX)
		env->flags |= ENVELOPE_LONG_LINES;
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] & 0x80)
			env->flags |= ENVELOPE_8BIT;
	return spool_write(w, line.data, line.len, err) && spool_write(w, "\r\n", 2, err);
}

static bool write_contents(struct spool_writer *w, const char *contents, struct envelope *env, struct err *err)
{
	struct view rest = view_of(contents);

	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		if (!write_line(w, line, env, err))
			return false;
	}
	return true;
}

static bool commit(struct spool_writer *w, struct plugin_list *plugins, const char *me, const char *contents, struct envelope *env, struct arena *a, struct err *err)
{
	char date[CLOCK_DATE_SIZE];
	char *trace = arena_printf(a, "by %s (postrider) id %s; %s", me, spool_write_id(w), clock_date(clock_now(), date));

	return write_contents(w, contents, env, err) && draft_commit(w, plugins, trace, env, err) == DRAFT_QUEUED;
}

bool injection_send(struct spool *sp, struct plugin_list *plugins, const char *me, const char *from, const char *const *to, const char *contents,
		    char id[32], struct err *err)
{
	struct envelope env = { .sender = from, .envid = "", .ret = "", .arrived = clock_now_us(), .client = "", .helo = "",
		.auth_user = "", .tls = "", .session = "", .flags = *from ? 0 : ENVELOPE_BOUNCE };
	struct arena *a = arena_new(1024);
	struct spool_writer *w = NULL;
	bool ok = fill_envelope(&env, from, to, a, err);

	if (ok) {
		w = spool_write_begin(sp, MEMORY);
		if (w)
			spool_write_for(w, env.rcpts[0].domain, part_count());
		ok = w ? commit(w, plugins, me, contents, &env, a, err) : err_set(err, "the spool cannot be written");
	}
	if (ok)
		snprintf(id, 32, "%s", spool_write_id(w));
	spool_write_end(&w);
	arena_free(&a);
	return ok;
}
