/* bounce.c - a notice as a message: template, report, and the message that it is about or its headers, as a multipart/report
 * (RFC 6522) in the spool. Its sender is the null sender, so nothing can ever be sent back about it (RFC 5321 4.5.5). */
#include "bounce.h"
#include <fcntl.h>
#include <strings.h>

#include "../lib/address.h"
#include "../lib/clock.h"
#include "bounce_report.h"
#include "spool_internal.h"

#define TEXT_MAX 65536
#define HEADERS_MAX (256u << 10)	/* of the headers that go back instead of the message */
#define NOTICE_MAX (64u << 20)		/* of everything but the message that goes back */
#define NOTICE_MEMORY (256u << 10)
#define LINE_MAX_OCTETS 998		/* RFC 5322 2.1.1 */
#define CONTENT_FLAGS (ENVELOPE_8BIT | ENVELOPE_DOTS | ENVELOPE_LONG_LINES)	/* that a part hands on to the whole */

#define TEXT_HEADERS(subject) \
	"Received: by {me} (postrider, process {pid}); {date}\n" \
	"Date: {date}\n" \
	"From: Mail Delivery System <MAILER-DAEMON@{me}>\n" \
	"To: <{from}>\n" \
	"Subject: " subject "\n" \
	"Message-ID: {msgid}\n" \
	"\n" \
	"This is the mail system at {me}.\n" \
	"\n"

static const struct { const char *file, *text; } templates[BOUNCE_KINDS] = {
	[BOUNCE_FAILED] = { "outbound.bounce_message", TEXT_HEADERS("Undelivered mail: failure notice")
		"Your message could not be delivered to the addresses below. This is a\n"
		"permanent error: it has been given up, and nothing more will be tried.\n"
		"\n"
		"{recipients}\n"
		"A report for programs and your message, or its headers, follow.\n" },
	[BOUNCE_DELAYED] = { "outbound.delay_message", TEXT_HEADERS("Delayed mail: it is still being tried")
		"Your message could not be delivered yet to the addresses below. You need\n"
		"not send it again: it will be tried until {until}.\n"
		"\n"
		"{recipients}\n"
		"A report for programs and the headers of your message follow.\n" },
	[BOUNCE_SUCCESS] = { "outbound.success_message", TEXT_HEADERS("Delivered mail: the report that you asked for")
		"Your message has reached the addresses below, or was relayed towards them\n"
		"by a server that gives no further reports.\n"
		"\n"
		"{recipients}\n"
		"A report for programs and the headers of your message follow.\n" },
};

const char *bounce_default_text(enum bounce_kind kind)
{
	return templates[kind].text;
}

/* ---- the template ---- */

/* What stands before the first empty line, and behind it. */
static struct view cut_header(struct view *text)
{
	struct view all = *text;
	while (text->len > 0) {
		size_t at = (size_t)(text->data - all.data);
		struct view line = view_cut(text, '\n');
		if (view_trim(line).len == 0)
			return view_head(all, at);
	}
	return all;
}

/* A field name and a colon, or the continuation of one. */
static bool header_line_valid(struct view line, bool first)
{
	size_t colon = view_find(line, ':');
	if (view_starts(line, VIEW(" ")) || view_starts(line, VIEW("\t")))
		return !first;
	if (colon == 0 || colon == line.len)
		return false;
	for (size_t i = 0; i < colon; i++)
		if (line.data[i] <= ' ' || line.data[i] >= 0x7f)
			return false;
	return true;
}

static bool text_valid(const char *file, const char *text, struct err *err)
{
	struct view rest = view_of(text), header = cut_header(&rest);
	bool first = true;
	for (unsigned number = 1; header.len > 0; number++, first = false)
		if (!header_line_valid(view_cut(&header, '\n'), first))
			return err_set(err, "%s:%u: not a header line; expected headers, an empty line and a text", file, number);
	return !first || err_set(err, "%s: no header lines before the first empty line", file);
}

