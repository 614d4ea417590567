/* listfile.h - the plain configuration files: one entry a line, "#" begins a comment (at the start of a
 * line or after a blank), blank lines are skipped, entries are trimmed. As qpsmtpd's config(). */
#ifndef LISTFILE_H
#define LISTFILE_H

#include "base.h"
#include "err.h"
#include "arena.h"
#include "netaddr.h"

struct listfile {
	const char *path;
	size_t count;
	const char **lines;	/* trimmed entries */
	const unsigned *numbers;/* their line numbers, from 1 */
};

/* Reads DIR/NAME; memory is A's. A file that does not exist is an empty list (count 0, true). Fails on
 * unreadable files, NUL bytes, lines over 4 KiB, files over 64 MiB. */
bool listfile_read(const char *dir, const char *name, struct arena *a, struct listfile *out, struct err *err) MUST_CHECK;
/* The first entry, or FALLBACK when there is none. */
const char *listfile_first(const struct listfile *f, const char *fallback);

/* A set of domains with qpsmtpd's meaning: "example.com" that name only, ".example.com" every name below
 * it, "*" all (accepted only where the caller allows it). Hash table; canonical comparison (address.h). */
struct hostset;
struct hostset *hostset_new(void);
void hostset_free(struct hostset **set);
/* VALUE is kept by pointer and returned on a match (routes); use "" when there is none. */
bool hostset_add(struct hostset *set, const char *entry, const void *value, struct err *err) MUST_CHECK;
/* Most specific match: the name, then its parents' ".parent" entries, then "*". NULL when none. */
const void *hostset_find(const struct hostset *set, struct view domain);
size_t hostset_count(const struct hostset *set);

#endif
