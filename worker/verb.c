/* verb.c - see verb.h. */
#include "../lib/base.h"
#include "session.h"
#include <strings.h>

#define AT(phase) (1u << PHASE_##phase)
#define ANY (AT(GREETED) | AT(HELO) | AT(MAIL) | AT(RCPT) | AT(DATA))
#define NONE VERB_NO_HOOK
#define PLAIN EXTENSION_NONE
#define HELLO_FIRST "send HELO or EHLO first"

/* In the order in which HELP prints them. */
static const struct verb verbs[] = {
	{ "HELO", ANY, VERB_IDLE, ARGUMENT_REQUIRED, "HELO domain", NULL, cmd_helo_check, NONE, HOOK_HELO, cmd_helo, NULL, PLAIN },
	{ "EHLO", ANY, VERB_IDLE | VERB_FLUSH, ARGUMENT_REQUIRED, "EHLO domain", NULL, cmd_helo_check, NONE, HOOK_EHLO, cmd_ehlo, NULL, PLAIN },
	{ "MAIL", AT(HELO), VERB_WANTS_AUTH | VERB_REFUSAL_ENDS, ARGUMENT_REQUIRED, "MAIL FROM:<address> [parameters]",
		"HELO first, and one MAIL at a time", cmd_mail_check, HOOK_MAIL_PRE, HOOK_MAIL, cmd_mail, NULL, PLAIN },
	{ "RCPT", AT(MAIL) | AT(RCPT), 0, ARGUMENT_REQUIRED, "RCPT TO:<address> [parameters]",
		"MAIL first, and no content yet", cmd_rcpt_check, HOOK_RCPT_PRE, HOOK_RCPT, cmd_rcpt, NULL, PLAIN },
	{ "DATA", AT(RCPT), VERB_FLUSH | VERB_REFUSAL_ENDS, ARGUMENT_NONE, "DATA",
		"RCPT first, and not after BDAT", cmd_data_check, NONE, HOOK_DATA, cmd_data, NULL, PLAIN },
	/* between two chunks the phase is DATA */
	{ "BDAT", AT(RCPT) | AT(DATA), VERB_REFUSAL_ENDS, ARGUMENT_REQUIRED, "BDAT size [LAST]",
		"RCPT first, and not after the last chunk", cmd_bdat_check, NONE, NONE, cmd_bdat, cmd_bdat_refused, EXTENSION_CHUNKING },
	{ "RSET", ANY, VERB_IDLE, ARGUMENT_NONE, "RSET", NULL, NULL, NONE, NONE, cmd_rset, NULL, PLAIN },
	{ "NOOP", ANY, VERB_IDLE | VERB_FLUSH, ARGUMENT_OPTIONAL, "NOOP [text]", NULL, NULL, NONE, HOOK_NOOP, cmd_noop, NULL, PLAIN },
	{ "VRFY", ANY, VERB_IDLE | VERB_FLUSH, ARGUMENT_REQUIRED, "VRFY address [SMTPUTF8]", NULL, cmd_vrfy_check, NONE, HOOK_VRFY, cmd_vrfy, NULL, PLAIN },
	{ "HELP", ANY, VERB_IDLE, ARGUMENT_OPTIONAL, "HELP [verb]", NULL, NULL, NONE, HOOK_HELP, cmd_help, NULL, PLAIN },
	{ "QUIT", ANY, VERB_FLUSH, ARGUMENT_NONE, "QUIT", NULL, NULL, NONE, NONE, cmd_quit, NULL, PLAIN },
	/* RFC 3207 4: nothing is said of a transaction that is under way, so there may be none */
	{ "STARTTLS", AT(HELO), VERB_FLUSH, ARGUMENT_NONE, "STARTTLS",
		"EHLO first, and no transaction", cmd_starttls_check, NONE, NONE, cmd_starttls, NULL, EXTENSION_STARTTLS },
	/* RFC 4954 4: not during a transaction */
	{ "AUTH", AT(HELO), VERB_WANTS_TLS | VERB_FLUSH | VERB_LONG, ARGUMENT_REQUIRED, "AUTH mechanism [initial-response]",
		"EHLO first, and no transaction", cmd_auth_check, NONE, NONE, cmd_auth, NULL, EXTENSION_AUTH },
	{ "XCLIENT", AT(GREETED) | AT(HELO), VERB_IDLE | VERB_FLUSH, ARGUMENT_REQUIRED, "XCLIENT attribute=value ...",
		"no transaction may be open", cmd_xclient_check, NONE, NONE, cmd_xclient, NULL, EXTENSION_XCLIENT },
};
_Static_assert(COUNT_OF(verbs) <= VERB_MAX, "session.h counts by row");

/* Requests of other protocols that begin with a line of text. */
static const char *const foreign[] = { "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI",
	"HOST:", "USER-AGENT:", "CONTENT-LENGTH:", "CONTENT-TYPE:", "ACCEPT:", "CONNECTION:", "ORIGIN:", "REFERER:" };

const struct verb *verb_find(struct view name)
{
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (view_case_eq(name, view_of(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

size_t verb_count(void)
{
	return COUNT_OF(verbs);
}

const struct verb *verb_at(size_t index)
{
	return &verbs[index];
}

size_t verb_index(const struct verb *v)
{
	return (size_t)(v - verbs);
}

bool verb_is_foreign(struct view name)
{
	for (size_t i = 0; i < COUNT_OF(foreign); i++)
		if (view_case_eq(name, view_of(foreign[i])))
			return true;
	return false;
}

void verb_parse(struct view line, struct command *c)
{
	struct view rest = view_trim(line);	/* RFC 5321 4.1.1: trailing blanks are tolerated */

	c->line = line;
	c->name = view_word(&rest);
	c->args = view_trim(rest);
	c->verb = verb_find(c->name);
}

static bool refuse(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	reply_set(&s->reply, code, enhanced, "%s", text);
	return false;
}

bool verb_allowed(struct session *s, const struct command *c)
{
	const struct verb *v = c->verb;

	if (extension_discarded(s, v->extension))
		return refuse(s, 502, "5.5.1", "command not implemented");
	if ((v->argument == ARGUMENT_NONE && c->args.len) || (v->argument == ARGUMENT_REQUIRED && !c->args.len)) {
		reply_set(&s->reply, 501, "5.5.4", "syntax: %s", v->syntax);
		return false;
	}
	if (!(v->phases & (1u << session_phase(s))))
		return refuse(s, 503, "5.5.1", *s->helo ? v->out_of_order : HELLO_FIRST);
	if ((v->flags & VERB_WANTS_TLS) && s->host->args->tls && !stream_tls(s->stream) && !s->settings->auth_without_tls)
		return refuse(s, 530, "5.7.0", "must issue a STARTTLS command first");
	if ((v->flags & VERB_WANTS_AUTH) && session_submission(s) && !*s->auth_user)
		return refuse(s, 530, "5.7.0", "authentication required");
	return true;
}
