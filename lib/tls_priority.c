/* tls_priority.c - see tls_priority.h. */
#include "tls_priority.h"
#include "buf.h"

#define PRIORITY_MAX 4096

/* The newest first: a client lists them in this order. */
static const struct { const char *name, *gnutls; } versions[] = {
	{ "TLSv1.3", "TLS1.3" }, { "TLSv1.2", "TLS1.2" }, { "TLSv1.1", "TLS1.1" }, { "TLSv1", "TLS1.0" },
};

static void put_versions(const struct tls_settings *t, struct buf *text)
{
	buf_puts(text, ":-VERS-ALL");
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		buf_printf(text, ":+VERS-%s", versions[i].gnutls);
		if (strcmp(versions[i].name, t->min_version) == 0)
			return;
	}
}

gnutls_priority_t tls_priority_make(const struct tls_settings *t, struct err *err)
{
	gnutls_priority_t priority = NULL;
	struct buf text;
	const char *at = NULL;

	buf_init(&text, PRIORITY_MAX);
	buf_puts(&text, *t->ciphers ? t->ciphers : "NORMAL");
	put_versions(t, &text);
	buf_puts(&text, ":%SERVER_PRECEDENCE");
	if (text.failed)
		err_set(err, "tls.conf: ciphers: found more than %d characters", PRIORITY_MAX - 200);
	else if (gnutls_priority_init2(&priority, buf_text(&text), &at, 0) < 0)
		err_set(err, "tls.conf: ciphers: found \"%s\", which GnuTLS does not understand from \"%s\" on", buf_text(&text), at ? at : buf_text(&text));
	buf_free(&text);
	return priority;
}
