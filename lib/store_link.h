/* store_link.h - a connection to a Redis server that never blocks: hiredis writes and reads its protocol, we do the input and output,
 * so that every time-out and every length is ours. The store polls it (workers) or has a loop do so (queue-runner). */
#ifndef STORE_LINK_H
#define STORE_LINK_H

#include "base.h"
#include "buf.h"
#include "store_address.h"
#include "view.h"
#include <hiredis/hiredis.h>
#include <poll.h>

#define LINK_REPLY_MAX (256 << 10)	/* octets of one reply, more than any that we ask for */
#define LINK_ELEMENTS_MAX 8192		/* of an array in one */
#define LINK_COMMANDS_MAX 4096		/* that may wait for their replies */

struct store_link;

/* Appends a command, any octets in its words (at most LINK_WORDS_MAX), to WIRE. */
#define LINK_WORDS_MAX 8
#define LINK_COMMAND(wire, ...) \
	link_command(wire, COUNT_OF(((const struct view[]){ __VA_ARGS__ })), (const struct view[]){ __VA_ARGS__ })
void link_command(struct buf *wire, size_t count, const struct view *words);

/* A reply to a command, as often as replies were announced; or NULL, once, with WHY: the connection broke. With neither: it
 * was given up, and nobody is to be told. False: the connection is of no further use, and WHY (256 octets) has been set to
 * the reason. Must not free, turn or shut the link; may send. */
typedef bool link_take(void *arg, const redisReply *reply, char why[256]);

/* Opens nothing. ADDRESS lives as long. The first: for connecting, looking up the name and logging in; the second: for a reply. */
struct store_link *link_new(const struct store_address *address, int64_t connect_ms, int64_t timeout_ms);
void link_free(struct store_link **l);
/* Sends WIRE (LEN octets, copied), to which REPLIES replies come; connects first unless it is connected. TAKE is called from
 * link_turn or link_shut, never from here. False when too many wait. */
bool link_send(struct store_link *l, const char *wire, size_t len, unsigned replies, link_take *take, void *arg) MUST_CHECK;
/* All whose replies are missing are told WHY, or NULL. */
void link_shut(struct store_link *l, const char *why);
/* It is open, and no reply is missing: whatever comes in now is the end. */
bool link_is_idle(const struct store_link *l);

/* What to wait for: .fd -1 for nothing but time. */
struct pollfd link_poll(const struct store_link *l);
/* clock_ms of the next time-out; 0 none. */
int64_t link_deadline(const struct store_link *l);
/* After poll(): does what can be done now. */
void link_turn(struct store_link *l, short revents);

#endif
