/* step_internal.h - what the rows of the step table consist of; for the files step*.c. */
#ifndef STEP_INTERNAL_H
#define STEP_INTERNAL_H

#include "../lib/base.h"
#include "client.h"
#include "step.h"

/* One line. What is said while AUTH is under way is secret, and wiped when it has gone out. */
void step_say(struct client *c, const char *format, ...) PRINTFLIKE(2, 3);
/* The first digit of the reply in c->parser. */
unsigned step_reply_class(const struct client *c);

/* See struct step: what is said on entering, and what follows a reply. */
void step_send_answer(struct client *c);
void step_send_auth(struct client *c);
void step_send_bdat(struct client *c);
void step_send_content(struct client *c);
void step_send_data(struct client *c);
void step_send_ehlo(struct client *c);
void step_send_handshake(struct client *c);
void step_send_helo(struct client *c);
void step_send_mail(struct client *c);
void step_send_nothing(struct client *c);
void step_send_quit(struct client *c);
void step_send_rcpt(struct client *c);
void step_send_rset(struct client *c);
void step_send_starttls(struct client *c);
enum step_id step_receive_auth(struct client *c, enum step_id next);
enum step_id step_receive_content(struct client *c, enum step_id next);
enum step_id step_receive_data(struct client *c, enum step_id next);
enum step_id step_receive_ehlo(struct client *c, enum step_id next);
enum step_id step_receive_end(struct client *c, enum step_id next);
enum step_id step_receive_end_lmtp(struct client *c, enum step_id next);
enum step_id step_receive_greeting(struct client *c, enum step_id next);
enum step_id step_receive_helo(struct client *c, enum step_id next);
enum step_id step_receive_mail(struct client *c, enum step_id next);
enum step_id step_receive_rcpt(struct client *c, enum step_id next);
enum step_id step_receive_starttls(struct client *c, enum step_id next);

#endif
