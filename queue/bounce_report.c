/* bounce_report.c - what a notice says, for people (the template's fields) and for programs (RFC 3464 section 2). Every text
 * in it came from outside, from a client or a remote server, so control characters never pass and lengths are cut. */
#include "bounce_report.h"

#include "../lib/clock.h"
#include "../lib/encoded_word.h"
#include "dsn.h"

#define VALUE_MAX 900		/* a field's value, so that its line stays below the 998 of RFC 5322 2.1.1 */
#define LISTED_MAX 100		/* recipients listed in the text; the report has them all */
#define LISTED_LINE 72		/* columns of a line of addresses */
#define EXPANDED_MAX (1u << 20)	/* octets of one field in HTML before they are escaped: LISTED_MAX recipients with their reasons fit */
#define HTML_LINE 500		/* octets after which a blank in what is filled into HTML becomes a line end */

/* One line: control characters become blanks, octets over 0x7f "?" unless the notice is internationalised. */
static void put_clean(const struct bounce_notice *n, struct buf *out, struct view value)
{
	value = view_head(value, VALUE_MAX);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		buf_putc(out, c < 0x20 || c == 0x7f ? ' ' : c >= 0x80 && !n->utf8 ? '?' : (char)c);
	}
}

static void put_field(const struct bounce_notice *n, struct buf *out, const char *name, const char *type, struct view value)
{
	if (value.len == 0)
		return;
	buf_printf(out, "%s: %s", name, type);
	put_clean(n, out, value);
	buf_putc(out, '\n');
}

static const struct envelope *env_of(const struct bounce_notice *n)
{
	return &n->about->file->env;
}

static const struct envelope_rcpt *rcpt_of(const struct bounce_notice *n, size_t i)
{
	return &env_of(n)->rcpts[n->rcpts[i].rcpt];
}

/* What each action is called (RFC 3464 2.3.3), which class its status has and which status when there is no other (RFC 3463:
 * X.0.0 other undefined, 4.4.7 delivery time expired), and what is said to people: in front of an answer, and without one. */
static const struct {
	const char *name;
	char class;
	const char *status, *before, *instead;
} actions[] = {
	[ACTION_FAILED] = { "failed", '5', "5.0.0", "", "delivery failed" },
	[ACTION_EXPIRED] = { "failed", '\0', "4.4.7", "given up after temporary failures; the last: ", "delivery time expired" },
	[ACTION_DELAYED] = { "delayed", '4', "4.0.0", "not delivered yet; the last answer: ", "not delivered yet" },
	[ACTION_OVERDUE] = { "delayed", '\0', "4.4.7", "not delivered in the time that you gave it; the last answer: ",
		"not delivered in the time that you gave it" },
	[ACTION_RELAYED] = { "relayed", '2', "2.0.0", "relayed; ", "relayed" },
	[ACTION_DELIVERED] = { "delivered", '2', "2.0.0", "delivered; ", "delivered" },
};

static size_t digits(struct view v, size_t at)
{
	size_t n = 0;
	while (at + n < v.len && v.data[at + n] >= '0' && v.data[at + n] <= '9')
		n++;
	return n;
}

/* The length of an enhanced code "C.d.d", "C.dd.dd", "C.ddd.ddd" at the start of V (RFC 3463 section 2), else 0. */
static size_t enhanced_len(struct view v, char class)
{
	if (v.len < 2 || v.data[0] != class || v.data[1] != '.')
		return 0;
	size_t subject = digits(v, 2);
	if (subject < 1 || subject > 3 || 2 + subject >= v.len || v.data[2 + subject] != '.')
		return 0;
	size_t detail = digits(v, 3 + subject);
	return detail < 1 || detail > 3 ? 0 : 3 + subject + detail;
}

/* ---- the answer: "host [ip] 550 5.1.1 text", or an enhanced code and our own words ---- */

struct answer {
	bool remote;		/* said by a server, not by us */
	struct view host;	/* whose; empty for one on this machine, whose socket is nobody's business */
	struct view text;
};

static struct answer answer_of(const struct bounce_notice *n, size_t i)
{
	const char *given = n->rcpts[i].answer != NULL ? n->rcpts[i].answer : rcpt_of(n, i)->last;
	struct answer a = { .text = view_trim(view_of(given)) };
	struct view rest = a.text, host = view_word(&rest);
	rest = view_trim(rest);
	size_t end = view_find(rest, ']');
	bool own = host.len > 0 && (enhanced_len(host, '4') == host.len || enhanced_len(host, '5') == host.len);
	if (host.len > 0 && !own && view_starts(rest, VIEW("[")) && end < rest.len)
		a = (struct answer){ true, host.data[0] == '/' ? VIEW("") : host, view_trim(view_skip(rest, end + 1)) };
	return a;
}

