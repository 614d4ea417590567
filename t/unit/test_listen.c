/* test_listen.c - from --port and --listen-address to sockets: plans, roles, refusals, binding, and handing over. */
#include "unit.h"
#include "../../server/listen.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *smtps_ports[] = { "465", "4650", NULL };
static const char *submission_ports[] = { "587", "5870", NULL };
static const char *proxy_ports[] = { "10025", "4650", NULL };
static const struct settings settings = { .smtps_ports = smtps_ports, .submission_ports = submission_ports, .proxy_ports = proxy_ports };

static void describe(const struct listen_spec *specs, size_t count, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		char text[NETADDR_TEXT];

		len += (size_t)snprintf(out + len, size - len, "%s%s %u %s%s", i > 0 ? ", " : "", netaddr_text(&specs[i].addr, text),
			specs[i].addr.port, listen_role_name(specs[i].role, specs[i].proxy), specs[i].optional ? "?" : "");
	}
}

START_TEST(test_plans)
{
	static const struct { struct cmdline c; const char *plan; } cases[] = {
		{ { .ports.count = 0 }, "0.0.0.0 25 smtp, 0.0.0.0 465 smtps, 0.0.0.0 587 submission, :: 25 smtp?, :: 465 smtps?, :: 587 submission?" },
		{ { .ports = { 2, { "2525", "4650" } } }, "0.0.0.0 2525 smtp, 0.0.0.0 4650 smtps+proxy, :: 2525 smtp?, :: 4650 smtps+proxy?" },
		{ { .ports = { 1, { "25/submission" } }, .addresses = { 2, { "127.0.0.1", "::1" } } }, "127.0.0.1 25 submission, ::1 25 submission" },
		{ { .ports = { 2, { "25", "587" } }, .addresses = { 2, { "127.0.0.1:99", "[::1]" } } }, "127.0.0.1 99 smtp, ::1 25 smtp, ::1 587 submission" },
		{ { .addresses = { 2, { "[::1]:465", "192.0.2.1:465/smtp" } } }, "::1 465 smtps, 192.0.2.1 465 smtp" },
		{ { .ports = { 1, { "25/smtps" } }, .addresses = { 1, { "127.0.0.1/submission" } } }, "127.0.0.1 25 submission" },
		{ { .addresses = { 1, { "127.0.0.1:0/smtps" } } }, "127.0.0.1 0 smtps" },
		{ { .ports = { 3, { "10025", "10025/smtp", "25/submission+proxy" } }, .addresses = { 1, { "::1" } } },
			"::1 10025 smtp+proxy, ::1 10025 smtp, ::1 25 submission+proxy" },
		{ { .ports = { 1, { "4650" } }, .addresses = { 2, { "127.0.0.1/smtps", "::1/smtps+proxy" } } }, "127.0.0.1 4650 smtps, ::1 4650 smtps+proxy" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct listen_spec specs[LISTEN_MAX];
		struct err err = { "" };
		size_t count;
		char text[1024];

		ck_assert_msg(listen_plan(&cases[i].c, &settings, specs, &count, &err), "case %zu: %s", i, err.text);
		describe(specs, count, text, sizeof text);
		ck_assert_str_eq(text, cases[i].plan);
	}
}
END_TEST

START_TEST(test_refused)
{
	static const char *const ports[] = { "", "x", "65536", "-1", "25/", "25/pop3", "25/internal", "25/smtp/smtp", "25 ", "25/proxy", "25/smtp+", "25/smtp+proxy+proxy", "25/internal+proxy" };
	static const char *const addresses[] = { "", "localhost", "127.0.0.1:", "127.0.0.1:99999", "[::1", "1.2.3", "127.0.0.1/", "127.0.0.1/x", "/smtp" };
	struct listen_spec specs[LISTEN_MAX];
	size_t count;

	for (size_t i = 0; i < COUNT_OF(ports); i++) {
		struct cmdline c = { .ports = { 1, { ports[i] } } };
		struct err err = { "" };

		ck_assert_msg(!listen_plan(&c, &settings, specs, &count, &err), "\"%s\"", ports[i]);
		ck_assert_msg(err.text[0] != '\0', "no word about \"%s\"", ports[i]);
	}
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		struct cmdline c = { .addresses = { 1, { addresses[i] } } };
		struct err err = { "" };

		ck_assert_msg(!listen_plan(&c, &settings, specs, &count, &err), "\"%s\"", addresses[i]);
	}
}
END_TEST

START_TEST(test_too_many)
{
	struct listen_spec specs[LISTEN_MAX];
	struct cmdline c = { .ports.count = 40, .addresses.count = 40 };
	struct err err = { "" };
	size_t count;

	for (size_t i = 0; i < 40; i++) {
		c.ports.values[i] = "25";
		c.addresses.values[i] = "127.0.0.1";
	}
	ck_assert(!listen_plan(&c, &settings, specs, &count, &err));
	ck_assert_msg(strstr(err.text, "more than 256") != NULL, "%s", err.text);
}
END_TEST

