/* part.c - see part.h. */
#include "part.h"

#include "../lib/ipc.h"
#include "spool_id.h"
#include <fcntl.h>
#include <sys/socket.h>

unsigned part_of(const char *id, unsigned parts)
{
	return spool_id_dir(id) % parts;
}

unsigned part_count(void)
{
	struct scoreboard *s = scoreboard();
	unsigned parts = s ? atomic_load_explicit(&s->runners, memory_order_relaxed) : 1;

	return parts < 1 ? 1 : parts > RUNNERS_MAX ? RUNNERS_MAX : parts;
}

const char *part_path(char out[PART_PATH], const char *run_dir, const char *name, unsigned part)
{
	if (part == 0)
		snprintf(out, PART_PATH, "%s/%s", run_dir, name);
	else
		snprintf(out, PART_PATH, "%s/%s.%u", run_dir, name, part);
	return out;
}

const char *part_name(char out[PART_NAME], unsigned part)
{
	snprintf(out, PART_NAME, part ? "queue-runner.%u" : "queue-runner", part);
	return out;
}

void part_poke(const char *run_dir, unsigned part, const char *id)
{
	static struct ipc_out m;	/* not on the stack, which would be touched over its whole 64 KiB */
	char path[PART_PATH];
	int fd = ipc_connect(part_path(path, run_dir, "poke", part), SOCK_DGRAM, NULL);

	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ipc_begin(&m, IPC_POKE);
	ipc_put_view(&m, view_of(id));
	(void)!ipc_send(fd, &m, NULL);
	close(fd);
}

size_t part_share(size_t limit, unsigned parts)
{
	return limit / parts ? limit / parts : 1;
}
