/* test_notify.c - what a service manager hears: nothing without a socket, one datagram with one, also an abstract one. */
#include "unit.h"
#include "../../server/notify.h"
#include <sys/socket.h>
#include <sys/un.h>

static int manager(struct sockaddr_un *sa, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)sa, len), 0);
	return fd;
}

static void expect(int fd, const char *text)
{
	char got[64] = "";
	ssize_t n = recv(fd, got, sizeof got - 1, 0);

	ck_assert_int_eq(n, text != NULL ? (ssize_t)strlen(text) : -1);
	if (text != NULL)
		ck_assert_str_eq(got, text);
}

START_TEST(test_path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/postrider-test-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/notify", dir);
	int fd = manager(&sa, sizeof sa);

	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	expect(fd, NULL);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	notify("READY=1");
	expect(fd, "READY=1");
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	notify("READY=1");
	expect(fd, NULL);
	close(fd);
	unlink(sa.sun_path);
	rmdir(dir);
}
END_TEST

START_TEST(test_abstract)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char name[64];
	int len = snprintf(name, sizeof name, "@postrider-test-%d", (int)getpid());

	memcpy(sa.sun_path + 1, name + 1, (size_t)len - 1);
	int fd = manager(&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len));

	setenv("NOTIFY_SOCKET", name, 1);
	notify("STOPPING=1");
	expect(fd, "STOPPING=1");
	close(fd);
}
END_TEST

START_TEST(test_too_long)
{
	char name[200];

	memset(name, '/', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	notify("READY=1");	/* passed over */
	setenv("NOTIFY_SOCKET", "", 1);
	notify("READY=1");
}
END_TEST

UNIT_MAIN("notify", test_path, test_abstract, test_too_long)
