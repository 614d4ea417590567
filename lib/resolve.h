/* resolve.h - how a worker asks the resolver process (run_dir/resolver, SOCK_SEQPACKET). One connection per
 * worker, made at the first question and again after the resolver was restarted. Blocking with deadline. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "base.h"
#include "dns.h"

/* Where the resolver listens; kept by pointer. Nothing is opened yet. */
void resolve_init(const char *socket_path, int64_t timeout_ms);
/* Sends a question and returns its ticket (never 0), so that the answer can be waited for later. */
uint32_t resolve_ask(const char *name, enum dns_type type);
/* Waits for the answer to TICKET; gives DNS_TEMPORARY when the deadline (clock_ms) passes or the resolver
 * is away. Free with dns_answer_free. Answers to other open tickets are kept (at most 64). */
struct dns_answer *resolve_wait(uint32_t ticket, int64_t deadline);
/* The answer to TICKET is not wanted any more (end of session). */
void resolve_forget_all(void);

#endif
