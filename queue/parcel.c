/* parcel.c - see parcel.h. */
#include "parcel.h"
#include "../lib/address.h"
#include "../lib/clock.h"
#include "convert.h"
#include "timing.h"

/* ---- what cannot go ---- */

static void refuse(struct parcel *p, size_t i, const char *host, const char *enhanced, const char *text)
{
	struct result r = result_local(p->arena, OUTCOME_FAIL, enhanced, text);

	r.host = arena_strdup(p->arena, host);
	p->rcpts[i].result = r;
}

static bool refuse_all(struct parcel *p, const char *host, const char *enhanced, const char *text)
{
	for (size_t i = 0; i < p->total; i++)
		refuse(p, i, host, enhanced, text);
	return false;
}

/* Those with a result go behind the others, whose order stays. */
static void part(struct parcel *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->total; i++) {
		struct parcel_rcpt rcpt = p->rcpts[i];

		if (rcpt.result.outcome != OUTCOME_NONE)
			continue;
		memmove(&p->rcpts[count + 1], &p->rcpts[count], (i - count) * sizeof(rcpt));
		p->rcpts[count++] = rcpt;
	}
	p->count = count;
}

/* RFC 1870 6.1: what is over the announced limit is not even tried. */
static bool fits_size(struct parcel *p, const struct offers *o, const char *host)
{
	char text[160];

	if (!o->size_max || p->size <= o->size_max)
		return true;
	snprintf(text, sizeof(text), "message of %llu octets is over the limit of %llu that the server announces",
		 (unsigned long long)p->size, (unsigned long long)o->size_max);
	return refuse_all(p, host, "5.3.4", text);
}

/* ---- internationalised mail ---- */

/* Whether the header section of F is ASCII. One that cannot be read is not: it would be found out later. */
static bool header_is_ascii(const struct spool_file *f)
{
	char piece[8192];
	uint64_t at = 0;
	size_t matched = 2;		/* octets of the CRLFCRLF that ends it: an empty section ends at once */

	while (at < f->message_len) {
		uint64_t left = f->message_len - at;
		ssize_t n = pread(f->fd, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece), (off_t)(f->message_at + at));

		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++) {
			if ((unsigned char)piece[i] > 0x7f)
				return false;
			matched = piece[i] == "\r\n\r\n"[matched] ? matched + 1 : piece[i] == '\r' ? 1 : 0;
			if (matched == 4)
				return true;
		}
		at += (uint64_t)n;
	}
	return true;
}

/* ADDRESS with its domain as A-labels; NULL when it cannot be said in ASCII. */
static const char *ascii_address(struct parcel *p, const char *address)
{
	const char *at = strrchr(address, '@');
	char domain[ADDRESS_DOMAIN_MAX + 1];

	if (view_is_ascii(view_of(address)))
		return address;
	if (!at || !view_is_ascii(view_make(address, (size_t)(at - address))) || !address_domain_fold(view_of(at + 1), domain))
		return NULL;
	return arena_printf(p->arena, "%.*s@%s", (int)(at - address), address, domain);
}

/* RFC 6531 3.2: without SMTPUTF8 only what is ASCII after all can go, names of domains being turned into it. The codes are
 * those of its section 3.5. */
static bool fits_ascii(struct parcel *p, const char *host)
{
	static const char *const why = "internationalised addresses (SMTPUTF8) are not supported by the server";

	if (!header_is_ascii(p->file))
		return refuse_all(p, host, "5.6.9", "the message has internationalised header fields, and the server does not support SMTPUTF8");
	p->sender = ascii_address(p, p->file->env.sender);
	if (!p->sender)
		return refuse_all(p, host, "5.6.7", "the sender has an internationalised address, and the server does not support SMTPUTF8");
	for (size_t i = 0; i < p->total; i++) {
		p->rcpts[i].address = ascii_address(p, p->rcpts[i].address);
		if (!p->rcpts[i].address)
			refuse(p, i, host, "5.6.7", why);
	}
	return true;
}

/* ---- the body ---- */

/* What must not remain in a message for a server that offers O, as the settings say; *NEVER: it is not to be sent then. */
static unsigned unwanted(const struct parcel *p, const struct offers *o, const struct settings *s, bool *never)
{
	unsigned flags = p->file->env.flags, away = 0;

	*never = false;
	if (flags & ENVELOPE_BINARY) {	/* RFC 3030 3: converted, or returned */
		*never |= s->outbound_without_binarymime == DOWNGRADE_BOUNCE;
		away |= CONVERT_BINARY;
	}
	if (flags & ENVELOPE_8BIT && !offers_have(o, OFFER_8BITMIME)) {
		*never |= s->outbound_without_8bitmime == DOWNGRADE_BOUNCE;
		away |= s->outbound_without_8bitmime == DOWNGRADE_ENCODE ? CONVERT_8BIT : 0;
	}
	return away;
}

