/* plugin_api_outbound.c - the part of plugins/postrider.h that makes new messages, in workers and in the queue-runner. */
#include "../lib/base.h"
#include "../lib/log.h"
#include "../queue/job_call.h"
#include "injection.h"
#include "session.h"

/* What a message is made of, from what a plugin gave; notes are checked by the rules for those that are set. */
static bool take_notes(struct hook_call *call, const struct pr_outbound_options *o, struct notes *notes, struct err *err)
{
	const struct notes *own = call->session ? &call->session->transaction.notes : NULL;
	const struct envelope *env = job_call_envelope(call);
	bool ok = true;

	for (size_t i = 0; o->keep_notes && own && i < own->count; i++)
		ok = notes_set(notes, call->scratch, own->list[i].key, own->list[i].value) && ok;
	for (size_t i = 0; o->keep_notes && !own && i < env->note_count; i++)
		ok = notes_set(notes, call->scratch, env->notes[i].key, env->notes[i].value) && ok;
	for (const struct pr_note *n = o->notes; n && n->key; n++)
		ok = n->value && notes_set(notes, call->scratch, n->key, n->value) && ok;
	return ok || err_set(err, "a note is not allowed, or there are too many");
}

static bool describe(struct hook_call *call, const struct pr_outbound_options *o, struct injection *what, struct err *err)
{
	struct notes notes = { 0 };

	if (!take_notes(call, o, &notes, err))
		return false;
	struct envelope_note *list = arena_alloc(call->scratch, notes.count * sizeof(*list) + 1);

	for (size_t i = 0; i < notes.count; i++)
		list[i] = (struct envelope_note){ notes.list[i].key, notes.list[i].value };
	what->notes = list;
	what->note_count = notes.count;
	what->dot_stuffed = o->dot_stuffed;
	what->remove_msgid = o->remove_msgid;
	what->remove_date = o->remove_date;
	what->origin = o->origin ? o->origin : *pr_queue_id(call) ? pr_queue_id(call) : pr_id(call);
	return true;
}

static bool send_from_session(struct session *s, struct injection *what, char id[32], struct err *err)
{
	if (!host_spool(s->host))
		return err_set(err, "the spool cannot be opened");
	what->plugins = s->host->args->plugins;
	what->me = s->settings->me;
	if (!injection_send(s->host->spool, what, id, err))
		return false;
	host_poke(s->host, id);
	return true;
}

static void tell(struct hook_call *call, const struct injection *what, const char *id)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "made");
	log_str(&l, "queue", id);
	log_str(&l, "by", pr_name(call->self));
	log_str(&l, "origin", what->origin);
	log_str(&l, "from", *what->from ? what->from : "<>");
	log_str(&l, "to", what->to[0]);
	log_end(&l);
}

bool pr_outbound_send(struct hook_call *call, const char *from, const char *const *to, const char *contents,
		      const struct pr_outbound_options *options, char id[32])
{
	static const struct pr_outbound_options none;
	struct injection what = { .from = from, .to = to, .contents = contents };
	struct err err = { "" };
	bool ok;

	if (!call->session && !call->job && !call->draft)	/* the hooks logging and config */
		return false;
	if (call->draft)
		ok = err_set(&err, "no message can be sent in pre_send_trans_email of one that was made here");
	else
		ok = describe(call, options ? options : &none, &what, &err) &&
			(call->session ? send_from_session(call->session, &what, id, &err) : job_call_outbound_send(call, &what, id, &err));
	if (ok)
		tell(call, &what, id);
	else
		log_error("plugin %s: message not queued: %s", pr_name(call->self), err.text);
	return ok;
}
