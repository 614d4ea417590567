/* bounce_text.c - see bounce_text.h and bounce_read_texts in bounce.h. */
#include "bounce_text.h"
#include <fcntl.h>

#define TEXT_MAX 65536
#define IMAGE_MAX (256u << 10)

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
		"{extended_reason}\n"
		"A report for programs and your message, or its headers, follow.\n" },
	[BOUNCE_DELAYED] = { "outbound.delay_message", TEXT_HEADERS("Delayed mail: it is still being tried")
		"Your message could not be delivered yet to the addresses below. You need\n"
		"not send it again: it will be tried until {until}.\n"
		"\n"
		"{extended_reason}\n"
		"A report for programs and the headers of your message follow.\n" },
	[BOUNCE_SUCCESS] = { "outbound.success_message", TEXT_HEADERS("Delivered mail: the report that you asked for")
		"Your message has reached the addresses below, or was relayed towards them.\n"
		"There may be no further report on what was relayed.\n"
		"\n"
		"{extended_reason}\n"
		"A report for programs and the headers of your message follow.\n" },
	[BOUNCE_DOUBLE] = { "outbound.double_bounce_message", TEXT_HEADERS("Undeliverable notice: it can go back to nobody")
		"A message without a sender, most often a notice of ours about another\n"
		"one, could not be delivered to the addresses below. It can go back to\n"
		"nobody, and has been given up.\n"
		"\n"
		"{extended_reason}\n"
		"A report for programs and the message, or its headers, follow.\n" },
};

const char *bounce_default_text(enum bounce_kind kind)
{
	return templates[kind].text;
}

/* ---- the template ---- */

struct view bounce_text_header(struct view *text)
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
	struct view rest = view_of(text), header = bounce_text_header(&rest);
	bool first = true;
	for (unsigned number = 1; header.len > 0; number++, first = false)
		if (!header_line_valid(view_cut(&header, '\n'), first))
			return err_set(err, "%s:%u: not a header line; expected headers, an empty line and a text", file, number);
	return !first || err_set(err, "%s: no header lines before the first empty line", file);
}

/* An image goes into the notice as it is: it has to be a part of a message, and what it holds is encoded. */
static bool image_valid(const char *file, const char *text, struct err *err)
{
	struct view rest = view_of(text), all = rest;

	if (!text_valid(file, text, err))
		return false;
	if (!view_is_ascii(all))
		return err_set(err, "%s: not ASCII; expected Content-Type and other headers, an empty line and the image in base64", file);
	for (struct view header = bounce_text_header(&rest); header.len > 0;)
		if (view_case_starts(view_cut(&header, '\n'), VIEW("Content-Type:")))
			return true;
	return err_set(err, "%s: no Content-Type among the headers before the first empty line", file);
}

static bool html_valid(const char *file, const char *text, struct err *err)
{
	return view_trim(view_of(text)).len > 0 || err_set(err, "%s: empty; expected HTML, or no file", file);
}

/* *TEXT is NULL when there is no FILE. */
static bool read_file(const char *dir, const char *file, size_t most, struct arena *a, const char **text, struct err *err)
{
	int fd = open(arena_printf(a, "%s/%s", dir, file), O_RDONLY | O_CLOEXEC);
	char *data = fd < 0 ? NULL : arena_alloc(a, most + 1);
	ssize_t len = fd < 0 ? -1 : read(fd, data, most + 1);
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	*text = NULL;
	if (fd < 0 && why == ENOENT)
		return true;
	if (len < 0)
		return err_sys(err, "%s", file);
	if ((size_t)len > most || memchr(data, '\0', (size_t)len) != NULL)
		return err_set(err, "%s: over %zu bytes, or not text", file, most);
	data[len] = '\0';
	*text = data;
	return true;
}

typedef bool text_check(const char *file, const char *text, struct err *err);

static bool read_text(const char *dir, const char *file, size_t most, text_check *check, struct arena *a, const char **text, struct err *err)
{
	return read_file(dir, file, most, a, text, err) && (*text == NULL || check(file, *text, err));
}

bool bounce_read_texts(const char *dir, struct arena *a, struct bounce_config *config, struct err *err)
{
	for (size_t i = 0; i < BOUNCE_KINDS; i++) {
		struct bounce_texts *t = &config->texts[i];
		const char *file = templates[i].file, *html = arena_printf(a, "%s_html", file), *image = arena_printf(a, "%s_image", file);
		if (!read_text(dir, file, TEXT_MAX, text_valid, a, &t->plain, err) || !read_text(dir, html, TEXT_MAX, html_valid, a, &t->html, err) ||
			!read_text(dir, image, IMAGE_MAX, image_valid, a, &t->image, err))
			return false;
		if (t->image != NULL && t->html == NULL)
			return err_set(err, "%s: no use without %s", image, html);
	}
	return true;
}
