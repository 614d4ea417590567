/* draft.h - a message that we make ourselves, a plugin's or a notice: written, but not in the queue yet. Plugins are shown it at
 * pre_send_trans_email, where they can add to its header section and refuse it. */
#ifndef DRAFT_H
#define DRAFT_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/plugin.h"
#include "headers.h"

struct spool_writer;
struct envelope;

struct draft {			/* of a hook call */
	struct spool_writer *writer;
	struct envelope *env;
	struct headers headers;
	struct arena *arena;
};

enum draft_end {
	DRAFT_QUEUED,
	DRAFT_REFUSED,		/* by a plugin, for good */
	DRAFT_ERROR,		/* or for now; or the disk has failed */
};
/* Commits what was written to W, with a Received field of the value RECEIVED on top ("" none). PLUGINS may be NULL. Blocks for the
 * disk only. ERR unless it is queued: durable then. */
enum draft_end draft_commit(struct spool_writer *w, struct plugin_list *plugins, const char *received, struct envelope *env,
			    struct err *err) MUST_CHECK;

#endif
