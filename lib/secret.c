/* secret.c - see secret.h. */
#include "base.h"
#include "secret.h"
#include <fcntl.h>
#include <sys/random.h>

static struct { uint8_t octets[SECRET_SIZE]; bool known; } secret;

static bool read_file(const char *path, bool *absent, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t octets[SECRET_SIZE + 1];
	ssize_t n;

	*absent = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return *absent ? false : err_sys(err, "%s", path);
	n = read(fd, octets, sizeof(octets));
	close(fd);
	if (n != SECRET_SIZE)
		return n < 0 ? err_sys(err, "%s", path) : err_set(err, "%s: found %zd bytes, expected %d; remove it, and a new one is made", path, n, SECRET_SIZE);
	memcpy(secret.octets, octets, SECRET_SIZE);
	secret.known = true;
	return true;
}

/* Under a name of its own first, then linked: whoever sees the file sees all of it, and of two who make it one wins. */
static bool make_file(const char *dir, const char *path, struct err *err)
{
	char temporary[PATH_MAX];
	uint8_t octets[SECRET_SIZE];
	int fd, dir_fd;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return err_set(err, "%s: the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);	/* mode 0600 */
	if (fd < 0)
		return err_sys(err, "%s", temporary);
	bool ok = getrandom(octets, sizeof(octets), 0) == (ssize_t)sizeof(octets) && write(fd, octets, sizeof(octets)) == (ssize_t)sizeof(octets) &&
		  fsync(fd) == 0 && (link(temporary, path) == 0 || errno == EEXIST);

	if (!ok)
		err_sys(err, "%s", path);
	unlink(temporary);
	close(fd);
	dir_fd = ok ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir_fd >= 0) {
		fsync(dir_fd);
		close(dir_fd);
	}
	return ok;
}

bool secret_open(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	bool absent;

	if (snprintf(path, sizeof(path), "%s/secret", dir) >= (int)sizeof(path))
		return err_set(err, "%s: the path is too long", dir);
	if (read_file(path, &absent, err))
		return true;
	if (!absent || !make_file(dir, path, err))
		return false;
	return read_file(path, &absent, err) || (absent ? err_set(err, "%s: it vanished", path) : false);
}

struct view secret_view(void)
{
	return view_make((const char *)secret.octets, secret.known ? SECRET_SIZE : 0);
}
