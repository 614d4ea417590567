/* listen.c - reads --port and --listen-address, binds what they ask for, and writes listeners down for people
 * (the ready line) and for the forkserver (its command line). */
#include "listen.h"
#include "../lib/clock.h"
#include "../lib/ipc.h"
#include "../lib/log.h"
#include "../lib/view.h"
#include <poll.h>
#include <sys/socket.h>

#define BACKLOG 4096	/* the kernel lowers it to net.core.somaxconn */

static const char *const role_names[][2] = {	/* [1]: with PROXY header */
	[LISTENER_SMTP] = { "smtp", "smtp+proxy" },
	[LISTENER_SUBMISSION] = { "submission", "submission+proxy" },
	[LISTENER_SMTPS] = { "smtps", "smtps+proxy" },
	[LISTENER_LOCAL] = { "local", NULL },
	[LISTENER_INTERNAL] = { "internal", NULL },
};

const char *listen_role_name(enum listener_role role, bool proxy)
{
	return role_names[role][proxy];
}

static bool role_from(struct view name, enum listener_role *role, bool *proxy)
{
	for (size_t i = 0; i < 2 * COUNT_OF(role_names); i++) {
		const char *known = role_names[i / 2][i % 2];

		if (!known || !view_eq(name, view_of(known)))
			continue;
		*role = (enum listener_role)(i / 2);
		*proxy = i % 2;
		return true;
	}
	return false;
}

/* ---- planning ---- */

struct endpoint {		/* one --port or --listen-address */
	bool has_addr, has_port, has_role;
	struct netaddr addr;
	uint16_t port;
	enum listener_role role;
	bool proxy;
};

static bool split_role(const char *text, struct view *rest, struct endpoint *e, struct err *err)
{
	*rest = view_of(text);
	struct view head = view_cut(rest, '/');
	struct view name = *rest;

	*rest = head;
	e->has_role = head.len < strlen(text);
	if (e->has_role && (!role_from(name, &e->role, &e->proxy) || e->role == LISTENER_LOCAL || e->role == LISTENER_INTERNAL))
		return err_set(err, "\"%s\": the role after \"/\" must be smtp, submission or smtps, or one of them with \"+proxy\"", text);
	return true;
}

static bool parse_port(const char *text, struct endpoint *e, struct err *err)
{
	struct view rest;
	uint64_t port;

	*e = (struct endpoint){ .has_port = true };
	if (!split_role(text, &rest, e, err))
		return false;
	if (!view_u64(rest, 65535, &port))
		return err_set(err, "--port: found \"%s\", expected a number from 0 to 65535, with /smtp, /submission or /smtps", text);
	e->port = (uint16_t)port;
	return true;
}

static bool parse_address(const char *text, struct endpoint *e, struct err *err)
{
	struct view rest;

	*e = (struct endpoint){ .has_addr = true };
	if (!split_role(text, &rest, e, err))
		return false;
	if (netaddr_parse(rest, &e->addr))
		return true;
	if (!netaddr_parse_port(rest, 0, &e->addr))
		return err_set(err, "--listen-address: found \"%s\", expected an address, \"addr:port\" or \"[v6]:port\"", text);
	e->has_port = true;
	e->port = e->addr.port;
	return true;
}

static bool port_listed(const char **ports, uint16_t port)
{
	for (size_t i = 0; ports != NULL && ports[i] != NULL; i++) {
		uint64_t value;

		if (view_u64(view_of(ports[i]), 65535, &value) && value == port)
			return true;
	}
	return false;
}

static enum listener_role role_of_port(const struct settings *s, uint16_t port)
{
	if (port_listed(s->smtps_ports, port))
		return LISTENER_SMTPS;
	return port_listed(s->submission_ports, port) ? LISTENER_SUBMISSION : LISTENER_SMTP;
}

struct plan {
	const struct settings *settings;
	struct listen_spec *specs;
	size_t count;
	struct err *err;
};

static bool plan_add(struct plan *p, const struct endpoint *address, const struct endpoint *port, bool optional)
{
	struct listen_spec *spec = &p->specs[p->count];

	if (p->count == LISTEN_MAX)
		return err_set(p->err, "more than %d addresses and ports to listen on", LISTEN_MAX);
	*spec = (struct listen_spec){ .addr = address->addr, .optional = optional };
	spec->addr.port = port->port;
	const struct endpoint *named = address->has_role ? address : port;

	spec->role = named->has_role ? named->role : role_of_port(p->settings, port->port);
	spec->proxy = named->has_role ? named->proxy : port_listed(p->settings->proxy_ports, port->port);
	p->count++;
	return true;
}

static bool plan_address(struct plan *p, const struct endpoint *address, const struct endpoint *ports, size_t count, bool optional)
{
	if (address->has_port)
		return plan_add(p, address, address, optional);
	for (size_t i = 0; i < count; i++)
		if (!plan_add(p, address, &ports[i], optional))
			return false;
	return true;
}

static bool read_ports(const struct cmdline *c, struct endpoint *ports, size_t *count, struct err *err)
{
	static const char *const defaults[] = { "25", "465", "587" };
	const char *const *values = c->ports.count > 0 ? c->ports.values : defaults;

	*count = c->ports.count > 0 ? c->ports.count : COUNT_OF(defaults);
	for (size_t i = 0; i < *count; i++)
		if (!parse_port(values[i], &ports[i], err))
			return false;
	return true;
}

