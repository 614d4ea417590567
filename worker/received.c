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

static void put_name(struct buf *out, const char *name)
{
	for (; *name; name++) {
		bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			     (*name >= '0' && *name <= '9') || strchr("-._:[]", *name);

		buf_putc(out, plain ? *name : '?');
	}
}

void received_value(const struct received *f, struct buf *out)
{
	char date[CLOCK_DATE_SIZE];

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
	if (*f->tls_version)
		buf_printf(out, "\r\n\t(version=%s cipher=%s)", f->tls_version, f->tls_cipher);
	/* an address of 8-bit or quoted form is left out: it could break the line's grammar, and nobody needs it */
	if (*f->recipient && !f->recipient[strcspn(f->recipient, "\"<>()\\ \t\r\n\x7f")] &&
	    view_is_printable(view_of(f->recipient)))
		buf_printf(out, "\r\n\tfor <%s>", f->recipient);
	buf_printf(out, "; %s", clock_date(f->now, date));
}
