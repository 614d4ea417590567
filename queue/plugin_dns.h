/* plugin_dns.h - DNS for the hooks of the queue-runner, which must not wait: the answer is called back from the loop. */
#ifndef PLUGIN_DNS_H
#define PLUGIN_DNS_H

#include "../lib/base.h"
#include "../lib/dns.h"
#include "../lib/plugin.h"

struct runner;

enum pr_dns plugin_dns_result(enum dns_status status);
/* pr_dns_later in a hook of the queue-runner. */
void plugin_dns_ask(struct hook_call *call, const char *name, const char *type, pr_dns_done *done, void *arg);
/* How many are open: as long as they are, the context that they were asked of must live. */
size_t plugin_dns_open(void);
/* The process ends: nobody is called any more. */
void plugin_dns_end(void);

#endif
