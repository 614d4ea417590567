/* proxy.h - the header of HAProxy's PROXY protocol, versions 1 and 2 (proxy-protocol.txt): by it a proxy tells, in front of
 * everything else, whose connection it passes on. Here it is only read; who may be believed is the caller's business. */
#ifndef PROXY_H
#define PROXY_H

#include "base.h"
#include "buf.h"
#include "err.h"
#include "netaddr.h"
#include "view.h"

#define PROXY_V1_MAX 107		/* octets, CRLF included */
#define PROXY_V2_FIXED 16		/* octets that tell the length of the rest */
#define PROXY_HEADER_MAX (PROXY_V2_FIXED + UINT16_MAX)

enum proxy_client {
	PROXY_LOCAL,			/* the proxy itself: a health check */
	PROXY_UNKNOWN,			/* somebody without an IP address, or the proxy does not know */
	PROXY_ADDRESS,			/* SOURCE, who has connected to DESTINATION; both with port */
};

struct proxy_header {
	enum proxy_client client;
	struct netaddr source, destination;
};

enum proxy_feed { PROXY_MORE, PROXY_WHOLE, PROXY_BAD };

/* Moves what of PIECE belongs to the header to the end of HEADER (empty at first, its cap PROXY_HEADER_MAX); *USED says how much,
 * and what follows is the client's. PROXY_BAD as soon as it can be no header (ERR). */
enum proxy_feed proxy_feed(struct buf *header, struct view piece, size_t *used, struct err *err);
/* Reads a whole header. False for one that is malformed, contradicts itself, or whose checksum is wrong (ERR; the text holds nothing of
 * the header). Vectors of version 2 are skipped but for the checksum. */
bool proxy_parse(struct view header, struct proxy_header *out, struct err *err) MUST_CHECK;

#endif
