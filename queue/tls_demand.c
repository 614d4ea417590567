/* tls_demand.c - see tls_demand.h. */
#include "tls_demand.h"
#include "../lib/address.h"
#include "../lib/field.h"

#define HEADER_MAX 65536		/* octets of a header section in which the field is looked for */

static void use(struct target *t, const struct access *with)
{
	const struct access *made = access_make(with);

	target_set_access(t, made);
	access_drop(&made);
}

/* RFC 8689 4.2.1: a name that DNS has given without a signature (and without MTA-STS, which we do not know) proves nothing. The domain's
 * own name in the certificate does. RFC 8689 5: a NOTICE is not lost for want of a promise, though it goes no other way. */
static void demand(struct target *t, const char *domain, bool notice)
{
	struct access with = access_copy(t->access);
	char folded[ADDRESS_DOMAIN_MAX + 1];

	with.tls = ACCESS_TLS_MUST;
	with.verify = true;
	with.requiretls = !notice;
	with.domain_alone = !t->authentic;
	if (!t->authentic)
		with.domain = address_domain_fold(view_of(domain), folded) ? folded : "";
	use(t, &with);
}

static bool says_no(const struct spool_file *f)
{
	size_t len = f->message_len < HEADER_MAX ? (size_t)f->message_len : HEADER_MAX;
	struct arena *a = arena_new(1024);
	char *text = arena_alloc(a, len + 1);
	ssize_t n = pread(f->fd, text, len, (off_t)f->message_at);
	struct field field;
	bool found = field_find(view_make(text, n > 0 ? (size_t)n : 0), VIEW("TLS-Required"), &field) && strcasecmp(field_value(&field, a), "No") == 0;

	arena_free(&a);
	return found;
}

/* Where TLS itself is demanded it is the operator's word, which a sender's does not change. */
static bool may_relax(const struct target *t)
{
	return t->access && t->access->verify && t->access->tls != ACCESS_TLS_MUST && !t->access->implicit_tls;
}

static void relax(struct targets *t, const struct spool_file *f)
{
	int no = -1;		/* not looked yet */

	for (size_t i = 0; i < t->count; i++) {
		if (!may_relax(&t->list[i]))
			continue;
		if (no < 0)
			no = says_no(f);
		if (!no)
			return;
		struct access with = access_copy(t->list[i].access);

		with.verify = false;
		use(&t->list[i], &with);
	}
}

void tls_demand(struct targets *t, const struct spool_file *f, const char *domain)
{
	if (!(f->env.flags & ENVELOPE_REQUIRETLS)) {
		relax(t, f);
		return;
	}
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].addr.family)	/* a Unix socket does not leave the machine */
			demand(&t->list[i], domain, !*f->env.sender);
}
