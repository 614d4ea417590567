/* spool.h - the messages on disk. One file a message; directories are states; a rename moves it. See
 * postrider-spool(5) for the format and the table of states, who moves what, and what a crash leaves.
 *
 *   tmp/ID       a large message that is being received (no promise; removed when stale)
 *   new/NN/ID    accepted and durable, not yet tried
 *   later/NN/ID  deferred; mtime is the time of the next attempt
 *   hold/NN/ID   held by a person or a plugin
 *   bad/ID       damaged, or killed the runner: for a person to look at
 *
 * ID: 18 characters "0-9A-Z" without I, L, O, U (base32): 11 of microseconds since 1970, 5 of the writer (slot or pid)
 * and a counter, then NN as two decimal digits (00..63), which is also its directory.
 *
 * File: [head room][message, CRLF, not dot-stuffed][envelope: text lines][trailer: one line of SPOOL_TRAILER bytes].
 * The last valid trailer wins (attempts append a fresh envelope and trailer, so a torn append loses nothing). */
#ifndef SPOOL_H
#define SPOOL_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/buf.h"
#include "../lib/err.h"
#include "../lib/view.h"
#include "crash_point.h"

#define SPOOL_DIRS 64
#define SPOOL_ID 18
#define SPOOL_ID_SIZE (SPOOL_ID + 1)
#define SPOOL_HEAD_ROOM 16384
#define SPOOL_TRAILER 96

enum spool_state { SPOOL_NEW, SPOOL_LATER, SPOOL_HOLD, SPOOL_BAD, SPOOL_STATES };

/* "new", "later", ...: also the directory's name. */
const char *spool_state_name(enum spool_state state);

enum rcpt_status {
	RCPT_TODO = 'T',
	RCPT_DONE = 'D',
	/* Done, and the sender, who asked to hear of it, has not been told yet: taken by a server that does not report, or
	 * delivered in the end. */
	RCPT_RELAYED = 'R', RCPT_DELIVERED = 'L',
	RCPT_FAILED = 'F',		/* bounced */
	RCPT_EXPIRED = 'X',
};
enum dsn_notify {
	NOTIFY_DEFAULT = 0, NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8,
	NOTIFY_ASKED = 15,		/* all of what a sender can ask for */
	NOTIFY_DELAYED = 16,		/* ours: the sender has been told of a delay */
	NOTIFY_OVERDUE = 32,		/* ours: and that the time of DELIVERBY is over */
};
enum envelope_flags {
	ENVELOPE_8BIT = 1,
	ENVELOPE_UTF8 = 2,		/* given with SMTPUTF8, and an address or the header section is not ASCII: RFC 6531 */
	ENVELOPE_DOTS = 4,		/* a line begins with a dot */
	ENVELOPE_LONG_LINES = 8,	/* a line is over 998 octets */
	ENVELOPE_BOUNCE = 16,		/* our own notice */
	ENVELOPE_BINARY = 32,		/* BODY=BINARYMIME (RFC 3030): lines mean nothing in it; it may hold NUL, bare CR and LF */
	ENVELOPE_REQUIRETLS = 64,	/* REQUIRETLS (RFC 8689) */
	ENVELOPE_DOUBLE = 128,		/* our own notice that a message without a sender has failed: nothing is told of it */
};

struct envelope_rcpt {
	const char *address;		/* as given by the client */
	const char *domain;		/* canonical */
	unsigned notify;		/* dsn_notify bits */
	const char *orcpt;		/* "" or "rfc822;...", "utf-8;...": the address in clear, without xtext */
	enum rcpt_status status;
	uint32_t status_at;		/* offset of the status byte from the envelope's start (filled by reader and writer) */
	const char *last;		/* the last answer ("" none): "host [ip] 451 4.7.1 text", cleaned */
};
struct envelope_note { const char *key, *value; };