static bool read_text(const char *dir, const char *file, struct arena *a, const char **text, struct err *err)
{
	int fd = open(arena_printf(a, "%s/%s", dir, file), O_RDONLY | O_CLOEXEC);
	char *data = fd < 0 ? NULL : arena_alloc(a, TEXT_MAX + 1);
	ssize_t len = fd < 0 ? -1 : read(fd, data, TEXT_MAX + 1);
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	*text = NULL;
	if (fd < 0 && why == ENOENT)
		return true;
	if (len < 0)
		return err_sys(err, "%s", file);
	if (len > TEXT_MAX || memchr(data, '\0', (size_t)len) != NULL)
		return err_set(err, "%s: over %u bytes, or not text", file, TEXT_MAX);
	data[len] = '\0';
	*text = data;
	return text_valid(file, data, err);
}

bool bounce_read_texts(const char *dir, struct arena *a, struct bounce_config *config, struct err *err)
{
	for (size_t i = 0; i < BOUNCE_KINDS; i++)
		if (!read_text(dir, templates[i].file, a, &config->texts[i], err))
			return false;
	return true;
}

/* The template's header lines, but for those that are ours to write. */
static void put_template_header(const struct bounce_notice *n, struct view header, struct buf *out)
{
	static const char *const ours[] = { "MIME-Version:", "Content-", "Auto-Submitted:", "Return-Path:" };
	bool skip = false;
	while (header.len > 0) {
		struct view line = view_cut(&header, '\n');
		bool continued = view_starts(line, VIEW(" ")) || view_starts(line, VIEW("\t"));
		skip = continued && skip;
		for (size_t i = 0; !continued && i < COUNT_OF(ours); i++)
			skip = skip || view_case_starts(line, view_of(ours[i]));
		if (skip)
			continue;
		bounce_report_expand(n, line, true, out);
		buf_putc(out, '\n');
	}
}

/* ---- putting it together ---- */

