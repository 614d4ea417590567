/* ipc.c - messages between our processes. The peer is one of ours, and may have been taken over by whoever talks
 * to it from outside: what comes in is checked as if it came from the network. */
#include "base.h"
#include "ipc.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define HEADER 2	/* version, type */

/* Who may receive what, and how short or long its body may be. A type that is not addressed to the process
 * that reads it is an error. */
static const struct {
	const char *name;
	unsigned to;
	size_t min, max;
} types[IPC_TYPE_COUNT] = {
	[IPC_READY] = { "ready", IPC_MASTER, 0, 0 },
	[IPC_FAILED] = { "failed", IPC_MASTER, 4, IPC_MAX },
	[IPC_DRAIN] = { "drain", IPC_CHILD, 0, 0 },
	[IPC_STOP] = { "stop", IPC_CHILD, 0, 0 },
	[IPC_SERVE] = { "serve", IPC_CHILD, 0, 0 },
	[IPC_LOOKUP] = { "lookup", IPC_RESOLVER, 14, 14 + 1024 },
	[IPC_ANSWER] = { "answer", IPC_WORKER, 4, IPC_MAX },
	[IPC_POKE] = { "poke", IPC_QUEUE_RUNNER, 4, 4 + 64 },
	[IPC_QUEUE_FLUSH] = { "queue flush", IPC_QUEUE_RUNNER, 4, 4 + 1024 },
	[IPC_QUEUE_HOLD] = { "queue hold", IPC_QUEUE_RUNNER, 4, 4 + 64 },
	[IPC_QUEUE_RELEASE] = { "queue release", IPC_QUEUE_RUNNER, 4, 4 + 64 },
	[IPC_QUEUE_REMOVE] = { "queue remove", IPC_QUEUE_RUNNER, 4, 4 + 64 },
	[IPC_QUEUE_RETRY] = { "queue retry", IPC_QUEUE_RUNNER, 4, 4 + 64 },
	[IPC_QUEUE_STATS] = { "queue stats", IPC_QUEUE_RUNNER, 0, 0 },
	[IPC_QUEUE_BOUNCE] = { "queue bounce", IPC_QUEUE_RUNNER, 4, 4 + 64 },
	[IPC_QUEUE_RULES] = { "queue rules", IPC_QUEUE_RUNNER, 0, 0 },
	[IPC_KEY_LOAD] = { "key load", IPC_KEYHOLDER, 4, 4 + PATH_MAX },
	[IPC_KEY_LOADED] = { "key loaded", IPC_CHILD, 8, IPC_MAX },
	[IPC_KEY_SEAL] = { "key seal", IPC_KEYHOLDER, 0, 0 },
	[IPC_KEY_CLIENT] = { "key client", IPC_KEYHOLDER, 0, 0 },
	[IPC_KEY_USE] = { "key use", IPC_KEYHOLDER, 17, IPC_MAX },
	[IPC_KEY_USED] = { "key used", IPC_WORKER | IPC_CHILD, 8, IPC_MAX },
	[IPC_RESULT] = { "result", IPC_TOOL, 5, IPC_MAX },
	[IPC_WATCH] = { "watch", IPC_MASTER, 10, IPC_MAX },
	[IPC_HOOK] = { "hook", IPC_HELPER, 16, IPC_MAX },
	[IPC_HOOK_DONE] = { "hook done", IPC_QUEUE_RUNNER, 12, IPC_MAX },
	[IPC_SECRET] = { "secret", IPC_CHILD, 4, 4 + 64 },
};

static unsigned self = IPC_ANYONE;

void ipc_self(unsigned parties)
{
	self = parties;
}

/* ---- writing ---- */

void ipc_begin(struct ipc_out *m, enum ipc_type type)
{
	m->len = 0;
	m->failed = false;
	ipc_put_u8(m, IPC_VERSION);
	ipc_put_u8(m, (uint8_t)type);
}

static void put(struct ipc_out *m, const void *data, size_t len)
{
	if (m->failed || len > sizeof(m->data) - m->len) {
		m->failed = true;
		return;
	}
	if (len)
		memcpy(m->data + m->len, data, len);
	m->len += len;
}

/* Both ends are on one machine and run one binary's protocol version: host order will do. */
void ipc_put_u8(struct ipc_out *m, uint8_t v)
{
	put(m, &v, sizeof(v));
}

void ipc_put_u16(struct ipc_out *m, uint16_t v)
{
	put(m, &v, sizeof(v));
}

void ipc_put_u32(struct ipc_out *m, uint32_t v)
{
	put(m, &v, sizeof(v));
}

void ipc_put_u64(struct ipc_out *m, uint64_t v)
{
	put(m, &v, sizeof(v));
}

void ipc_put_view(struct ipc_out *m, struct view v)
{
	if (v.len > sizeof(m->data)) {
		m->failed = true;
		return;
	}
	ipc_put_u32(m, (uint32_t)v.len);
	put(m, v.data, v.len);
}

bool ipc_send(int fd, const struct ipc_out *m, struct err *err)
{
	return ipc_send_fd(fd, m, -1, err);
}

bool ipc_send_fd(int fd, const struct ipc_out *m, int passed, struct err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { .iov_base = (void *)(uintptr_t)m->data, .iov_len = m->len };
	struct msghdr h = { .msg_iov = &data, .msg_iovlen = 1 };
	ssize_t n;

	if (m->failed)
		return err_set(err, "message between processes is over %d bytes", IPC_MAX);
	if (passed >= 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)control;

		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
		h.msg_control = control;
		h.msg_controllen = sizeof(control);
	}
	do
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot send to the other process");
	return (size_t)n == m->len || err_set(err, "message between processes was sent in part");
}

