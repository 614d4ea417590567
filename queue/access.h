/* access.h - how a next hop is gone to, where that is not left to outbound.conf: with what security, from which address and under
 * which name, as which user. Equal ones are one object, so two connections are of the same kind when their pointers are equal;
 * NULL is the one in which nothing is special. */
#ifndef ACCESS_H
#define ACCESS_H

#include "../lib/base.h"
#include "../lib/netaddr.h"
#include "../lib/view.h"

enum access_tls {
	ACCESS_TLS_DEFAULT,		/* as enable_tls says */
	ACCESS_TLS_NEVER,
	ACCESS_TLS_MAY,			/* where it is offered; in clear when it fails */
	ACCESS_TLS_MUST,		/* or not at all */
};

/* Whether our own certificate is shown to a server that asks for one. */
enum access_certificate {
	ACCESS_CERTIFICATE_DEFAULT,	/* as mutual_tls says */
	ACCESS_CERTIFICATE_NEVER,
	ACCESS_CERTIFICATE_SHOWN,
};

struct access {
	enum access_tls tls;
	bool implicit_tls;		/* from the first octet on (RFC 8314 3.3) */
	bool verify;			/* where there is TLS, the server must have a valid certificate: else not even in clear */
	bool requiretls;		/* the server must promise the same for the message (RFC 8689 4.2.1) */
	enum access_certificate certificate;
	unsigned section;		/* of tls.conf: see tls_policy_section */
	bool auth_in_clear;
	const char *user, *password;	/* of AUTH; "" none */
	const char *mechanism;		/* the only one; "": the best that there is */
	struct netaddr bind4, bind6;	/* our own address; family 0: the system chooses. With one of them only, hosts of the other
					 * family are not gone to. */
	const char *helo;		/* our name; "": me */
	const char *domain;		/* the certificate may be for this name in place of the host's; "": it may not */
	bool domain_alone;		/* and may not be for the host, whose name DNS has given without a signature */
};

#define ACCESS_NAME_MAX 255		/* octets of a user name and a password: RFC 4616 2 */

/* The one that is equal to LIKE, whose texts are copied, or NULL when nothing in it is special. To be dropped. */
const struct access *access_make(const struct access *like);
/* What is in A, to be changed and made; of NULL what is in one in which nothing is special. */
struct access access_copy(const struct access *a);
const struct access *access_hold(const struct access *a);
/* Sets *A to NULL. */
void access_drop(const struct access **a);
/* What is in A but for the password, and which one it is: ",tls=must,user=x,#3"; "" for NULL. For keys and logs. Returns OUT. */
#define ACCESS_TEXT 1024
char *access_text(const struct access *a, char out[ACCESS_TEXT]);
/* "192.0.2.1", or one of each family with a comma between. False for anything else. */
bool access_parse_bind(struct access *a, struct view text) MUST_CHECK;
/* "never", "may", "must", or "verify": must, with a valid certificate. False for anything else. */
bool access_parse_tls(struct access *a, struct view text) MUST_CHECK;

#endif
