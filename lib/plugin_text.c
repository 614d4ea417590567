/* plugin_text.c - the part of plugins/postrider.h that reads texts and needs neither a session nor a message: addresses. */
#include "base.h"
#include "address.h"
#include "../plugins/postrider.h"

_Static_assert(PR_ADDRESS_SIZE == ADDRESS_KEY_SIZE, "plugins give buffers of the size that lib/address.h fills");

bool pr_address_canonical(const char *address, char out[PR_ADDRESS_SIZE])
{
	return address_key(view_of(address), false, out);
}

bool pr_address_folded(const char *address, char out[PR_ADDRESS_SIZE])
{
	return address_key(view_of(address), true, out);
}
