/* part.h - the parts of the queue, one for each queue-runner. The last two digits of an id, which are also its directory, say
 * to which part a message belongs: the remainder of their division by the number of parts. So a message has one owner, whatever
 * its recipients are and however often that number has changed, and nobody has to read a file to know whose it is. Who
 * accepts a message chooses its directory by the domain of its first recipient (spool_write_for): a domain's mail is in one part. */
#ifndef PART_H
#define PART_H

#include "../lib/base.h"
#include "../lib/scoreboard.h"

#define PART_NAME 32
#define PART_PATH 108			/* of sockaddr_un */

/* To which of PARTS the message with this valid ID belongs. */
unsigned part_of(const char *id, unsigned parts);
/* How many there are now, as the scoreboard says; 1 when none is mapped. */
unsigned part_count(void);
/* The path of the socket NAME ("poke", "queue") of the queue-runner that has PART. */
const char *part_path(char out[PART_PATH], const char *run_dir, const char *name, unsigned part);
/* "queue-runner", of further ones "queue-runner.1": for people. */
const char *part_name(char out[PART_NAME], unsigned part);
/* Tells the queue-runner that has PART of the message with this ID; "": to look at new/ itself. Never waits: it is lost when there is no
 * queue-runner, which looks when it starts, and when it has too many, for then it looks as well. */
void part_poke(const char *run_dir, unsigned part, const char *id);
/* How much of LIMIT, which is for all together, is for each of PARTS: at least 1. */
size_t part_share(size_t limit, unsigned parts);

#endif
