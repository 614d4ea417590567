/* headers - refuses messages whose header section is not as RFC 5322 or their way here has it: required fields missing, single fields
 * repeated, a Date that is none or too far off, addresses that are none, and, where asked for, a From of another domain than the
 * sender's, marks of final delivery, a client that comes without a mail server. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NAMES_MAX 32
#define DAY 86400

struct rules {
	const char *required[NAMES_MAX + 1], *singular[NAMES_MAX + 1];
	int64_t past, future;		/* days; -1: any */
	bool date, syntax, from_match, return_path, delivered_to, direct, user_agent, notes;
};

/* The argument KEY, or FALLBACK, as a list of header names. */
static bool read_names(struct plugin *self, const char *key, const char *fallback, const char *names[NAMES_MAX + 1])
{
	const char *text = pr_option(self, key);
	size_t count = 0, size;
	char *copy, *state = NULL;
	if (!text)
		text = fallback;
	size = strlen(text) + 1;
	copy = memcpy(pr_alloc(self, size), text, size);
	for (char *name = strtok_r(copy, ",", &state); name; name = strtok_r(NULL, ",", &state)) {
		if (count == NAMES_MAX)
			return pr_fail(self, "argument %s: found more than %d names", key, NAMES_MAX);
		for (const char *c = name; *c; c++)
			if (*c <= ' ' || *c > '~' || *c == ':')
				return pr_fail(self, "argument %s: found \"%s\", expected names of headers with commas between them", key, text);
		names[count++] = name;
	}
	return true;
}

static bool init(struct plugin *self)
{
	struct rules *r = pr_alloc(self, sizeof *r);
	const struct { const char *key; bool *out; } flags[] = {
		{ "date", &r->date }, { "syntax", &r->syntax }, { "from_match", &r->from_match }, { "return_path", &r->return_path },
		{ "delivered_to", &r->delivered_to }, { "direct", &r->direct }, { "user_agent", &r->user_agent }, { "notes", &r->notes },
	};
	/* RFC 5322 3.6: the two that every message has, and those that none has twice. */
	bool good = read_names(self, "require", "Date,From", r->required);
	good &= read_names(self, "singular", "Date,From,Sender,Reply-To,To,Cc,Bcc,Message-Id,In-Reply-To,References,Subject", r->singular);
	good &= pr_option_int(self, "past", 0, 36500, -1, &r->past);
	good &= pr_option_int(self, "future", 0, 36500, -1, &r->future);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		good &= pr_option_bool(self, flags[i].key, false, flags[i].out);
	good &= pr_reject_options(self);
	pr_set_data(self, r);
	return pr_no_more_options(self) && good;
}

/* ---- by RFC 5322 ---- */

static enum verdict check_fields(struct hook_call *call, const struct rules *r)
{
	for (size_t i = 0; r->required[i]; i++)
		if (pr_header_count(call, r->required[i]) == 0)
			return pr_reject(call, "5.6.0", "a %s header is required (RFC 5322 section 3.6)", r->required[i]);
	for (size_t i = 0; r->singular[i]; i++)
		if (pr_header_count(call, r->singular[i]) > 1)
			return pr_reject(call, "5.6.0", "only one %s header is allowed (RFC 5322 section 3.6)", r->singular[i]);
	return DECLINED;
}

static enum verdict check_date(struct hook_call *call, const struct rules *r)
{
	int64_t date, now = time(NULL);
	const char *text = pr_header(call, "Date", 0);
	if (!text || (r->past < 0 && r->future < 0 && !r->date))
		return DECLINED;
	if (!pr_parse_date(text, &date)) {
		if (r->date)
			return pr_reject(call, "5.6.0", "the Date header is no date (RFC 5322 section 3.3)");
		pr_log(call, PR_INFO, "Date cannot be read: %s", text);
		return DECLINED;
	}
	if (r->past >= 0 && date < now - r->past * DAY)
		return pr_reject(call, "5.6.0", "the Date header is too far in the past");
	if (r->future >= 0 && date > now + r->future * DAY)
		return pr_reject(call, "5.6.0", "the Date header is too far in the future");
	return DECLINED;
}

static enum verdict check_syntax(struct hook_call *call, const struct rules *r)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc" };
	const struct pr_address *const *list;
	if (!r->syntax)
		return DECLINED;
	for (size_t i = 0; i < pr_header_fields(call); i++)
		if (pr_header_name_at(call, i)[0] == '\0')
			return pr_reject(call, "5.6.0", "there is a line among the headers that is none");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		for (int n = 0; n < (int)pr_header_count(call, names[i]); n++)
			if (pr_parse_addresses(call, pr_header(call, names[i], n), &list) == PR_ADDRESSES_BROKEN)
				return pr_reject(call, "5.6.0", "the %s header holds what is no address (RFC 5322 section 3.4)", names[i]);
	return DECLINED;
}

