/* dns.h - DNS answers as one type, for the resolver process, its clients (resolve.h) and the queue-runner.
 * Everything in an answer is hostile: names are checked to be host names (no blanks, controls, or '%'...)
 * except TXT, records are capped at DNS_MAX_RECORDS, CNAME chains at 10. */
#ifndef DNS_H
#define DNS_H

#include "base.h"
#include "view.h"
#include "err.h"
#include "netaddr.h"
#include "settings.h"

#define DNS_MAX_RECORDS 100
#define DNS_NAME_SIZE 256

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_TLSA = 52 };

enum dns_status {
	DNS_OK,			/* at least one record */
	DNS_NODATA,		/* the name exists, no record of this type */
	DNS_NXDOMAIN,
	DNS_TEMPORARY,		/* SERVFAIL, time-out, resolver away: try again later */
	DNS_BOGUS,		/* DNSSEC validation failed: treat as temporary, say so */
};

struct dns_record {
	uint16_t preference;		/* MX */
	char name[DNS_NAME_SIZE];	/* MX exchange, PTR or CNAME target: lower case, no final dot; "" for null MX "." */
	struct netaddr addr;		/* A, AAAA */
	const uint8_t *data;		/* TXT (strings joined) and TLSA rdata; memory of the answer */
	size_t data_len;
};

struct dns_answer {
	enum dns_status status;
	bool secure;			/* DNSSEC-validated */
	uint32_t ttl;
	unsigned count;
	bool truncated;			/* there were more than DNS_MAX_RECORDS */
	struct dns_record *records;
};

/* Parses a wire-format packet (glibc ns_parse) as answer to TYPE. Free with dns_answer_free. Never NULL. */
struct dns_answer *dns_answer_parse(const uint8_t *packet, size_t len, int rcode, enum dns_type type, bool secure, bool bogus);
struct dns_answer *dns_answer_empty(enum dns_status status);
void dns_answer_free(struct dns_answer **answer);
const char *dns_status_text(enum dns_status status);
/* In an IPC_ANSWER, after its id: appended (records that do not fit are left out and `truncated` set), and read back. */
struct ipc_out;
struct ipc_in;
void dns_answer_put(const struct dns_answer *answer, struct ipc_out *m);
struct dns_answer *dns_answer_get(struct ipc_in *m);

/* A libunbound context on a libevent base, set up by resolver{} in S. NULL on error. */
struct ub_ctx;
struct event_base;
struct ub_ctx *dns_context(struct event_base *base, const struct settings *s, struct err *err);
/* Asks; DONE(ARG, answer) is called exactly once, from the loop (or before this returns, for data at
 * hand; then NULL is returned, and the query is over), and owns the answer. TIMEOUT_MS after which DNS_TEMPORARY is given. */
typedef void dns_done(void *arg, struct dns_answer *answer);
struct dns_query;
struct dns_query *dns_ask(struct ub_ctx *ctx, struct event_base *base, const char *name, enum dns_type type, int64_t timeout_ms, dns_done *done, void *arg);
/* DONE will not be called any more. */
void dns_cancel(struct dns_query **query);

#endif
