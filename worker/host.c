/* host.c - see host.h. */
#include "../lib/base.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "host.h"
#include <sys/socket.h>

#define ARENA_FIRST 4096	/* octets: a session and its message fit in as a rule */
#define REPLY_WIRE 4096		/* REPLY_TEXT in lines of "250-" */

void host_open(struct session_host *h, const struct worker_args *args, const volatile sig_atomic_t *interrupted)
{
	*h = (struct session_host){ .args = args, .poke_fd = args->poke_fd, .pid = getpid(), .interrupted = interrupted,
		.slot = scoreboard() ? &scoreboard()->slot[args->slot] : NULL,
		.session = arena_new(ARENA_FIRST), .transaction = arena_new(ARENA_FIRST), .scratch = arena_new(ARENA_FIRST) };
	buf_init(&h->out, REPLY_WIRE);
}

void host_close(struct session_host *h)
{
	spool_close(&h->spool);
	if (h->poke_fd >= 0)
		close(h->poke_fd);
	buf_free(&h->out);
	arena_free(&h->session);
	arena_free(&h->transaction);
	arena_free(&h->scratch);
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

static bool connected(struct session_host *h)
{
	char path[108];		/* sockaddr_un */

	if (h->poke_fd >= 0)
		return true;
	snprintf(path, sizeof(path), "%s/poke", h->args->settings->run_dir);
	h->poke_fd = ipc_connect(path, SOCK_DGRAM, NULL);
	return h->poke_fd >= 0;
}

void host_poke(struct session_host *h, const char *id)
{
	struct ipc_out m;

	ipc_begin(&m, IPC_POKE);
	ipc_put_view(&m, view_of(id));
	for (int attempt = 0; attempt < 2 && connected(h); attempt++) {
		if (ipc_send(h->poke_fd, &m, NULL) || errno == EAGAIN)
			return;
		close(h->poke_fd);	/* the queue-runner was replaced */
		h->poke_fd = -1;
	}
}
