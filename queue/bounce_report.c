/* bounce_report.c - what a notice says, for people (the template's fields) and for programs (RFC 3464 section 2). Every text
 * in it came from outside, from a client or a remote server, so control characters never pass and lengths are cut. */
#include "bounce_report.h"

#include "../lib/clock.h"

#define VALUE_MAX 900		/* a field's value, so that its line stays below the 998 of RFC 5322 2.1.1 */
#define LISTED_MAX 100		/* recipients listed in the text; the report has them all */

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

static const struct envelope_rcpt *failed_rcpt(const struct bounce_notice *n, size_t i)
{
	return &n->file->env.rcpts[n->failures[i].rcpt];
}

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
	struct view host;	/* empty: it was not a remote server that said it */
	struct view text;
};

static struct answer answer_of(const struct bounce_notice *n, size_t i)
{
	const char *given = n->failures[i].answer != NULL ? n->failures[i].answer : failed_rcpt(n, i)->last;
	struct answer a = { .text = view_trim(view_of(given)) };
	struct view rest = a.text, host = view_word(&rest);
	rest = view_trim(rest);
	size_t end = view_find(rest, ']');
	bool own = host.len > 0 && (enhanced_len(host, '4') == host.len || enhanced_len(host, '5') == host.len);
	if (host.len > 0 && !own && view_starts(rest, VIEW("[")) && end < rest.len)
		a = (struct answer){ host, view_trim(view_skip(rest, end + 1)) };
	if (a.text.len == 0)
		a.text = n->failures[i].expired ? VIEW("delivery time expired") : VIEW("delivery failed");
	return a;
}

/* A permanent status, since the action is "failed": the remote's own if it gave one. 4.4.7 is RFC 3463's "delivery time
 * expired", 5.0.0 "other undefined". */
static struct view status_of(const struct bounce_notice *n, size_t i, struct view text)
{
	if (n->failures[i].expired)
		return VIEW("4.4.7");
	struct view rest = text;
	if (digits(text, 0) == 3)
		rest = view_trim(view_skip(rest, 3));
	struct view enhanced = view_head(rest, enhanced_len(rest, '5'));
	return enhanced.len > 0 ? enhanced : VIEW("5.0.0");
}

/* ---- the template ---- */

static void put_reason(const struct bounce_notice *n, size_t i, struct buf *out)
{
	struct answer a = answer_of(n, i);
	if (n->failures[i].expired)
		buf_puts(out, "given up after temporary failures; the last: ");
	if (a.host.len > 0) {
		buf_puts(out, "host ");
		put_clean(n, out, a.host);
		buf_puts(out, " said: ");
	}
	put_clean(n, out, a.text);
}

static void put_recipients(const struct bounce_notice *n, struct buf *out)
{
	for (size_t i = 0; i < n->count && i < LISTED_MAX; i++) {
		buf_putc(out, '<');
		put_clean(n, out, view_of(failed_rcpt(n, i)->address));
		buf_puts(out, ">:\n    ");
		put_reason(n, i, out);
		buf_putc(out, '\n');
	}
	if (n->count > LISTED_MAX)
		buf_printf(out, "and %zu more\n", n->count - LISTED_MAX);
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
	put_clean(n, out, view_of(n->file->env.sender));
}

static void expand_msgid(const struct bounce_notice *n, struct buf *out)
{
	buf_printf(out, "<%s@", n->id);
	put_clean(n, out, view_of(n->config->me));
	buf_putc(out, '>');
}

static void expand_to(const struct bounce_notice *n, struct buf *out)
{
	put_clean(n, out, view_of(failed_rcpt(n, 0)->address));
}

static void expand_reason(const struct bounce_notice *n, struct buf *out)
{
	put_reason(n, 0, out);
}

static const struct {
	const char *name;
	void (*expand)(const struct bounce_notice *n, struct buf *out);
	bool lines;			/* not in a header */
} template_fields[] = {
	{ "{pid}", expand_pid, false }, { "{date}", expand_date, false }, { "{me}", expand_me, false },
	{ "{from}", expand_from, false }, { "{msgid}", expand_msgid, false }, { "{to}", expand_to, false },
	{ "{reason}", expand_reason, false }, { "{recipients}", put_recipients, true },
};

void bounce_report_expand(const struct bounce_notice *n, struct view template, bool header, struct buf *out)
{
	while (template.len > 0) {
		size_t used = view_find(template, '{'), i = 0;
		buf_put_view(out, view_head(template, used));
		template = view_skip(template, used);
		while (i < COUNT_OF(template_fields) &&
			((header && template_fields[i].lines) || !view_starts(template, view_of(template_fields[i].name))))
			i++;
		if (i < COUNT_OF(template_fields)) {
			template_fields[i].expand(n, out);
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

static void put_rcpt(const struct bounce_notice *n, size_t i, struct buf *out)
{
	const struct envelope_rcpt *r = failed_rcpt(n, i);
	struct answer a = answer_of(n, i);

	buf_putc(out, '\n');
	put_field(n, out, "Original-Recipient", "", view_of(r->orcpt));
	put_field(n, out, "Final-Recipient", n->utf8 ? "utf-8; " : "rfc822; ", view_of(r->address));
	put_field(n, out, "Action", "", VIEW("failed"));
	put_field(n, out, "Status", "", status_of(n, i, a.text));
	put_field(n, out, "Remote-MTA", "dns; ", a.host);
	put_field(n, out, "Diagnostic-Code", a.host.len > 0 ? "smtp; " : "x-postrider; ", a.text);
	put_date(n, out, "Last-Attempt-Date", n->now);
	put_field(n, out, "Final-Log-ID", "", view_of(n->file->id));
}

void bounce_report_status(const struct bounce_notice *n, struct buf *out)
{
	put_field(n, out, "Original-Envelope-Id", "", view_of(n->file->env.envid));
	put_field(n, out, "Reporting-MTA", "dns; ", view_of(n->config->me));
	put_date(n, out, "Arrival-Date", (time_t)(n->file->env.arrived / 1000000));
	for (size_t i = 0; i < n->count; i++)
		put_rcpt(n, i, out);
}
