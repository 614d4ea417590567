/* tool_queue_filter.h - which messages `postrider queue list` is asked for, by what stands in their files. */
#ifndef TOOL_QUEUE_FILTER_H
#define TOOL_QUEUE_FILTER_H

#include "../lib/base.h"
#include "../lib/address.h"
#include "../queue/spool.h"

struct filter {
	const char *domain;			/* of a recipient that is not done; canonical. These are NULL where anything will do. */
	const char *message_id;			/* without its angle brackets */
	bool by_sender, by_recipient;
	char sender[ADDRESS_KEY_SIZE], recipient[ADDRESS_KEY_SIZE];	/* folded; "" the null sender. Recipients that are done count too. */
};

/* Nothing is left out. */
bool filter_is_empty(const struct filter *f);
/* Takes the address of OPTION (--sender, --recipient), with or without angle brackets; false, and told, when it is none. */
bool filter_address(const char *option, const char *text, char out[ADDRESS_KEY_SIZE], bool *set);
/* TEXT without the angle brackets around it, in A. */
const char *filter_bare(const char *text, struct arena *a);
/* Whether FILE is wanted; memory is A's. Reads its header section only when the Message-ID is asked for and all else fits. */
bool filter_fits(const struct filter *f, const struct spool_file *file, struct arena *a);

#endif
