/* plugin_text.c - the part of plugins/postrider.h that reads texts and needs neither a session nor a message: addresses, dates, encoded
 * words. */
#include "base.h"
#include "address.h"
#include "address_list.h"
#include "date.h"
#include "encoded_word.h"
#include "plugin.h"

_Static_assert(PR_ADDRESS_SIZE == ADDRESS_KEY_SIZE, "plugins give buffers of the size that lib/address.h fills");

bool pr_address_canonical(const char *address, char out[PR_ADDRESS_SIZE])
{
	return address_key(view_of(address), false, out);
}

bool pr_address_folded(const char *address, char out[PR_ADDRESS_SIZE])
{
	return address_key(view_of(address), true, out);
}

const char *pr_decode_words(struct hook_call *call, const char *text)
{
	return encoded_word_text(view_of(text), call->scratch);
}

bool pr_parse_date(const char *text, int64_t *seconds)
{
	return date_parse(view_of(text), seconds);
}

enum pr_addresses pr_parse_addresses(struct hook_call *call, const char *text, const struct pr_address *const **list)
{
	static const enum pr_addresses results[] = {
		[ADDRESS_LIST_OK] = PR_ADDRESSES_OK, [ADDRESS_LIST_BROKEN] = PR_ADDRESSES_BROKEN, [ADDRESS_LIST_LIMIT] = PR_ADDRESSES_LIMIT };
	const struct address_entry *const *entries;
	enum address_list_result result = address_list_parse(view_of(text), call->scratch, &entries);
	size_t count = 0;

	while (entries[count])
		count++;
	struct pr_address *copies = arena_alloc(call->scratch, (count + 1) * sizeof(*copies));
	const struct pr_address **out = arena_alloc(call->scratch, (count + 1) * sizeof(*out));
	for (size_t i = 0; i < count; i++) {
		copies[i] = (struct pr_address){ entries[i]->name, entries[i]->address, entries[i]->domain, entries[i]->group };
		out[i] = &copies[i];
	}
	*list = out;
	return results[result];
}
