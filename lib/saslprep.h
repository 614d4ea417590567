/* saslprep.h - user names and passwords in the form in which SASL compares them (SASLprep, RFC 4013): what looks the same and is
 * typed in different ways, such as an umlaut in one character or in two, becomes one text. */
#ifndef SASLPREP_H
#define SASLPREP_H

#include "base.h"
#include "view.h"

/* Copies TEXT into OUT, prepared and NUL-terminated. False, with "" in OUT, when it is not UTF-8, holds what is prohibited there
 * (control characters above all), comes to nothing, or does not fit. Characters younger than Unicode 3.2 stay as they are. */
bool saslprep(struct view text, char *out, size_t size) MUST_CHECK;

#endif
