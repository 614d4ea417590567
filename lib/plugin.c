/* plugin.c - running hooks. A chain is an array of the plugins that listen at a hook, so an empty one costs a
 * comparison; only while a plugin's code runs is the worker's scoreboard slot marked for the watchdog. */
#include "base.h"
#include "plugin_list.h"
#include "clock.h"
#include "log.h"
#include "reply.h"
#include "scoreboard.h"

static struct scoreboard_slot *plugin_slot;

static const char *const hook_names[HOOK_COUNT] = {
	[HOOK_PRE_CONNECTION] = "pre_connection", [HOOK_CONNECT] = "connect", [HOOK_LOOKUP_RDNS] = "lookup_rdns",
	[HOOK_HELO] = "helo", [HOOK_EHLO] = "ehlo", [HOOK_CAPABILITIES] = "capabilities",
	[HOOK_AUTH_PLAIN] = "auth_plain", [HOOK_AUTH_LOGIN] = "auth_login", [HOOK_AUTH_CRAM_MD5] = "auth_cram_md5",
	[HOOK_AUTH_SCRAM_SHA_256] = "auth_scram_sha_256", [HOOK_AUTH_OAUTHBEARER] = "auth_oauthbearer", [HOOK_AUTH_XOAUTH2] = "auth_xoauth2",
	[HOOK_AUTH_EXTERNAL] = "auth_external",
	[HOOK_AUTH] = "auth", [HOOK_MAIL_PRE] = "mail_pre", [HOOK_MAIL] = "mail", [HOOK_RCPT_PRE] = "rcpt_pre",
	[HOOK_RCPT] = "rcpt", [HOOK_RCPT_OK] = "rcpt_ok", [HOOK_DATA] = "data", [HOOK_RECEIVED_LINE] = "received_line",
	[HOOK_DATA_HEADERS_END] = "data_headers_end", [HOOK_DATA_POST_HEADERS] = "data_post_headers",
	[HOOK_DATA_POST] = "data_post", [HOOK_QUEUE_PRE] = "queue_pre", [HOOK_QUEUE] = "queue",
	[HOOK_QUEUE_OUTBOUND] = "queue_outbound", [HOOK_PRE_SEND_TRANS_EMAIL] = "pre_send_trans_email", [HOOK_QUEUE_POST] = "queue_post",
	[HOOK_RESET_TRANSACTION] = "reset_transaction", [HOOK_VRFY] = "vrfy", [HOOK_NOOP] = "noop",
	[HOOK_HELP] = "help", [HOOK_UNRECOGNIZED_COMMAND] = "unrecognized_command", [HOOK_QUIT] = "quit",
	[HOOK_DISCONNECT] = "disconnect", [HOOK_POST_CONNECTION] = "post_connection", [HOOK_DENY] = "deny",
	[HOOK_OK] = "ok", [HOOK_LOGGING] = "logging", [HOOK_CONFIG] = "config", [HOOK_SEND_EMAIL] = "send_email",
	[HOOK_GET_MX] = "get_mx", [HOOK_DEFERRED] = "deferred", [HOOK_BOUNCE] = "bounce", [HOOK_DELIVERED] = "delivered",
};

static const char *const verdict_names[VERDICT_COUNT] = {
	[DECLINED] = "DECLINED", [OK] = "OK", [DENY] = "DENY", [DENYSOFT] = "DENYSOFT",
	[DENY_DISCONNECT] = "DENY_DISCONNECT", [DENYSOFT_DISCONNECT] = "DENYSOFT_DISCONNECT", [DELAY] = "DELAY", [LATER] = "LATER",
};

const char *plugin_hook_name(unsigned hook)
{
	return hook < HOOK_COUNT ? hook_names[hook] : "unknown";
}

const char *plugin_verdict_name(unsigned verdict)
{
	return verdict < VERDICT_COUNT ? verdict_names[verdict] : "unknown";
}

size_t plugin_count(const struct plugin_list *list)
{
	return list->count;
}

const char *plugin_name_at(const struct plugin_list *list, size_t index)
{
	return index < list->count ? list->plugin[index].name : "";
}

struct plugin *plugin_at(const struct plugin_list *list, size_t index)
{
	return index < list->count ? &list->plugin[index] : NULL;
}

size_t plugin_index(const struct plugin *self)
{
	return self->index;
}

bool plugin_listens(const struct plugin *self, unsigned hook)
{
	return hook < HOOK_COUNT && self->def->hooks[hook];
}

enum plugin_constrain plugin_constrains(const struct plugin *p)
{
	return p->constrain;
}

bool plugin_wants(const struct plugin_list *list, enum hook hook)
{
	return list->chain_count[hook] > 0;
}

const struct tls_settings *plugin_tls(const struct plugin_list *list)
{
	return list->tls;
}

void plugin_set_slot(struct scoreboard_slot *slot)
{
	plugin_slot = slot;
}

