/* whereabouts.h - to which site a domain led when that was last found out, both as numbers (spool_domain): 8 bytes a domain,
 * so that it need not be forgotten while mail for it is deferred. */
#ifndef WHEREABOUTS_H
#define WHEREABOUTS_H

#include "../lib/base.h"

#define WHEREABOUTS_MAX (1u << 22)	/* domains; then all are forgotten */

struct whereabouts {
	uint32_t (*at)[2];		/* domain (0: free), site */
	size_t count, size;		/* size: a power of two */
};

void whereabouts_set(struct whereabouts *w, uint32_t domain, uint32_t site);
/* 0: not known. */
uint32_t whereabouts_get(const struct whereabouts *w, uint32_t domain);
void whereabouts_free(struct whereabouts *w);

#endif