static uint16_t port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return netaddr_from((struct sockaddr *)&sa, len).port;
}

static int knock(uint16_t port)
{
	struct netaddr a = { .family = 4, .bytes = { 127, 0, 0, 1 }, .port = port };
	struct sockaddr_storage sa;
	socklen_t len = netaddr_to(&a, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0), result = connect(fd, (struct sockaddr *)&sa, len);

	close(fd);
	return result;
}

START_TEST(test_bind_describe_hand_over)
{
	struct listen_spec specs[] = { { .addr = { 4, { 127, 0, 0, 1 }, 0 }, .role = LISTENER_SMTP }, { .addr = { 4, { 127, 0, 0, 1 }, 0 }, .role = LISTENER_SMTPS, .proxy = true } };
	static struct listen_set set, back;
	struct err err = { "" };
	struct buf text;
	char expected[128];

	ck_assert_msg(listen_open(specs, 2, 0, &set, &err), "%s", err.text);
	ck_assert_uint_eq(set.count, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert(fcntl(set.listeners[i].fd, F_GETFD) & FD_CLOEXEC);
		ck_assert(fcntl(set.listeners[i].fd, F_GETFL) & O_NONBLOCK);
		ck_assert_int_eq(knock(port_of(set.listeners[i].fd)), 0);
	}
	buf_init(&text, 4096);
	listen_describe(&set, &text);
	snprintf(expected, sizeof expected, "ready 127.0.0.1:%u/smtp 127.0.0.1:%u/smtps+proxy\n", port_of(set.listeners[0].fd), port_of(set.listeners[1].fd));
	ck_assert_str_eq(buf_text(&text), expected);
	buf_clear(&text);
	listen_encode(&set, &text);
	ck_assert_msg(listen_decode(buf_text(&text), &back, &err), "%s", err.text);
	ck_assert_uint_eq(back.count, 2);
	ck_assert_int_eq(back.listeners[1].fd, set.listeners[1].fd);
	ck_assert_int_eq(back.listeners[1].role, LISTENER_SMTPS);
	ck_assert(back.listeners[1].proxy && !back.listeners[0].proxy);
	buf_free(&text);
	listen_shut(set.listeners, set.count);
}
END_TEST

START_TEST(test_taken_port)
{
	struct listen_spec spec = { .addr = { 4, { 127, 0, 0, 1 }, 0 }, .role = LISTENER_SMTP };
	static struct listen_set first, second;
	struct err err = { "" };

	ck_assert_msg(listen_open(&spec, 1, 0, &first, &err), "%s", err.text);
	spec.addr.port = port_of(first.listeners[0].fd);
	ck_assert(!listen_open(&spec, 1, 0, &second, &err));
	ck_assert_msg(strstr(err.text, "cannot listen on 127.0.0.1:") != NULL, "%s", err.text);
	/* Somebody else still holds the socket, as a busy worker of a killed master does: shutting it frees the port. */
	int held = dup(first.listeners[0].fd);

	listen_shut(first.listeners, 1);
	ck_assert_int_ne(knock(spec.addr.port), 0);
	err.text[0] = '\0';
	ck_assert_msg(listen_open(&spec, 1, 0, &second, &err), "%s", err.text);
	ck_assert_int_eq(knock(spec.addr.port), 0);
	listen_shut(second.listeners, 1);
	close(held);
}
END_TEST

START_TEST(test_sockets)
{
	static const struct { const char *name; mode_t mode; enum listener_role role; } sockets[] = {
		{ "submit", 0666, LISTENER_LOCAL }, { "internal", 0600, LISTENER_INTERNAL },
	};
	char dir[] = "/tmp/postrider-test-XXXXXX", path[64];
	static struct listen_set set;
	struct err err = { "" };
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	set.count = 0;
	ck_assert_msg(listen_add_sockets(dir, getuid(), getgid(), &set, &err), "%s", err.text);
	ck_assert_uint_eq(set.count, COUNT_OF(sockets));
	for (size_t i = 0; i < set.count; i++) {
		ck_assert_int_eq(set.listeners[i].role, sockets[i].role);
		snprintf(path, sizeof path, "%s/%s", dir, sockets[i].name);
		ck_assert_int_eq(lstat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, sockets[i].mode);
		unlink(path);
	}
	listen_shut(set.listeners, set.count);
	rmdir(dir);
}
END_TEST

START_TEST(test_decode_nonsense)
{
	static const char *const texts[] = { "x", "5", "5:", ":smtp", "5:pop", "-1:smtp", "5:smtp,,", "99999999999:smtp" };
	static struct listen_set set;
	struct err err = { "" };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		ck_assert_msg(!listen_decode(texts[i], &set, &err), "\"%s\"", texts[i]);
}
END_TEST

UNIT_MAIN("listen", test_plans, test_refused, test_too_many, test_bind_describe_hand_over, test_taken_port, test_sockets, test_decode_nonsense)
