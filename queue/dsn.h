/* dsn.h - what the sender asked for in reports (RFC 3461), as parameters for a server that offers DSN. */
#ifndef DSN_H
#define DSN_H

#include "../lib/base.h"
#include "../lib/buf.h"
#include "spool.h"

/* Append " RET=..." and " ENVID=..." for MAIL; " NOTIFY=..." and " ORCPT=..." for RCPT (RFC 3461 5.2.1: what was not given is not
 * made up). What cannot be written by the rules is left out. */
void dsn_put_mail(struct buf *out, const struct envelope *env);
void dsn_put_rcpt(struct buf *out, const struct envelope_rcpt *rcpt);
/* ADDRESS in the ASCII form of an internationalised one, utf-8-addr-xtext of RFC 6533 3. False when it is not UTF-8, with
 * nothing appended. */
bool dsn_put_utf8_address(struct buf *out, struct view address);
/* Splits ORCPT ("rfc822;address") at its first semicolon; *TYPE is empty when there is none. Returns the address. */
struct view dsn_split_orcpt(const char *orcpt, struct view *type);

#endif
