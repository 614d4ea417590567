/* dns_parse.c - from a DNS packet in wire format to struct dns_answer. The packet is whatever the other side of
 * the Internet chose to send: glibc's ns_parse walks it within its bounds, every length is checked against its
 * type, every name must be a host name, and the way along CNAMEs ends after ten. */
#include "base.h"
#include "dns.h"
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#define CNAMES_MAX 10
#define TTL_MAX 604800		/* a week; also what a TTL over 2^31 is not (RFC 2181 section 8) */

struct parse {
	ns_msg msg;
	enum dns_type type;
	struct dns_answer *answer;
	uint8_t *store;			/* behind the records: rdata of TXT and TLSA */
	size_t store_left;
	unsigned unusable;		/* records of the type that were not well-formed */
};

/* ---- names ---- */

/* Letters, digits, "-", "_" and dots between labels; lower case, no final dot. The root becomes "". */
static bool host_name(const char *text, char out[DNS_NAME_SIZE])
{
	size_t len = strlen(text);

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len >= DNS_NAME_SIZE || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
		out[i] = c;
	}
	out[len] = '\0';
	return true;
}

/* Any name, as glibc writes it down (odd bytes escaped): for comparing owners, never handed out. */
static void plain_name(const char *text, char out[NS_MAXDNAME])
{
	size_t len = strnlen(text, NS_MAXDNAME - 1);

	if (len > 0 && text[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
	out[len] = '\0';
}

/* The name at offset AT of the rdata, which it must fill to the end. */
static bool rdata_name(const struct parse *p, ns_rr rr, size_t at, char out[NS_MAXDNAME])
{
	const uint8_t *rdata = ns_rr_rdata(rr);
	size_t len = ns_rr_rdlen(rr);

	if (at >= len)
		return false;
	int used = ns_name_uncompress(ns_msg_base(p->msg), ns_msg_end(p->msg), rdata + at, out, NS_MAXDNAME);

	return used > 0 && at + (size_t)used == len;
}

/* ---- rdata, by type ---- */

static bool read_a(struct parse *p UNUSED, ns_rr rr, struct dns_record *r)
{
	if (ns_rr_rdlen(rr) != 4)
		return false;
	r->addr.family = 4;
	memcpy(r->addr.bytes, ns_rr_rdata(rr), 4);
	return true;
}

static bool read_aaaa(struct parse *p UNUSED, ns_rr rr, struct dns_record *r)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };

	if (ns_rr_rdlen(rr) != 16)
		return false;
	memcpy(&sa.sin6_addr, ns_rr_rdata(rr), 16);
	r->addr = netaddr_from((const struct sockaddr *)&sa, sizeof sa);	/* turns mapped IPv4 into IPv4 */
	return true;
}

static bool read_name(struct parse *p, ns_rr rr, struct dns_record *r)
{
	char name[NS_MAXDNAME];

	return rdata_name(p, rr, 0, name) && host_name(name, r->name) && r->name[0] != '\0';
}

static bool read_mx(struct parse *p, ns_rr rr, struct dns_record *r)
{
	char name[NS_MAXDNAME];

	if (ns_rr_rdlen(rr) < 3 || !rdata_name(p, rr, 2, name) || !host_name(name, r->name))
		return false;
	r->preference = ns_get16(ns_rr_rdata(rr));
	return true;
}

/* The strings of a TXT record, joined as SPF and DKIM want them (RFC 7208 section 3.3). */
static bool read_txt(struct parse *p, ns_rr rr, struct dns_record *r)
{
	const uint8_t *at = ns_rr_rdata(rr);
	size_t left = ns_rr_rdlen(rr);

	r->data = p->store;
	while (left > 0) {
		size_t len = *at;

		if (len > left - 1 || len > p->store_left)
			return false;
		memcpy(p->store, at + 1, len);
		p->store += len;
		p->store_left -= len;
		r->data_len += len;
		at += len + 1;
		left -= len + 1;
	}
	return true;
}

/* RFC 6698 section 2.1: three bytes and the data, of which there is some. */
static bool read_tlsa(struct parse *p, ns_rr rr, struct dns_record *r)
{
	size_t len = ns_rr_rdlen(rr);

	if (len < 4 || len > p->store_left)
		return false;
	memcpy(p->store, ns_rr_rdata(rr), len);
	r->data = p->store;
	r->data_len = len;
	p->store += len;
	p->store_left -= len;
	return true;
}

typedef bool reader(struct parse *p, ns_rr rr, struct dns_record *r);

static reader *reader_of(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return read_a;
	case DNS_AAAA:
		return read_aaaa;
	case DNS_CNAME:
	case DNS_PTR:
		return read_name;
	case DNS_MX:
		return read_mx;
	case DNS_TXT:
		return read_txt;
	case DNS_TLSA:
		return read_tlsa;
	}
	return NULL;
}

/* ---- the answer section ---- */

static void note_ttl(struct parse *p, ns_rr rr)
{
	uint32_t ttl = ns_rr_ttl(rr);

	if (ttl > TTL_MAX)
		ttl = ttl > INT32_MAX ? 0 : TTL_MAX;
	if (ttl < p->answer->ttl)
		p->answer->ttl = ttl;
}

