/* watch.c - see watch.h. The hashes of the files are added up, so the order in which a folder lists them does not matter. */
#include "watch.h"
#include "view.h"
#include <dirent.h>
#include <sys/stat.h>

#define FILES_MAX 200000
#define DEPTH_MAX 8

struct watch { uint64_t sum; unsigned files; };

static void look(struct watch *w, const char *path, unsigned depth);

static void look_below(struct watch *w, const char *path, unsigned depth)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		char below[PATH_MAX];

		if (e->d_name[0] != '.' && snprintf(below, sizeof(below), "%s/%s", path, e->d_name) < (int)sizeof(below))
			look(w, below, depth + 1);
	}
	if (dir)
		closedir(dir);
}

static void look(struct watch *w, const char *path, unsigned depth)
{
	uint64_t h = view_hash(VIEW_HASH, view_of(path));
	struct stat st;

	if (w->files++ >= FILES_MAX)
		return;
	if (stat(path, &st) < 0) {
		w->sum += view_hash(h, VIEW("none"));
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		if (depth < DEPTH_MAX)
			look_below(w, path, depth);
		w->sum += h;
		return;
	}
	const uint64_t facts[] = { (uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
		(uint64_t)st.st_mtim.tv_nsec, (uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec };
	w->sum += view_hash(h, view_make((const char *)facts, sizeof(facts)));
}

uint64_t watch_fingerprint(const char *const *paths, size_t count)
{
	struct watch w = { 0 };

	for (size_t i = 0; i < count; i++)
		look(&w, paths[i], 0);
	return w.sum ? w.sum : 1;
}