/* The remote's own, if it gave one of the class that fits the action. */
static struct view status_of(const struct bounce_notice *n, size_t i, struct view text)
{
	enum bounce_action action = n->rcpts[i].action;
	struct view rest = text;
	if (digits(text, 0) == 3)
		rest = view_trim(view_skip(rest, 3));
	struct view enhanced = view_head(rest, enhanced_len(rest, actions[action].class));
	return enhanced.len > 0 ? enhanced : view_of(actions[action].status);
}

/* ---- the template ---- */

static void put_reason(const struct bounce_notice *n, size_t i, struct buf *out)
{
	struct answer a = answer_of(n, i);
	enum bounce_action action = n->rcpts[i].action;
	buf_puts(out, a.text.len > 0 ? actions[action].before : actions[action].instead);
	if (a.text.len > 0 && a.host.len > 0) {
		buf_puts(out, "host ");
		put_clean(n, out, a.host);
		buf_puts(out, " said: ");
	}
	put_clean(n, out, a.text);
}

/* All with their reasons, a block each. */
static void put_reasons(const struct bounce_notice *n, struct buf *out)
{
	for (size_t i = 0; i < n->count && i < LISTED_MAX; i++) {
		buf_putc(out, '<');
		put_clean(n, out, view_of(rcpt_of(n, i)->address));
		buf_puts(out, ">:\n    ");
		put_reason(n, i, out);
		buf_putc(out, '\n');
	}
	if (n->count > LISTED_MAX)
		buf_printf(out, "and %zu more\n", n->count - LISTED_MAX);
}

/* Their addresses, several in a line. */
static void put_recipients(const struct bounce_notice *n, struct buf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < n->count && i < LISTED_MAX; i++) {
		struct view address = view_of(rcpt_of(n, i)->address);

		if (i > 0)
			buf_putc(out, ',');
		if (i > 0 && out->len - start + address.len > LISTED_LINE) {
			buf_putc(out, '\n');
			start = out->len;
		} else if (i > 0) {
			buf_putc(out, ' ');
		}
		put_clean(n, out, address);
	}
	if (n->count > LISTED_MAX)
		buf_printf(out, "\nand %zu more", n->count - LISTED_MAX);
}

static void expand_pid(const struct bounce_notice *n UNUSED, struct buf *out)
{
	buf_printf(out, "%ld", (long)getpid());
}

static void expand_date(const struct bounce_notice *n, struct buf *out)
{
	char date[CLOCK_DATE_SIZE];
	buf_puts(out, clock_date(n->now, date));
}

static void expand_me(const struct bounce_notice *n, struct buf *out)
{
	put_clean(n, out, view_of(n->config->me));
}

static void expand_from(const struct bounce_notice *n, struct buf *out)
{
	put_clean(n, out, view_of(n->about->kind == BOUNCE_DOUBLE ? n->config->double_to : env_of(n)->sender));
}

static void expand_msgid(const struct bounce_notice *n, struct buf *out)
{
	buf_printf(out, "<%s@", n->id);
	put_clean(n, out, view_of(n->config->me));
	buf_putc(out, '>');
}

static void expand_to(const struct bounce_notice *n, struct buf *out)
{
	put_clean(n, out, view_of(rcpt_of(n, 0)->address));
}

static void expand_until(const struct bounce_notice *n, struct buf *out)
{
	char date[CLOCK_DATE_SIZE];
	buf_puts(out, clock_date((time_t)n->about->retry_until, date));
}

static void expand_reason(const struct bounce_notice *n, struct buf *out)
{
	put_reason(n, 0, out);
}

static void expand_subject(const struct bounce_notice *n, struct buf *out)
{
	put_clean(n, out, view_of(n->subject));
}

/* In UTF-8, whatever the message needed: what it says of itself to people, who may have written it. */
static void put_subject(const struct bounce_notice *n, struct buf *out)
{
	struct buf text;

	buf_init(&text, 4 * VALUE_MAX);
	encoded_word_decode(view_head(view_of(n->subject), VALUE_MAX), &text);
	buf_put_view(out, buf_view(&text));
	buf_free(&text);
}

static const struct {
	const char *name;
	void (*expand)(const struct bounce_notice *n, struct buf *out);
	void (*in_header)(const struct bounce_notice *n, struct buf *out);	/* NULL: not there */
} template_fields[] = {
	{ "{pid}", expand_pid, expand_pid }, { "{date}", expand_date, expand_date }, { "{me}", expand_me, expand_me },
	{ "{from}", expand_from, expand_from }, { "{msgid}", expand_msgid, expand_msgid }, { "{to}", expand_to, expand_to },
	{ "{subject}", put_subject, expand_subject }, { "{reason}", expand_reason, expand_reason },
	{ "{until}", expand_until, expand_until }, { "{recipients}", put_recipients, NULL }, { "{extended_reason}", put_reasons, NULL },
};

