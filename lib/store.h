/* store.h - the shared store: small facts that outlive a session and that all processes, and with Redis all machines, see:
 * what was greylisted, whose TLS failed, what was counted. Nothing that was promised to anybody is kept here: every user has an
 * answer for "the store is away", and says in its manual which.
 *
 * Two back ends, one behaviour (postrider.conf(5), "store"): LMDB, files of our own, and Redis. A worker asks and waits, at most
 * store_timeout (store_connect_timeout more for a new connection); the queue-runner asks and is called back. Nothing is opened
 * before the first question. A back end that fails is left alone for a while that grows from 1 to 30 seconds, by all processes
 * together (store_health.h): one of them tries, the others are told STORE_AWAY at once. */
#ifndef STORE_H
#define STORE_H

#include "base.h"
#include "arena.h"
#include "err.h"
#include "settings.h"
#include "view.h"

#define STORE_SPACE_MAX 31	/* octets of the name of a namespace */
#define STORE_KEY_MAX 400	/* octets of a key; at least one */
#define STORE_VALUE_MAX 65536	/* octets of a value; at least one */
#define STORE_TIME_MAX (INT64_C(100) * 366 * 86400 * 1000)	/* ms: the longest expiry */

/* A namespace. LASTING: LMDB keeps it in state_dir and syncs each change, so that it survives a restart of the machine and a power
 * cut costs at most the last change; else it is in run_dir, unsynced, and gone when the machine restarts. Redis keeps both as
 * its own configuration says. All who use a namespace must agree on it. */
struct store_space {
	const char *name;	/* letters, digits, "_", "-", "." */
	bool lasting;
};
bool store_space_valid(const char *name);

enum store_result {
	STORE_OK,
	STORE_NONE,		/* no such key (get, delete) */
	STORE_AWAY,		/* cannot be known now; nothing was changed, or that is not known either */
	STORE_BAD,		/* the question makes no sense: a length over its limit, add to what is no number */
};

enum store_kind { STORE_GET, STORE_SET, STORE_ADD, STORE_DELETE };

/* A question. Keys and values are any octets. */
struct store_op {
	enum store_kind kind;
	const struct store_space *space;
	struct view key;
	struct view value;	/* SET */
	int64_t n;		/* ADD: how much; may be negative */
	int64_t expiry;		/* ms. SET: the entry goes then; 0 never. ADD: the window, which begins with the first one (at least 1) */
};

struct store_answer {
	enum store_result result;
	struct view value;	/* GET: valid until the next question (store_do), or until DONE returns (store_ask) */
	int64_t count;		/* ADD: the sum of the window, N included */
	const char *why;	/* AWAY and BAD: for a log or a person; else "". As long as value */
};

struct store;
/* Reads store_password_file: to be called before root is given up. Opens nothing else, so that it can be made before processes are
 * forked, each of which then opens for itself. NULL with ERR. */
struct store *store_new(const struct settings *s, struct err *err);
void store_free(struct store **s);
/* Gives back what questions have opened and allocated, for a process that has nothing to do for a while; and before a fork. */
void store_rest(struct store *s);

/* ---- ask and wait ---- */

void store_do(struct store *s, const struct store_op *op, struct store_answer *answer);
/* The same by kind. *VALUE and *COUNT are set with STORE_OK only. */
enum store_result store_get(struct store *s, const struct store_space *space, struct view key, struct view *value);
enum store_result store_set(struct store *s, const struct store_space *space, struct view key, struct view value, int64_t expiry);
enum store_result store_add(struct store *s, const struct store_space *space, struct view key, int64_t n, int64_t window, int64_t *count);
enum store_result store_delete(struct store *s, const struct store_space *space, struct view key);

/* ---- list ---- */

struct store_entry {
	struct view key, value;	/* in the arena of the page */
	int64_t left;		/* ms until it goes; 0 never */
};
/* A part of the keys that begin with a prefix. To begin, all zero but ARENA and MAX; while MORE, hand it in again, with another
 * arena or the same, reset or not. LMDB gives keys in order; Redis in none, and may give one twice. A part may be empty although
 * there is more. */
struct store_page {
	struct arena *arena;
	size_t max;		/* entries of a part */
	size_t count;
	struct store_entry *entries;
	bool more;
	char after[STORE_SPACE_MAX + 1 + STORE_KEY_MAX + 1];	/* where to go on; the back end's */
	size_t after_len;
};
/* May block longer than store_timeout. With the name "" all namespaces, and keys are "NAMESPACE:KEY"; which of LMDB's files
 * is looked at the namespace says. Values that are longer than STORE_VALUE_MAX, or no text in Redis, are given empty. */
enum store_result store_list(struct store *s, const struct store_space *space, struct view prefix, struct store_page *page, struct err *err);

/* ---- ask and be called back (the queue-runner) ---- */

struct event_base;
struct store_query;
typedef void store_done(void *arg, const struct store_answer *answer);
/* From now on questions of this process may be asked with store_ask, which BASE answers; and every five seconds it does some
 * upkeep. */
void store_attach(struct store *s, struct event_base *base);
/* DONE is called exactly once, from the loop and never before this returns, unless cancelled. NULL: nobody wants to know. What OP
 * points to, but for the namespace, is copied. Never blocks for a network; LMDB is read and written at once. */
struct store_query *store_ask(struct store *s, const struct store_op *op, store_done *done, void *arg);
/* Nobody wants to know any more; what was asked may still be done. NULL is fine. */
void store_cancel(struct store_query **query);

/* ---- upkeep of LMDB's files, by one process of the server; for Redis these do nothing ---- */

/* Reads all there is in a process of its own, and sets a file aside that cannot be read. Before other processes use it; blocks. */
void store_prove(struct store *s);
/* Removes what has expired among the next N entries, and frees what dead processes hold. */
void store_clean(struct store *s, size_t n);

/* ---- for people ---- */

/* What the log calls it, for namespaces that are LASTING or not: "redis 127.0.0.1:6379 database 3", or the path of a file. */
const char *store_name(struct store *s, bool lasting);
/* What is found there: tries it, with a key of the namespace "check" in Redis; LMDB's files are only looked at. False with
 * ERR when it cannot be used. Blocks. */
#define STORE_DESCRIPTION 1024
bool store_describe(struct store *s, char out[STORE_DESCRIPTION], struct err *err) MUST_CHECK;
/* The check of the option `store`. */
const char *store_address_expected(const char *value);

#endif
