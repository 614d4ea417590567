/* received.c - see received.h. Whatever came from the client is reduced to octets that cannot end a comment or start
 * a clause of the header. */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "received.h"

const char *received_with(bool esmtp, bool utf8, bool tls, bool authenticated)
{
	static const char *const names[2][2][2] = {	/* by utf8, tls, authenticated */
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
	};

	return esmtp ? names[utf8][tls][authenticated] : "SMTP";
}

#define PEER_MAX 200	/* octets of a certificate's name */

/* At most MAX octets of NAME; what is neither letter, digit nor one of OTHERS becomes "?". */
static void put_reduced(struct buf *out, const char *name, const char *others, size_t max)
{
	for (; *name && max; name++, max--) {
		bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			     (*name >= '0' && *name <= '9') || strchr(others, *name);

		buf_putc(out, plain ? *name : '?');
	}
}

static void put_name(struct buf *out, const char *name)
{
	put_reduced(out, name, "-._:[]", SIZE_MAX);
}

static void put_tls(struct buf *out, const struct received *f)
{
	buf_printf(out, "\r\n\t(version=%s cipher=%s", f->tls_version, f->tls_cipher);
	if (*f->tls_group)
		buf_printf(out, " group=%s", f->tls_group);
	buf_puts(out, ")");
	if (!*f->peer)
		return;
	buf_puts(out, "\r\n\t(client certificate ");
	put_reduced(out, f->peer, "-._:=,@ ", PEER_MAX);
	buf_printf(out, " verified=%s)", f->peer_verified ? "yes" : "no");
}

static void put_way(struct buf *out, const struct received *f)
{
	buf_puts(out, "from ");
	put_name(out, *f->helo ? f->helo : "unknown");
	if (*f->remote_literal) {
		buf_puts(out, " (");
		put_name(out, *f->remote_host ? f->remote_host : "unknown");
		buf_printf(out, " %s)", f->remote_literal);
	} else {
		buf_puts(out, " (local)");
	}
	buf_printf(out, "\r\n\tby %s (postrider) with %s id %s", f->me,
		   received_with(f->esmtp, f->utf8, *f->tls_version, f->authenticated), f->id);
}

void received_value(const struct received *f, struct buf *out)
{
	char date[CLOCK_DATE_SIZE];

	if (*f->user)	/* it has not come by SMTP from anywhere */
		buf_printf(out, "by %s (postrider, from %s) id %s", f->me, f->user, f->id);
	else
		put_way(out, f);
	if (*f->tls_version)
		put_tls(out, f);
	/* an address of 8-bit or quoted form is left out: it could break the line's grammar, and nobody needs it */
	if (*f->recipient && !f->recipient[strcspn(f->recipient, "\"<>()\\ \t\r\n\x7f")] &&
	    view_is_printable(view_of(f->recipient)))
		buf_printf(out, "\r\n\tfor <%s>", f->recipient);
	if (f->priority)	/* RFC 6710 4.1 */
		buf_printf(out, "\r\n\tPRIORITY %d", f->priority);
	buf_printf(out, "; %s", clock_date(f->now, date));
}
