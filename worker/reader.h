/* reader.h - content of a message, or of a part of it, read from front to back: as it stands, decoded, or as text in UTF-8. To plugins a
 * struct pr_reader. Nothing is held but what was read last. */
#ifndef READER_H
#define READER_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/transfer.h"
#include "../lib/view.h"
#include "../plugins/postrider.h"
#include "../queue/spool.h"

/* The octets of W from AT to END. With TEXT they are converted from CHARSET. Memory is A's; over with A or W. */
struct pr_reader *reader_open(struct spool_writer *w, uint64_t at, uint64_t end, enum transfer_kind kind, bool text, struct view charset,
			      struct arena *a);

#endif
