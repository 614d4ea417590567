/* helper_call.c - see helper_call.h. The envelope and the content the helper reads from the file; what only the queue-runner knows of
 * the message is in the call:
 *   u64 number, u16 plugin, u8 hook, string queue id, u8 state, u32 attempts, u64 delay, facts of the attempt, of its TLS, and the
 *   recipients in question and those of the attempt with their results
 * and the answer holds
 *   u64 number, u8 verdict, the reply, the delay, the notes if they were changed, and next hops. */
#include "helper_call.h"
#include "../lib/log.h"
#include "../lib/reply.h"
#include "hook_run.h"
#include "job.h"
#include "job_call.h"
#include "runner.h"
#include "settle.h"

#define TEXTS_MAX (IPC_MAX / 2)		/* octets of a call after which recipients come without the words of their answers */
#define NOTES_SAME UINT16_MAX

static void put_text(struct ipc_out *m, const char *text)
{
	ipc_put_view(m, view_of(text ? text : ""));
}

static const char *get_text(struct ipc_in *m, struct arena *a)
{
	return arena_view_dup(a, ipc_get_view(m));
}

/* ---- the question ---- */

static void put_tls(struct ipc_out *m, const struct result_tls *t)
{
	ipc_put_u8(m, t != NULL);
	if (!t)
		return;
	ipc_put_u8(m, (uint8_t)(t->resumed | t->verified << 1));
	for (const char *const *text = (const char *const[]){ t->version, t->cipher, t->group, t->subject, t->issuer, t->fingerprint, t->status, NULL };
	     *text; text++)
		put_text(m, *text);
}

static void put_rcpts(struct ipc_out *m, const struct job *j, const size_t *rcpts, size_t count)
{
	ipc_put_u32(m, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		const struct job_rcpt *rcpt = &j->rcpts[rcpts[i]];
		bool words = rcpt->result.outcome != OUTCOME_NONE && m->len < TEXTS_MAX;

		ipc_put_u32(m, (uint32_t)rcpts[i]);
		ipc_put_u8(m, (uint8_t)(rcpt->result.outcome | rcpt->expired << 4 | words << 5));
		if (!words)
			continue;
		put_text(m, rcpt->result.text);
		put_text(m, rcpt->result.host);
		put_text(m, rcpt->result.ip);
		ipc_put_u16(m, rcpt->result.port);
	}
}

bool helper_call_put(struct hook_call *call, uint64_t id, struct ipc_out *m)
{
	const struct job_call *facts = call->job;
	struct job *j = facts->job;

	if (!job_write_notes(j))
		return false;
	ipc_begin(m, IPC_HOOK);
	ipc_put_u64(m, id);
	ipc_put_u16(m, (uint16_t)plugin_index(call->self));
	ipc_put_u8(m, (uint8_t)call->hook);
	put_text(m, job_id(j));
	ipc_put_u8(m, j->entry->state);
	ipc_put_u32(m, j->file.env.attempts);
	ipc_put_u64(m, (uint64_t)facts->delay);
	ipc_put_u64(m, (uint64_t)facts->attempt.time);
	ipc_put_u8(m, (uint8_t)(facts->attempt.lmtp | facts->attempt.authenticated << 1));
	put_tls(m, facts->tls);
	put_rcpts(m, j, facts->rcpts, facts->rcpt_count);
	put_rcpts(m, j, facts->attempt.rcpts, facts->attempt.count);
	return !m->failed;
}

/* ---- in the helper ---- */

static struct result_tls *get_tls(struct ipc_in *m, struct arena *a)
{
	struct result_tls *t = arena_alloc(a, sizeof(*t));

	if (!ipc_get_u8(m))
		return NULL;
	uint8_t flags = ipc_get_u8(m);

	t->resumed = flags & 1;
	t->verified = flags & 2;
	for (const char **const *text = (const char **const[]){ &t->version, &t->cipher, &t->group, &t->subject, &t->issuer, &t->fingerprint, &t->status, NULL };
	     *text; text++)
		**text = get_text(m, a);
	return t;
}

