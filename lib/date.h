/* date.h - the dates of mail (RFC 5322 3.3, with the obsolete forms of 4.3). */
#ifndef DATE_H
#define DATE_H

#include "base.h"
#include "view.h"

/* "Sat, 21 Nov 2026 02:10:00 +0100 (comment)" in seconds since 1970. The name of the day is not looked at; years of two and three digits,
 * times without seconds and zones with names are understood, an unknown or missing zone counts as UTC. False when it is no date, or none
 * that the calendar has. */
bool date_parse(struct view text, int64_t *seconds) MUST_CHECK;

#endif
