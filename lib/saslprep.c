/* saslprep.c - see saslprep.h. The work is libidn's. GnuTLS has the successor of SASLprep (RFC 8265), which cannot take its
 * place: RFC 4616 and RFC 5802 name SASLprep, the clients do that, and where the two differ (compatibility characters,
 * soft hyphens) a key made from one password by one would not fit the key made by the other. */
#include "base.h"
#include "saslprep.h"
#include <stringprep.h>

bool saslprep(struct view text, char *out, size_t size)
{
	if (!view_is_utf8(text) || !view_copy(text, out, size)) {
		if (size)
			out[0] = '\0';
		return false;
	}
	if (view_is_printable(text))	/* nothing to change, as a rule */
		return text.len > 0;
	if (stringprep(out, size, 0, stringprep_saslprep) == STRINGPREP_OK && out[0])
		return true;
	explicit_bzero(out, size);
	return false;
}