static bool converts(struct parcel *p, const struct offers *o, const struct settings *s, const char *host)
{
	const char *extension = p->file->env.flags & ENVELOPE_BINARY ? "BINARYMIME" : "8BITMIME", *why = "this is not configured";
	struct conversion c;
	bool never;
	unsigned away = unwanted(p, o, s, &never);

	if (!never && !away)
		return true;
	if (never || !convert_plan(p->file, p->head, away, p->arena, &c, &why))
		return refuse_all(p, host, "5.6.3", arena_printf(p->arena,
			"the server does not support %s, and the message cannot be converted: %s", extension, why));
	content_replace(&p->content, c.pieces, c.count);
	p->size = c.size;
	return true;
}

/* DATA, or BDAT; as it is, or converted. */
static bool fits_body(struct parcel *p, const struct offers *o, const struct settings *s, const char *host)
{
	const struct spool_file *f = p->file;
	unsigned flags = f->env.flags;
	bool binary = flags & ENVELOPE_BINARY && offers_have(o, OFFER_CHUNKING | OFFER_BINARYMIME);

	content_init(&p->content, f->fd, f->message_at, f->message_len, flags, p->head);
	p->size = f->message_len + strlen(p->head);
	p->body = binary ? "BINARYMIME" : flags & ENVELOPE_8BIT && offers_have(o, OFFER_8BITMIME) ? "8BITMIME" : "";
	if (!binary && !converts(p, o, s, host))
		return false;
	/* RFC 3030 3: but for BINARYMIME, lines in BDAT have the length that they have in DATA, so some would have to be folded */
	p->bdat = binary || (s->outbound_chunking && offers_have(o, OFFER_CHUNKING) && !p->content.pieces && !(flags & ENVELOPE_LONG_LINES));
	if (p->bdat)
		content_set_verbatim(&p->content);
	return true;
}

/* ---- its time ---- */

/* RFC 2852 4.1.4: what must be there in time goes only to servers that promise it, and want no more time than is left. The last of
 * them, which delivers, has nothing to promise. */
static bool fits_time(struct parcel *p, const struct offers *o, const char *host)
{
	const struct envelope *env = &p->file->env;
	bool known = offers_have(o, OFFER_DELIVERBY);
	int64_t now = clock_now();
	char text[160];

	p->by = timing_asked(env) && known && !p->lmtp && !p->own;
	p->trace = !p->lmtp && !p->own && timing_traced(env, known);
	if (timing_over(env, now))
		return refuse_all(p, "", TIMING_OVER_CODE, TIMING_OVER_TEXT);
	if (!timing_returns(env) || p->lmtp || p->own)
		return true;
	if (!known)	/* RFC 3463: system not capable of selected features */
		return refuse_all(p, host, "5.3.3", "it is to be delivered in time, and the server does not support DELIVERBY");
	if (o->by_min <= (uint64_t)(env->deliver_by - now))
		return true;
	snprintf(text, sizeof(text), "the server wants %llu seconds to deliver it (DELIVERBY), and %lld are left",
		 (unsigned long long)o->by_min, (long long)(env->deliver_by - now));
	return refuse_all(p, host, TIMING_OVER_CODE, text);
}

/* ---- the whole ---- */

void parcel_fit(struct parcel *p, const struct offers *o, const struct settings *s, const char *host)
{
	const struct envelope *env = &p->file->env;
	bool utf8 = env->flags & ENVELOPE_UTF8;

	p->sender = env->sender;
	for (size_t i = 0; i < p->total; i++)
		p->rcpts[i].address = p->rcpts[i].rcpt->address;
	p->dsn = offers_have(o, OFFER_DSN) && !p->own;
	p->priority = env->priority && offers_have(o, OFFER_MT_PRIORITY);
	p->utf8 = utf8 && offers_have(o, OFFER_SMTPUTF8 | OFFER_8BITMIME);	/* RFC 6531 3.1: never without */
	if (fits_time(p, o, host) && fits_body(p, o, s, host) && fits_size(p, o, host) && utf8 && !p->utf8)
		fits_ascii(p, host);
	part(p);
}
