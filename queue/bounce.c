/* bounce.c - a notice as a message: template, report, and the message that it is about or its headers, as a multipart/report
 * (RFC 6522) in the spool. Its sender is the null sender, so nothing can ever be sent back about it (RFC 5321 4.5.5). */
#include "bounce.h"
#include <strings.h>

#include "../lib/address.h"
#include "../lib/clock.h"
#include "../lib/field.h"
#include "../lib/log.h"
#include "../worker/draft.h"
#include "bounce_report.h"
#include "bounce_text.h"
#include "spool_internal.h"

#define HEADERS_MAX (256u << 10)	/* of the headers that go back instead of the message */
#define NOTICE_MAX (64u << 20)		/* of everything but the message that goes back */
#define NOTICE_MEMORY (256u << 10)
#define LINE_MAX_OCTETS 998		/* RFC 5322 2.1.1 */
#define MESSAGE_ID_MAX 900		/* octets: "References: " before it stays on a line */
#define CONTENT_FLAGS (ENVELOPE_8BIT | ENVELOPE_DOTS | ENVELOPE_LONG_LINES)	/* that a part hands on to the whole */

/* The template's header lines, but for those that are ours to write. */
static void put_template_header(const struct bounce_notice *n, struct view header, struct buf *out)
{
	static const char *const ours[] = { "MIME-Version:", "Content-", "Auto-Submitted:", "Return-Path:", "References:" };
	bool skip = false;
	while (header.len > 0) {
		struct view line = view_cut(&header, '\n');
		bool continued = view_starts(line, VIEW(" ")) || view_starts(line, VIEW("\t"));
		skip = continued && skip;
		for (size_t i = 0; !continued && i < COUNT_OF(ours); i++)
			skip = skip || view_case_starts(line, view_of(ours[i]));
		if (skip)
			continue;
		bounce_report_expand(n, line, IN_HEADER, out);
		buf_putc(out, '\n');
	}
}

/* ---- putting it together ---- */

struct assembly {
	const struct bounce_notice *notice;
	const struct spool_file *file;
	struct spool_writer *writer;
	bool whole;			/* the message goes back, not only its headers */
	struct buf headers;		/* of the message */
	const char *message_id;		/* its own; "" none */
	struct arena *arena;
	struct buf header, before, after;	/* of the notice: its header, and its parts in front of and behind what goes back; "\n" line ends */
	unsigned flags;			/* enum envelope_flags of the notice */
	struct err *err;
};

/* What TEXT is, for the one who will send it. */
static unsigned flags_of(struct view text)
{
	unsigned flags = 0;
	while (text.len > 0) {
		struct view line = view_cut(&text, '\n');
		if (view_starts(line, VIEW(".")))
			flags |= ENVELOPE_DOTS;
		if (line.len > LINE_MAX_OCTETS)
			flags |= ENVELOPE_LONG_LINES;
		for (size_t i = 0; i < line.len && !(flags & ENVELOPE_8BIT); i++)
			if ((unsigned char)line.data[i] >= 0x80)
				flags |= ENVELOPE_8BIT;
	}
	return flags;
}

static const char *receiver_of(const struct bounce_notice *n)
{
	return n->about->kind == BOUNCE_DOUBLE ? n->config->double_to : n->about->file->env.sender;
}

/* What the notice says of the message: its subject, and what it is an answer to. */
static void read_fields(struct assembly *b, struct bounce_notice *n)
{
	struct view section = buf_view(&b->headers);
	struct field f;
	n->subject = field_find(section, VIEW("Subject"), &f) ? field_value(&f, b->arena) : "";
	b->message_id = field_find(section, VIEW("Message-ID"), &f) ? field_value(&f, b->arena) : "";
	struct view id = view_of(b->message_id);
	if (id.len > MESSAGE_ID_MAX || !view_starts(id, VIEW("<")) || id.data[id.len - 1] != '>' || !view_is_printable(id) || view_find(id, ' ') < id.len)
		b->message_id = "";	/* a list of several would be no harm, and anything else */
}

/* The header section, up to the empty line or, over the limit, to the last line end below it. */
static bool read_headers(struct assembly *b)
{
	uint64_t len = b->file->message_len < HEADERS_MAX ? b->file->message_len : HEADERS_MAX;
	size_t room;
	char *to = buf_room(&b->headers, (size_t)len + 1, &room);
	if (to == NULL || !spool_read_all(b->file->fd, to, (size_t)len, b->file->message_at))
		return err_sys(b->err, "reading queue file %s", b->file->id);
	const char *end = memmem(to, len, "\r\n\r\n", 4);
	if (end != NULL) {
		len = (uint64_t)(end - to) + 2;
	} else if (len == HEADERS_MAX) {
		const char *last = memrchr(to, '\n', len);
		len = last != NULL ? (uint64_t)(last - to) + 1 : 0;
	}
	buf_added(&b->headers, (size_t)len);
	return true;
}

