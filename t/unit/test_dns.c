/* test_dns.c - DNS packets as the Internet sends them, well-formed and hostile; answers carried in messages; and a
 * libunbound context with local data. */
#include "unit.h"
#include "dns_packet.h"
#include "../../lib/clock.h"
#include "../../lib/dns.h"
#include "../../lib/ipc.h"
#include <event2/event.h>
#include <unbound.h>

/* ---- a packet that is made, and read ---- */

static struct dns_answer *parsed(enum dns_type type)
{
	/* Exactly as long as it is, so that the sanitizer sees every byte read past its end. */
	uint8_t *copy = malloc(packet.len);

	memcpy(copy, packet.data, packet.len);
	struct dns_answer *a = dns_answer_parse(copy, packet.len, 0, type, false, false);

	free(copy);
	return a;
}

static void expect(enum dns_type type, enum dns_status status, unsigned count)
{
	struct dns_answer *a = parsed(type);

	ck_assert_msg(a->status == status && a->count == count, "%s, %u records; expected %s, %u", dns_status_text(a->status), a->count, dns_status_text(status), count);
	dns_answer_free(&a);
	ck_assert_ptr_null(a);
}

/* ---- what is well-formed ---- */

START_TEST(test_mx)
{
	begin(0, "Example.TEST", DNS_MX);
	add_mx("example.test", 10, "MX1.Example.test");
	add_mx("EXAMPLE.test", 65535, "mx2.example.test");
	add_mx("other.test", 1, "evil.example.test");
	struct dns_answer *a = parsed(DNS_MX);

	ck_assert_int_eq(a->status, DNS_OK);
	ck_assert_uint_eq(a->count, 2);
	ck_assert_uint_eq(a->ttl, 300);
	ck_assert_uint_eq(a->records[0].preference, 10);
	ck_assert_str_eq(a->records[0].name, "mx1.example.test");
	ck_assert_uint_eq(a->records[1].preference, 65535);
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_null_mx)
{
	begin(0, "example.test", DNS_MX);
	add_mx("example.test", 0, "");
	struct dns_answer *a = parsed(DNS_MX);

	ck_assert_uint_eq(a->count, 1);
	ck_assert_str_eq(a->records[0].name, "");
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_addresses)
{
	char text[NETADDR_TEXT];

	begin(0, "a.test", DNS_A);
	add_raw("a.test", DNS_A, 0x80000001, "\xc0\0\2\1", 4);
	struct dns_answer *a = parsed(DNS_A);

	ck_assert_str_eq(netaddr_text(&a->records[0].addr, text), "192.0.2.1");
	ck_assert_uint_eq(a->ttl, 0);	/* RFC 2181 section 8 */
	dns_answer_free(&a);
	begin(0, "a.test", DNS_AAAA);
	add_raw("a.test", DNS_AAAA, 5, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	add_raw("a.test", DNS_AAAA, 9, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	a = parsed(DNS_AAAA);
	ck_assert_str_eq(netaddr_text(&a->records[0].addr, text), "2001:db8::1");
	ck_assert_str_eq(netaddr_text(&a->records[1].addr, text), "192.0.2.1");	/* one form for one address */
	ck_assert_uint_eq(a->ttl, 5);
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_txt_and_tlsa)
{
	begin(0, "t.test", DNS_TXT);
	add_raw("t.test", DNS_TXT, 60, "\5v=spf\0\2 -", 10);
	add_raw("t.test", DNS_TXT, 60, "\3\0\xff\n", 4);
	struct dns_answer *a = parsed(DNS_TXT);

	ck_assert_uint_eq(a->count, 2);
	assert_view_eq(view_make((const char *)a->records[0].data, a->records[0].data_len), "v=spf -");
	ck_assert_mem_eq(a->records[1].data, "\0\xff\n", 3);
	dns_answer_free(&a);
	begin(0, "_25._tcp.mx.test", DNS_TLSA);
	add_raw("_25._tcp.mx.test", DNS_TLSA, 60, "\3\1\1abcd", 7);
	a = parsed(DNS_TLSA);
	ck_assert_uint_eq(a->records[0].data_len, 7);
	ck_assert_mem_eq(a->records[0].data, "\3\1\1abcd", 7);
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_aliases)
{
	begin(0, "a.test", DNS_MX);
	add_name("c.test", DNS_CNAME, "d.test");	/* not in order */
	add_name("a.test", DNS_CNAME, "B.test");
	add_name("b.test", DNS_CNAME, "c.test");
	add_mx("d.test", 5, "mx.test");
	expect(DNS_MX, DNS_OK, 1);
	begin(0, "a.test", DNS_CNAME);
	add_name("a.test", DNS_CNAME, "b.test");
	expect(DNS_CNAME, DNS_OK, 1);
	begin(0, "a.test", DNS_A);
	add_name("a.test", DNS_CNAME, "b.test");
	expect(DNS_A, DNS_NODATA, 0);
	begin(0, "a.test", DNS_A);			/* a loop */
	add_name("a.test", DNS_CNAME, "b.test");
	add_name("b.test", DNS_CNAME, "a.test");
	expect(DNS_A, DNS_TEMPORARY, 0);
}
END_TEST

START_TEST(test_alias_chain_length)
{
	for (int length = 9; length <= 12; length++) {
		char name[32], next[32];

		begin(0, "n0.test", DNS_A);
		for (int i = 0; i < length; i++) {
			snprintf(name, sizeof name, "n%d.test", i);
			snprintf(next, sizeof next, "n%d.test", i + 1);
			add_name(name, DNS_CNAME, next);
		}
		add_raw(next, DNS_A, 1, "\1\2\3\4", 4);
		if (length <= 10)
			expect(DNS_A, DNS_OK, 1);
		else
			expect(DNS_A, DNS_TEMPORARY, 0);
	}
}
END_TEST

START_TEST(test_rcodes)
{
	static const struct { unsigned flags; enum dns_status status; } cases[] = {
		{ 0, DNS_NODATA }, { 1, DNS_TEMPORARY }, { 2, DNS_TEMPORARY }, { 3, DNS_NXDOMAIN }, { 4, DNS_TEMPORARY }, { 5, DNS_TEMPORARY },
		{ 0x200, DNS_TEMPORARY },	/* truncated */
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		begin(cases[i].flags, "x.test", DNS_MX);
		expect(DNS_MX, cases[i].status, 0);
	}
	begin(3, "x.test", DNS_MX);	/* NXDOMAIN at the end of an alias */
	add_name("x.test", DNS_CNAME, "gone.test");
	expect(DNS_MX, DNS_NXDOMAIN, 0);
}
END_TEST

START_TEST(test_referral)
{
	uint8_t soa[400];

	begin(0, "x.test", DNS_MX);
	add_name("test", 2, "ns.test");
	to_authority();
	expect(DNS_MX, DNS_TEMPORARY, 0);
	size_t len = wire("ns.test", soa);
	len += wire("root.test", soa + len);
	memset(soa + len, 0, 20);
	add_raw("test", 6, 300, soa, len + 20);
	to_authority();
	expect(DNS_MX, DNS_NODATA, 0);
	begin(0, "x.test", DNS_MX);
	add_mx("x.test", 10, "mx.test");
	add_name("test", 2, "ns.test");
	to_authority();
	expect(DNS_MX, DNS_OK, 1);
}
END_TEST

/* ---- what is not ---- */

static const char long_label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";	/* 63 */

START_TEST(test_bad_names)
{
	static const char *const names[] = { "a b.test", "a\n.test", "%s%n.test", "a\1b", "\xff\xfe", "a\\b.test", "a\"b.test", "a(b", "a;b", "a@b.test", "a$b", "a/b" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		begin(0, "x.test", DNS_MX);
		add_mx("x.test", 10, names[i]);
		expect(DNS_MX, DNS_TEMPORARY, 0);	/* not "no MX": that would send mail to the A record */
		add_mx("x.test", 20, "fine.test");
		expect(DNS_MX, DNS_OK, 1);
		begin(0, "1.2.0.192.in-addr.arpa", DNS_PTR);
		add_name("1.2.0.192.in-addr.arpa", DNS_PTR, names[i]);
		expect(DNS_PTR, DNS_TEMPORARY, 0);
	}
}
END_TEST

START_TEST(test_dot_inside_a_label)
{
	uint8_t rdata[] = { 0, 10, 3, 'a', '.', 'b', 4, 't', 'e', 's', 't', 0 };

	begin(0, "x.test", DNS_MX);
	add_raw("x.test", DNS_MX, 1, rdata, sizeof rdata);
	expect(DNS_MX, DNS_TEMPORARY, 0);
}
END_TEST

START_TEST(test_longest_name)
{
	char name[300];

	snprintf(name, sizeof name, "%s.%s.%s.%.61s", long_label, long_label, long_label, long_label);	/* 253 */
	begin(0, "x.test", DNS_MX);
	add_mx("x.test", 10, name);
	struct dns_answer *a = parsed(DNS_MX);

	ck_assert_uint_eq(a->count, 1);
	ck_assert_str_eq(a->records[0].name, name);
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_bad_rdata)
{
	static const struct { enum dns_type type; const char *rdata; size_t len; } cases[] = {
		{ DNS_A, "", 0 }, { DNS_A, "\1\2\3", 3 }, { DNS_A, "\1\2\3\4\5", 5 }, { DNS_AAAA, "\1\2\3\4", 4 },
		{ DNS_MX, "", 0 }, { DNS_MX, "\0", 1 }, { DNS_MX, "\0\1", 2 }, { DNS_MX, "\0\1\3ab", 5 }, { DNS_MX, "\0\1\1a\0x", 6 },
		{ DNS_MX, "\0\1\xc0", 3 }, { DNS_MX, "\0\1\xff\xff", 4 }, { DNS_MX, "\0\1\x40" "ab", 5 },
		{ DNS_PTR, "", 0 }, { DNS_PTR, "\0", 1 }, { DNS_PTR, "\1a\0\0", 4 },
		{ DNS_TXT, "\5abc", 4 }, { DNS_TXT, "\1a\xff", 3 }, { DNS_TLSA, "\3\1\1", 3 }, { DNS_TLSA, "", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		begin(0, "x.test", cases[i].type);
		add_raw("x.test", cases[i].type, 1, cases[i].rdata, cases[i].len);
		expect(cases[i].type, DNS_TEMPORARY, 0);
	}
}
END_TEST

START_TEST(test_pointer_tricks)
{
	uint8_t itself[] = { 0, 1, 0xc0, 0 }, ahead[] = { 0, 1, 0xc0, 0 };

	begin(0, "x.test", DNS_MX);		/* a compression pointer to itself */
	size_t at = packet.len + sizeof "\1x\4test" + 10 + 2;

	itself[2] = (uint8_t)(0xc0 | at >> 8);
	itself[3] = (uint8_t)at;
	add_raw("x.test", DNS_MX, 1, itself, sizeof itself);
	expect(DNS_MX, DNS_TEMPORARY, 0);
	begin(0, "x.test", DNS_MX);		/* and past the end of the packet */
	ahead[2] = 0xff;
	ahead[3] = 0xff;
	add_raw("x.test", DNS_MX, 1, ahead, sizeof ahead);
	expect(DNS_MX, DNS_TEMPORARY, 0);
}
END_TEST

START_TEST(test_cut_and_flipped)
{
	begin(0, "x.test", DNS_MX);
	add_name("x.test", DNS_CNAME, "y.test");
	add_mx("y.test", 10, "mx.y.test");
	add_raw("y.test", DNS_TXT, 1, "\3abc", 4);
	struct packet whole = packet;

	for (size_t len = 0; len < whole.len; len++) {
		packet.len = len;
		struct dns_answer *a = parsed(DNS_MX);

		ck_assert_int_ne(a->status, DNS_NXDOMAIN);
		dns_answer_free(&a);
	}
	for (size_t at = 0; at < whole.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			packet = whole;
			packet.data[at] ^= (uint8_t)(1 << bit);
			struct dns_answer *a = parsed(DNS_MX);

			ck_assert_uint_le(a->count, 1);
			dns_answer_free(&a);
		}
}
END_TEST

START_TEST(test_many_records)
{
	begin(0, "x.test", DNS_MX);
	for (unsigned i = 0; i < 1000; i++)
		add_mx("x.test", i, "mx.test");
	struct dns_answer *a = parsed(DNS_MX);

	ck_assert_uint_eq(a->count, DNS_MAX_RECORDS);
	ck_assert(a->truncated);
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_not_an_answer)
{
	begin(0, "x.test", DNS_MX);
	packet.data[2] &= 0x7f;		/* a question */
	expect(DNS_MX, DNS_TEMPORARY, 0);
	begin(0, "x.test", DNS_A);	/* to another question */
	expect(DNS_MX, DNS_TEMPORARY, 0);
	begin(0, "x.test", DNS_MX);
	packet.data[5] = 2;		/* two questions, one there */
	expect(DNS_MX, DNS_TEMPORARY, 0);
	struct dns_answer *a = dns_answer_parse(NULL, 0, 2, DNS_MX, false, false);

	ck_assert_int_eq(a->status, DNS_TEMPORARY);
	dns_answer_free(&a);
	begin(0, "x.test", DNS_MX);
	a = dns_answer_parse(packet.data, packet.len, 2, DNS_MX, false, true);
	ck_assert_int_eq(a->status, DNS_BOGUS);
	dns_answer_free(&a);
}
END_TEST

/* ---- in a message ---- */

static struct ipc_out out;
static struct ipc_in in;

static struct dns_answer *carried(const struct dns_answer *a, size_t cut)
{
	ipc_begin(&out, IPC_ANSWER);
	dns_answer_put(a, &out);
	ck_assert(!out.failed);
	in = (struct ipc_in){ .len = out.len - cut, .at = 2, .type = IPC_ANSWER };
	memcpy(in.data, out.data, in.len);
	return dns_answer_get(&in);
}

START_TEST(test_carry)
{
	begin(0, "t.test", DNS_TXT);
	add_raw("t.test", DNS_TXT, 60, "\3a\0b", 4);
	add_raw("t.test", DNS_TXT, 60, "\1c", 2);
	struct dns_answer *a = parsed(DNS_TXT), *b;

	a->secure = true;
	b = carried(a, 0);
	ck_assert(ipc_end(&in, NULL));
	ck_assert_int_eq(b->status, DNS_OK);
	ck_assert(b->secure && !b->truncated);
	ck_assert_uint_eq(b->ttl, 60);
	ck_assert_uint_eq(b->count, 2);
	ck_assert_mem_eq(b->records[0].data, "a\0b", 3);
	ck_assert_uint_eq(b->records[1].data_len, 1);
	dns_answer_free(&b);
	for (size_t cut = 1; cut <= out.len - 2; cut++) {
		b = carried(a, cut);
		ck_assert_int_eq(b->status, DNS_TEMPORARY);
		ck_assert_uint_eq(b->count, 0);
		dns_answer_free(&b);
	}
	dns_answer_free(&a);
}
END_TEST

START_TEST(test_carry_too_much)
{
	static uint8_t rdata[4096];

	for (size_t at = 0; at + 256 <= sizeof rdata; at += 256)
		rdata[at] = 255;
	begin(0, "t.test", DNS_TXT);
	for (int i = 0; i < 15; i++)
		add_raw("t.test", DNS_TXT, 60, rdata, sizeof rdata);
	struct dns_answer *a = parsed(DNS_TXT), *b;

	ck_assert_uint_eq(a->count, 15);
	b = carried(a, 0);
	ck_assert(ipc_end(&in, NULL));
	ck_assert_uint_ge(b->count, 14);
	ck_assert(b->count == 15 || b->truncated);
	dns_answer_free(&a);
	dns_answer_free(&b);
}
END_TEST

START_TEST(test_carry_nonsense)
{
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		in = (struct ipc_in){ .len = 2 + (size_t)(rand_r(&seed) % 400), .at = 2, .type = IPC_ANSWER };
		for (size_t i = 2; i < in.len; i++)
			in.data[i] = (uint8_t)(rand_r(&seed) % (i < 12 ? 6 : 256));
		struct dns_answer *a = dns_answer_get(&in);

		ck_assert(a->status == DNS_TEMPORARY || a->count <= DNS_MAX_RECORDS);
		dns_answer_free(&a);
	}
}
END_TEST

/* ---- libunbound ---- */

static const char *no_list[] = { NULL };
static const char *local_data[] = { "example.test. 300 IN MX 10 mx.example.test.", "mx.example.test. 300 IN A 192.0.2.25", NULL };

struct asked { int calls; enum dns_status status; unsigned count; char name[DNS_NAME_SIZE]; };

static void done(void *arg, struct dns_answer *answer)
{
	struct asked *a = arg;

	a->calls++;
	a->status = answer->status;
	a->count = answer->count;
	if (answer->count > 0)
		memcpy(a->name, answer->records[0].name, sizeof a->name);
	dns_answer_free(&answer);
}

static struct settings resolver_settings(void)
{
	return (struct settings){ .resolver_forwarders = no_list, .resolver_local_data = local_data, .resolver_resolv_conf = "", .resolver_trust_anchor = "" };
}

START_TEST(test_local_data)
{
	static const struct { const char *name; enum dns_type type; enum dns_status status; unsigned count; } cases[] = {
		{ "example.test", DNS_MX, DNS_OK, 1 }, { "EXAMPLE.test.", DNS_MX, DNS_OK, 1 }, { "mx.example.test", DNS_A, DNS_OK, 1 },
		{ "mx.example.test", DNS_AAAA, DNS_NODATA, 0 }, { "other.test", DNS_MX, DNS_NXDOMAIN, 0 },
		{ "a..b", DNS_MX, DNS_NXDOMAIN, 0 },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test", DNS_MX, DNS_NXDOMAIN, 0 },
	};
	struct event_base *base = event_base_new();
	struct settings s = resolver_settings();
	struct err err = { "" };
	struct ub_ctx *ctx = dns_context(base, &s, &err);

	ck_assert_msg(ctx != NULL, "%s", err.text);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct asked asked = { 0 };
		struct dns_query *q = dns_ask(ctx, base, cases[i].name, cases[i].type, 5000, done, &asked);

		while (q != NULL && asked.calls == 0)
			event_base_loop(base, EVLOOP_ONCE);
		ck_assert_msg(asked.calls == 1 && asked.status == cases[i].status && asked.count == cases[i].count, "%s: %d calls, %s, %u",
			cases[i].name, asked.calls, dns_status_text(asked.status), asked.count);
	}
	ub_ctx_delete(ctx);
	event_base_free(base);
}
END_TEST

/* A forwarder that never answers: the deadline holds, and a cancelled question stays silent. */
START_TEST(test_deadline_and_cancel)
{
	struct event_base *base = event_base_new();
	struct settings s = resolver_settings();
	const char *forwarders[] = { NULL, NULL };
	struct asked late = { 0 }, cancelled = { 0 };
	struct err err = { "" };
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	char forwarder[32];
	int silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(silent, (struct sockaddr *)&sa, sizeof sa), 0);
	ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&sa, &len), 0);
	snprintf(forwarder, sizeof forwarder, "127.0.0.1@%u", ntohs(sa.sin_port));
	forwarders[0] = forwarder;
	s.resolver_forwarders = forwarders;
	struct ub_ctx *ctx = dns_context(base, &s, &err);

	ck_assert_msg(ctx != NULL, "%s", err.text);
	int64_t start = clock_ms();
	struct dns_query *q = dns_ask(ctx, base, "slow.example", DNS_MX, 50, done, &late);
	struct dns_query *other = dns_ask(ctx, base, "other.example", DNS_MX, 20, done, &cancelled);

	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_nonnull(other);
	dns_cancel(&other);
	ck_assert_ptr_null(other);
	while (late.calls == 0)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(late.status, DNS_TEMPORARY);
	ck_assert_int_ge(clock_ms() - start, 40);
	ck_assert_int_eq(cancelled.calls, 0);
	close(silent);
	ub_ctx_delete(ctx);
	event_base_free(base);
}
END_TEST