/* What the watchdog reads: the time is set last and taken away first, so it never sees a time without a name. */
static void plugin_mark(unsigned index, unsigned hook, int64_t since)
{
	if (!plugin_slot)
		return;
	atomic_store_explicit(&plugin_slot->hook_since, 0, memory_order_relaxed);
	atomic_store_explicit(&plugin_slot->plugin, (uint16_t)index, memory_order_relaxed);
	atomic_store_explicit(&plugin_slot->hook, (uint8_t)hook, memory_order_relaxed);
	atomic_store_explicit(&plugin_slot->hook_since, since, memory_order_release);
}

/* A line logged inside a hook, or a list asked for there, runs other hooks: what was marked before is marked again. */
static enum verdict plugin_call(struct plugin *p, struct hook_call *call)
{
	unsigned index = 0, hook = 0;
	int64_t since = 0;
	if (plugin_slot) {
		index = atomic_load_explicit(&plugin_slot->plugin, memory_order_relaxed);
		hook = atomic_load_explicit(&plugin_slot->hook, memory_order_relaxed);
		since = atomic_load_explicit(&plugin_slot->hook_since, memory_order_relaxed);
	}
	call->self = p;
	plugin_mark(p->index + 1u, call->hook + 1u, clock_ms());
	if (call->around)
		call->around(call, true);
	enum verdict verdict = p->def->hooks[call->hook](call);
	if (call->around)
		call->around(call, false);
	plugin_mark(index, hook, since);
	return verdict;
}

/* Only send_email knows DELAY, and LATER is for where somebody waits; whatever else is no verdict means that the plugin is broken:
 * fail closed. */
static enum verdict plugin_check(struct hook_call *call, enum verdict verdict)
{
	bool known = (unsigned)verdict < VERDICT_COUNT;

	if (known && (verdict != DELAY || call->hook == HOOK_SEND_EMAIL) && (verdict != LATER || call->around))
		return verdict;
	log_error("plugin %s: bad verdict %d at %s; taken as DENYSOFT", call->self->name, (int)verdict,
		plugin_hook_name(call->hook));
	reply_clear(call->reply);
	return DENYSOFT;
}

/* RFC 5321 4.2.1: the first digit says it. In a session worker/hooks.c puts the code right; in the queue-runner the reply
 * ends in logs and notices as it is, so one that contradicts the verdict goes. */
static void plugin_check_reply(struct hook_call *call, enum verdict verdict)
{
	unsigned class = verdict == DENY || verdict == DENY_DISCONNECT ? 5 : verdict == OK ? 2 : 4;
	if ((!call->job && !call->draft) || call->reply->code == 0 || call->reply->code / 100 == class)
		return;
	log_warn("plugin %s: code %u does not fit its verdict at %s", call->self->name, (unsigned)call->reply->code,
		plugin_hook_name(call->hook));
	reply_clear(call->reply);
}

/* What P has said counts as. An observer who answers later is waited for, too: what it uses stays until then. */
static enum verdict plugin_heard(const struct plugin *p, struct hook_call *call, enum verdict verdict)
{
	return p->def->observer && (verdict != LATER || !call->around) ? DECLINED : plugin_check(call, verdict);
}

bool plugin_blocks(const struct plugin *self)
{
	const char *const *name = self->list->settings->outbound_helper_plugins;

	if (self->def->blocking)
		return true;
	while (name && *name && strcmp(*name, self->name) != 0)
		name++;
	return name && *name;
}

enum verdict plugin_ask(struct plugin *p, struct hook_call *call)
{
	reply_clear(call->reply);
	if (call->away && plugin_blocks(p)) {
		call->self = p;
		return plugin_heard(p, call, call->away(call));
	}
	return plugin_heard(p, call, plugin_call(p, call));
}

enum verdict plugin_ask_alone(struct plugin *self, struct hook_call *call)
{
	reply_clear(call->reply);
	return plugin_call(self, call);
}

/* From the plugin at call->at on. */
static enum verdict plugin_chain(struct plugin_list *list, struct hook_call *call, const struct plugin **decided)
{
	for (; call->at < list->chain_count[call->hook]; call->at++) {
		struct plugin *p = list->chain[call->hook][call->at];
		if (call->observers && !p->def->observer)
			continue;
		enum verdict verdict = plugin_ask(p, call);
		if (verdict == DECLINED)
			continue;
		if (verdict != LATER)
			plugin_check_reply(call, verdict);
		if (decided)
			*decided = p;
		return verdict;
	}
	reply_clear(call->reply);
	return DECLINED;
}

enum verdict plugin_run(struct plugin_list *list, struct hook_call *call, const struct plugin **decided)
{
	if (decided)
		*decided = NULL;
	call->at = 0;
	if (list->chain_count[call->hook] == 0)
		return DECLINED;
	return plugin_chain(list, call, decided);
}

enum verdict plugin_answered(struct plugin_list *list, struct hook_call *call, enum verdict verdict)
{
	verdict = plugin_heard(call->self, call, verdict);
	if (verdict == DECLINED) {
		call->at++;
		return plugin_chain(list, call, NULL);
	}
	if (verdict != LATER)
		plugin_check_reply(call, verdict);
	return verdict;
}
