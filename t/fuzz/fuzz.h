/* fuzz.h - what the fuzzers share. Each is one function that is given hostile bytes and aborts when something that
 * must hold does not; the sanitizers see the rest. They are linked with libFuzzer, or with replay_main.c. */
#ifndef FUZZ_H
#define FUZZ_H

#include "../../lib/base.h"
#include "../../lib/err.h"
#include "../../lib/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : fuzz_broken(#condition, __FILE__, __LINE__))

NORETURN static inline void fuzz_broken(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

/* Takes the first byte away; 0 when there is none. */
static inline uint8_t fuzz_byte(struct view *in)
{
	uint8_t byte = in->len ? (uint8_t)in->data[0] : 0;

	*in = view_skip(*in, 1);
	return byte;
}

#endif
