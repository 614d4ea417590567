/* injection.c - see injection.h. Line ends become CRLF; a trace header of our own goes in front, so that loops end. */
#include "../lib/base.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/field.h"
#include "../queue/part.h"
#include "../queue/spool.h"
#include "body.h"
#include "draft.h"
#include "injection.h"

#define MEMORY (256 * 1024)	/* octets held in memory before the spool writes to a file */
#define RECIPIENTS 1000
#define ORIGIN_MAX 100		/* octets */

/* ---- the envelope ---- */

static bool parse_address(const char *text, struct arena *a, struct envelope *env, struct address *out)
{
	if (!view_is_ascii(view_of(text)))
		env->flags |= ENVELOPE_UTF8;
	return address_parse_bare(view_of(text), ADDRESS_UTF8_OK, a, out);
}

static bool fill_envelope(struct envelope *env, const struct injection *what, struct arena *a, struct err *err)
{
	struct address address;
	size_t n = 0;

	if (*what->from && !parse_address(what->from, a, env, &address))
		return err_set(err, "bad sender address");
	if (strlen(what->origin) > ORIGIN_MAX || !view_is_printable(view_of(what->origin)) || strchr(what->origin, ' '))
		return err_set(err, "the origin is no word of at most %d octets", ORIGIN_MAX);
	while (what->to[n] && n < RECIPIENTS)
		n++;
	if (!n || what->to[n])
		return err_set(err, "no recipient, or more than %d", RECIPIENTS);
	env->rcpts = arena_alloc(a, n * sizeof(*env->rcpts));
	for (size_t i = 0; i < n; i++) {
		if (!parse_address(what->to[i], a, env, &address))
			return err_set(err, "bad recipient address");
		char *domain = address_domain_canonical(address.domain, a);
		env->rcpts[env->rcpt_count++] = (struct envelope_rcpt){ .address = address.text, .orcpt = "", .last = "",
			.domain = domain ? domain : arena_view_dup(a, address.domain), .status = RCPT_TODO };
	}
	env->notes = arena_alloc(a, what->note_count * sizeof(*env->notes) + 1);
	env->note_count = what->note_count;
	for (size_t i = 0; i < what->note_count; i++)
		env->notes[i] = what->notes[i];
	return true;
}

/* ---- the content ---- */

struct writing {
	const struct injection *what;
	struct spool_writer *writer;
	struct envelope *env;
	struct arena *arena;
};

/* The next line of *REST, without its end. */
static struct view next_line(struct view *rest)
{
	struct view line = view_cut(rest, '\n');

	line.len -= line.len && line.data[line.len - 1] == '\r';
	return line;
}

/* One line with CRLF; raises the envelope's flags for it. */
static bool write_line(const struct writing *w, struct view line, struct err *err)
{
	if (memchr(line.data, '\r', line.len))
		return err_set(err, "bare CR in the contents");
	if (line.len && *line.data == '.')
		w->env->flags |= ENVELOPE_DOTS;
	if (line.len > BODY_LINE_MAX)
		w->env->flags |= ENVELOPE_LONG_LINES;
	if (!view_is_ascii(line))
		w->env->flags |= ENVELOPE_8BIT;
	return spool_write(w->writer, line.data, line.len, err) && spool_write(w->writer, "\r\n", 2, err);
}

/* A line of the contents as it was before its dot was doubled. */
static struct view unstuffed(const struct writing *w, struct view line)
{
	return w->what->dot_stuffed && line.len > 1 && *line.data == '.' ? view_skip(line, 1) : line;
}

/* Whether the header section at the start of CONTENTS has a field NAME. */
static bool has_field(struct view contents, struct view name)
{
	while (contents.len) {
		struct field f = field_next(&contents);

		if (field_named(&f, name) || !f.name_len)
			return f.name_len;
	}
	return false;
}

/* A field of ours where the contents have none. */
static bool complete(const struct writing *w, struct view name, bool removed, const char *value, struct err *err)
{
	if (!removed && has_field(view_of(w->what->contents), name))
		return true;
	return write_line(w, view_of(arena_printf(w->arena, "%.*s: %s", VIEW_FMT(name), value)), err);
}

static bool is_removed(const struct injection *what, const struct field *f)
{
	return (what->remove_msgid && field_named(f, VIEW("Message-ID"))) || (what->remove_date && field_named(f, VIEW("Date")));
}

/* What is left of the header section; *REST is the body afterwards, with the empty line in front of it. */
static bool write_header(const struct writing *w, struct view *rest, struct err *err)
{
	while (rest->len) {
		struct view body = *rest;
		struct field f = field_next(rest);

		if (!f.name_len) {	/* the empty line, or what is no header section at all */
			*rest = body;
			return next_line(&body).len == 0 || write_line(w, VIEW(""), err);
		}
		for (struct view lines = is_removed(w->what, &f) ? VIEW("") : f.raw; lines.len;)
			if (!write_line(w, next_line(&lines), err))
				return false;
	}
	return write_line(w, VIEW(""), err);
}

static bool write_contents(const struct writing *w, struct err *err)
{
	struct view rest = view_of(w->what->contents);
	const char *id = arena_printf(w->arena, "<%s@%s>", spool_write_id(w->writer), w->what->me);
	char date[CLOCK_DATE_SIZE];

	if (!complete(w, VIEW("Date"), w->what->remove_date, clock_date(clock_now(), date), err) ||
	    !complete(w, VIEW("Message-ID"), w->what->remove_msgid, id, err) || !write_header(w, &rest, err))
		return false;
	while (rest.len)
		if (!write_line(w, unstuffed(w, next_line(&rest)), err))
			return false;
	return true;
}

/* ---- the whole ---- */

static bool commit(const struct writing *w, struct err *err)
{
	char date[CLOCK_DATE_SIZE];
	char *trace = arena_printf(w->arena, "by %s (postrider) id %s; %s", w->what->me, spool_write_id(w->writer), clock_date(clock_now(), date));

	return write_contents(w, err) && draft_commit(w->writer, w->what->plugins, trace, w->env, err) == DRAFT_QUEUED;
}

bool injection_send(struct spool *sp, const struct injection *what, char id[32], struct err *err)
{
	struct envelope env = { .sender = what->from, .envid = "", .ret = "", .by_mode = "", .arrived = clock_now_us(), .client = "", .helo = "",
		.auth_user = "", .tls = "", .session = what->origin, .flags = *what->from ? 0 : ENVELOPE_BOUNCE };
	struct writing w = { .what = what, .env = &env, .arena = arena_new(1024) };
	bool ok = fill_envelope(&env, what, w.arena, err);

	if (ok) {
		w.writer = spool_write_begin(sp, MEMORY);
		if (w.writer)
			spool_write_for(w.writer, env.rcpts[0].domain, part_count());
		ok = w.writer ? commit(&w, err) : err_set(err, "the spool cannot be written");
	}
	if (ok)
		snprintf(id, 32, "%s", spool_write_id(w.writer));
	spool_write_end(&w.writer);
	arena_free(&w.arena);
	return ok;
}