struct envelope {
	const char *sender;		/* "" for the null sender */
	const char *envid, *ret;	/* in clear, without xtext; "", "FULL" or "HDRS" */
	int64_t arrived;		/* microseconds since 1970 */
	unsigned flags;
	const char *client, *helo, *auth_user, *tls;	/* facts; "" when none: "192.0.2.1", "mx.example", "alice", "TLS1.3 cipher" */
	const char *session;		/* session id */
	unsigned attempts;		/* that failed so far, of the whole message */
	int64_t next;			/* seconds since 1970; also the mtime in later/ */
	int64_t deliver_by;		/* DELIVERBY (RFC 2852): seconds since 1970, 0 none */
	const char *by_mode;		/* with it: "R" or "N", and "T" behind it when a trace is wanted; else "" */
	int64_t hold_until;		/* FUTURERELEASE (RFC 4865): seconds since 1970, 0 none */
	int priority;			/* MT-PRIORITY (RFC 6710): -9 to 9, 0 when none was given */
	size_t rcpt_count, note_count;
	struct envelope_rcpt *rcpts;
	struct envelope_note *notes;
};

/* ---- the place ---- */

struct spool;
/* Opens directory descriptors lazily, once. WRITER is a number unique among living writers: the scoreboard slot; 16384
 * up to 32767: runner and tools (16384 + pid % 16384 will do). spool_create makes what is missing (owner UID/GID, 0700). */
struct spool *spool_open(const char *dir, unsigned writer, struct err *err);
bool spool_create(const char *dir, uid_t uid, gid_t gid, struct err *err) MUST_CHECK;
void spool_close(struct spool **sp);
/* This process manages PART of PARTS (part.h) of the queue and no other: what is locked, scanned and cleaned. At first: all of it. */
void spool_take_part(struct spool *sp, unsigned part, unsigned parts);
/* Exclusive lock (in spool/lock, a byte a directory) of the process that manages the queue. 1 taken, 0 somebody else has
 * it, -1 error. */
int spool_lock(struct spool *sp, bool wait, struct err *err);
void spool_new_id(struct spool *sp, char id[SPOOL_ID_SIZE]);
bool spool_id_valid(struct view id);
/* Where the file of message ID is in state STATE, in the spool DIR. */
const char *spool_path(const char *dir, enum spool_state state, const char *id, struct arena *a);
/* Enough room? Below the marks the caller answers 452 4.3.1. Cached for a second. */
bool spool_has_room(struct spool *sp, uint64_t min_bytes, uint64_t min_inodes);

/* ---- writing a message (worker, bounces, outbound_send). One journal commit. ---- */

struct spool_writer;
/* Content up to MEMORY bytes stays in memory; beyond it goes to tmp/. Nothing is on disk before that. */
struct spool_writer *spool_write_begin(struct spool *sp, size_t memory);
/* The queue id that it will have. */
const char *spool_write_id(const struct spool_writer *w);
/* The message is for DOMAIN first of all: its id becomes one of the part (of PARTS) that has mail for it. Before the first
 * spool_write. */
void spool_write_for(struct spool_writer *w, const char *domain, unsigned parts);
/* Appends content: wire form without dot-stuffing, CRLF line ends. */
bool spool_write(struct spool_writer *w, const void *data, size_t len, struct err *err) MUST_CHECK;
/* What has been written so far. */
uint64_t spool_write_size(const struct spool_writer *w);
ssize_t spool_write_read(struct spool_writer *w, uint64_t offset, void *out, size_t len);
/* Durable: [HEAD][content from byte SKIP on][envelope][trailer], file and directory synced, in new/. HEAD is
 * written in front (trace headers; or, with SKIP, a rewritten header section) and may be at most SPOOL_HEAD_ROOM + SKIP
 * bytes. On failure nothing is left behind. The envelope's status offsets are filled. */
bool spool_commit(struct spool_writer *w, struct view head, uint64_t skip, struct envelope *env, struct err *err) MUST_CHECK;
/* Frees; an uncommitted message vanishes. */
void spool_write_end(struct spool_writer **w);
/* The errno class of the last failure: true when the disk is full (ENOSPC, EDQUOT, EFBIG): 452 4.3.1, else 451 4.3.0. */
bool spool_write_full(const struct spool_writer *w);

/* ---- reading ---- */

