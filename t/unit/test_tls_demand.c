/* test_tls_demand.c - what a message demands of TLS, and what of that reaches the way to each host. */
#include "unit.h"
#include "../../queue/tls_demand.h"
#include <sys/mman.h>

static struct spool_file file_of(const char *text, unsigned flags)
{
	struct spool_file f = { .fd = memfd_create("message", MFD_CLOEXEC), .message_at = 3, .message_len = strlen(text) };

	f.env.flags = flags;
	f.env.sender = "alice@example.test";
	ck_assert(f.fd >= 0 && write(f.fd, "---", 3) == 3 && write(f.fd, text, strlen(text)) == (ssize_t)strlen(text));
	return f;
}

static const struct access *made(enum access_tls tls, bool verify)
{
	struct access a = access_copy(NULL);

	a.tls = tls;
	a.verify = verify;
	return access_make(&a);
}

/* A host named by DNS, one by a route, and a Unix socket. */
static struct targets *some(enum access_tls tls, bool verify)
{
	struct targets *t = targets_new();

	t->count = 3;
	for (size_t i = 0; i < t->count; i++) {
		t->list[i].addr.family = i < 2 ? 4 : 0;
		t->list[i].authentic = i == 1;
		t->list[i].access = made(tls, verify);
	}
	return t;
}

START_TEST(test_requiretls)
{
	static const enum access_tls before[] = { ACCESS_TLS_DEFAULT, ACCESS_TLS_NEVER, ACCESS_TLS_MAY, ACCESS_TLS_MUST };
	struct spool_file f = file_of("TLS-Required: No\r\n\r\n", ENVELOPE_REQUIRETLS);

	for (size_t i = 0; i < COUNT_OF(before); i++) {
		struct targets *t = some(before[i], false);

		tls_demand(t, &f, "Example.TEST");
		for (size_t k = 0; k < 2; k++) {
			const struct access *a = t->list[k].access;

			ck_assert(a->tls == ACCESS_TLS_MUST && a->verify && a->requiretls && a->domain_alone == (k == 0));
			ck_assert_str_eq(a->domain, k == 0 ? "example.test" : "");
		}
		ck_assert(!t->list[2].access || !t->list[2].access->requiretls);
		targets_release(&t);
	}
	close(f.fd);
}
END_TEST

/* RFC 8689 5: a notice goes to who promises nothing, but not in clear, nor to who is not known. */
START_TEST(test_notice)
{
	struct spool_file f = file_of("\r\n", ENVELOPE_REQUIRETLS);
	struct targets *t = some(ACCESS_TLS_DEFAULT, false);

	f.env.sender = "";
	tls_demand(t, &f, "example.test");
	for (size_t k = 0; k < 2; k++) {
		const struct access *a = t->list[k].access;

		ck_assert(a->tls == ACCESS_TLS_MUST && a->verify && !a->requiretls && a->domain_alone == (k == 0));
	}
	targets_release(&t);
	close(f.fd);
}
END_TEST

START_TEST(test_tls_required)
{
	static const struct { const char *header; bool no; } table[] = {
		{ "TLS-Required: No\r\n\r\n", true }, { "Subject: x\r\ntls-required:no\r\n", true }, { "TLS-Required:\r\n  No  \r\n\r\n", true },
		{ "TLS-Required: Yes\r\n\r\n", false }, { "TLS-Required: No way\r\n\r\n", false }, { "Subject: x\r\n\r\nTLS-Required: No\r\n", false },
		{ "TLS-Required\r\n\r\n", false }, { "\r\nTLS-Required: No\r\n", false }, { "", false }, { "a", false },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct spool_file f = file_of(table[i].header, 0);
		struct targets *t = some(ACCESS_TLS_DEFAULT, true), *must = some(ACCESS_TLS_MUST, true);

		tls_demand(t, &f, "example.test");
		tls_demand(must, &f, "example.test");
		ck_assert_msg((t->list[0].access && t->list[0].access->verify) == !table[i].no, "%zu", i);
		ck_assert(must->list[0].access->verify);	/* the operator's word */
		targets_release(&t);
		targets_release(&must);
		close(f.fd);
	}
}
END_TEST

UNIT_MAIN("tls_demand", test_requiretls, test_notice, test_tls_required)
