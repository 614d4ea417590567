/* reception.h - what DATA and BDAT share: content is made ready for, and what has arrived is refused or queued. */
#ifndef RECEPTION_H
#define RECEPTION_H

#include "../lib/base.h"

struct session;

/* Opens the writer of the spool and makes s->transaction.body ready. False with s->reply set. */
bool reception_begin(struct session *s);
/* What is left of the command's line in the input buffer is overwritten from here on. */
void reception_starts(struct session *s);
/* The content has arrived whole, or with a fault: sets s->reply. The transaction is still to be ended. */
void reception_finish(struct session *s);

#endif