static void take(struct parse *p, ns_rr rr)
{
	struct dns_answer *a = p->answer;
	struct dns_record record = { 0 };

	if (a->count == DNS_MAX_RECORDS) {
		a->truncated = true;
		return;
	}
	if (!reader_of(p->type)(p, rr, &record)) {
		p->unusable++;
		return;
	}
	note_ttl(p, rr);
	a->records[a->count++] = record;
}

/* One pass for OWNER: takes its records; NEXT becomes the target of its CNAME, "" without one. False: broken packet. */
static bool pass(struct parse *p, const char *owner, char next[NS_MAXDNAME])
{
	next[0] = '\0';
	for (int i = 0; i < ns_msg_count(p->msg, ns_s_an); i++) {
		char name[NS_MAXDNAME], target[NS_MAXDNAME];
		ns_rr rr;

		if (ns_parserr(&p->msg, ns_s_an, i, &rr) != 0)
			return false;
		plain_name(ns_rr_name(rr), name);
		if (ns_rr_class(rr) != ns_c_in || strcmp(name, owner) != 0)
			continue;
		if (ns_rr_type(rr) == (ns_type)p->type) {
			take(p, rr);
		} else if (ns_rr_type(rr) == ns_t_cname) {
			if (!rdata_name(p, rr, 0, target))
				return false;
			plain_name(target, next);
			note_ttl(p, rr);
		}
	}
	return true;
}

static bool walk(struct parse *p)
{
	char owner[NS_MAXDNAME], next[NS_MAXDNAME];
	ns_rr question;

	if (ns_msg_count(p->msg, ns_s_qd) != 1 || ns_parserr(&p->msg, ns_s_qd, 0, &question) != 0 || ns_rr_type(question) != (ns_type)p->type)
		return false;
	plain_name(ns_rr_name(question), owner);
	for (int hop = 0; hop <= CNAMES_MAX; hop++) {
		if (!pass(p, owner, next))
			return false;
		if (p->answer->count > 0 || p->unusable > 0 || next[0] == '\0')
			return true;
		memcpy(owner, next, sizeof owner);
	}
	return false;
}

/* A forwarder that does not ask on says "ask those" in place of an answer (RFC 2308 2.2: name servers, and no SOA). To take that for
 * "there is none" would return mail. */
static bool is_referral(struct parse *p)
{
	bool servers = false;

	for (int i = 0; i < ns_msg_count(p->msg, ns_s_ns); i++) {
		ns_rr rr;

		if (ns_parserr(&p->msg, ns_s_ns, i, &rr) != 0 || ns_rr_type(rr) == ns_t_soa)
			return false;
		servers |= ns_rr_type(rr) == ns_t_ns;
	}
	return servers;
}

/* Records that are there but of which none is usable are not "none": the domain must not look as if it had no MX. */
static enum dns_status status_of(struct parse *p, int rcode)
{
	if (rcode == ns_r_nxdomain)
		return DNS_NXDOMAIN;
	if (p->answer->count > 0)
		return DNS_OK;
	return p->unusable > 0 || is_referral(p) ? DNS_TEMPORARY : DNS_NODATA;
}

static struct dns_answer *answer_new(size_t store)
{
	struct dns_answer *a = calloc(1, sizeof *a + DNS_MAX_RECORDS * sizeof *a->records + store);

	if (a == NULL)
		bug("out of memory for a DNS answer");
	a->records = (struct dns_record *)(a + 1);
	a->ttl = TTL_MAX;
	return a;
}

static struct dns_answer *parse(struct parse *p, const uint8_t *packet, size_t len, int rcode)
{
	bool fine = len <= NS_MAXMSG && ns_initparse(packet, (int)len, &p->msg) == 0 && ns_msg_getflag(p->msg, ns_f_qr) == 1 &&
		ns_msg_getflag(p->msg, ns_f_tc) == 0;

	if (fine && rcode == ns_r_noerror)
		rcode = ns_msg_getflag(p->msg, ns_f_rcode);
	if (!fine || (rcode != ns_r_noerror && rcode != ns_r_nxdomain))
		return dns_answer_empty(DNS_TEMPORARY);
	p->answer = answer_new(len);
	p->store = (uint8_t *)(p->answer->records + DNS_MAX_RECORDS);
	p->store_left = len;
	if (walk(p)) {
		p->answer->status = status_of(p, rcode);
	} else {
		p->answer->status = DNS_TEMPORARY;
	}
	if (p->answer->status != DNS_OK)
		p->answer->count = 0;
	return p->answer;
}

struct dns_answer *dns_answer_parse(const uint8_t *packet, size_t len, int rcode, enum dns_type type, bool secure, bool bogus)
{
	struct parse p = { .type = type };

	if (bogus)
		return dns_answer_empty(DNS_BOGUS);
	if (packet == NULL || reader_of(type) == NULL)
		return dns_answer_empty(DNS_TEMPORARY);
	struct dns_answer *a = parse(&p, packet, len, rcode);

	a->secure = secure && a->status != DNS_TEMPORARY;
	return a;
}
