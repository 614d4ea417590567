/* plugin_api_headers.c - the part of plugins/postrider.h that concerns the header section: from data_headers_end on, in
 * workers, and of a draft. */
#include "../lib/base.h"
#include "draft.h"
#include "session.h"

static struct headers *headers_of(const struct hook_call *call)
{
	struct transaction *t = call->session ? &call->session->transaction : NULL;

	if (call->draft)
		return &call->draft->headers;
	return t && t->stored_form ? &t->headers : NULL;
}

/* ---- reading ---- */

size_t pr_header_count(struct hook_call *call, const char *name)
{
	return headers_of(call) ? headers_count(headers_of(call), name) : 0;
}

const char *pr_header(struct hook_call *call, const char *name, int n)
{
	return headers_of(call) ? headers_get(headers_of(call), name, n, call->scratch) : NULL;
}

size_t pr_header_fields(struct hook_call *call)
{
	return headers_of(call) ? headers_total(headers_of(call)) : 0;
}

bool pr_header_find(struct hook_call *call, const char *name, int n, size_t *index)
{
	return headers_of(call) && headers_find(headers_of(call), name, n, index);
}

static const struct field *field_of(const struct hook_call *call, size_t index)
{
	return headers_of(call) ? headers_at(headers_of(call), index) : NULL;
}

const char *pr_header_name_at(struct hook_call *call, size_t index)
{
	const struct field *f = field_of(call, index);

	return f ? arena_view_dup(call->scratch, field_name(f)) : NULL;
}

const char *pr_header_at(struct hook_call *call, size_t index)
{
	const struct field *f = field_of(call, index);

	return f ? field_value(f, call->scratch) : NULL;
}

const char *pr_header_raw_at(struct hook_call *call, size_t index, size_t *len)
{
	const struct field *f = field_of(call, index);

	*len = f ? f->raw.len : 0;
	return f ? arena_view_dup(call->scratch, f->raw) : NULL;
}

/* ---- changing ---- */

bool pr_header_prepend(struct hook_call *call, const char *name, const char *value)
{
	return headers_of(call) && headers_prepend(headers_of(call), name, value, false);
}

bool pr_header_append(struct hook_call *call, const char *name, const char *value)
{
	return headers_of(call) && headers_append(headers_of(call), name, value);
}

bool pr_header_insert(struct hook_call *call, size_t index, const char *name, const char *value)
{
	return headers_of(call) && headers_insert(headers_of(call), index, name, value);
}

bool pr_header_change(struct hook_call *call, size_t index, const char *value)
{
	return headers_of(call) && headers_change(headers_of(call), index, value);
}

size_t pr_header_remove(struct hook_call *call, const char *name)
{
	return headers_of(call) ? headers_remove(headers_of(call), name) : 0;
}

bool pr_header_remove_at(struct hook_call *call, size_t index)
{
	return headers_of(call) && headers_remove_at(headers_of(call), index);
}
