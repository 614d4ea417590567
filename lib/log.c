/* log.c - one line an event, built in place and written with one write(2): no memory is allocated, nothing is
 * buffered between events, and lines of many processes on one file do not mix. Bytes from outside reach a
 * line only through put_escaped. */
#include "base.h"
#include "log.h"
#include "clock.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>

/* Kept free at the end of a line: the closing quote, the mark of a cut line, the line end. */
#define TAIL 32
#define LINE_ROOM (sizeof(((struct log_line *)0)->text) - TAIL)

enum log_kind { LOG_KIND_STDERR, LOG_KIND_FILE, LOG_KIND_SYSLOG, LOG_KIND_NONE };

static struct {
	enum log_kind kind;
	int fd;
	bool json;
	enum log_level level;
	const char *process;
	int pid;			/* 0: not known yet */
	char id[32];
	log_taker *taker;
} state = { .kind = LOG_KIND_STDERR, .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .process = "postrider" };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warn", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

bool log_open(const char *target, bool json, enum log_level level, struct err *err)
{
	enum log_kind kind = LOG_KIND_FILE;
	int fd = STDERR_FILENO;

	if (strcmp(target, "stderr") == 0)
		kind = LOG_KIND_STDERR;
	else if (strcmp(target, "syslog") == 0)
		kind = LOG_KIND_SYSLOG;
	else if (strcmp(target, "none") == 0)
		kind = LOG_KIND_NONE;
	else if (target[0] != '/')
		return err_set(err, "log \"%s\": expected stderr, syslog, none or an absolute path", target);
	if (kind == LOG_KIND_FILE) {
		fd = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
		if (fd < 0)
			return err_sys(err, "cannot open the log %s", target);
	}
	if (kind == LOG_KIND_SYSLOG)
		openlog("postrider", LOG_PID | LOG_NDELAY, LOG_MAIL);
	if (state.kind == LOG_KIND_FILE)
		close(state.fd);
	state.kind = kind;
	state.fd = fd;
	state.json = json;
	state.level = level;
	return true;
}

bool log_chown(uid_t uid, gid_t gid, struct err *err)
{
	struct stat st;

	if (state.kind != LOG_KIND_FILE)
		return true;
	/* Something like /dev/null is not ours to give away. */
	if (fstat(state.fd, &st) == 0 && !S_ISREG(st.st_mode))
		return true;
	return fchown(state.fd, uid, gid) == 0 || err_sys(err, "cannot change the owner of the log");
}

int log_keep(void)
{
	if (state.kind == LOG_KIND_SYSLOG)
		closelog();
	return state.kind == LOG_KIND_FILE ? state.fd : -1;
}

void log_process(const char *name)
{
	state.process = name;
	state.pid = (int)getpid();
}

void log_offer(log_taker *taker)
{
	state.taker = taker;
}

void log_id(const char *id)
{
	snprintf(state.id, sizeof(state.id), "%s", id);
}

bool log_wants(enum log_level level)
{
	return level <= state.level && (state.kind != LOG_KIND_NONE || state.taker);
}

static int own_pid(void)
{
	if (!state.pid)
		state.pid = (int)getpid();
	return state.pid;
}

/* ---- building: nothing goes beyond LINE_ROOM but a closing quote and what log_end adds ---- */

static size_t room_left(const struct log_line *l)
{
	return l->len < LINE_ROOM ? LINE_ROOM - l->len : 0;
}

static void put(struct log_line *l, const char *text, size_t len)
{
	if (l->cut || len > room_left(l)) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

static void puts_plain(struct log_line *l, const char *text)
{
	put(l, text, strlen(text));
}

static bool is_plain(char c)
{
	return c >= 0x20 && c <= 0x7e && c != '\\' && c != '"';
}

/* One byte that is not plain, as it is written in text or (the backslashes doubled once more) in JSON. */
static size_t escape(char c, bool json, bool quoted, char out[8])
{
	const char *backslash = json ? "\\\\" : "\\";

	if (c == '"')
		return (size_t)snprintf(out, 8, "%s\"", quoted ? "\\" : "");
	if (c == '\\')
		return (size_t)snprintf(out, 8, "%s%s", backslash, backslash);
	return (size_t)snprintf(out, 8, "%sx%02x", backslash, (unsigned char)c);
}

static void put_escaped(struct log_line *l, struct view v, bool quoted)
{
	size_t i = 0;

	while (i < v.len && !l->cut) {
		size_t run = i;
		char out[8];

		while (run < v.len && is_plain(v.data[run]))
			run++;
		if (run > i && run - i > room_left(l)) {
			put(l, v.data + i, room_left(l));
			l->cut = true;
		} else if (run > i) {
			put(l, v.data + i, run - i);
		}
		i = run;
		if (i < v.len)
			put(l, out, escape(v.data[i++], state.json, quoted, out));
	}
}

/* The closing quote may stand in the tail: an opened one is always closed. */
static void put_quoted(struct log_line *l, struct view v)
{
	put(l, "\"", 1);
	if (l->cut)
		return;
	put_escaped(l, v, true);
	l->text[l->len++] = '"';
}

static bool needs_quotes(struct view v)
{
	if (v.len == 0)
		return true;
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] == ' ' || v.data[i] == '"')
			return true;
	return false;
}

