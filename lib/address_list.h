/* address_list.h - the addresses in From, Sender, Reply-To, To, Cc and the like (RFC 5322 3.4, with the obsolete forms of 4.4 and the UTF-8 of
 * RFC 6532). It reads what is written and says when that is not the grammar: senders and readers of mail disagree there, and that is where a
 * forged address hides. */
#ifndef ADDRESS_LIST_H
#define ADDRESS_LIST_H

#include "base.h"
#include "arena.h"
#include "view.h"

#define ADDRESS_LIST_MAX 1000	/* entries */

struct address_entry {
	const char *name;	/* display name, or else the comment behind the address: decoded, UTF-8; "" when there is none */
	const char *address;	/* "local@domain" without comments and blanks, as address_split reads it; "" when it is none */
	const char *domain;	/* canonical; "" when there is no address */
	const char *group;	/* name of the group that it is in, decoded; "" outside of groups */
};

enum address_list_result {
	ADDRESS_LIST_OK,	/* all of it is grammar; a list may be empty, as "undisclosed recipients:;" */
	ADDRESS_LIST_BROKEN,	/* something is not: the entries are what could be read nevertheless, one or more without an address */
	ADDRESS_LIST_LIMIT,	/* more than ADDRESS_LIST_MAX; those are there */
};

/* Reads TEXT, folded or not, into a NULL-terminated list in A. */
enum address_list_result address_list_parse(struct view text, struct arena *a, const struct address_entry *const **list);

#endif
