/* check.h - what a start needs beyond the settings: plugins, keys, the end of root, TLS where TLS is promised.
 * The forkserver does it to serve, --check and `postrider check` to see whether it would. */
#ifndef CHECK_H
#define CHECK_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/plugin.h"
#include "../lib/settings.h"
#include "../lib/store.h"
#include "../lib/tls.h"
#include "cmdline.h"
#include "keyholder.h"
#include "role.h"

/* Loads the plugins, lets them, TLS and the store read what only root may, gives up root for good, and initialises the plugins.
 * *TLS becomes NULL when no plugin asked for TLS. KEYS: where the private keys go, when TLS is on and key_process says so, with
 * ARGS for it; NULL: they are read here, and the process is of no use for anything but to say whether all is well. */
bool check_load(const struct settings *s, struct plugin_list **plugins, struct tls_context **tls, struct store **store, struct keyholder *keys,
		const struct role_args *args, struct err *err) MUST_CHECK;
/* A listener of this role can be served (smtps needs TLS, proxies need somebody to be believed). */
bool check_listener(const struct settings *s, enum listener_role role, bool proxy, const struct tls_context *tls, struct err *err) MUST_CHECK;
/* Everything that start-up does, binding nothing and writing nothing (--check, `postrider check`), and prints what the store
 * says, without which a server starts as well. Gives up root: the process is of no further use for anything else. C NULL: the
 * ports are not looked at. */
bool check_run(const struct settings *s, const struct cmdline *c, struct err *err) MUST_CHECK;

#endif
