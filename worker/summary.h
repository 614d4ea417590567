/* summary.h - the one line that every session ends with. */
#ifndef SUMMARY_H
#define SUMMARY_H

struct session;

void summary_log(const struct session *s);

#endif
