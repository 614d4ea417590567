/* fuzz_dns.c - packets from name servers, and the same bytes as the answer of a resolver process that has been taken
 * over. Names that come out are host names, and what the resolver hands to a worker arrives as it was. */
#include "fuzz.h"
#include "../../lib/dns.h"
#include "../../lib/ipc.h"

static struct ipc_out out;
static struct ipc_in in;

static void check_answer(const struct dns_answer *a)
{
	MUST(a && a->count <= DNS_MAX_RECORDS && a->status <= DNS_BOGUS);
	MUST((a->status == DNS_OK) == (a->count > 0));
	for (unsigned i = 0; i < a->count; i++) {
		const struct dns_record *r = &a->records[i];
		size_t len = strnlen(r->name, sizeof(r->name));

		MUST(len < sizeof(r->name) && strspn(r->name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len);
		MUST(r->addr.family == 0 || r->addr.family == 4 || r->addr.family == 6);
		for (size_t k = 0; k < r->data_len; k++)
			MUST(r->data[k] <= 255);	/* read it all: it must lie in the answer */
	}
}

static void check_same(const struct dns_answer *a, const struct dns_answer *b)
{
	MUST(a->status == b->status && a->secure == b->secure && a->ttl == b->ttl && b->count <= a->count);
	for (unsigned i = 0; i < b->count; i++) {
		const struct dns_record *r = &a->records[i], *s = &b->records[i];

		MUST(r->preference == s->preference && strcmp(r->name, s->name) == 0 && netaddr_eq(&r->addr, &s->addr));
		MUST(r->data_len == s->data_len && (r->data_len == 0 || memcmp(r->data, s->data, r->data_len) == 0));
	}
}

/* Through the message and back. */
static void carry(const struct dns_answer *a)
{
	struct dns_answer *again;

	ipc_begin(&out, IPC_ANSWER);
	dns_answer_put(a, &out);
	MUST(!out.failed);
	in = (struct ipc_in){ .len = out.len, .at = 2, .type = IPC_ANSWER };
	memcpy(in.data, out.data, out.len);
	again = dns_answer_get(&in);
	check_answer(again);
	/* A single record that fills a message alone cannot be handed on. */
	if (again->count > 0 || a->status != DNS_OK)
		check_same(a, again);
	else
		MUST(again->status == DNS_TEMPORARY && a->records[0].data_len > IPC_MAX / 2);
	dns_answer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA };
	struct view bytes = view_make((const char *)data, size);
	uint8_t mode = fuzz_byte(&bytes);
	struct dns_answer *a = dns_answer_parse((const uint8_t *)bytes.data, bytes.len, 0, types[(mode & 127) % COUNT_OF(types)], mode & 128, false);

	check_answer(a);
	carry(a);
	dns_answer_free(&a);
	in.len = bytes.len < IPC_MAX ? bytes.len : IPC_MAX;
	in.at = 0;
	in.failed = false;
	in.type = IPC_ANSWER;
	if (in.len)
		memcpy(in.data, bytes.data, in.len);
	a = dns_answer_get(&in);
	if (a)
		check_answer(a);
	dns_answer_free(&a);
	return 0;
}
