/* control.c - the role's end of the control socket. */
#include "control.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "role.h"
#include <poll.h>
#include <sys/random.h>

#define SECRET_WAIT 10000	/* ms */

static void say(int fd, enum ipc_type type, const char *text)
{
	static struct ipc_out m;
	struct err err = { "" };

	ipc_begin(&m, type);
	if (text != NULL)
		ipc_put_view(&m, view_of(text));
	/* A master that is gone shows as end of file at the next read. */
	if (!ipc_send(fd, &m, &err))
		log_warn("cannot tell the master: %s", err.text);
}

void control_secret(int fd, unsigned char secret[CONTROL_SECRET])
{
	static struct ipc_in m;
	struct err err = { "" };

	struct pollfd p = { .fd = fd, .events = POLLIN };

	/* The master sends it once it has forked us, which may be later than we get here. */
	if (poll(&p, 1, SECRET_WAIT) == 1 && ipc_receive(fd, &m, &err) == 1 && m.type == IPC_SECRET) {
		struct view v = ipc_get_view(&m);
		if (ipc_end(&m, &err) && v.len == CONTROL_SECRET) {
			memcpy(secret, v.data, CONTROL_SECRET);
			explicit_bzero(&m, sizeof m);
			return;
		}
	}
	log_warn("no secret from the master: sessions of TLS cannot be taken up again after a change of generation");
	if (getrandom(secret, CONTROL_SECRET, 0) != CONTROL_SECRET)
		bug("getrandom: %s", strerror(errno));
}

void control_watch(int fd, uint64_t fingerprint, const char *const *paths, size_t count)
{
	static struct ipc_out m;
	struct err err = { "" };

	ipc_begin(&m, IPC_WATCH);
	ipc_put_u64(&m, fingerprint);
	ipc_put_u16(&m, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		ipc_put_view(&m, view_of(paths[i]));
	if (!ipc_send(fd, &m, &err))
		log_warn("certificates are not watched for changes: %s", err.text);
}

void control_ready(int fd)
{
	say(fd, IPC_READY, NULL);
}

int control_failed(int fd, const struct err *why)
{
	say(fd, IPC_FAILED, why->text);
	return EXIT_CONFIGURATION;
}

static enum control_order order_of(uint8_t type)
{
	switch (type) {
	case IPC_SERVE:
		return CONTROL_SERVE;
	case IPC_DRAIN:
		return CONTROL_DRAIN;
	case IPC_STOP:
		return CONTROL_STOP;
	default:
		log_error("the master sent a message of type %u, which is no order", type);
		return CONTROL_ORPHANED;
	}
}

enum control_order control_next(int fd)
{
	static struct ipc_in m;
	struct err err = { "" };
	int got = ipc_receive(fd, &m, &err);

	if (got == -1)
		return CONTROL_NONE;
	if (got == 1 && ipc_end(&m, &err))
		return order_of(m.type);
	if (got != 0)
		log_error("control socket: %s", err.text);
	return CONTROL_ORPHANED;
}