/* What SET of the boundaries stands for: the report itself, and in it the texts with their image, and the texts. No
 * boundary begins as another one does. */
enum boundaries { OF_REPORT, OF_RELATED, OF_ALTERNATIVE };
static const char *const boundary_heads[] = { [OF_REPORT] = "=_", [OF_RELATED] = "r=_", [OF_ALTERNATIVE] = "a=_" };

static void put_boundary(struct assembly *b, enum boundaries set, const char *end)
{
	buf_printf(&b->before, "\n--%s%s%s\n", boundary_heads[set], b->notice->id, end);
}

static void put_part(struct assembly *b, enum boundaries set, const char *type, bool eight)
{
	put_boundary(b, set, "");
	buf_printf(&b->before, "Content-Type: %s\nContent-Transfer-Encoding: %s\n\n", type, eight ? "8bit" : "7bit");
}

/* A part that consists of parts. */
static void put_parts(struct assembly *b, enum boundaries set, const char *type, enum boundaries inner, bool eight)
{
	put_boundary(b, set, "");
	buf_printf(&b->before, "Content-Type: %s;\n\tboundary=\"%s%s\"\nContent-Transfer-Encoding: %s\n", type, boundary_heads[inner],
		b->notice->id, eight ? "8bit" : "7bit");
}

static bool is_8bit(const struct buf *text)
{
	return flags_of(buf_view(text)) & ENVELOPE_8BIT;
}

static void put_text(struct assembly *b, enum boundaries set, const char *type, const struct buf *text)
{
	bool eight = is_8bit(text);
	put_part(b, set, arena_printf(b->arena, "%s; charset=%s", type, eight ? "utf-8" : "us-ascii"), eight);
	buf_put_view(&b->before, buf_view(text));
}

/* What people read: TEXT, and where there is one its HTML form, which comes last because it is the better one (RFC 2046 5.1.4), with
 * the image that it refers to (RFC 2387). */
static void put_human(struct assembly *b, const struct buf *text)
{
	const struct bounce_notice *n = b->notice;
	const struct bounce_texts *t = &n->config->texts[n->about->kind];
	enum boundaries set = OF_REPORT;
	struct buf html;
	if (t->html == NULL) {
		put_text(b, OF_REPORT, "text/plain", text);
		return;
	}
	buf_init(&html, NOTICE_MAX / 2);
	bounce_report_expand(n, view_of(t->html), IN_HTML, &html);
	bool eight = is_8bit(text) || is_8bit(&html);
	if (t->image != NULL) {
		put_parts(b, set, "multipart/related; type=\"multipart/alternative\"", OF_RELATED, eight);
		set = OF_RELATED;
	}
	put_parts(b, set, "multipart/alternative", OF_ALTERNATIVE, eight);
	put_text(b, OF_ALTERNATIVE, "text/plain", text);
	put_text(b, OF_ALTERNATIVE, "text/html", &html);
	put_boundary(b, OF_ALTERNATIVE, "--");
	if (t->image != NULL) {
		put_boundary(b, OF_RELATED, "");
		buf_puts(&b->before, t->image);
		put_boundary(b, OF_RELATED, "--");
	}
	b->before.failed |= html.failed;
	buf_free(&html);
}

/* What the message or its headers are called: RFC 2046, RFC 6522, and RFC 6533 for internationalised ones. */
static const char *returned_type(const struct assembly *b)
{
	bool utf8 = b->notice->utf8;
	if (b->whole)
		return utf8 ? "message/global" : "message/rfc822";
	return utf8 ? "message/global-headers" : "text/rfc822-headers";
}

