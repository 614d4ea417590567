/* injection.h - a new message made by a plugin, on its way into the spool (pr_outbound_send). */
#ifndef INJECTION_H
#define INJECTION_H

#include "../lib/base.h"
#include "../lib/err.h"

struct plugin_list;
struct spool;

/* CONTENTS with LF or CRLF line ends; FROM "" for a notice; TO ends with NULL. ME is our name for Received. PLUGINS are asked at
 * pre_send_trans_email, which may refuse. True: durable, ID is its queue id. */
bool injection_send(struct spool *sp, struct plugin_list *plugins, const char *me, const char *from, const char *const *to, const char *contents,
		    char id[32], struct err *err) MUST_CHECK;

#endif
