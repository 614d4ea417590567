/* job_call.c - see job_call.h. */
#include "job_call.h"
#include "../lib/address.h"
#include "../lib/log.h"
#include "../lib/reply.h"
#include "../worker/draft.h"
#include "../worker/injection.h"
#include "job.h"
#include "part.h"

#define JOB_CALL_NOTES 64		/* as in a session: postrider.h */
#define JOB_CALL_NOTE_SIZE 4096

struct job_call job_call_about(struct job *j, const size_t *rcpts, size_t count)
{
	return (struct job_call){ .job = j, .scratch = j->arena, .rcpts = rcpts, .rcpt_count = count,
		.domain = j->file.env.rcpts[rcpts[0]].domain, .tls = j->rcpts[rcpts[0]].result.tls };
}

static struct envelope *changeable(const struct hook_call *call)
{
	return call->draft ? call->draft->env : call->job ? &call->job->job->file.env : NULL;
}

/* Of the message, or of none: in the logging and config hooks. */
const struct envelope *job_call_envelope(const struct hook_call *call)
{
	static const struct envelope none = { .sender = "", .client = "", .helo = "", .auth_user = "", .envid = "", .ret = "", .by_mode = "" };

	return changeable(call) ? changeable(call) : &none;
}

const struct envelope_rcpt *job_call_rcpt(const struct hook_call *call, size_t index)
{
	if (call->draft)
		return index < call->draft->env->rcpt_count ? &call->draft->env->rcpts[index] : NULL;
	return call->job && index < call->job->rcpt_count ? &job_call_envelope(call)->rcpts[call->job->rcpts[index]] : NULL;
}

const char *job_call_id(struct hook_call *call)
{
	if (call->draft)
		return arena_strdup(call->scratch, spool_write_id(call->draft->writer));
	return call->job ? job_id(call->job->job) : "";
}

const char *job_call_sender(struct hook_call *call)
{
	return job_call_envelope(call)->sender;
}

const char *job_call_sender_domain(struct hook_call *call)
{
	const char *at = strrchr(job_call_envelope(call)->sender, '@');
	const char *domain = at ? address_domain_canonical(view_of(at + 1), call->scratch) : NULL;

	return domain ? domain : "";
}

size_t job_call_recipient_count(struct hook_call *call)
{
	return call->draft ? call->draft->env->rcpt_count : call->job ? call->job->rcpt_count : 0;
}

const char *job_call_recipient_at(struct hook_call *call, size_t index)
{
	return job_call_rcpt(call, index) ? job_call_rcpt(call, index)->address : NULL;
}

const char *job_call_recipient(struct hook_call *call)
{
	return job_call_rcpt(call, 0) ? job_call_rcpt(call, 0)->address : "";
}

const char *job_call_recipient_domain(struct hook_call *call)
{
	return job_call_rcpt(call, 0) ? job_call_rcpt(call, 0)->domain : "";
}

/* ---- notes ---- */

static struct envelope_note *find_note(const struct envelope *env, const char *key)
{
	for (size_t i = 0; i < env->note_count; i++)
		if (strcmp(env->notes[i].key, key) == 0)
			return &env->notes[i];
	return NULL;
}

const char *job_call_note(struct hook_call *call, const char *key)
{
	const struct envelope_note *note = find_note(job_call_envelope(call), key);

	return note ? note->value : NULL;
}

static bool note_valid(const char *key, const char *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	return *key && key[strspn(key, allowed)] == '\0' && (!value || strlen(value) <= JOB_CALL_NOTE_SIZE);
}

/* It reaches the disk with the next attempt that is recorded, or before the message is taken out of memory. */
bool job_call_set_note(struct hook_call *call, const char *key, const char *value)
{
	struct envelope *env = changeable(call);
	struct arena *a = call->draft ? call->draft->arena : call->job ? call->job->job->arena : NULL;

	if (!env || !note_valid(key, value))
		return false;
	struct envelope_note *note = find_note(env, key);

	if (!note && value && env->note_count >= JOB_CALL_NOTES)
		return false;
	if (note ? value && strcmp(note->value, value) == 0 : !value)
		return true;
	if (call->job)
		call->job->job->notes_changed = true;
	if (!value) {
		*note = env->notes[--env->note_count];
		return true;
	}
	if (!note) {
		struct envelope_note *notes = arena_alloc(a, (env->note_count + 1) * sizeof(*notes));

		if (env->note_count)
			memcpy(notes, env->notes, env->note_count * sizeof(*notes));
		env->notes = notes;
		note = &env->notes[env->note_count++];
		note->key = arena_strdup(a, key);
	}
	note->value = arena_strdup(a, value);
	return true;
}

/* ---- facts, the message ---- */

const char *job_call_remote_ip(struct hook_call *call)
{
	return job_call_envelope(call)->client;
}

const char *job_call_helo(struct hook_call *call)
{
	return job_call_envelope(call)->helo;
}

const char *job_call_auth_user(struct hook_call *call)
{
	return job_call_envelope(call)->auth_user;
}

uint64_t job_call_message_size(struct hook_call *call)
{
	return call->job ? call->job->job->file.message_len : 0;
}

ssize_t job_call_message_read(struct hook_call *call, uint64_t offset, void *out, size_t len)
{
	if (!call->job)
		return -1;
	const struct spool_file *f = &call->job->job->file;

	if (offset >= f->message_len)
		return 0;
	if (len > f->message_len - offset)
		len = (size_t)(f->message_len - offset);
	return pread(f->fd, out, len, (off_t)(f->message_at + offset));
}

const struct result_tls *job_call_tls(struct hook_call *call)
{
	static const struct result_tls plain = { .version = "", .cipher = "", .group = "", .subject = "", .issuer = "", .fingerprint = "", .status = "" };

	return call->job && call->job->tls ? call->job->tls : &plain;
}

struct runner *job_call_helping(const struct hook_call *call)
{
	return call->job && call->job->job->runner->helping ? call->job->job->runner : NULL;
}

struct store *job_call_store(struct hook_call *call)
{
	return call->job && !call->job->job->runner->helping ? call->job->job->runner->store : NULL;
}

bool job_call_outbound_send(struct hook_call *call, struct injection *what, char id[32], struct err *err)
{
	struct runner *r = call->job->job->runner;

	what->plugins = r->plugins;
	what->me = r->settings->me;
	if (!injection_send(r->spool, what, id, err))
		return false;
	if (r->helping)
		part_poke(r->settings->run_dir, part_of(id, part_count()), id);
	else
		intake_announce(r, id);
	return true;
}
