/* err.c - the error value: setting, joining and putting context in front, always within its size. */
#include "base.h"
#include "err.h"
#include "log.h"

/* Through a copy: the arguments may well be the old text itself. */
static void append(struct err *err, const char *format, va_list ap, const char *why)
{
	struct err added;
	size_t len = strlen(err->text);

	vsnprintf(added.text, sizeof(added.text), format, ap);
	snprintf(err->text + len, sizeof(err->text) - len, "%s%s%s%s", len ? "; " : "", added.text, why ? ": " : "", why ? why : "");
}

bool err_set(struct err *err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (err)
		append(err, format, ap, NULL);
	va_end(ap);
	return false;
}

bool err_sys(struct err *err, const char *format, ...)
{
	int number = errno;
	char why[128];
	va_list ap;

	va_start(ap, format);
	if (err)
		append(err, format, ap, strerror_r(number, why, sizeof(why)));
	va_end(ap);
	errno = number;
	return false;
}

bool err_context(struct err *err, const char *format, ...)
{
	struct err context, old;
	size_t len;
	va_list ap;

	if (!err)
		return false;
	va_start(ap, format);
	vsnprintf(context.text, sizeof(context.text), format, ap);
	va_end(ap);
	old = *err;
	*err = context;
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", old.text);
	return false;
}

void bug(const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_offer(NULL);	/* a plugin might keep the line for later */
	log_error("bug: %s", text);
	abort();
}
