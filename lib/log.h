/* log.h - one line an event, key=value, escaped; to stderr, a file or syslog; text or JSON.
 *
 * A line is: time, level, process name and pid, session or message id, event text, then fields.
 * Bytes that came from outside are given only as field values, where everything that is not printable
 * ASCII is escaped (\xNN) and values with blanks are quoted. One line is one write(). */
#ifndef LOG_H
#define LOG_H

#include "base.h"
#include "view.h"
#include "err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* TARGET: "stderr", "syslog", "none" or an absolute path (opened for appending, mode 0640). May be called
 * again (reload: the file is opened anew). Child processes inherit an open file. */
bool log_open(const char *target, bool json, enum log_level level, struct err *err) MUST_CHECK;
/* Gives the log file to UID/GID, so that children that dropped root can reopen it. No-op for others. */
bool log_chown(uid_t uid, gid_t gid, struct err *err) MUST_CHECK;
/* Before all descriptors are closed that a fork has handed down, but for the first three: the one that must stay open for lines to
 * be written, -1 for none (syslog is connected to again). */
int log_keep(void);
/* The process name in each line ("worker"); kept by pointer. To be called after each fork: the pid in the lines is
 * that of the process which called it. */
void log_process(const char *name);
/* The id that following lines carry ("" for none); copied, at most 31 bytes. */
void log_id(const char *id);
bool log_wants(enum log_level level);
/* Each line is offered to TAKER first, as it would be written but without the line end; true: it has taken it, and it is
 * not written. Lines that are logged meanwhile are written without asking. NULL ends it. With the target "none" a line
 * goes to the taker or nowhere. */
typedef bool log_taker(enum log_level level, const char *process, const char *id, const char *line);
void log_offer(log_taker *taker);

/* A line being built. Usage:
 *   struct log_line l; log_begin(&l, LOG_LEVEL_INFO, "accepted");
 *   log_str(&l, "from", sender); log_int(&l, "size", n); log_end(&l);
 * Overlong lines (4 KiB) are cut and marked. */
struct log_line {
	char text[4096];
	size_t len;
	bool off;		/* level not wanted: everything is a no-op */
	bool cut;
	enum log_level level;
};
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, const char *value);	/* NULL or "": field is left out */
void log_view(struct log_line *l, const char *key, struct view value);
void log_int(struct log_line *l, const char *key, int64_t value);
void log_ms(struct log_line *l, const char *key, int64_t milliseconds);	/* as seconds, "0.125" */
void log_end(struct log_line *l);

/* Short forms: the formatted text is one escaped event, no fields. */
void log_error(const char *format, ...) PRINTFLIKE(1, 2);
void log_warn(const char *format, ...) PRINTFLIKE(1, 2);
void log_info(const char *format, ...) PRINTFLIKE(1, 2);
void log_debug(const char *format, ...) PRINTFLIKE(1, 2);

/* Writes V to OUT with everything but printable ASCII as \xNN and backslash doubled, cut to fit. */
char *log_escape(struct view v, char *out, size_t size);

#endif
