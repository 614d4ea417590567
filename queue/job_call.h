/* job_call.h - the queue-runner's side of a hook call: what a plugin may see of the message and of the delivery in
 * question. The functions of postrider.h that work in both processes (pr_id, pr_sender, pr_note ...) come here when
 * there is no session. Without call->job as well (logging, config) they give "", 0, false or NULL, as does in the
 * queue-runner everything else about a session. */
#ifndef JOB_CALL_H
#define JOB_CALL_H

#include "../lib/base.h"
#include "../lib/arena.h"
#include "../lib/plugin.h"

struct job;
struct result_tls;
struct route;

struct job_hop { struct job_hop *next; struct pr_mx mx; };

struct job_call {
	struct job *job;
	struct arena *scratch;		/* texts handed to the plugin; over when the hook is */
	size_t rcpt_count;		/* the recipients in question, by index into the envelope */
	const size_t *rcpts;
	const char *domain;		/* pr_next_domain: "" when there is none */
	struct route *route;		/* get_mx: what pr_add_mx fills; else NULL */
	struct job_hop **hops;		/* in a helper process: a copy of each next hop that is added; else NULL */
	int64_t delay;			/* seconds: planned (deferred), or set by the plugin */
	bool delay_set;
	const struct result_tls *tls;	/* deferred, bounce, delivered: of the connection; NULL: plain */
	struct job_call_attempt {	/* delivered; else empty */
		const size_t *rcpts;	/* all whom it was for */
		size_t count;
		int64_t time;		/* ms since the message was accepted */
		bool lmtp, authenticated;
	} attempt;
};

/* About COUNT recipients of J, by index into the envelope, kept by pointer. */
struct job_call job_call_about(struct job *j, const size_t *rcpts, size_t count);

struct envelope;
struct injection;
struct envelope_rcpt;
/* The message's envelope; an empty one where there is none. */
const struct envelope *job_call_envelope(const struct hook_call *call);
/* The INDEXth recipient in question; NULL past the end. */
const struct envelope_rcpt *job_call_rcpt(const struct hook_call *call, size_t index);

/* For the dispatching functions of worker/plugin_api.c; as the pr_ function of that name, outside of sessions. */
const char *job_call_id(struct hook_call *call);		/* the queue id */
const char *job_call_sender(struct hook_call *call);
const char *job_call_sender_domain(struct hook_call *call);
size_t job_call_recipient_count(struct hook_call *call);
const char *job_call_recipient_at(struct hook_call *call, size_t index);
const char *job_call_recipient(struct hook_call *call);		/* the first in question */
const char *job_call_recipient_domain(struct hook_call *call);
const char *job_call_note(struct hook_call *call, const char *key);
bool job_call_set_note(struct hook_call *call, const char *key, const char *value);
const char *job_call_remote_ip(struct hook_call *call);		/* of the client that gave us the message */
const char *job_call_helo(struct hook_call *call);
const char *job_call_auth_user(struct hook_call *call);
uint64_t job_call_message_size(struct hook_call *call);
ssize_t job_call_message_read(struct hook_call *call, uint64_t offset, void *out, size_t len);
const struct result_tls *job_call_tls(struct hook_call *call);	/* never NULL: texts are "" where there is none */
struct store *job_call_store(struct hook_call *call);		/* that answers from the loop; NULL without a job, and in a helper process */
/* In a helper process, which may wait; else NULL. */
struct runner *job_call_helping(const struct hook_call *call);
/* In the hook of a job; what the process knows is added to WHAT. */
bool job_call_outbound_send(struct hook_call *call, struct injection *what, char id[32], struct err *err);

#endif
