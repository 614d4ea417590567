/* obey.h - what conf/destinations says is to happen when a server says certain things. */
#ifndef OBEY_H
#define OBEY_H

#include "delivery.h"

/* The words that ended a connection of D, which is under way: what they say of the site happens now. */
void obey_loss(struct delivery *d, const struct client_loss *loss);
/* D has its results: what they say happens to the site, which D is still under way to, and to the recipients. */
void obey_results(struct delivery *d);

#endif
