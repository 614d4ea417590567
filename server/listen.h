/* listen.h - the sockets that clients connect to: from the command line to bound, listening descriptors. */
#ifndef LISTEN_H
#define LISTEN_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "../lib/err.h"
#include "../lib/netaddr.h"
#include "cmdline.h"
#include "role.h"

#define LISTEN_MAX 256

struct listen_spec {
	struct netaddr addr;		/* with port; 0 any free one */
	enum listener_role role;
	bool proxy;			/* the PROXY header is demanded */
	bool optional;			/* the IPv6 half of "all addresses": a machine without IPv6 does without */
};

struct listen_set {
	size_t count;
	struct listener listeners[LISTEN_MAX + 2];	/* two more: those of this machine */
};

/* What is to be bound: every address without a port is combined with every port. SPECS of LISTEN_MAX. */
bool listen_plan(const struct cmdline *c, const struct settings *s, struct listen_spec *specs, size_t *count, struct err *err) MUST_CHECK;
/* Binds and listens: non-blocking, close-on-exec. Waits up to WAIT_MS for an address that is still in use (by
 * the last sessions of a master that was killed). On failure nothing stays open. */
bool listen_open(const struct listen_spec *specs, size_t count, int64_t wait_ms, struct listen_set *out, struct err *err) MUST_CHECK;
/* Adds the Unix sockets RUN_DIR/submit, for every user, and, as the last one, RUN_DIR/internal, for UID alone. */
bool listen_add_sockets(const char *run_dir, uid_t uid, gid_t gid, struct listen_set *set, struct err *err) MUST_CHECK;
/* Ends listening, in every process that shares the sockets, and closes them: clients are refused from now on. */
void listen_shut(const struct listener *listeners, size_t count);

/* "ready 127.0.0.1:2525/smtp [::1]:2525/smtp\n", without the Unix sockets. */
void listen_describe(const struct listen_set *set, struct buf *out);
/* The form in which a role is told: "5:smtp,6:smtps+proxy,7:local,8:internal"; and back. */
void listen_encode(const struct listen_set *set, struct buf *out);
bool listen_decode(const char *text, struct listen_set *out, struct err *err) MUST_CHECK;
const char *listen_role_name(enum listener_role role, bool proxy);	/* "smtp", "smtp+proxy" */

#endif
