/* sendmail.h - handing over a message on this machine: what postrider-sendmail(1) and `postrider send` share, and the first of
 * them as a whole. Exit statuses are those of sysexits(3). */
#ifndef SENDMAIL_H
#define SENDMAIL_H

#include "../lib/base.h"
#include "../lib/err.h"

#define SENDMAIL_PARAMETERS 16

struct outgoing {
	const char *from;		/* NULL: the user's own address; "" the null sender */
	const char *name;		/* his name for a From field that is missing; NULL: as in the password file */
	bool take_recipients;		/* from the header section too */
	bool dot_ends;			/* a line with a single dot is the end of the message */
	const char *notify;		/* NULL: not given */
	const char *parameters[SENDMAIL_PARAMETERS + 1];	/* of MAIL; ends with NULL */
	char **to;			/* lists of addresses; ends with NULL */
};

/* The path of the server's socket for the users of this machine, by the configuration in DIR; when that cannot be read, the one
 * that a server has as a rule. OUT of PATH_MAX. */
char *sendmail_socket(const char *dir, char out[PATH_MAX]);
/* Hands the message on IN over to the server at SOCKET. EX_OK: it has it on disk, and ANSWER is what it says. Else nothing was
 * sent, unless ERR says that this is not known. */
int sendmail_hand_over(const char *socket, const struct outgoing *o, FILE *in, char *answer, size_t size, struct err *err);
int sendmail_main(int argc, char **argv);

#endif