/* Everything but the message itself. 8bit is declared where there is 8-bit content, in the part and on the whole. */
static void compose(struct assembly *b)
{
	const struct bounce_notice *n = b->notice;
	const char *template = n->config->texts[n->about->kind].plain;
	struct view body = view_of(template != NULL ? template : bounce_default_text(n->about->kind));
	struct view header = bounce_text_header(&body);
	struct buf text, status;
	buf_init(&text, NOTICE_MAX / 2);
	buf_init(&status, NOTICE_MAX / 2);
	bounce_report_expand(n, body, IN_TEXT, &text);
	bounce_report_status(n, &status);
	bool status8 = is_8bit(&status);
	unsigned returned = b->whole ? b->file->env.flags & CONTENT_FLAGS : flags_of(buf_view(&b->headers));

	put_template_header(n, header, &b->header);
	if (*b->message_id)
		buf_printf(&b->header, "References: %s\n", b->message_id);
	/* Whether SMTPUTF8 is needed depends on this and on the address, not on what the parts hold (RFC 6532 3.7). */
	bool utf8 = is_8bit(&b->header) || !view_is_ascii(view_of(receiver_of(n)));
	put_human(b, &text);
	put_part(b, OF_REPORT, n->utf8 ? "message/global-delivery-status" : "message/delivery-status", status8);
	buf_put_view(&b->before, buf_view(&status));
	put_part(b, OF_REPORT, returned_type(b), returned & ENVELOPE_8BIT);
	buf_printf(&b->after, "\n--%s%s--\n", boundary_heads[OF_REPORT], n->id);
	if (text.failed || status.failed)
		b->before.failed = true;
	/* RFC 8689 5: what is told of a message is as secret as the message */
	b->flags = ENVELOPE_BOUNCE | returned | flags_of(buf_view(&b->header)) | flags_of(buf_view(&b->before)) | (utf8 ? ENVELOPE_UTF8 : 0u) |
		(b->file->env.flags & ENVELOPE_REQUIRETLS) | (n->about->kind == BOUNCE_DOUBLE ? ENVELOPE_DOUBLE : 0u);
	buf_printf(&b->header, "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
		"Content-Type: multipart/report; report-type=%sdelivery-status;\n\tboundary=\"%s%s\"\n"
		"Content-Transfer-Encoding: %s\n\nThis is a message in MIME format (RFC 2045).\n",
		n->utf8 ? "global-" : "", boundary_heads[OF_REPORT], n->id,
		(returned | flags_of(buf_view(&b->before))) & ENVELOPE_8BIT ? "8bit" : "7bit");
	buf_free(&text);
	buf_free(&status);
}

/* Lines end in LF, or already in CRLF (the headers of the message); they leave with CRLF. */
static bool write_text(struct assembly *b, const struct buf *text)
{
	struct buf out;
	struct view rest = buf_view(text);
	buf_init(&out, 2 * NOTICE_MAX);
	while (rest.len > 0) {
		struct view line = view_cut(&rest, '\n');
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		buf_put_view(&out, line);
		buf_puts(&out, "\r\n");
	}
	bool ok = !text->failed && !out.failed && spool_write(b->writer, out.data, out.len, b->err);
	if (text->failed || out.failed)
		err_set(b->err, "a notice about %s would be too large", b->file->id);
	buf_free(&out);
	return ok;
}

static bool write_message(struct assembly *b)
{
	char piece[16384];
	for (uint64_t at = 0; at < b->file->message_len;) {
		uint64_t left = b->file->message_len - at;
		size_t len = left < sizeof piece ? (size_t)left : sizeof piece;
		if (!spool_read_all(b->file->fd, piece, len, b->file->message_at + at))
			return err_sys(b->err, "reading queue file %s", b->file->id);
		if (!spool_write(b->writer, piece, len, b->err))
			return false;
		at += len;
	}
	return true;
}

static bool write_notice(struct assembly *b, struct bounce_notice *n)
{
	if (!read_headers(b))
		return false;
	read_fields(b, n);
	compose(b);
	return write_text(b, &b->header) && write_text(b, &b->before) && (b->whole ? write_message(b) : b->headers.len == 0 || write_text(b, &b->headers)) &&
		write_text(b, &b->after);
}

/* To the sender, from nobody; NOTIFY=NEVER, so that no other server reports on it either (RFC 3461 section 6.1 demands that
 * no notice be asked for). */
static enum draft_end commit_notice(struct assembly *b)
{
	const char *to = receiver_of(b->notice), *at = strrchr(to, '@');
	const char *domain = address_domain_canonical(view_of(at != NULL ? at + 1 : b->notice->config->me), b->arena);
	struct envelope_rcpt rcpt = { .address = to, .domain = domain != NULL ? domain : "", .notify = NOTIFY_NEVER,
		.orcpt = "", .status = RCPT_TODO, .last = "" };
	struct envelope notice = { .sender = "", .arrived = clock_now_us(), .flags = b->flags, .session = b->file->id,
		.rcpt_count = 1, .rcpts = &rcpt };
	return draft_commit(b->writer, b->notice->config->plugins, "", &notice, b->err);
}

/* RFC 3461 4.3: RET is about failures; of all else only the headers go back. RFC 8689 5 wants no more of a secret message, and
 * one that is not made of lines would make the notice such a one. */
