/* passwd_file.h - the password file of auth_flat_file, lines "user:secret", as `postrider passwd` reads and changes it. Comments and the
 * order of lines stay. Names are the same whatever the case of ASCII letters, as for the plugin. */
#ifndef PASSWD_FILE_H
#define PASSWD_FILE_H

#include "../lib/base.h"
#include "../lib/drop.h"
#include "../lib/err.h"
#include "../lib/view.h"

#define PASSWD_CLEAR "{PLAIN}"		/* in front of a clear text */

/* Puts USER with SECRET in place of his line, or at the end; SECRET NULL removes him, who must be there. The file is replaced in one step,
 * under a lock on its directory, and is on disk when this returns; it becomes readable for its owner and READER's group (the workers
 * run as neither root nor the owner). May wait for another who changes it. */
bool passwd_file_set(const char *path, const char *user, const char *secret, const struct drop_target *reader, struct err *err) MUST_CHECK;
/* Tells every user, in the order of the file, until EACH returns false. A file that is not there has none. */
typedef bool passwd_file_each(void *arg, struct view user, struct view secret);
bool passwd_file_read(const char *path, passwd_file_each *each, void *arg, struct err *err) MUST_CHECK;

#endif
