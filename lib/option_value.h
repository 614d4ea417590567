/* option_value.h - values of options between text and field: what option.c (files) uses of option_value.c. */
#ifndef OPTION_VALUE_H
#define OPTION_VALUE_H

#include "option.h"

/* Checks VALUE and, unless FIELD is NULL, stores it there (for a list: one member). NULL when it was fine, else what is
 * expected instead (static, or A's). */
const char *option_put(const struct option_row *row, const char *value, void *field, struct arena *a);
/* Stores a list of values that option_put has found fine. */
void option_put_list(const struct option_row *row, const char **values, size_t count, void *field, struct arena *a);
/* Bytes of a field of TYPE. */
size_t option_field_size(enum option_type type);
void option_put_preset(const struct option_row *row, void *field, struct arena *a);

#endif
