/* submit.h - the client's side of run_dir/submit: a user of this machine hands over one message by SMTP, whose other side
 * (worker/local_user.h) knows from the kernel who he is. Runs with the user's own rights and blocks. */
#ifndef SUBMIT_H
#define SUBMIT_H

#include "../lib/base.h"
#include "../lib/address.h"
#include "../lib/err.h"
#include "../lib/view.h"

struct submit {
	int status;			/* of sysexits(3): what the last failure was */
	char me[ADDRESS_DOMAIN_MAX + 1];	/* the server's name, for addresses without a domain */
	FILE *in, *out;
	bool line_start;		/* of the content */
};

struct submit_envelope {
	const char *from;		/* "" for the null sender */
	const char *const *to;		/* at least one; ends with NULL */
	const char *notify;		/* of RFC 3461, for each recipient; NULL: not given */
	const char *const *parameters;	/* of MAIL, such as "RET=HDRS"; ends with NULL */
};

/* Each returns false with STATUS and ERR set, and the connection is to be closed then: EX_TEMPFAIL when the server is not
 * there, has too much to do, or says 4xx; else what the 5xx means. */
/* Connects to the socket at PATH, and says EHLO. Tries again for a while as long as the server is there and busy. */
bool submit_open(struct submit *c, const char *path, struct err *err) MUST_CHECK;
/* All recipients, or none: up to DATA. */
bool submit_begin(struct submit *c, const struct submit_envelope *e, struct err *err) MUST_CHECK;
/* Content: part of a line, without its end; and the end of a line. */
bool submit_text(struct submit *c, struct view text, struct err *err) MUST_CHECK;
bool submit_line_end(struct submit *c, struct err *err) MUST_CHECK;
/* The end of the content. True: the server has the message on disk, and says so in ANSWER. */
bool submit_end(struct submit *c, char *answer, size_t size, struct err *err) MUST_CHECK;
void submit_close(struct submit *c);
/* Standard input and output talk to the server as they are, until one side ends (sendmail -bs). Returns the exit status. */
int submit_pass(const char *path, struct err *err);

#endif