/* Key and sign; false when there is no room for them and the beginning of a value. */
static bool put_key(struct log_line *l, const char *key)
{
	size_t before = l->len;

	if (l->cut)
		return false;
	puts_plain(l, state.json ? ",\"" : " ");
	puts_plain(l, key);
	puts_plain(l, state.json ? "\":" : "=");
	if (!l->cut && room_left(l) >= 24)
		return true;
	l->len = before;
	l->cut = true;
	return false;
}

static void put_number(struct log_line *l, const char *key, const char *digits)
{
	if (!l->off && put_key(l, key))
		puts_plain(l, digits);
}

void log_view(struct log_line *l, const char *key, struct view value)
{
	if (l->off || !put_key(l, key))
		return;
	if (state.json || needs_quotes(value))
		put_quoted(l, value);
	else
		put_escaped(l, value, false);
}

void log_str(struct log_line *l, const char *key, const char *value)
{
	if (value && *value)
		log_view(l, key, view_of(value));
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	put_number(l, key, digits);
}

void log_ms(struct log_line *l, const char *key, int64_t milliseconds)
{
	char digits[24];

	if (milliseconds < 0)
		milliseconds = 0;
	snprintf(digits, sizeof(digits), "%lld.%03d", (long long)(milliseconds / 1000), (int)(milliseconds % 1000));
	put_number(l, key, digits);
}

static void begin_text(struct log_line *l, const char *event)
{
	char head[CLOCK_STAMP_SIZE + 128], stamp[CLOCK_STAMP_SIZE];
	const char *shown = clock_stamp(clock_now_us(), stamp);

	if (state.kind == LOG_KIND_SYSLOG)
		stamp[0] = '\0';
	/* For a person at a terminal "02:10:00.123" of "2026-11-21T02:10:00.123+00:00" will do. */
	if (state.kind == LOG_KIND_STDERR) {
		shown = stamp + 11;
		stamp[23] = '\0';
	}
	snprintf(head, sizeof(head), "%s%s%s %.32s[%d] ", shown, *shown ? " " : "", levels[l->level].name, state.process, own_pid());
	puts_plain(l, head);
	if (state.id[0]) {
		put_escaped(l, view_of(state.id), false);
		put(l, " ", 1);
	}
	put_escaped(l, view_of(event), false);
}

static void begin_json(struct log_line *l, const char *event)
{
	char stamp[CLOCK_STAMP_SIZE];

	if (state.kind == LOG_KIND_SYSLOG)
		puts_plain(l, "{\"level\":\"");
	else {
		puts_plain(l, "{\"time\":\"");
		puts_plain(l, clock_stamp(clock_now_us(), stamp));
		puts_plain(l, "\",\"level\":\"");
	}
	puts_plain(l, levels[l->level].name);
	put(l, "\"", 1);
	log_str(l, "process", state.process);
	log_int(l, "pid", own_pid());
	log_str(l, "id", state.id);
	log_str(l, "event", event);
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	l->len = 0;
	l->cut = false;
	l->level = level;
	l->off = !log_wants(level);
	if (l->off)
		return;
	if (state.json)
		begin_json(l, event);
	else
		begin_text(l, event);
}

/* What is logged while the taker looks at a line is not offered to it: it would go on for ever. */
static bool is_taken(const struct log_line *l)
{
	log_taker *taker = state.taker;
	int saved = errno;

	if (!taker)
		return false;
	state.taker = NULL;
	bool taken = taker(l->level, state.process, state.id, l->text);
	state.taker = taker;
	errno = saved;
	return taken;
}

void log_end(struct log_line *l)
{
	const char *tail = state.json ? (l->cut ? ",\"cut\":true}" : "}") : (l->cut ? " [cut]" : "");
	ssize_t written;

	if (l->off)
		return;
	memcpy(l->text + l->len, tail, strlen(tail) + 1);
	l->len += strlen(tail);
	if (is_taken(l) || state.kind == LOG_KIND_NONE)
		return;
	if (state.kind == LOG_KIND_SYSLOG) {
		syslog(levels[l->level].priority, "%s", l->text);
		return;
	}
	l->text[l->len++] = '\n';
	/* A log that cannot be written (a full disk) must not stop the mail, and there is nobody to tell. */
	do
		written = write(state.fd, l->text, l->len);
	while (written < 0 && errno == EINTR);
}

static void log_event(enum log_level level, const char *format, va_list ap)
{
	struct log_line l;
	char event[sizeof(l.text)];

	if (!log_wants(level))
		return;
	vsnprintf(event, sizeof(event), format, ap);
	log_begin(&l, level, event);
	log_end(&l);
}

/* The three short forms differ in the level only; a va_list needs a function of its own for each. */
void log_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_event(LOG_LEVEL_ERROR, format, ap);
	va_end(ap);
}

void log_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_event(LOG_LEVEL_WARN, format, ap);
	va_end(ap);
}

void log_info(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_event(LOG_LEVEL_INFO, format, ap);
	va_end(ap);
}

void log_debug(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_event(LOG_LEVEL_DEBUG, format, ap);
	va_end(ap);
}

char *log_escape(struct view v, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < v.len && len + 1 < size; i++) {
		char unit[8];
		size_t n = 1;

		if (is_plain(v.data[i]))
			unit[0] = v.data[i];
		else
			n = escape(v.data[i], false, false, unit);
		if (len + n + 1 > size)
			break;
		memcpy(out + len, unit, n);
		len += n;
	}
	if (size)
		out[len] = '\0';
	return out;
}
