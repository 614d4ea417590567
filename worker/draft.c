/* draft.c - see draft.h. The header section is read back only when a plugin listens. */
#include "draft.h"
#include "../lib/log.h"
#include "../lib/reply.h"
#include "../queue/spool.h"

#define SECTION_MAX (256u << 10)	/* of a header section that plugins are shown; of a longer one they see what was added */

/* The header section of what was written, up to the empty line. */
static struct view section_of(struct spool_writer *w, struct arena *a)
{
	uint64_t size = spool_write_size(w);
	size_t room = size < SECTION_MAX ? (size_t)size : SECTION_MAX, len = 0;
	char *text = arena_alloc(a, room + 1);

	while (len < room) {
		ssize_t n = spool_write_read(w, len, text + len, room - len);

		if (n <= 0)
			return VIEW("");
		len += (size_t)n;
	}
	if (len >= 2 && memcmp(text, "\r\n", 2) == 0)
		return VIEW("");
	const char *end = memmem(text, len, "\r\n\r\n", 4);

	if (end)
		return view_make(text, (size_t)(end - text) + 2);
	return len == size ? view_make(text, len) : VIEW("");
}

static enum draft_end ask(struct draft *d, struct plugin_list *plugins, struct err *err)
{
	struct reply reply;
	struct hook_call call = { .hook = HOOK_PRE_SEND_TRANS_EMAIL, .draft = d, .scratch = d->arena, .reply = &reply };

	reply_clear(&reply);
	enum verdict v = plugin_run(plugins, &call, NULL);

	if (v == DECLINED || v == OK)
		return DRAFT_QUEUED;
	err_set(err, "refused by a plugin%s%s", reply.code ? ": " : "", reply.code ? reply.text : "");
	return v == DENY || v == DENY_DISCONNECT ? DRAFT_REFUSED : DRAFT_ERROR;
}

static bool commit(struct draft *d, struct err *err)
{
	struct buf head;

	buf_init(&head, headers_head_size(&d->headers) + 1);
	bool ok = headers_head(&d->headers, &head) || err_set(err, "no memory for the header section");

	if (!view_is_ascii(buf_view(&head)))
		d->env->flags |= ENVELOPE_8BIT;
	ok = ok && spool_commit(d->writer, buf_view(&head), headers_skip(&d->headers), d->env, err);
	buf_free(&head);
	return ok;
}

enum draft_end draft_commit(struct spool_writer *w, struct plugin_list *plugins, const char *received, struct envelope *env,
			    struct err *err)
{
	bool wanted = plugins && plugin_wants(plugins, HOOK_PRE_SEND_TRANS_EMAIL);
	struct draft d = { .writer = w, .env = env, .arena = arena_new(1024) };
	enum draft_end end = DRAFT_QUEUED;

	headers_begin(&d.headers, d.arena, wanted ? section_of(w, d.arena) : VIEW(""));
	if (*received && !headers_prepend(&d.headers, "Received", received, true)) {
		err_set(err, "no Received field can be made of \"%s\"", received);
		end = DRAFT_ERROR;
	}
	if (end == DRAFT_QUEUED && wanted)
		end = ask(&d, plugins, err);
	if (end == DRAFT_QUEUED && !commit(&d, err))
		end = DRAFT_ERROR;
	arena_free(&d.arena);
	return end;
}