/* ---- by the way it came ---- */

/* One domain, or one below the other: "bounces.example.com" sends for "example.com". */
static bool related(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	if (la > lb)
		return related(b, a);
	return la > 0 && strcmp(b + lb - la, a) == 0 && (la == lb || b[lb - la - 1] == '.');
}

static bool from_matches(struct hook_call *call)
{
	const char *sender = pr_sender_domain(call);
	const struct pr_address *const *list;
	for (int n = 0; n < (int)pr_header_count(call, "From"); n++) {
		pr_parse_addresses(call, pr_header(call, "From", n), &list);
		for (; *list; list++)
			if (related(sender, (*list)->domain))
				return true;
	}
	return false;
}

static bool is_recipient(struct hook_call *call, const char *folded)
{
	char rcpt[PR_ADDRESS_SIZE];
	for (size_t i = 0; i < pr_recipient_count(call); i++)
		if (pr_address_folded(pr_recipient_at(call, i), rcpt) && strcmp(rcpt, folded) == 0)
			return true;
	return false;
}

/* Delivered-To is put on by the last server: one that is there with a recipient's address has been here before. */
static bool was_delivered(struct hook_call *call)
{
	const struct pr_address *const *list;
	char folded[PR_ADDRESS_SIZE];
	for (int n = 0; n < (int)pr_header_count(call, "Delivered-To"); n++) {
		pr_parse_addresses(call, pr_header(call, "Delivered-To", n), &list);
		for (; *list; list++)
			if ((*list)->address[0] && pr_address_folded((*list)->address, folded) && is_recipient(call, folded))
				return true;
	}
	return false;
}

static const char *user_agent(struct hook_call *call)
{
	static const char *const names[] = { "User-Agent", "X-Mailer", "X-Newsreader", "X-MimeOLE", "X-Mailer-Version" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *text = pr_header(call, names[i], 0);
		if (text && *text)
			return text;
	}
	return NULL;
}

/* RFC 2369, RFC 2919, and what there was before them. */
static const char *mailing_list(struct hook_call *call)
{
	static const char *const names[] = { "List-Id", "List-Post", "List-Unsubscribe", "Mailing-List", "X-Mailman-Version" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (pr_header_count(call, names[i]) > 0)
			return pr_header(call, names[i], 0);
	return NULL;
}

/* For plugins that weigh many signs. A note has one line and a limit: what does not fit is not noted. */
static void note(struct hook_call *call, const struct rules *r)
{
	if (!r->notes)
		return;
	pr_set_note(call, "headers_user_agent", user_agent(call));
	pr_set_note(call, "headers_list", mailing_list(call));
	pr_set_note(call, "headers_from_match", pr_sender(call)[0] == '\0' ? NULL : from_matches(call) ? "1" : "0");
	pr_set_note(call, "headers_direct", pr_header_count(call, "Received") < 2 ? "1" : "0");
}

static enum verdict check_way(struct hook_call *call, const struct rules *r)
{
	if (r->return_path && pr_header_count(call, "Return-Path") > 0)
		return pr_reject(call, "5.6.0", "a Return-Path header is not for mail on its way (RFC 5321 section 4.4)");
	if (r->direct && pr_header_count(call, "Received") < 2)	/* the one is ours */
		return pr_reject(call, "5.7.1", "no mail server has seen this message before us");
	if (r->user_agent && !user_agent(call))
		return pr_reject(call, "5.7.1", "no mail program has signed this message");
	if (r->from_match && pr_sender(call)[0] != '\0' && !from_matches(call))
		return pr_reject(call, "5.7.1", "the From header is not of the sender's domain");
	return DECLINED;
}

static enum verdict on_data_post(struct hook_call *call)
{
	const struct rules *r = pr_data(pr_self(call));
	enum verdict verdict = DECLINED;
	if (r->delivered_to && was_delivered(call))	/* whoever sends it: a loop is a loop */
		return pr_reject(call, "5.4.6", "this message has been delivered to its recipient before: it is going round in circles");
	if (pr_relaying(call))
		return DECLINED;	/* our own clients are not judged, as in qpsmtpd */
	note(call, r);
	enum verdict (*const checks[])(struct hook_call *, const struct rules *) = { check_fields, check_date, check_syntax, check_way };
	for (size_t i = 0; i < sizeof checks / sizeof checks[0] && verdict == DECLINED; i++)
		verdict = checks[i](call, r);
	return verdict;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "headers",
	.init = init,
	.hooks = { [HOOK_DATA_POST] = on_data_post },
};