static bool get_rcpts(struct ipc_in *m, struct job *j, const size_t **rcpts, size_t *count)
{
	size_t n = ipc_get_u32(m), *list;

	if (n > j->file.env.rcpt_count)
		return false;
	list = arena_alloc(j->arena, n * sizeof(*list) + 1);
	for (size_t i = 0; i < n; i++) {
		size_t rcpt = ipc_get_u32(m);
		uint8_t flags = ipc_get_u8(m);
		bool words = flags & 32;

		if (rcpt >= j->file.env.rcpt_count || (flags & 15) > OUTCOME_FAIL)
			return false;
		list[i] = rcpt;
		j->rcpts[rcpt].expired = flags & 16;
		j->rcpts[rcpt].result = (struct result){ .outcome = flags & 15, .text = words ? get_text(m, j->arena) : "" };
		j->rcpts[rcpt].result.host = words ? get_text(m, j->arena) : "";
		j->rcpts[rcpt].result.ip = words ? get_text(m, j->arena) : "";
		j->rcpts[rcpt].result.port = words ? ipc_get_u16(m) : 0;
	}
	*rcpts = list;
	*count = n;
	return true;
}

static bool get_facts(struct ipc_in *m, struct job *j, struct job_call *facts)
{
	struct err err = { "" };

	j->file.env.attempts = ipc_get_u32(m);
	facts->delay = (int64_t)ipc_get_u64(m);
	facts->attempt.time = (int64_t)ipc_get_u64(m);
	uint8_t flags = ipc_get_u8(m);

	facts->attempt.lmtp = flags & 1;
	facts->attempt.authenticated = flags & 2;
	facts->tls = get_tls(m, j->arena);
	j->rcpts = arena_alloc(j->arena, j->file.env.rcpt_count * sizeof(*j->rcpts) + 1);
	if (!get_rcpts(m, j, &facts->rcpts, &facts->rcpt_count) || !get_rcpts(m, j, &facts->attempt.rcpts, &facts->attempt.count))
		return false;
	facts->domain = facts->rcpt_count ? j->file.env.rcpts[facts->rcpts[0]].domain : "";
	return ipc_end(m, &err);
}

static void put_hop(struct ipc_out *m, const struct pr_mx *mx)
{
	const char *texts[] = { mx->exchange, mx->bind, mx->bind_helo, mx->auth_user, mx->auth_pass, mx->auth_type, mx->tls };

	ipc_put_u32(m, mx->priority);
	ipc_put_u16(m, mx->port);
	ipc_put_u8(m, (uint8_t)(mx->using_lmtp | mx->auth_in_clear << 1));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		ipc_put_u8(m, texts[i] != NULL);
		put_text(m, texts[i]);
	}
}

static void put_done(struct ipc_out *m, uint64_t id, enum verdict v, const struct hook_call *call, const struct job_hop *hops)
{
	const struct job_call *facts = call->job;
	const struct envelope *env = &facts->job->file.env;

	ipc_begin(m, IPC_HOOK_DONE);
	ipc_put_u64(m, id);
	ipc_put_u8(m, (uint8_t)v);
	ipc_put_u16(m, (uint16_t)call->reply->code);
	put_text(m, call->reply->enhanced);
	put_text(m, call->reply->text);
	ipc_put_u8(m, facts->delay_set);
	ipc_put_u64(m, (uint64_t)facts->delay);
	ipc_put_u16(m, facts->job->notes_changed ? (uint16_t)env->note_count : NOTES_SAME);
	for (size_t i = 0; facts->job->notes_changed && i < env->note_count; i++) {
		put_text(m, env->notes[i].key);
		put_text(m, env->notes[i].value);
	}
	for (; hops; hops = hops->next)
		put_hop(m, &hops->mx);
}

/* The message cannot be asked about, or the answer is too long: a failure of this call alone. */
static void put_failure(struct ipc_out *m, uint64_t id)
{
	struct job j = { .notes_changed = false };
	struct job_call facts = { .job = &j };
	struct reply reply;
	struct hook_call call = { .job = &facts, .reply = &reply };

	reply_clear(&reply);
	put_done(m, id, DENYSOFT, &call, NULL);
}

static void ask(struct plugin *p, struct hook_call *call, uint64_t id, struct ipc_out *answer)
{
	struct job_hop *hops = NULL;
	struct route *route = call->hook == HOOK_GET_MX ? malloc(sizeof(*route)) : NULL;

	if (route)
		route_begin(&call->job->job->runner->routing, call->job->domain, route);
	call->job->route = route;
	call->job->hops = &hops;
	enum verdict v = plugin_ask_alone(p, call);

	if (v == LATER)		/* there is no later here, and the queue-runner is waiting already */
		v = VERDICT_COUNT;
	put_done(answer, id, v, call, hops);
	if (answer->failed) {
		log_error("plugin %s: what it has set at %s is too long", pr_name(p), plugin_hook_name(call->hook));
		put_failure(answer, id);
	}
	if (route)
		route_clear(route);
	free(route);
}