/* What came from outside must not be markup. */
static void put_html(struct view text, struct buf *out)
{
	static const struct { char c; const char *as; } escapes[] = {
		{ '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" }, { '\n', "<br>\n" },
	};
	size_t start = out->len;

	for (; text.len > 0; text = view_skip(text, 1)) {
		char c = *text.data;
		size_t i = 0;

		while (i < COUNT_OF(escapes) && escapes[i].c != c)
			i++;
		if (i < COUNT_OF(escapes))
			buf_puts(out, escapes[i].as);
		else
			buf_putc(out, c == ' ' && out->len - start > HTML_LINE ? '\n' : c);
		if (out->len > start && out->data[out->len - 1] == '\n')
			start = out->len;
	}
}

static void expand_field(const struct bounce_notice *n, size_t i, enum bounce_place place, struct buf *out)
{
	struct buf value;

	if (place != IN_HTML) {
		(place == IN_HEADER ? template_fields[i].in_header : template_fields[i].expand)(n, out);
		return;
	}
	buf_init(&value, EXPANDED_MAX);
	template_fields[i].expand(n, &value);
	put_html(buf_view(&value), out);
	buf_free(&value);
}

void bounce_report_expand(const struct bounce_notice *n, struct view template, enum bounce_place place, struct buf *out)
{
	while (template.len > 0) {
		size_t used = view_find(template, '{'), i = 0;
		buf_put_view(out, view_head(template, used));
		template = view_skip(template, used);
		while (i < COUNT_OF(template_fields) && ((place == IN_HEADER && !template_fields[i].in_header) ||
			!view_starts(template, view_of(template_fields[i].name))))
			i++;
		if (i < COUNT_OF(template_fields)) {
			expand_field(n, i, place, out);
			template = view_skip(template, strlen(template_fields[i].name));
		} else {
			buf_put_view(out, view_head(template, 1));
			template = view_skip(template, 1);
		}
	}
}

/* ---- the report ---- */

static void put_date(const struct bounce_notice *n, struct buf *out, const char *name, time_t when)
{
	char date[CLOCK_DATE_SIZE];
	put_field(n, out, name, "", view_of(clock_date(when, date)));
}

/* In a report that is not internationalised, an address that is goes in its ASCII form (RFC 6533 3). */
static void put_original(const struct bounce_notice *n, struct buf *out, const char *orcpt)
{
	struct view type, address = dsn_split_orcpt(orcpt, &type);
	struct buf ascii;

	buf_init(&ascii, VALUE_MAX);
	if (!n->utf8 && view_case_eq(type, VIEW("utf-8")) && dsn_put_utf8_address(&ascii, address))
		put_field(n, out, "Original-Recipient", "utf-8;", buf_view(&ascii));
	else
		put_field(n, out, "Original-Recipient", "", view_of(orcpt));
	buf_free(&ascii);
}

static void put_rcpt(const struct bounce_notice *n, size_t i, struct buf *out)
{
	const struct envelope_rcpt *r = rcpt_of(n, i);
	enum bounce_action action = n->rcpts[i].action;
	struct answer a = answer_of(n, i);
	bool failed = action == ACTION_FAILED || action == ACTION_EXPIRED;
	bool utf8 = n->utf8 && !view_is_printable(view_of(r->address));

	if (a.text.len == 0 && failed)
		a.text = view_of(actions[action].instead);
	buf_putc(out, '\n');
	put_original(n, out, r->orcpt);
	put_field(n, out, "Final-Recipient", utf8 ? "utf-8; " : "rfc822; ", view_of(r->address));
	put_field(n, out, "Action", "", view_of(actions[action].name));
	put_field(n, out, "Status", "", status_of(n, i, a.text));
	put_field(n, out, "Remote-MTA", "dns; ", a.host);
	put_field(n, out, "Diagnostic-Code", a.remote ? "smtp; " : "x-postrider; ", a.text);
	put_date(n, out, "Last-Attempt-Date", n->now);
	if (action == ACTION_DELAYED || action == ACTION_OVERDUE)
		put_date(n, out, "Will-Retry-Until", (time_t)n->about->retry_until);
	put_field(n, out, "Final-Log-ID", "", view_of(n->about->file->id));
}

void bounce_report_status(const struct bounce_notice *n, struct buf *out)
{
	put_field(n, out, "Original-Envelope-Id", "", view_of(env_of(n)->envid));
	put_field(n, out, "Reporting-MTA", "dns; ", view_of(n->config->me));
	put_date(n, out, "Arrival-Date", (time_t)(env_of(n)->arrived / 1000000));
	if (env_of(n)->deliver_by)	/* RFC 2852 5 */
		put_date(n, out, "Deliver-By-Date", (time_t)env_of(n)->deliver_by);
	for (size_t i = 0; i < n->count; i++)
		put_rcpt(n, i, out);
}
