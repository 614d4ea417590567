/* earlytalker - refuses clients that talk before it is their turn (RFC 5321 4.3.1): before the greeting, or after DATA
 * before the 354. Hardly any sender of ordinary mail does, many of spam do. */
#include <postrider.h>
#include <string.h>
#include <strings.h>

#define NOTE "earlytalker"
#define TEXT "connecting host started transmitting before SMTP greeting"

struct early {
	int64_t wait;		/* seconds */
	bool at_connect, at_data;
	bool defer;		/* refuse at MAIL instead */
	bool log_only;
	enum verdict verdict;	/* of the old argument action; DECLINED when it is not there */
};

static bool read_places(struct plugin *self, struct early *e)
{
	const char *place;
	bool good = true;
	for (size_t i = 0; (place = pr_option_nth(self, "check-at", i)); i++)
		if (strcasecmp(place, "connect") == 0)
			e->at_connect = true;
		else if (strcasecmp(place, "data") == 0)
			e->at_data = true;
		else
			good = pr_fail(self, "argument check-at: found \"%s\", expected CONNECT or DATA", place);
	if (!e->at_connect && !e->at_data)
		e->at_connect = true;
	return good;
}

static bool read_action(struct plugin *self, struct early *e)
{
	const char *action = pr_option(self, "action");
	if (!action)
		return true;
	e->log_only = strcmp(action, "log") == 0;
	e->verdict = strcmp(action, "deny") == 0 ? DENY : strcmp(action, "denysoft") == 0 ? DENYSOFT : DECLINED;
	if (!e->log_only && e->verdict == DECLINED)
		return pr_fail(self, "argument action: found \"%s\", expected deny, denysoft or log", action);
	if (pr_option(self, "reject") || pr_option(self, "reject_type"))
		return pr_fail(self, "found action and reject or reject_type, expected one way to say it");
	return true;
}

static bool init(struct plugin *self)
{
	struct early *e = pr_alloc(self, sizeof *e);
	bool good = pr_option_int(self, "wait", 0, 60, 1, &e->wait);
	good &= pr_option_bool(self, "defer-reject", false, &e->defer);
	good &= read_places(self, e);
	good &= read_action(self, e);
	good &= pr_reject_options(self);
	pr_set_data(self, e);
	return pr_no_more_options(self) && good;
}

static enum verdict refuse(struct hook_call *call, const struct early *e, bool greeted)
{
	if (e->log_only) {
		pr_log(call, PR_INFO, "early talker, let through");
		return DECLINED;
	}
	if (e->verdict == DECLINED)
		return pr_reject(call, "5.7.1", TEXT);
	bool soft = e->verdict == DENYSOFT;
	pr_reply(call, soft ? (greeted ? 450 : 421) : (greeted ? 550 : 554), soft ? "4.7.1" : "5.7.1", TEXT);
	return e->verdict;
}

static enum verdict on_connect(struct hook_call *call)
{
	const struct early *e = pr_data(pr_self(call));
	if (!e->at_connect || pr_relaying(call) || !pr_early_bytes(call, e->wait * 1000))
		return DECLINED;
	if (!e->defer)
		return refuse(call, e, false);
	pr_log(call, PR_INFO, "early talker, to be refused at MAIL");
	return pr_set_connection_note(call, NOTE, "1") ? DECLINED : DENYSOFT;
}

static enum verdict on_mail(struct hook_call *call)
{
	return pr_connection_note(call, NOTE) ? refuse(call, pr_data(pr_self(call)), true) : DECLINED;
}

static enum verdict on_data(struct hook_call *call)
{
	const struct early *e = pr_data(pr_self(call));
	if (!e->at_data || pr_relaying(call) || !pr_early_bytes(call, e->wait * 1000))
		return DECLINED;
	/* What has come already is content, with lines in it that somebody else may have written: it must not be read as
	 * commands, so the session ends. */
	enum verdict verdict = refuse(call, e, true);
	return verdict == DENY ? DENY_DISCONNECT : verdict == DENYSOFT ? DENYSOFT_DISCONNECT : verdict;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "earlytalker",
	.init = init,
	.hooks = { [HOOK_CONNECT] = on_connect, [HOOK_MAIL] = on_mail, [HOOK_DATA] = on_data },
};
