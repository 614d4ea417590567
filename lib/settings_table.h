/* settings_table.h - the table of options, for settings.c and the tools that print it. */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include "option.h"
#include "scoreboard.h"
#include "settings.h"

#define SETTINGS_SIZE_MAX (INT64_C(1) << 40)	/* of a message: 1 TiB */

/* In the order in which they are printed: by file, outside of sections first. */
const struct option_row *settings_rows(size_t *count);

#endif