static bool serve_in(struct runner *r, struct arena *a, struct ipc_in *m, struct ipc_out *answer)
{
	uint64_t id = ipc_get_u64(m);
	struct plugin *p = plugin_at(r->plugins, ipc_get_u16(m));
	struct entry e = { .state = 0 };
	struct job j = { .runner = r, .entry = &e, .arena = a };
	struct job_call facts = { .job = &j, .scratch = a };
	struct reply reply;
	struct hook_call call = { .hook = (enum hook)ipc_get_u8(m), .job = &facts, .scratch = a, .reply = &reply };
	struct err err = { "" };

	reply_clear(&reply);
	if (!p || !plugin_listens(p, call.hook) || !view_copy(ipc_get_view(m), e.id, sizeof(e.id)))
		return false;
	e.state = ipc_get_u8(m);
	log_id(e.id);
	if (spool_file_open(r->spool, e.id, (enum spool_state)e.state, false, a, &j.file, &err) != SPOOL_READ_OK) {
		log_error("no plugin can be asked: %s", *err.text ? err.text : "the message is gone");
		put_failure(answer, id);
		return true;
	}
	bool good = get_facts(m, &j, &facts);

	if (good)
		ask(p, &call, id, answer);
	spool_file_close(&j.file);
	return good;
}

bool helper_call_serve(struct runner *r, struct ipc_in *m, struct ipc_out *answer)
{
	struct arena *a = arena_new(8192);
	bool good = serve_in(r, a, m, answer);

	arena_free(&a);
	log_id("");
	if (!good)
		log_error("a helper process was asked something that makes no sense");
	return good;
}

/* ---- the answer ---- */

static void take_notes(struct ipc_in *m, struct hook_call *call, struct arena *a)
{
	unsigned count = ipc_get_u16(m);
	struct job *j = call->job->job;

	if (count == NOTES_SAME)
		return;
	j->file.env.note_count = 0;
	j->notes_changed = true;
	for (unsigned i = 0; i < count && !m->failed; i++) {
		const char *key = get_text(m, a), *value = get_text(m, a);

		if (!m->failed)
			pr_set_note(call, key, value);
	}
}

static void take_hop(struct ipc_in *m, struct hook_call *call, struct arena *a)
{
	struct pr_mx mx = { .priority = ipc_get_u32(m), .port = ipc_get_u16(m) };
	uint8_t flags = ipc_get_u8(m);

	mx.using_lmtp = flags & 1;
	mx.auth_in_clear = flags & 2;
	for (const char **const *text = (const char **const[]){ &mx.exchange, &mx.bind, &mx.bind_helo, &mx.auth_user, &mx.auth_pass, &mx.auth_type, &mx.tls, NULL };
	     *text; text++) {
		bool given = ipc_get_u8(m);
		const char *what = get_text(m, a);

		**text = given ? what : NULL;
	}
	if (!m->failed)
		pr_add_next_hop(call, &mx);
}

static bool take(struct ipc_in *m, struct hook_call *call, struct arena *a, enum verdict *v)
{
	*v = (enum verdict)ipc_get_u8(m);
	call->reply->code = ipc_get_u16(m);
	bool good = view_copy(ipc_get_view(m), call->reply->enhanced, sizeof(call->reply->enhanced)) &&
		view_copy(ipc_get_view(m), call->reply->text, sizeof(call->reply->text));

	call->job->delay_set |= ipc_get_u8(m) != 0;
	call->job->delay = (int64_t)ipc_get_u64(m);
	take_notes(m, call, a);
	while (good && m->at < m->len && !m->failed)
		take_hop(m, call, a);
	return good && !m->failed;
}

bool helper_call_take(struct ipc_in *m, uint64_t id)
{
	struct hook_call *call = hook_find(id);

	if (ipc_get_u64(m) != id)
		return false;
	if (!call)		/* it has taken too long; nobody wants it any more */
		return true;
	struct arena *a = arena_new(4096);

	log_id(job_id(call->job->job));
	enum verdict v;
	bool good = take(m, call, a, &v) && hook_answer(id, v);

	log_id("");
	arena_free(&a);
	return good;
}
