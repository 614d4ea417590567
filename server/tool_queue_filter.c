/* tool_queue_filter.c - see tool_queue_filter.h. */
#include "tool_queue_filter.h"
#include "../lib/field.h"
#include "tool.h"

#define SECTION_MAX (256u << 10)	/* of a header section that is looked through */

bool filter_is_empty(const struct filter *f)
{
	return !f->domain && !f->message_id && !f->by_sender && !f->by_recipient;
}

const char *filter_bare(const char *text, struct arena *a)
{
	size_t len = strlen(text);

	if (len < 2 || text[0] != '<' || text[len - 1] != '>')
		return text;
	return arena_view_dup(a, view_make(text + 1, len - 2));
}

bool filter_address(const char *option, const char *text, char out[ADDRESS_KEY_SIZE], bool *set)
{
	struct arena *a = arena_new(512);

	*set = address_key(view_of(filter_bare(text, a)), true, out);
	arena_free(&a);
	return *set || tool_fail("%s: found \"%s\", expected an address", option, text) == TOOL_OK;
}

static bool is_key(const char *address, const char *wanted)
{
	char key[ADDRESS_KEY_SIZE];

	return address_key(view_of(address), true, key) && strcmp(wanted, key) == 0;
}

static bool goes_to(const struct filter *f, const struct envelope *env)
{
	bool domain = !f->domain, recipient = !f->by_recipient;

	for (size_t i = 0; i < env->rcpt_count; i++) {
		domain = domain || (env->rcpts[i].status == RCPT_TODO && strcmp(f->domain, env->rcpts[i].domain) == 0);
		recipient = recipient || is_key(env->rcpts[i].address, f->recipient);
	}
	return domain && recipient;
}

static bool has_message_id(const struct spool_file *file, const char *id, struct arena *a)
{
	size_t room = file->message_len < SECTION_MAX ? (size_t)file->message_len : SECTION_MAX;
	char *text = arena_alloc(a, room + 1);
	ssize_t n = pread(file->fd, text, room, (off_t)file->message_at);
	struct field field;

	return field_find(view_make(text, n > 0 ? (size_t)n : 0), VIEW("Message-ID"), &field) && strcmp(filter_bare(field_value(&field, a), a), id) == 0;
}

bool filter_fits(const struct filter *f, const struct spool_file *file, struct arena *a)
{
	return (!f->by_sender || is_key(file->env.sender, f->sender)) && goes_to(f, &file->env) &&
		(!f->message_id || has_message_id(file, f->message_id, a));
}
