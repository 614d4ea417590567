/* keyholder.c - see keyholder.h. One process begins, is told which keys to read, and splits into as many as there are
 * processors, which share the keys copy-on-write. Each has a control connection (to the forkserver) and one a worker. */
#include "keyholder.h"
#include "../lib/arena.h"
#include "../lib/drop.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/tls_key.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct holder {
	const struct settings *settings;
	size_t count;			/* processes there will be */
	int control[KEYHOLDER_MAX];	/* their ends; sealed: [0] is ours */
	bool sealed;
	struct arena *arena;		/* what the keys are made of */
	size_t key_count, key_room;
	gnutls_privkey_t *keys;
	int epoll;
	size_t clients;
};

/* ---- the process ---- */

static uint32_t keep(struct holder *h, gnutls_privkey_t key)
{
	if (h->key_count == h->key_room) {
		h->key_room = h->key_room ? 2 * h->key_room : 16;
		h->keys = reallocarray(h->keys, h->key_room, sizeof(*h->keys));
		if (!h->keys)
			bug("no memory for keys");
	}
	h->keys[h->key_count] = key;
	return (uint32_t)h->key_count++;
}

static void answer(int fd, const struct ipc_out *m)
{
	struct err err = { "" };

	if (!ipc_send(fd, m, &err)) {
		log_warn("a client is cut off: %s", err.text);
		shutdown(fd, SHUT_RDWR);
	}
}

/* What the forkserver is told of the keys in PATH. */
static void read_keys(struct holder *h, const char *path, struct ipc_out *out)
{
	struct tls_key *found = NULL;
	struct err why = { "" };
	uint32_t count = 0;

	if (!tls_pem_read(path, h->arena, NULL, &found, &why))
		found = NULL;
	ipc_put_view(out, view_of(why.text));
	for (const struct tls_key *k = found; k; k = k->next)
		count++;
	ipc_put_u32(out, count);
	for (const struct tls_key *k = found; k; k = k->next) {
		gnutls_privkey_t key;
		uint64_t name;

		if (tls_key_import(k, &key) < 0 || !tls_key_name(k, keep(h, key), &name))
			bug("TLS key %s cannot be used", path);
		ipc_put_u64(out, name);
		ipc_put_view(out, view_make((const char *)k->id, sizeof(k->id)));
	}
}

static bool load(struct holder *h, struct ipc_in *m, struct err *err)
{
	static struct ipc_out out;
	struct view text = ipc_get_view(m);

	if (!ipc_end(m, err))
		return false;
	if (h->sealed)
		return err_set(err, "a key was asked for after the seal");
	ipc_begin(&out, IPC_KEY_LOADED);
	read_keys(h, arena_view_dup(h->arena, text), &out);
	answer(h->control[0], &out);
	return true;
}

/* A request of a worker. False: it is none. */
static bool serve(const struct holder *h, int fd, struct ipc_in *m, struct err *err)
{
	static struct ipc_out out;
	uint32_t number = ipc_get_u32(m);
	unsigned use = ipc_get_u8(m), algorithm = ipc_get_u32(m), flags = ipc_get_u32(m);
	struct view data = ipc_get_view(m);
	gnutls_datum_t in = { (unsigned char *)(uintptr_t)data.data, (unsigned)data.len }, result = { NULL, 0 };

	if (!ipc_end(m, err))
		return false;
	if (m->type != IPC_KEY_USE || number >= h->key_count || use >= TLS_KEY_USES)
		return err_set(err, "not a use of a key");
	int code = tls_key_use(h->keys[number], (enum tls_key_use)use, algorithm, flags, &in, &result);
	ipc_begin(&out, IPC_KEY_USED);
	ipc_put_u32(&out, (uint32_t)(code < 0 ? code : 0));
	ipc_put_view(&out, code < 0 ? VIEW("") : view_make((const char *)result.data, result.size));
	answer(fd, &out);
	explicit_bzero(out.data, out.len);
	if (result.data) {
		gnutls_memset(result.data, 0, result.size);
		gnutls_free(result.data);
	}
	return true;
}

static bool watch(struct holder *h, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static void take_client(struct holder *h, int fd)
{
	if (fd < 0)
		return;
	if (watch(h, fd)) {
		h->clients++;
		return;
	}
	log_error("a worker cannot be served: %s", strerror(errno));
	close(fd);
}

/* The other processes: each keeps its own control connection as [0]. */
static bool split(struct holder *h)
{
	for (size_t i = h->count; i-- > 1;) {
		pid_t pid = fork();

		if (pid < 0)
			return false;
		if (pid == 0) {
			int own = h->control[i];

			for (size_t k = 0; k < i; k++)
				close(h->control[k]);
			h->control[0] = own;
			h->count = 1;
			prctl(PR_SET_NAME, "pr:keys");
			log_process("keys");
			return true;
		}
		close(h->control[i]);
		h->control[i] = -1;
	}
	h->count = 1;
	return true;
}

static bool seal(struct holder *h, struct err *err)
{
	static struct ipc_out out;
	struct drop_target target;

	if (!drop_lookup(h->settings->user, h->settings->group, &target, err) || !drop_root(&target, err))
		return false;
	if (!split(h))
		return err_sys(err, "fork");
	h->sealed = true;
	close(h->epoll);	/* its watches are those of the process before the split */
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0 || !watch(h, h->control[0]))
		return err_sys(err, "epoll");
	ipc_begin(&out, IPC_KEY_USED);
	ipc_put_u32(&out, 0);
	ipc_put_view(&out, VIEW(""));
	return ipc_send(h->control[0], &out, err);
}