bool listen_plan(const struct cmdline *c, const struct settings *s, struct listen_spec *specs, size_t *count, struct err *err)
{
	struct plan p = { .settings = s, .specs = specs, .err = err };
	struct endpoint ports[CMDLINE_LIST_MAX], address = { .has_addr = true };
	size_t port_count;

	if (!read_ports(c, ports, &port_count, err))
		return false;
	for (size_t i = 0; i < c->addresses.count; i++)
		if (!parse_address(c->addresses.values[i], &address, err) || !plan_address(&p, &address, ports, port_count, false))
			return false;
	if (c->addresses.count == 0) {
		address.addr.family = 4;
		if (!plan_address(&p, &address, ports, port_count, false))
			return false;
		address.addr.family = 6;
		if (!plan_address(&p, &address, ports, port_count, true))
			return false;
	}
	*count = p.count;
	return true;
}

/* ---- binding ---- */

static char *spec_text(const struct netaddr *addr, char *out, size_t size)
{
	char host[NETADDR_TEXT];

	netaddr_text(addr, host);
	snprintf(out, size, addr->family == 6 ? "[%s]:%u" : "%s:%u", host, addr->port);
	return out;
}

static int bind_once(const struct netaddr *addr)
{
	struct sockaddr_storage sa;
	socklen_t len = netaddr_to(addr, &sa);
	int on = 1;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (addr->family != 6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int bind_until(const struct netaddr *addr, int64_t deadline)
{
	for (;;) {
		int fd = bind_once(addr);

		if (fd >= 0 || errno != EADDRINUSE || clock_left(deadline) == 0)
			return fd;
		poll(NULL, 0, 100);
	}
}

bool listen_open(const struct listen_spec *specs, size_t count, int64_t wait_ms, struct listen_set *out, struct err *err)
{
	int64_t deadline = clock_ms() + wait_ms;
	char text[NETADDR_TEXT + 16];

	out->count = 0;
	for (size_t i = 0; i < count; i++) {
		int fd = bind_until(&specs[i].addr, deadline);

		if (fd < 0 && specs[i].optional && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
			continue;
		if (fd < 0) {
			err_sys(err, "cannot listen on %s", spec_text(&specs[i].addr, text, sizeof text));
			listen_shut(out->listeners, out->count);
			return false;
		}
		out->listeners[out->count++] = (struct listener){ .fd = fd, .role = specs[i].role, .proxy = specs[i].proxy };
	}
	return true;
}

static bool add_socket(const char *path, enum listener_role role, mode_t mode, struct listen_set *set, struct err *err)
{
	int fd = ipc_listen(path, SOCK_STREAM, mode, err);

	if (fd >= 0)
		set->listeners[set->count++] = (struct listener){ .fd = fd, .role = role };
	return fd >= 0;
}

bool listen_add_sockets(const char *run_dir, uid_t uid, gid_t gid, struct listen_set *set, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/submit", run_dir);
	if (!add_socket(path, LISTENER_LOCAL, 0666, set, err))
		return false;
	snprintf(path, sizeof path, "%s/internal", run_dir);
	if (!add_socket(path, LISTENER_INTERNAL, 0600, set, err))
		return false;
	return geteuid() != 0 || lchown(path, uid, gid) == 0 || err_sys(err, "%s: cannot change the owner", path);
}

void listen_shut(const struct listener *listeners, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		shutdown(listeners[i].fd, SHUT_RDWR);
		close(listeners[i].fd);
	}
}

/* ---- writing down ---- */

void listen_describe(const struct listen_set *set, struct buf *out)
{
	buf_puts(out, "ready");
	for (size_t i = 0; i < set->count; i++) {
		const struct listener *l = &set->listeners[i];
		struct sockaddr_storage sa;
		socklen_t len = sizeof sa;
		char text[NETADDR_TEXT + 16];

		if (l->role == LISTENER_LOCAL || l->role == LISTENER_INTERNAL || getsockname(l->fd, (struct sockaddr *)&sa, &len) != 0)
			continue;
		struct netaddr addr = netaddr_from((struct sockaddr *)&sa, len);

		buf_printf(out, " %s/%s", spec_text(&addr, text, sizeof text), listen_role_name(l->role, l->proxy));
	}
	buf_putc(out, '\n');
}

void listen_encode(const struct listen_set *set, struct buf *out)
{
	for (size_t i = 0; i < set->count; i++)
		buf_printf(out, "%s%d:%s", i == 0 ? "" : ",", set->listeners[i].fd,
			listen_role_name(set->listeners[i].role, set->listeners[i].proxy));
}

bool listen_decode(const char *text, struct listen_set *out, struct err *err)
{
	struct view rest = view_of(text);

	out->count = 0;
	while (rest.len > 0) {
		struct view name = view_cut(&rest, ',');
		struct view number = view_cut(&name, ':');
		struct listener *l = &out->listeners[out->count];
		uint64_t fd;

		if (out->count == COUNT_OF(out->listeners) || !view_u64(number, INT_MAX, &fd) || !role_from(name, &l->role, &l->proxy))
			return err_set(err, "--listeners: \"%s\" is not what the master writes", text);
		l->fd = (int)fd;
		out->count++;
	}
	return true;
}