START_TEST(test_bad_settings)
{
	struct event_base *base = event_base_new();
	const char *forwarders[] = { "not an address", NULL }, *data[] = { "nonsense", NULL };

	for (int i = 0; i < 4; i++) {
		struct settings s = resolver_settings();
		struct err err = { "" };

		if (i == 0)
			s.resolver_forwarders = forwarders;
		else if (i == 1)
			s.resolver_local_data = data;
		else if (i == 2)
			s.resolver_resolv_conf = "/nonexistent/resolv.conf";
		else
			s.resolver_trust_anchor = "/nonexistent/root.key";
		struct ub_ctx *ctx = dns_context(base, &s, &err);

		ck_assert_msg((ctx == NULL) == (err.text[0] != '\0'), "%d: %s", i, err.text);
		ck_assert_msg(ctx == NULL, "%d was accepted", i);
	}
	event_base_free(base);
}
END_TEST

UNIT_MAIN("dns", test_mx, test_null_mx, test_addresses, test_txt_and_tlsa, test_aliases, test_alias_chain_length, test_rcodes, test_referral, test_bad_names,
	test_dot_inside_a_label, test_longest_name, test_bad_rdata, test_pointer_tricks, test_cut_and_flipped, test_many_records,
	test_not_an_answer, test_carry, test_carry_too_much, test_carry_nonsense, test_local_data, test_deadline_and_cancel, test_bad_settings)
