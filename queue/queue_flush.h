/* queue_flush.h - `postrider queue flush`: deferred mail is tried now, and what is known of hosts that were down and of their
 * addresses is forgotten: of all, of a domain, of a site. */
#ifndef QUEUE_FLUSH_H
#define QUEUE_FLUSH_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "runner.h"

/* Each says into SAY what will happen. Does not block: what must be read to know is read bit by bit. */
bool queue_flush_all(struct runner *r, struct buf *say);
bool queue_flush_domain(struct runner *r, struct view domain, struct buf *say, struct err *err);
bool queue_flush_site(struct runner *r, struct view site, struct buf *say, struct err *err);
/* What comes from SENDER, as rules_sender writes it: for that everything deferred is read. */
bool queue_flush_sender(struct runner *r, const char *sender, struct buf *say, struct err *err);
/* What is known of all hosts is forgotten. */
void queue_flush_hosts(struct runner *r);
/* Ends what is being read. */
void queue_flush_end(struct runner *r);

#endif
