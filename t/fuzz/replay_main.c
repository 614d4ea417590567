/* replay_main.c - the plain main of a fuzzer: gives it every file named, or in a directory named, and with --mutate N also N
 * damaged forms of each, always the same ones. Needs no libFuzzer, so `make check` runs it everywhere. */
#include "fuzz.h"
#include <dirent.h>
#include <sys/stat.h>

#define INPUT_MAX (1 << 20)

static struct {
	unsigned long mutations, runs;
	uint64_t random;
	uint8_t input[INPUT_MAX], damaged[INPUT_MAX + 64];
} state = { .random = 88172645463325252u };

/* xorshift: the same numbers everywhere. */
static uint64_t next_random(void)
{
	state.random ^= state.random << 13;
	state.random ^= state.random >> 7;
	state.random ^= state.random << 17;
	return state.random;
}

/* A copy of its own size on the heap, so that reading behind its end is seen. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	state.runs++;
}

/* Changes, doubles, removes or moves a few bytes; returns the new length. */
static size_t damage(uint8_t *data, size_t len)
{
	for (uint64_t times = 1 + next_random() % 4; times > 0 && len > 0; times--) {
		size_t at = next_random() % len, n = 1 + next_random() % 16;

		if (n > len - at)
			n = len - at;
		switch (next_random() % 6) {
		case 0:
			data[at] ^= (uint8_t)(1u << next_random() % 8);
			break;
		case 1:
			data[at] = (uint8_t)next_random();
			break;
		case 2:
			memmove(data + at, data + at + n, len - at - n);
			len -= n;
			break;
		case 3:
			memmove(data + at + n, data + at, len - at);
			len += n;
			break;
		case 4:
			memmove(data + next_random() % (len - n + 1), data + at, n);
			break;
		case 5:
			len = at;
			break;
		}
	}
	return len;
}

static bool replay_file(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t len;

	if (!f) {
		perror(path);
		return false;
	}
	len = fread(state.input, 1, sizeof(state.input), f);
	fclose(f);
	run(state.input, len);
	for (unsigned long i = 0; i < state.mutations; i++) {
		memcpy(state.damaged, state.input, len);
		run(state.damaged, damage(state.damaged, len));
	}
	return true;
}

static bool replay(const char *path)
{
	struct dirent **entries;
	char inner[4096];
	struct stat st;
	bool ok = true;
	int count;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return replay_file(path);
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
			ok = replay_file(inner) && ok;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return ok && count >= 0;
}

int main(int argc, char **argv)
{
	bool ok = argc > 1;
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "--mutate") == 0) {
		state.mutations = strtoul(argv[2], NULL, 10);
		i = 3;
	}
	for (; i < argc; i++)
		ok = replay(argv[i]) && ok;
	printf("%lu inputs\n", state.runs);
	return !ok;
}