/* ---- reading ---- */

/* A datagram socket has no end of file: nothing received is an empty datagram there. */
static bool is_datagram(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

static int check_header(struct ipc_in *m, struct err *err)
{
	size_t body;

	if (m->len < HEADER || m->data[0] != IPC_VERSION) {
		err_set(err, "message between processes: version %u of %zu bytes, expected version %d", m->len ? m->data[0] : 0U, m->len, IPC_VERSION);
		return -2;
	}
	m->type = m->data[1];
	m->at = HEADER;
	body = m->len - HEADER;
	if (m->type >= IPC_TYPE_COUNT || !types[m->type].name || !(types[m->type].to & self)) {
		err_set(err, "message between processes: type %u is not expected here", m->type);
		return -2;
	}
	if (body < types[m->type].min || body > types[m->type].max) {
		err_set(err, "message between processes: \"%s\" of %zu bytes", types[m->type].name, body);
		return -2;
	}
	return 1;
}

/* What recv() said, N, as the result of ipc_receive. */
static int taken(int fd, struct ipc_in *m, ssize_t n, struct err *err)
{
	m->len = m->at = 0;
	m->failed = false;
	m->type = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	/* The peer closed while something that we had sent was still unread. */
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n < 0) {
		err_sys(err, "cannot receive from the other process");
		return -2;
	}
	if (n == 0 && !is_datagram(fd))
		return 0;
	if ((size_t)n > sizeof(m->data)) {
		err_set(err, "message between processes: %zd bytes, expected at most %d", n, IPC_MAX);
		return -2;
	}
	m->len = (size_t)n;
	return check_header(m, err);
}

int ipc_receive(int fd, struct ipc_in *m, struct err *err)
{
	return taken(fd, m, recv(fd, m->data, sizeof(m->data), MSG_TRUNC), err);
}

/* Room for one descriptor: a peer that sends more loses them, the kernel closes what does not fit. */
int ipc_receive_fd(int fd, struct ipc_in *m, int *passed, struct err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { .iov_base = m->data, .iov_len = sizeof(m->data) };
	struct msghdr h = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n = recvmsg(fd, &h, MSG_TRUNC | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&h) : NULL;

	*passed = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(c), sizeof(int));
	int result = taken(fd, m, n, err);
	if (result != 1 && *passed >= 0) {
		close(*passed);
		*passed = -1;
	}
	return result;
}

static void get(struct ipc_in *m, void *out, size_t len)
{
	memset(out, 0, len);
	if (m->failed || len > m->len - m->at) {
		m->failed = true;
		return;
	}
	memcpy(out, m->data + m->at, len);
	m->at += len;
}

uint8_t ipc_get_u8(struct ipc_in *m)
{
	uint8_t v;

	get(m, &v, sizeof(v));
	return v;
}

uint16_t ipc_get_u16(struct ipc_in *m)
{
	uint16_t v;

	get(m, &v, sizeof(v));
	return v;
}

uint32_t ipc_get_u32(struct ipc_in *m)
{
	uint32_t v;

	get(m, &v, sizeof(v));
	return v;
}

uint64_t ipc_get_u64(struct ipc_in *m)
{
	uint64_t v;

	get(m, &v, sizeof(v));
	return v;
}

struct view ipc_get_view(struct ipc_in *m)
{
	size_t len = ipc_get_u32(m);
	struct view v;

	if (m->failed || len > m->len - m->at) {
		m->failed = true;
		return view_make("", 0);
	}
	v = view_make((const char *)m->data + m->at, len);
	m->at += len;
	return v;
}

bool ipc_end(struct ipc_in *m, struct err *err)
{
	const char *name = m->type < IPC_TYPE_COUNT && types[m->type].name ? types[m->type].name : "?";

	if (m->failed)
		return err_set(err, "message between processes: \"%s\" ends too early", name);
	if (m->at != m->len)
		return err_set(err, "message between processes: \"%s\" has %zu bytes too many", name, m->len - m->at);
	return true;
}

/* ---- sockets at a path ---- */

static int socket_at(const char *path, int type, struct sockaddr_un *sun, struct err *err)
{
	int fd;

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!view_copy(view_of(path), sun->sun_path, sizeof(sun->sun_path))) {
		err_set(err, "socket path %s is longer than %zu bytes", path, sizeof(sun->sun_path) - 1);
		return -1;
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err_sys(err, "cannot make a socket");
	return fd;
}

/* Only a socket is taken away: a path that was mistyped in the configuration costs nobody a file. */
static bool unlink_stale(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || err_sys(err, "cannot look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, "%s is there and is not a socket", path);
	return unlink(path) == 0 || errno == ENOENT || err_sys(err, "cannot replace %s", path);
}

/* The mode is set before anyone could connect, not after. */
static bool bind_with_mode(int fd, const struct sockaddr_un *sun, mode_t mode)
{
	mode_t old = umask(~mode & 0777);
	int result = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));

	umask(old);
	return result == 0;
}

int ipc_listen(const char *path, int type, mode_t mode, struct err *err)
{
	struct sockaddr_un sun;
	int fd = socket_at(path, type | SOCK_NONBLOCK, &sun, err);

	if (fd < 0)
		return -1;
	if (!unlink_stale(path, err)) {
		close(fd);
		return -1;
	}
	if (!bind_with_mode(fd, &sun, mode) || (type != SOCK_DGRAM && listen(fd, SOMAXCONN) < 0)) {
		err_sys(err, "cannot listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

int ipc_connect(const char *path, int type, struct err *err)
{
	struct sockaddr_un sun;
	int fd = socket_at(path, type, &sun, err);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		err_sys(err, "cannot connect to %s", path);
		close(fd);
		return -1;
	}
	return fd;
}