/* False: it has ended, or makes no sense. */
static bool obey(struct holder *h)
{
	static struct ipc_in m;
	struct err err = { "" };
	int passed, got = ipc_receive_fd(h->control[0], &m, &passed, &err);
	bool ok = got == 1;

	if (got == -1 || got == 0)
		return got == -1;
	if (ok && m.type == IPC_KEY_LOAD)
		ok = load(h, &m, &err);
	else if (ok && m.type == IPC_KEY_SEAL)
		ok = !h->sealed && seal(h, &err);
	else if (ok && m.type == IPC_KEY_CLIENT)
		take_client(h, passed);
	else
		ok = false;
	if (!ok)
		log_error("key process: %s", err.text[0] ? err.text : "an order that makes no sense");
	return ok;
}

static void hear(struct holder *h, int fd)
{
	static struct ipc_in m;
	struct err err = { "" };
	int got = ipc_receive(fd, &m, &err);

	if (got == -1 || (got == 1 && serve(h, fd, &m, &err)))
		return;
	if (got != 0)
		log_warn("a client is cut off: %s", err.text);
	close(fd);
	h->clients--;
}

/* Sessions may outlive their forkserver: it goes on until the last worker has left. */
static int hold(struct holder *h)
{
	bool led = true;

	h->arena = arena_new(4096);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0 || !watch(h, h->control[0]))
		return EXIT_DIED;
	while (led || h->clients) {
		struct epoll_event e[64];
		int n = epoll_wait(h->epoll, e, COUNT_OF(e), -1);

		for (int i = 0; i < n; i++) {
			if (e[i].data.fd != h->control[0]) {
				hear(h, e[i].data.fd);
			} else if (!obey(h)) {
				led = false;
				epoll_ctl(h->epoll, EPOLL_CTL_DEL, h->control[0], NULL);
				if (!h->sealed)
					return EXIT_DIED;
			}
		}
	}
	return EXIT_RETIRED;
}

NORETURN static void become_keyholder(struct holder *h, const struct role_args *args)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };

	tls_key_remote(-1);
	prctl(PR_SET_NAME, "pr:keys");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_process("keys");
	ipc_self(IPC_KEYHOLDER);
	for (size_t i = 0; i < COUNT_OF(ignored); i++)	/* sessions that finish still need us: the end of our connections ends us */
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	close(args->control_fd);
	for (size_t i = 0; i < args->listener_count; i++)
		close(args->listeners[i].fd);
	_exit(hold(h));
}

/* ---- the forkserver's side ---- */

static size_t processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > KEYHOLDER_MAX ? KEYHOLDER_MAX : (size_t)n;
}

static bool make_connections(struct keyholder *k, struct holder *h, struct err *err)
{
	for (size_t i = 0; i < h->count; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
			return err_sys(err, "cannot make a connection to the key process");
		k->control[i] = pair[0];
		h->control[i] = pair[1];
		k->count++;
	}
	return true;
}

bool keyholder_start(struct keyholder *k, const struct role_args *args, size_t most, struct err *err)
{
	struct holder h = { .settings = args->settings, .count = processors() < most ? processors() : most, .epoll = -1 };

	*k = (struct keyholder){ 0 };
	if (!make_connections(k, &h, err)) {
		keyholder_close(k);
		return false;
	}
	pid_t pid = fork();

	if (pid == 0) {
		keyholder_close(k);
		become_keyholder(&h, args);
	}
	for (size_t i = 0; i < h.count; i++)
		close(h.control[i]);
	if (pid < 0) {
		err_sys(err, "cannot start the key process");
		keyholder_close(k);
		return false;
	}
	tls_key_remote(k->control[0]);
	return true;
}

/* Each of them says when it serves; only then root is given up everywhere. */
bool keyholder_seal(struct keyholder *k, struct err *err)
{
	static struct ipc_out m;
	static struct ipc_in in;
	struct err why = { "" };

	tls_key_remote(-1);
	ipc_begin(&m, IPC_KEY_SEAL);
	if (!ipc_send(k->control[0], &m, &why))
		return err_set(err, "key process: %s", why.text);
	for (size_t i = 0; i < k->count; i++) {
		struct pollfd p = { .fd = k->control[i], .events = POLLIN };

		if (poll(&p, 1, 10000) != 1 || ipc_receive(k->control[i], &in, &why) != 1)
			return err_set(err, "the key process does not serve: %s", *why.text ? why.text : "see its log");
		fcntl(k->control[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

int keyholder_connect(struct keyholder *k, struct err *err)
{
	static struct ipc_out m;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		err_sys(err, "cannot make a connection to the key process");
		return -1;
	}
	fcntl(pair[1], F_SETFL, O_NONBLOCK);	/* their end: a worker that fetches no answers holds up nobody */
	ipc_begin(&m, IPC_KEY_CLIENT);
	bool ok = ipc_send_fd(k->control[k->next++ % k->count], &m, pair[1], err);
	close(pair[1]);
	if (ok)
		return pair[0];
	close(pair[0]);
	return -1;
}

void keyholder_close(struct keyholder *k)
{
	for (size_t i = 0; i < k->count; i++)
		close(k->control[i]);
	*k = (struct keyholder){ 0 };
}

bool keyholder_died(const struct keyholder *k)
{
	struct pollfd p[KEYHOLDER_MAX];

	for (size_t i = 0; i < k->count; i++)
		p[i] = (struct pollfd){ .fd = k->control[i] };
	if (!k->count || poll(p, k->count, 0) <= 0)
		return false;
	for (size_t i = 0; i < k->count; i++)
		if (p[i].revents & (POLLHUP | POLLERR))
			return true;
	return false;
}
