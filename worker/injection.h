/* injection.h - a new message made by a plugin, on its way into the spool (pr_outbound_send): the one place that all of them pass. */
#ifndef INJECTION_H
#define INJECTION_H

#include "../lib/base.h"
#include "../lib/err.h"

struct arena;
struct envelope_note;
struct plugin_list;
struct spool;

struct injection {
	struct plugin_list *plugins;	/* asked at pre_send_trans_email, which may refuse; NULL: nobody is asked */
	const char *me;			/* our name, for Received and Message-ID */
	const char *from;		/* "" for a notice */
	const char *const *to;		/* ends with NULL */
	const char *contents;		/* lines with LF or CRLF; Date and Message-ID are added when they are missing */
	bool dot_stuffed;		/* a dot at the start of a line is doubled */
	bool remove_msgid, remove_date;	/* those of CONTENTS are taken out, so that ours take their place */
	const struct envelope_note *notes;
	size_t note_count;
	const char *origin;		/* what it came from, one word: see pr_origin */
};

/* True: durable, ID is its queue id. Blocks for the disk. */
bool injection_send(struct spool *sp, const struct injection *what, char id[32], struct err *err) MUST_CHECK;

#endif
