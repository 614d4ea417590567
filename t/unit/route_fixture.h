/* route_fixture.h - next hops in few words, for tests. */
#ifndef ROUTE_FIXTURE_H
#define ROUTE_FIXTURE_H

#include "unit.h"
#include "../../queue/route.h"

static inline bool add_hop(struct route *r, unsigned preference, const char *exchange)
{
	const char *problem = NULL;
	bool good = route_add(r, &(struct pr_mx){ .priority = preference, .exchange = exchange }, 0, &problem);

	ck_assert(good || (problem && *problem));
	return good;
}

#endif
