/* address.h - mail addresses as RFC 5321 4.1.2 and RFC 6531 3.3 write them in MAIL and RCPT, and the one form in which
 * addresses and domains are compared. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "base.h"
#include "view.h"
#include "arena.h"

/* Limits of RFC 5321 4.5.3.1: domain 255, path 256 octets with its brackets. The 64 octets of a local part are the least
 * that must be taken, and VERP and SRS senders need more: only the whole address is limited. */
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_MAX 254

struct address {
	const char *text;	/* "local@domain" as the client wrote it (no brackets, no source route); "" = null sender */
	struct view local;	/* the part before the last @, quotes kept */
	struct view domain;	/* after it; empty for the null sender and for <postmaster> */
	bool literal;		/* domain is an address literal "[...]" */
};

enum address_flags {
	ADDRESS_NULL_OK = 1,		/* <> is allowed (MAIL) */
	ADDRESS_POSTMASTER_OK = 2,	/* <postmaster> without domain is allowed (RCPT; RFC 5321 4.5.1) */
	ADDRESS_BARE_OK = 4,		/* no angle brackets needed; with ADDRESS_NULL_OK nothing at all is the null sender */
	ADDRESS_UTF8_OK = 8,		/* octets over 0x7f allowed (RFC 6531) */
};

/* Parses a path at the start of *INPUT and leaves *INPUT behind it (at the blank before parameters or
 * empty). A source route "@a,@b:" is read and dropped (RFC 5321 appendix C). Text is copied to A.
 * On failure returns false and points *WHY at a static sentence for the client. */
bool address_parse(struct view *input, unsigned flags, struct arena *a, struct address *out, const char **why) MUST_CHECK;
/* A bare "local@domain" (config files, command line, headers); same rules, no brackets, whole input. */
bool address_parse_bare(struct view text, unsigned flags, struct arena *a, struct address *out) MUST_CHECK;
/* The same without memory: the parts are views into TEXT, and out->text is "". */
bool address_split(struct view text, unsigned flags, struct address *out) MUST_CHECK;
/* Whether LOCAL can stand as a local part without quotes (RFC 5321 Dot-string). */
bool address_is_dot_string(struct view local);
/* A domain name of RFC 5321 (letters, digits, hyphens, dots; labels 1-63; at most 255; no empty label). With UTF8 labels
 * may be U-labels (RFC 6531 3.3); A-labels are names like others. */
bool address_domain_valid(struct view domain, bool utf8);

/* ---- for comparing ---- */

/* ADDRESS ("local@domain", "postmaster", or "" for the null sender) in the one form in which equal addresses are equal
 * texts: domain canonical (see below), local part without quotes and backslashes where they are not needed and in NFC (RFC 6532
 * 3.1). Only the host that owns a mailbox knows whether the case of its local part matters (RFC 5321 2.4): with FOLD_CASE it
 * does not (Unicode case folding), as lists for people want it. False, and "", for what is no address. */
#define ADDRESS_KEY_SIZE 1024	/* NFC makes a text three times as long at most */
bool address_key(struct view address, bool fold_case, char out[ADDRESS_KEY_SIZE]) MUST_CHECK;
/* The same of a parsed address, the case of the local part kept, in A. */
char *address_canonical(const struct address *addr, struct arena *a);
/* Canonical domain: lower case, no trailing dot, A-labels; an address literal as RFC 5321 4.1.3 and RFC 5952 write it. NULL when it
 * is no domain. */
char *address_domain_canonical(struct view domain, struct arena *a);
/* The same into a buffer; false (and "") when it is not a domain. Allocates nothing for ASCII names. */
bool address_domain_fold(struct view domain, char out[ADDRESS_DOMAIN_MAX + 1]) MUST_CHECK;

#endif
