/* tls_policy.h - what tls.conf says of TLS with the servers that we deliver to: with whom it is not spoken, with whom it must be
 * and with what certificates. What holds for a domain is found out with its route, what holds for a host with its addresses;
 * both end in the access (access.h) of a target, so connections of different security are never taken for one another, and
 * a delivery for which nothing special is said costs nothing. */
#ifndef TLS_POLICY_H
#define TLS_POLICY_H

#include "../lib/base.h"
#include "../lib/err.h"
#include "../lib/settings.h"
#include "../lib/tls.h"
#include "access.h"
#include "targets.h"

struct tls_policy;

/* From the section outbound, and those of plugins that say something of their own. Reads certificates and keys: call it as root. NULL
 * on error, ERR names file and reason. */
struct tls_policy *tls_policy_new(const struct settings *s, struct err *err);
void tls_policy_free(struct tls_policy **p);
/* Whether it reads private keys: our own certificate may be shown. */
bool tls_policy_has_keys(const struct settings *s);
/* The files that it was made of, absolute, and what watch_fingerprint() said of them before. */
size_t tls_policy_files(const struct tls_policy *p, const char *const **paths, uint64_t *fingerprint);
/* The number for struct access of the next hops that PLUGIN gives ("queue/smtp_forward:1": folder and number do not count). */
unsigned tls_policy_section(const struct tls_policy *p, const char *plugin);

/* In both *ACCESS (held, or NULL) is replaced by what there is to know in addition; a NULL P knows nothing. Of two lists that name
 * the same partner the one that demands more wins. */

/* Of mail for DOMAIN. BY_NAME: the host that it goes to is named by a route, and its certificate is for that name alone. */
void tls_policy_domain(const struct tls_policy *p, const char *domain, bool by_name, const struct access **access);
/* Of the host NAME at ADDR. DOMAIN: that of the recipients, for which the host's certificate may be, too; "": it may not. */
void tls_policy_host(const struct tls_policy *p, const char *name, const struct netaddr *addr, const char *domain, const struct access **access);

/* How much TLS the target needs: what its access, or else outbound.conf says; never ACCESS_TLS_DEFAULT. */
enum access_tls tls_policy_need(const struct settings *s, const struct target *t);
/* Whether our own certificate is shown. */
bool tls_policy_certificate(const struct tls_policy *p, const struct access *access);
/* Equal for connections whose TLS session may be that of one another: the same host at the same address, of which the same is demanded and
 * that is shown the same. Returns OUT. */
#define TLS_POLICY_SESSION (TARGET_TEXT + 2 * DNS_NAME_SIZE + 64)
char *tls_policy_session(const struct tls_policy *p, const struct target *t, char out[TLS_POLICY_SESSION]);
/* The credentials for those gone to by ACCESS, and the settings of its section. */
struct tls_context *tls_policy_context(const struct tls_policy *p, const struct access *access);
const struct tls_settings *tls_policy_settings(const struct tls_policy *p, const struct access *access);

#endif
