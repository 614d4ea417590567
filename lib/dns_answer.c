/* dns_answer.c - struct dns_answer without the network: made empty, freed, named, and carried from the
 * resolver to a worker in an IPC_ANSWER. */
#include "base.h"
#include "dns.h"
#include "ipc.h"

#define RECORD_MAX (2 + 4 + DNS_NAME_SIZE + 1 + 16 + 4)	/* bytes of one record in a message, data aside */
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_."

static const char *const status_texts[] = {
	[DNS_OK] = "ok", [DNS_NODATA] = "no such record", [DNS_NXDOMAIN] = "no such name", [DNS_TEMPORARY] = "temporary failure",
	[DNS_BOGUS] = "DNSSEC validation failed",
};

const char *dns_status_text(enum dns_status status)
{
	return (size_t)status < COUNT_OF(status_texts) ? status_texts[status] : "unknown";
}

static struct dns_answer *answer_of(size_t records, size_t data)
{
	struct dns_answer *a = calloc(1, sizeof *a + records * sizeof *a->records + data);

	if (a == NULL)
		bug("out of memory for a DNS answer");
	a->records = (struct dns_record *)(a + 1);
	return a;
}

struct dns_answer *dns_answer_empty(enum dns_status status)
{
	struct dns_answer *a = answer_of(0, 0);

	a->status = status;
	return a;
}

void dns_answer_free(struct dns_answer **answer)
{
	free(*answer);
	*answer = NULL;
}

/* ---- in a message: u8 status, u8 secure, u8 truncated, u32 ttl, u16 count, then per record u16 preference,
 * string name, u8 family, 16 bytes address, string data ---- */

static void put_record(struct ipc_out *m, const struct dns_record *r)
{
	uint64_t half[2];

	memcpy(half, r->addr.bytes, sizeof half);
	ipc_put_u16(m, r->preference);
	ipc_put_view(m, view_of(r->name));
	ipc_put_u8(m, r->addr.family);
	ipc_put_u64(m, half[0]);
	ipc_put_u64(m, half[1]);
	ipc_put_view(m, view_make((const char *)r->data, r->data_len));
}

static unsigned how_many_fit(const struct dns_answer *a, size_t room)
{
	unsigned n = 0;

	while (n < a->count && a->records[n].data_len < room && RECORD_MAX <= room - a->records[n].data_len) {
		room -= RECORD_MAX + a->records[n].data_len;
		n++;
	}
	return n;
}

void dns_answer_put(const struct dns_answer *a, struct ipc_out *m)
{
	unsigned count = how_many_fit(a, IPC_MAX - m->len - 16);

	ipc_put_u8(m, (uint8_t)a->status);
	ipc_put_u8(m, a->secure);
	ipc_put_u8(m, a->truncated || count < a->count);
	ipc_put_u32(m, a->ttl);
	ipc_put_u16(m, (uint16_t)count);
	for (unsigned i = 0; i < count; i++)
		put_record(m, &a->records[i]);
}

static uint8_t *get_record(struct ipc_in *m, struct dns_record *r, uint8_t *store)
{
	uint64_t half[2];

	r->preference = ipc_get_u16(m);
	if (!view_copy(ipc_get_view(m), r->name, sizeof r->name) || r->name[strspn(r->name, HOST_CHARACTERS)] != '\0')
		m->failed = true;
	r->addr.family = ipc_get_u8(m);
	if (r->addr.family != 0 && r->addr.family != 4 && r->addr.family != 6)
		m->failed = true;
	half[0] = ipc_get_u64(m);
	half[1] = ipc_get_u64(m);
	memcpy(r->addr.bytes, half, sizeof half);
	struct view data = ipc_get_view(m);

	r->data = store;
	r->data_len = data.len;
	if (data.len > 0)
		memcpy(store, data.data, data.len);
	return store + data.len;
}

struct dns_answer *dns_answer_get(struct ipc_in *m)
{
	uint8_t status = ipc_get_u8(m), secure = ipc_get_u8(m), truncated = ipc_get_u8(m);
	uint32_t ttl = ipc_get_u32(m);
	unsigned count = ipc_get_u16(m);

	/* What dns.h promises of an answer is checked again: the resolver reads from the network, and may be lying. */
	if (m->failed || status > DNS_BOGUS || count > DNS_MAX_RECORDS || (status == DNS_OK) != (count > 0))
		return dns_answer_empty(DNS_TEMPORARY);
	struct dns_answer *a = answer_of(count, m->len);	/* data is a part of the message */
	uint8_t *store = (uint8_t *)(a->records + count);

	a->status = (enum dns_status)status;
	a->secure = secure != 0;
	a->truncated = truncated != 0;
	a->ttl = ttl;
	a->count = count;
	for (unsigned i = 0; i < count && !m->failed; i++)
		store = get_record(m, &a->records[i], store);
	if (m->failed) {
		a->status = DNS_TEMPORARY;
		a->count = 0;
	}
	return a;
}
