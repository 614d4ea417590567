/* trim.c - see trim.h. */
#include "base.h"
#include "trim.h"
#include <malloc.h>
#include <sys/mman.h>

#define TRIM_RED_ZONE 4096	/* left alone below this function's frame */
#define TRIM_STACK 131072	/* deeper than sessions go */

void trim_memory(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), top = (uintptr_t)__builtin_frame_address(0) - TRIM_RED_ZONE;

	malloc_trim(0);
	/* what lies below the mapping is not there and answers ENOMEM, after the rest has been given back */
	madvise((void *)((top & ~(page - 1)) - TRIM_STACK), TRIM_STACK, MADV_DONTNEED);
}
