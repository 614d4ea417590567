/* fuzz_proxy.c - PROXY headers: whole and in pieces they are the same, nothing behind their end is touched, and what is read is
 * written down and read back as the same. */
#include "fuzz.h"
#include "../../lib/proxy.h"

static enum proxy_feed feed(struct view in, size_t piece, struct buf *header, size_t *used, struct err *err)
{
	enum proxy_feed fed = PROXY_MORE;

	*used = 0;
	while (in.len && fed == PROXY_MORE) {
		struct view head = view_head(in, piece);
		size_t n;

		fed = proxy_feed(header, head, &n, err);
		MUST(n <= head.len && (fed != PROXY_MORE || n == head.len));
		*used += n;
		in = view_skip(in, n);
	}
	MUST(header->len == *used);
	return fed;
}

static bool same(const struct netaddr *a, const struct netaddr *b)
{
	return netaddr_eq(a, b) && a->port == b->port;
}

/* As a header of version 1. Two families in one (one of them was mapped) have no such form. */
static void check_back(const struct proxy_header *h)
{
	char text[PROXY_V1_MAX + 1], from[NETADDR_TEXT], to[NETADDR_TEXT];
	struct err err = { "" };
	struct proxy_header back;

	MUST(h->client != PROXY_ADDRESS || (h->source.family && h->destination.family));
	if (h->client != PROXY_ADDRESS || h->source.family != h->destination.family)
		return;
	int len = snprintf(text, sizeof(text), "PROXY TCP%d %s %s %u %u\r\n", h->source.family, netaddr_text(&h->source, from),
			   netaddr_text(&h->destination, to), h->source.port, h->destination.port);
	MUST(len > 0 && len <= PROXY_V1_MAX);
	MUST(proxy_parse(view_make(text, (size_t)len), &back, &err));
	MUST(back.client == PROXY_ADDRESS && same(&back.source, &h->source) && same(&back.destination, &h->destination));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_make((const char *)data, size);
	size_t piece = (size_t)fuzz_byte(&in) + 1, used, used_whole;
	struct err err = { "" };
	struct proxy_header h;
	struct buf one, two;

	buf_init(&one, PROXY_HEADER_MAX);
	buf_init(&two, PROXY_HEADER_MAX);
	enum proxy_feed fed = feed(in, piece, &one, &used, &err);

	MUST(feed(in, in.len, &two, &used_whole, &err) == fed && used == used_whole && view_eq(buf_view(&one), buf_view(&two)));
	if (fed == PROXY_WHOLE && proxy_parse(buf_view(&one), &h, &err))
		check_back(&h);
	MUST(proxy_parse(in, &h, &err) == (fed == PROXY_WHOLE && used == in.len && proxy_parse(buf_view(&one), &h, &err)));
	MUST(view_is_printable(view_of(err.text)));
	buf_free(&one);
	buf_free(&two);
	return 0;
}
