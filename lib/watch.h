/* watch.h - whether files have changed: a fingerprint of what paths lead to, without reading them. */
#ifndef WATCH_H
#define WATCH_H

#include "base.h"

/* Of each file, and of each one below each directory: path, device, inode, size, times of change. The same as long as nothing
 * changes, a change of what a link leads to included; what does not exist counts as that. Looks at no more than 200,000 files,
 * 8 folders deep. Never 0. */
uint64_t watch_fingerprint(const char *const *paths, size_t count);

#endif
