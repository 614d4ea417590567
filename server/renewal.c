/* renewal.c - see renewal.h. */
#include "renewal.h"
#include "../lib/view.h"
#include "../lib/watch.h"

#define PATHS_MAX 1000
#define TRY_AGAIN 3600000	/* ms until a successor is tried for what has failed: so long, and it is told once */

void renewal_free(struct renewal *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->paths[i]);
	free(r->paths);
	*r = (struct renewal){ 0 };
}

bool renewal_take(struct renewal *r, struct ipc_in *m, struct err *err)
{
	renewal_free(r);
	r->read = ipc_get_u64(m);
	size_t count = ipc_get_u16(m);
	if (count > PATHS_MAX || !(r->paths = calloc(count + 1, sizeof *r->paths)))
		return err_set(err, "%zu files to watch", count);
	while (r->count < count) {
		struct view path = ipc_get_view(m);
		if (path.len == 0 || path.len >= PATH_MAX || path.data[0] != '/' || view_has_line_break(path))
			return err_set(err, "found no absolute path among the files to watch");
		char *copy = strndup(path.data, path.len);
		if (copy == NULL)
			return err_set(err, "out of memory");
		r->paths[r->count++] = copy;
	}
	return ipc_end(m, err);
}

enum renewal_look renewal_look(struct renewal *r, int64_t now)
{
	if (r->count == 0)
		return RENEWAL_NONE;
	uint64_t fingerprint = watch_fingerprint((const char *const *)r->paths, r->count), before = r->seen;

	r->seen = fingerprint == r->read ? 0 : fingerprint;
	if (r->seen == 0 || (fingerprint == r->tried && now - r->tried_at < TRY_AGAIN))
		return RENEWAL_NONE;
	if (fingerprint != before)
		return RENEWAL_SOON;
	r->tried = fingerprint;
	r->tried_at = now;
	return RENEWAL_DUE;
}