static bool returns_whole(const struct bounce_notice *n)
{
	const struct envelope *env = &n->about->file->env;
	bool failed = n->about->kind == BOUNCE_FAILED || n->about->kind == BOUNCE_DOUBLE;
	return failed && strcasecmp(env->ret, "HDRS") != 0 && n->about->file->message_len <= n->config->max_return &&
		!(env->flags & (ENVELOPE_BINARY | ENVELOPE_REQUIRETLS));
}

static enum bounce_result send_notice(struct spool *sp, struct bounce_notice *n, char id[SPOOL_ID_SIZE], struct err *err)
{
	struct assembly b = { .notice = n, .file = n->about->file, .writer = spool_write_begin(sp, NOTICE_MEMORY), .err = err,
		.whole = returns_whole(n), .arena = arena_new(4096) };
	buf_init(&b.header, NOTICE_MAX);
	buf_init(&b.before, NOTICE_MAX);
	buf_init(&b.after, NOTICE_MAX);
	buf_init(&b.headers, 2 * HEADERS_MAX);
	const char *at = strrchr(n->about->file->env.sender, '@');
	char domain[ADDRESS_DOMAIN_MAX + 1] = "";

	if (n->config->parts > 1 && at && address_domain_fold(view_of(at + 1), domain))
		spool_write_for(b.writer, domain, n->config->parts);
	memcpy(id, spool_write_id(b.writer), SPOOL_ID_SIZE);
	n->id = id;
	enum draft_end end = write_notice(&b, n) ? commit_notice(&b) : DRAFT_ERROR;
	if (end == DRAFT_REFUSED)
		log_warn("notice about %s: %s", b.file->id, err->text);
	spool_write_end(&b.writer);
	buf_free(&b.header);
	buf_free(&b.before);
	buf_free(&b.after);
	buf_free(&b.headers);
	arena_free(&b.arena);
	return end == DRAFT_QUEUED ? BOUNCE_SENT : end == DRAFT_REFUSED ? BOUNCE_UNWANTED : BOUNCE_ERROR;
}

bool bounce_possible(const struct spool_file *f, struct err *err)
{
	if (f->state == SPOOL_BAD)
		return err_set(err, "it is set aside in bad/");
	if (f->env.sender[0] == '\0' || f->env.flags & ENVELOPE_BOUNCE)
		return err_set(err, "it has no sender to whom it could go back; remove it instead");
	return true;
}

bool bounce_double_wanted(const struct bounce_config *config, const struct spool_file *f)
{
	return config->double_to != NULL && config->double_to[0] != '\0' && f->env.sender[0] == '\0' && !(f->env.flags & ENVELOPE_DOUBLE);
}

bool bounce_allowed(const struct spool_file *f, size_t rcpt)
{
	return f->env.sender[0] != '\0' && !(f->env.flags & ENVELOPE_BOUNCE) && !(f->env.rcpts[rcpt].notify & NOTIFY_NEVER);
}

bool bounce_wanted(const struct spool_file *f, size_t rcpt, enum bounce_kind kind)
{
	static const unsigned asked[BOUNCE_KINDS] = { NOTIFY_FAILURE, NOTIFY_DELAY, NOTIFY_SUCCESS };
	const struct envelope_rcpt *r = &f->env.rcpts[rcpt];
	unsigned notify = r->notify & NOTIFY_ASKED;
	if (!bounce_allowed(f, rcpt))
		return false;
	if ((kind == BOUNCE_DELAYED && r->notify & NOTIFY_OVERDUE) || (kind == BOUNCE_SUCCESS && r->status == RCPT_RELAYED))
		return true;
	return notify == NOTIFY_DEFAULT ? kind != BOUNCE_SUCCESS : (notify & asked[kind]) != 0;
}

enum bounce_result bounce_send(struct spool *sp, const struct bounce_config *config, const struct bounce *b, char id[SPOOL_ID_SIZE],
	struct err *err)
{
	struct bounce_rcpt *wanted = calloc(b->count + 1, sizeof *wanted);
	if (wanted == NULL)
		bug("out of memory");
	struct bounce_notice n = { .config = config, .about = b, .rcpts = wanted, .now = clock_now(),
		.utf8 = b->file->env.flags & ENVELOPE_UTF8 };
	for (size_t i = 0; i < b->count; i++) {
		if (b->rcpts[i].rcpt >= b->file->env.rcpt_count)
			bug("bounce: recipient %zu of %zu", b->rcpts[i].rcpt, b->file->env.rcpt_count);
		if (b->kind == BOUNCE_DOUBLE || bounce_wanted(b->file, b->rcpts[i].rcpt, b->kind))
			wanted[n.count++] = b->rcpts[i];
	}
	enum bounce_result result = n.count == 0 ? BOUNCE_UNWANTED : send_notice(sp, &n, id, err);
	free(wanted);
	return result;
}