struct assembly {
	const struct bounce_notice *notice;
	const struct spool_file *file;
	struct spool_writer *writer;
	char boundary[SPOOL_ID_SIZE + 8];
	bool whole;			/* the message goes back, not only its headers */
	struct buf headers;		/* of the message, when only these go back */
	struct buf before, after;	/* the notice in front of and behind what goes back; "\n" line ends */
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

static void put_part(struct assembly *b, const char *type, bool eight)
{
	buf_printf(&b->before, "\n--%s\nContent-Type: %s\nContent-Transfer-Encoding: %s\n\n", b->boundary, type,
		eight ? "8bit" : "7bit");
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
	const char *template = n->config->texts[n->about->kind];
	struct view body = view_of(template != NULL ? template : bounce_default_text(n->about->kind));
	struct view header = cut_header(&body);
	struct buf text, status;
	buf_init(&text, NOTICE_MAX / 2);
	buf_init(&status, NOTICE_MAX / 2);
	bounce_report_expand(n, body, false, &text);
	bounce_report_status(n, &status);
	bool text8 = flags_of(buf_view(&text)) & ENVELOPE_8BIT, status8 = flags_of(buf_view(&status)) & ENVELOPE_8BIT;
	unsigned returned = b->whole ? b->file->env.flags & CONTENT_FLAGS : flags_of(buf_view(&b->headers));
	bool returned8 = returned & ENVELOPE_8BIT;

	put_template_header(n, header, &b->before);
	/* Whether SMTPUTF8 is needed depends on this and on the address, not on what the parts hold (RFC 6532 3.7). */
	bool utf8 = flags_of(buf_view(&b->before)) & ENVELOPE_8BIT || !view_is_ascii(view_of(b->file->env.sender));
	buf_printf(&b->before, "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
		"Content-Type: multipart/report; report-type=%sdelivery-status;\n\tboundary=\"%s\"\n"
		"Content-Transfer-Encoding: %s\n\nThis is a message in MIME format (RFC 2045).\n",
		n->utf8 ? "global-" : "", b->boundary, text8 || status8 || returned8 ? "8bit" : "7bit");
	put_part(b, text8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii", text8);
	buf_put_view(&b->before, buf_view(&text));
	put_part(b, n->utf8 ? "message/global-delivery-status" : "message/delivery-status", status8);
	buf_put_view(&b->before, buf_view(&status));
	put_part(b, returned_type(b), returned8);
	buf_printf(&b->after, "\n--%s--\n", b->boundary);
	if (text.failed || status.failed)
		b->before.failed = true;
	/* RFC 8689 5: what is told of a message is as secret as the message */
	b->flags = ENVELOPE_BOUNCE | returned | flags_of(buf_view(&b->before)) | (utf8 ? ENVELOPE_UTF8 : 0u) |
		(b->file->env.flags & ENVELOPE_REQUIRETLS);
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

static bool write_notice(struct assembly *b)
{
	if (!b->whole && !read_headers(b))
		return false;
	compose(b);
	return write_text(b, &b->before) && (b->whole ? write_message(b) : b->headers.len == 0 || write_text(b, &b->headers)) &&
		write_text(b, &b->after);
}

/* To the sender, from nobody; NOTIFY=NEVER, so that no other server reports on it either (RFC 3461 section 6.1 demands that
 * no notice be asked for). */
static bool commit_notice(struct assembly *b)
{
	const struct envelope *env = &b->file->env;
	const char *at = strrchr(env->sender, '@');
	struct arena *a = arena_new(1024);
	const char *domain = address_domain_canonical(view_of(at != NULL ? at + 1 : b->notice->config->me), a);
	struct envelope_rcpt rcpt = { .address = env->sender, .domain = domain != NULL ? domain : "", .notify = NOTIFY_NEVER,
		.orcpt = "", .status = RCPT_TODO, .last = "" };
	struct envelope notice = { .sender = "", .arrived = clock_now_us(), .flags = b->flags, .session = b->file->id,
		.rcpt_count = 1, .rcpts = &rcpt };
	bool ok = spool_commit(b->writer, VIEW(""), 0, &notice, b->err);
	arena_free(&a);
	return ok;
}

/* RFC 3461 4.3: RET is about failures; of all else only the headers go back. RFC 8689 5 wants no more of a secret message, and
 * one that is not made of lines would make the notice such a one. */
static bool returns_whole(const struct bounce_notice *n)
{
	const struct envelope *env = &n->about->file->env;
	return n->about->kind == BOUNCE_FAILED && strcasecmp(env->ret, "HDRS") != 0 && n->about->file->message_len <= n->config->max_return &&
		!(env->flags & (ENVELOPE_BINARY | ENVELOPE_REQUIRETLS));
}

static enum bounce_result send_notice(struct spool *sp, struct bounce_notice *n, char id[SPOOL_ID_SIZE], struct err *err)
{
	struct assembly b = { .notice = n, .file = n->about->file, .writer = spool_write_begin(sp, NOTICE_MEMORY), .err = err,
		.whole = returns_whole(n) };
	buf_init(&b.before, NOTICE_MAX);
	buf_init(&b.after, NOTICE_MAX);
	buf_init(&b.headers, 2 * HEADERS_MAX);
	memcpy(id, spool_write_id(b.writer), SPOOL_ID_SIZE);
	n->id = id;
	snprintf(b.boundary, sizeof b.boundary, "=_%s", id);
	bool ok = write_notice(&b) && commit_notice(&b);
	spool_write_end(&b.writer);
	buf_free(&b.before);
	buf_free(&b.after);
	buf_free(&b.headers);
	return ok ? BOUNCE_SENT : BOUNCE_ERROR;
}

bool bounce_possible(const struct spool_file *f, struct err *err)
{
	if (f->state == SPOOL_BAD)
		return err_set(err, "it is set aside in bad/");
	if (f->env.sender[0] == '\0' || f->env.flags & ENVELOPE_BOUNCE)
		return err_set(err, "it has no sender to whom it could go back; remove it instead");
	return true;
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
		if (bounce_wanted(b->file, b->rcpts[i].rcpt, b->kind))
			wanted[n.count++] = b->rcpts[i];
	}
	enum bounce_result result = n.count == 0 ? BOUNCE_UNWANTED : send_notice(sp, &n, id, err);
	free(wanted);
	return result;
}
