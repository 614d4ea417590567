/* cmd_xclient.c - XCLIENT (Postfix's XCLIENT_README): a trusted host, such as a content filter or a mail proxy, says who its own
 * client is. The session begins anew for that one, at the greeting. Who may say it is decided by the client's address as
 * it stands: once a proxy has said ADDR, what follows is the client's, who may not. */
#include "../lib/base.h"
#include "../lib/log.h"
#include "greeting.h"
#include "hooks.h"
#include "session.h"
#include <strings.h>

enum attribute { NAME, ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR, DESTPORT, ATTRIBUTE_COUNT };
static const char *const names[ATTRIBUTE_COUNT] = {
	[NAME] = "NAME", [ADDR] = "ADDR", [PORT] = "PORT", [PROTO] = "PROTO", [HELO] = "HELO", [LOGIN] = "LOGIN", [DESTADDR] = "DESTADDR",
	[DESTPORT] = "DESTPORT",
};

#define TEXT_MAX 255	/* octets: "NAME and HELO can be up to 255 characters long" */

struct xclient {
	bool given[ATTRIBUTE_COUNT];
	const char *text[ATTRIBUTE_COUNT];	/* "" when it is not available */
	struct netaddr addr, destaddr;		/* family 0 when not available */
	uint64_t port, destport;
	bool esmtp;
};

bool cmd_xclient_trusted(struct session *s)
{
	return session_from_network(s) && netlist_has(s->settings->xclients, &s->remote);
}

/* ---- values ---- */

/* As reverse lookups give them: underscores and the like included, but nothing that means something in a header. */
static bool host_fit(const char *name)
{
	return *name != '.' && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")];
}

static bool port_fit(const char *text, uint64_t *port)
{
	return view_u64(view_of(text), UINT16_MAX, port) && *port;
}

/* Those that are available, and not longer than TEXT_MAX. */
static bool value_fit(struct xclient *x, enum attribute which, const char *text)
{
	switch (which) {
	case NAME:
		return host_fit(text);
	case ADDR:
		return netaddr_parse_literal(view_of(text), &x->addr);
	case PORT:
		return port_fit(text, &x->port);
	case PROTO:
		x->esmtp = strcasecmp(text, "ESMTP") == 0;
		return x->esmtp || strcasecmp(text, "SMTP") == 0;
	case HELO:
		return cmd_helo_fit(view_of(text));
	case LOGIN:
		return view_find(view_of(text), ' ') == strlen(text);
	case DESTADDR:
		return netaddr_parse_literal(view_of(text), &x->destaddr);
	case DESTPORT:
		return port_fit(text, &x->destport);
	case ATTRIBUTE_COUNT:
		break;
	}
	return false;
}

static enum attribute attribute_of(struct view keyword)
{
	enum attribute which = NAME;

	while (which < ATTRIBUTE_COUNT && !view_case_eq(keyword, view_of(names[which])))
		which++;
	return which;
}

static bool parse_one(struct session *s, struct xclient *x, struct view word)
{
	struct view value = word, keyword = view_cut(&value, '=');
	enum attribute which = attribute_of(keyword);
	const char *text = parameter_xtext_decode(value, s->host->scratch);

	if (which == ATTRIBUTE_COUNT || x->given[which] || !text || strlen(text) > TEXT_MAX)
		return false;
	x->given[which] = true;
	if (strcasecmp(text, "[UNAVAILABLE]") == 0 || strcasecmp(text, "[TEMPUNAVAIL]") == 0)
		text = "";
	x->text[which] = text;
	return !*text || value_fit(x, which, text);
}

bool cmd_xclient_check(struct session *s, struct command *c)
{
	struct xclient *x = arena_alloc(s->host->scratch, sizeof(*x));
	struct view rest = c->args;

	if (!cmd_xclient_trusted(s)) {
		reply_set(&s->reply, 550, "5.7.1", "insufficient authorization");
		return false;
	}
	for (struct view word = view_word(&rest); word.len; word = view_word(&rest)) {
		if (parse_one(s, x, word))
			continue;
		reply_set(&s->reply, 501, "5.5.4", "bad or repeated attribute, or a bad value of one");
		return false;
	}
	c->xclient = x;
	return true;
}

/* ---- what it does ---- */

/* An address that is not said stays; one that is said takes its port along. */
static struct netaddr changed(struct netaddr now, bool said, const struct netaddr *addr, bool port_said, uint64_t port)
{
	if (said)
		now = *addr;
	if (port_said)
		now.port = (uint16_t)port;
	return now;
}

static void log_change(const struct session *s)
{
	char peer[NETADDR_TEXT];
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "xclient");
	log_str(&l, "client", *s->remote_ip ? s->remote_ip : "unknown");
	log_str(&l, "proxy", netaddr_text(&s->peer, peer));
	log_str(&l, "host", s->remote_host);
	log_str(&l, "user", s->auth_user);
	log_end(&l);
}

/* As if the one it is about had connected now. What of it was known stays only where the command cannot mean something else. */
static void become(struct session *s, const struct xclient *x)
{
	struct netaddr remote = changed(s->remote, x->given[ADDR], &x->addr, x->given[PORT], x->port);
	struct netaddr local = changed(session_local(s), x->given[DESTADDR], &x->destaddr, x->given[DESTPORT], x->destport);
	const char *name = x->given[NAME] ? x->text[NAME] : x->given[ADDR] ? "" : arena_strdup(s->host->scratch, session_remote_host(s));

	session_anew(s);
	session_client_is(s, &remote, &local);
	s->tls_is_proxys = true;
	if (*name)
		s->remote_host = arena_strdup(s->host->session, name);
	if (x->given[LOGIN] && *x->text[LOGIN])
		s->auth_user = arena_strdup(s->host->session, x->text[LOGIN]);
	log_change(s);
}

/* Its name, if that is said, is asked about as if the client had said it. */
static void greet_by_name(struct session *s, struct command *c, const struct xclient *x)
{
	struct reply refused;

	c->helo = view_of(x->text[HELO]);
	if (hooks_refused(hooks_run(s, x->esmtp ? HOOK_EHLO : HOOK_HELO, &refused)))
		s->reply = refused;
	else
		cmd_helo_accept(s, c, x->esmtp);
}

void cmd_xclient(struct session *s, struct command *c)
{
	const struct xclient *x = c->xclient;

	session_mark(s, PHASE_CONNECT);
	become(s, x);
	greeting_again(s, x->given[ADDR] && !x->given[NAME]);
	if (s->end == SESSION_GOES_ON && x->given[HELO] && *x->text[HELO])
		greet_by_name(s, c, x);
}

void cmd_xclient_attributes(struct session *s UNUSED, struct buf *lines)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		buf_printf(lines, " %s", names[i]);
}
