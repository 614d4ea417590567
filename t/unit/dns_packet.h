/* dns_packet.h - DNS answers for unit tests, put together octet by octet: begin, then records. */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include "../../lib/base.h"
#include "../../lib/dns.h"

struct packet {
	uint8_t data[65535];
	size_t len;
};

static struct packet packet;

static inline void put(const void *data, size_t len)
{
	memcpy(packet.data + packet.len, data, len);
	packet.len += len;
}

static inline void put16(unsigned v)
{
	put((uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static inline void put_name(const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		put((uint8_t[]){ (uint8_t)len }, 1);
		put(name, len);
		name += len + (name[len] == '.');
	}
	put("", 1);
}

static inline void begin(unsigned flags, const char *question, unsigned type)
{
	packet.len = 0;
	put16(1);
	put16(0x8180 | flags);
	put16(1);
	put16(0);
	put16(0);
	put16(0);
	put_name(question);
	put16(type);
	put16(1);
}

static inline void add_raw(const char *owner, unsigned type, uint32_t ttl, const void *rdata, size_t len)
{
	unsigned count = (unsigned)(packet.data[6] << 8 | packet.data[7]) + 1;

	packet.data[6] = (uint8_t)(count >> 8);
	packet.data[7] = (uint8_t)count;
	put_name(owner);
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16((unsigned)len);
	put(rdata, len);
}

static inline size_t wire(const char *name, uint8_t *out)
{
	size_t at = packet.len, len;

	put_name(name);
	len = packet.len - at;
	memcpy(out, packet.data + at, len);
	packet.len = at;
	return len;
}

static inline void add_name(const char *owner, unsigned type, const char *target)
{
	uint8_t rdata[300];

	add_raw(owner, type, 300, rdata, wire(target, rdata));
}

static inline void add_mx(const char *owner, unsigned preference, const char *target)
{
	uint8_t rdata[300] = { (uint8_t)(preference >> 8), (uint8_t)preference };

	add_raw(owner, DNS_MX, 300, rdata, 2 + wire(target, rdata + 2));
}

/* The record that was added last stands in the authority section. */
static inline void to_authority(void)
{
	packet.data[7]--;
	packet.data[9]++;
}

#endif
