/* noplugin - a shared object that is no plugin. */
#include <postrider.h>

PR_API int nothing;
