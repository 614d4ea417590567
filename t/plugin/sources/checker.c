/* checker - not a plugin but a program for auth_checkpassword: checker LOG PROGRAM runs PROGRAM for alice with the password "secret word", and
 * writes to LOG what it was given: arguments, environment, open descriptors, and the lengths of what it read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	char text[513] = "";
	ssize_t n, len = 0;
	FILE *log = fopen(argv[1], "a");

	while ((n = read(3, text + len, sizeof text - 1 - (size_t)len)) > 0)
		len += n;
	const char *login = text, *password = login + strlen(login) + 1, *stamp = password + strlen(password) + 1;
	for (int i = 0; log && i < argc; i++)
		fprintf(log, "arg %s\n", argv[i]);
	for (char **e = environ; log && *e; e++)
		fprintf(log, "env %s\n", *e);
	for (int fd = 0; log && fd < 1000; fd++)
		if (fd != fileno(log) && fcntl(fd, F_GETFD) >= 0)
			fprintf(log, "fd %d\n", fd);
	if (log)
		fprintf(log, "read %d login %s stamp %s\n", (int)(len == (stamp - text) + (ssize_t)strlen(stamp) + 1), login, stamp);
	if (log)
		fclose(log);
	if (strcmp(login, "slow") == 0) {
		if (fork() == 0)
			pause();	/* and its child, too */
		pause();
	}
	if (strcmp(login, "crash") == 0)
		abort();
	if (strcmp(login, "later") == 0)
		return 111;
	if (strcmp(login, "alice") != 0 || strcmp(password, "secret word") != 0)
		return 1;
	execv(argv[2], argv + 2);
	return 111;
}
