/* enforce.h - what the operator wants of the queue until further notice, in the queue-runner: whether mail is delivered at all
 * (outbound.conf, and postrider queue pause), and the standing rules (rules.h). */
#ifndef ENFORCE_H
#define ENFORCE_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/err.h"

struct delivery;
struct enforce;
struct job;
struct runner;

/* Reads the rules, and watches outbound.conf for changes of `disabled` from now on: for a runner that is about to serve. Rules that cannot be
 * read stop all delivery, since nobody knows what they forbid. */
void enforce_begin(struct runner *r);
void enforce_end(struct runner *r);
/* Reads the rules again; SAY becomes what will be done about what waits. */
bool enforce_again(struct runner *r, struct buf *say, struct err *err);
/* Whether nothing is to be delivered now. */
bool enforce_stopped(const struct runner *r);
/* Until when, seconds since 1970, when that is known; 0: it is not. */
int64_t enforce_stopped_until(const struct runner *r);
/* A line of `postrider queue stats` when that is so. */
void enforce_tell(const struct runner *r, struct buf *say);
/* Decides what the rules say of J's recipients that nothing has been decided of. */
void enforce_job(struct job *j);
/* The same for a delivery whose turn it is, before it begins: now its site is known. True: all its recipients are decided; the
 * others, if any, wait in another one. */
bool enforce_delivery(struct delivery *d);

#endif