struct spool_file {
	char id[SPOOL_ID_SIZE];
	enum spool_state state;
	int fd;				/* read-write for the runner, read-only for tools */
	uint64_t message_at, message_len;	/* where the message stands in the file */
	uint64_t envelope_at, envelope_len, end;	/* end: of the trailer in force, where the next update is written */
	uint32_t message_sum;		/* CRC-32 of the message, as the trailer says */
	bool marked;			/* its owner execute bit is set: it has been updated since it was accepted */
	struct envelope env;		/* memory of the arena given */
};
enum spool_read { SPOOL_READ_OK, SPOOL_READ_GONE, SPOOL_READ_INCOMPLETE /* no trailer: never acknowledged */, SPOOL_READ_DAMAGED, SPOOL_READ_ERROR };
/* Every length, offset and field is checked: the file is hostile. O_NOFOLLOW, regular files only. */
enum spool_read spool_file_open(struct spool *sp, const char *id, enum spool_state state, bool writable, struct arena *a, struct spool_file *out, struct err *err);
/* Looks in new, later, hold, bad. */
enum spool_read spool_file_find(struct spool *sp, const char *id, bool writable, struct arena *a, struct spool_file *out, struct err *err);
void spool_file_close(struct spool_file *f);
/* Reads the message and compares its checksum: after a power cut (spool_clean) and for a person who asks. */
enum spool_read spool_file_check(const struct spool_file *f, struct err *err);

/* ---- the queue-runner's changes ---- */

/* None of these is synced: after a power cut a recipient may get the message twice (RFC 5321 4.1.1.4 prefers that to none).
 * Overwrites one status byte in place. */
bool spool_set_status(struct spool_file *f, size_t rcpt, enum rcpt_status status, struct err *err) MUST_CHECK;
/* Appends env (attempts, answers, statuses) and a trailer; then sets the time. */
bool spool_update(struct spool_file *f, struct err *err) MUST_CHECK;
/* new|hold|later -> later with mtime WHEN (seconds). */
bool spool_defer(struct spool *sp, struct spool_file *f, int64_t when, struct err *err) MUST_CHECK;
bool spool_move(struct spool *sp, const char *id, enum spool_state from, enum spool_state to, struct err *err) MUST_CHECK;
bool spool_remove(struct spool *sp, const char *id, enum spool_state state, struct err *err) MUST_CHECK;

/* ---- scanning ---- */

/* The fraction of the time of a file in later/ says which domain it waits for, so that mail for one is found among a million
 * without reading them: a number made from the name, or one of these. It is a hint: a file system may lose it. */
#define SPOOL_DOMAIN_UNKNOWN 0u
#define SPOOL_DOMAIN_SEVERAL 999999999u
/* The number of DOMAIN (canonical), and of the recipients of ENV that are not done. */
uint32_t spool_domain(const char *domain);
uint32_t spool_domain_of(const struct envelope *env);
/* Calls EACH(ARG, id, mtime, domain) for every file of later/; stops when it returns false. */
bool spool_scan_later(struct spool *sp, bool (*each)(void *arg, const char *id, int64_t mtime, uint32_t domain), void *arg, struct err *err) MUST_CHECK;
/* Calls EACH(ARG, id, mtime) for every file of STATE; stops when it returns false. */
bool spool_scan(struct spool *sp, enum spool_state state, bool (*each)(void *arg, const char *id, int64_t mtime), void *arg, struct err *err) MUST_CHECK;
/* Removes the files of tmp/ and the incomplete ones of new/ that were last written at BEFORE (seconds) or earlier. Their writers
 * must be dead: a file taken from a living one is a message lost. COLD is for a start at which nobody lives who has
 * written before: then the messages in new/ are read too, and one that is damaged goes to bad/ (a power cut can leave holes). */
bool spool_clean(struct spool *sp, int64_t before, bool cold, unsigned *removed, struct err *err) MUST_CHECK;

/* Marks this process, and all that inherit the descriptor that is returned, as living users of the spool in DIR (a
 * shared lock on DIR/alive). *ALONE: nobody else was, so whatever is unfinished in the spool has no writer any more. -1 on error. */
int spool_presence(const char *dir, bool *alone, struct err *err);

#endif
