/* host.c - see host.h. */
#include "../lib/base.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/reply.h"
#include "../lib/stream.h"
#include "../lib/trim.h"
#include "../queue/part.h"
#include "host.h"
#include <fcntl.h>
#include <sys/socket.h>

#define ARENA_FIRST 2048	/* octets: a session and its message fit in as a rule */
#define REPLY_WIRE (20 * REPLY_TEXT)	/* every octet a line of its own, with codes */

void host_open(struct session_host *h, const struct worker_args *args, const volatile sig_atomic_t *interrupted)
{
	*h = (struct session_host){ .args = args, .pid = getpid(), .interrupted = interrupted,
		.slot = scoreboard() ? &scoreboard()->slot[args->slot] : NULL };
	for (size_t i = 0; i < COUNT_OF(h->poke_fds); i++)
		h->poke_fds[i] = -1;
	buf_init(&h->out, REPLY_WIRE);
}

void host_wake(struct session_host *h)
{
	if (h->session)
		return;
	h->session = arena_new(ARENA_FIRST);
	h->transaction = arena_new(ARENA_FIRST);
	h->scratch = arena_new(ARENA_FIRST);
}

static void free_memory(struct session_host *h)
{
	buf_free(&h->out);
	arena_free(&h->session);
	arena_free(&h->transaction);
	arena_free(&h->scratch);
}

void host_close(struct session_host *h)
{
	spool_close(&h->spool);
	for (size_t i = 0; i < COUNT_OF(h->poke_fds); i++)
		if (h->poke_fds[i] >= 0)
			close(h->poke_fds[i]);
	free_memory(h);
}

struct spool *host_spool(struct session_host *h)
{
	struct err err = { "" };

	if (!h->spool) {
		h->spool = spool_open(h->args->settings->spool_dir, (unsigned)h->args->slot, &err);
		if (!h->spool)
			log_error("spool: %s", err.text);
	}
	return h->spool;
}

static bool connected(struct session_host *h, unsigned part)
{
	char path[PART_PATH];
	int *fd = &h->poke_fds[part];

	if (*fd >= 0)
		return true;
	*fd = ipc_connect(part_path(path, h->args->settings->run_dir, "poke", part), SOCK_DGRAM, NULL);
	/* The client waits for its 250: better a poke is lost (the queue-runner notices) than waited for. */
	return *fd >= 0 && fcntl(*fd, F_SETFL, O_NONBLOCK) == 0;
}

void host_poke(struct session_host *h, const char *id)
{
	static struct ipc_out m;	/* not on the stack, which would be touched over its whole 64 KiB */
	unsigned part = part_of(id, part_count());

	ipc_begin(&m, IPC_POKE);
	ipc_put_view(&m, view_of(id));
	for (int attempt = 0; attempt < 2 && connected(h, part); attempt++) {
		if (ipc_send(h->poke_fds[part], &m, NULL) || errno == EAGAIN)
			return;
		close(h->poke_fds[part]);	/* the queue-runner was replaced */
		h->poke_fds[part] = -1;
	}
}

void host_rest(struct session_host *h)
{
	free_memory(h);
	stream_rest();
	if (h->args->store)
		store_rest(h->args->store);
	trim_memory();
}
