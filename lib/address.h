/* address.h - mail addresses as RFC 5321 4.1.2 writes them in MAIL and RCPT, and the one place where
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
	ADDRESS_BARE_OK = 4,		/* no angle brackets needed (qpsmtpd's dont_require_anglebrackets) */
	ADDRESS_UTF8_OK = 8,		/* octets over 0x7f allowed (RFC 6531) */
};

/* Parses a path at the start of *INPUT and leaves *INPUT behind it (at the blank before parameters or
 * empty). A source route "@a,@b:" is read and dropped (RFC 5321 appendix C). Text is copied to A.
 * On failure returns false and points *WHY at a static sentence for the client. */
bool address_parse(struct view *input, unsigned flags, struct arena *a, struct address *out, const char **why) MUST_CHECK;
/* A bare "local@domain" (config files, command line); same rules, no brackets, whole input. */
bool address_parse_bare(struct view text, unsigned flags, struct arena *a, struct address *out) MUST_CHECK;
/* A domain name of RFC 5321 (letters, digits, hyphens, dots; labels 1-63; at most 255; no empty label). */
bool address_domain_valid(struct view domain, bool utf8);

/* Canonical form for comparing and as key: domain lower-cased, trailing dot removed, IDN to A-labels
 * (libidn2), local part unquoted where the quotes are not needed; the local part's case is kept. */
char *address_canonical(const struct address *addr, struct arena *a);
/* Canonical domain: lower case, no trailing dot, A-labels. NULL when it is not a domain. Literals as they are. */
char *address_domain_canonical(struct view domain, struct arena *a);
/* The same into a buffer; false (and "") when it is not a domain. Allocates nothing for ASCII names. */
bool address_domain_fold(struct view domain, char out[ADDRESS_DOMAIN_MAX + 1]) MUST_CHECK;

#endif
