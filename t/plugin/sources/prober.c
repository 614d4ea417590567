/* prober - asks everything there is to ask at every hook, also where it has no meaning: none of it may crash the server,
 * and every text is a text. Declines everything; takes the messages of "taken" at queue. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>

static size_t total;	/* so that no call is left out */

static void text(const char *what)
{
	total += strlen(what);
}

static void maybe(const char *what)
{
	total += what ? strlen(what) : 0;
}

static void connection(struct hook_call *call)
{
	text(pr_id(call));
	text(pr_remote_ip(call));
	text(pr_remote_host(call));
	text(pr_local_ip(call));
	text(pr_proxy_ip(call));
	text(pr_helo(call));
	text(pr_tls_version(call));
	text(pr_tls_cipher(call));
	text(pr_tls_peer_cn(call));
	text(pr_tls_peer_email(call, 0));
	text(pr_tls_peer_email(call, SIZE_MAX));
	text(pr_auth_user(call));
	text(pr_command(call));
	text(pr_command_args(call));
	text(pr_auth_mechanism(call));
	text(pr_auth_login(call));
	text(pr_auth_password(call));
	text(pr_auth_challenge(call));
	text(pr_auth_response(call));
	text(pr_auth_token(call));
	text(pr_auth_host(call));
	text(pr_auth_port(call));
	total += pr_auth_set_login(call, "\x01") + pr_auth_scram(call, "SCRAM-SHA-256$") + pr_auth_scram_like(call, "") + pr_auth_cram_md5(call, NULL);
	total += pr_auth_cram_md5(call, "x") + pr_password_is_scram("x") + pr_password_same("x", "y");
	pr_auth_oauth_error(call, "\"\\\n", NULL, "x");
	pr_drop_hook(pr_self(call), HOOK_MAIL);		/* too late: changes nothing */
	total += pr_remote_port(call) + pr_local_port(call) + pr_unrecognized_count(call) + pr_sessions_from_ip(call);
	total += pr_is_esmtp(call) + pr_is_submission(call) + pr_is_tls(call) + pr_relaying(call) + pr_early_bytes(call, 0);
	pr_add_capability(call, "XPROBE");
	pr_add_capability(call, "X\r\n250 injected");
	pr_set_relaying(call, pr_relaying(call));
}

static void envelope(struct hook_call *call)
{
	text(pr_sender(call));
	text(pr_sender_domain(call));
	text(pr_recipient(call));
	text(pr_recipient_domain(call));
	for (size_t i = 0; i < pr_recipient_count(call) + 2; i++) {
		text(pr_recipient_at(call, i));
		text(pr_recipient_domain_at(call, i));
		text(pr_orcpt_at(call, i));
		total += pr_recipient_is_local(call, i) + pr_notify_at(call, i);
	}
	text(pr_recipient_at(call, SIZE_MAX));
	text(pr_recipient_domain_at(call, SIZE_MAX));
	maybe(pr_parameter(call, "SIZE"));
	maybe(pr_parameter(call, ""));
	maybe(pr_parameter_text(call, "ORCPT"));
	text(pr_envid(call));
	text(pr_ret(call));
	text(pr_deliver_by_mode(call));
	total += (size_t)(pr_body(call) + pr_utf8(call) + pr_notify(call) + pr_requires_tls(call) + pr_priority(call));
	total += (size_t)(pr_deliver_by(call) + pr_hold_until(call));
	total += pr_recipient_spooled(call);
}

static void fields(struct hook_call *call)
{
	size_t index, len = 1;

	for (size_t i = 0; i < pr_header_fields(call) + 1; i++) {
		maybe(pr_header_name_at(call, i));
		maybe(pr_header_at(call, i));
		maybe(pr_header_raw_at(call, i, &len));
	}
	if (len != 0 || pr_header_change(call, SIZE_MAX, "x") || pr_header_remove_at(call, SIZE_MAX) || pr_header_find(call, "", 0, &index))
		abort();
	pr_header_insert(call, 1, "X-Probe", "middle");
	if (pr_header_find(call, "x-probe", -1, &index) && (!pr_header_change(call, index, "other") || !pr_header_remove_at(call, index)))
		abort();
}

static void read_all(struct pr_reader *r)
{
	char piece[5000];
	ssize_t got;

	while ((got = pr_read(r, piece, 1 + total % 16)) > 0 && (got = pr_read_line(r, piece, 10)) > 0 && (got = pr_read(r, piece, sizeof piece)) > 0)
		total += (size_t)got;
	if (r ? got != 0 : got != -1)
		abort();
}

static void parts(struct hook_call *call)
{
	size_t count = 1000;
	enum pr_mime result = pr_mime(call, &count);

	if (result == PR_MIME_ERROR && count != 0)
		abort();
	for (size_t i = 0; i < count + 2; i++) {
		text(pr_part_type(call, i));
		text(pr_part_encoding(call, i));
		text(pr_part_disposition(call, i));
		maybe(pr_part_parameter(call, i, "charset"));
		maybe(pr_part_filename(call, i, 0));
		maybe(pr_part_filename(call, i, 1000));
		maybe(pr_part_header(call, i, "Subject", 0));
		total += pr_part_depth(call, i) + pr_part_parent(call, i) + pr_part_flaws(call, i) + pr_part_is_leaf(call, i) + (size_t)pr_part_size(call, i);
		for (enum pr_reading how = PR_READ_RAW; how <= PR_READ_TEXT; how++)
			read_all(pr_part_open(call, i, how));
	}
	read_all(pr_body_open(call));
}

static void values(struct hook_call *call)
{
	const struct pr_address *const *list;
	int64_t date;

	if (pr_parse_addresses(call, "A =?utf-8?q?=C3=B6?= <a@B>, g: c@d (x);", &list) != PR_ADDRESSES_OK || !list[0] || !list[1] || list[2] ||
	    strcmp(list[0]->name, "A \xc3\xb6") != 0 || strcmp(list[0]->address, "a@B") != 0 || strcmp(list[0]->domain, "b") != 0 ||
	    strcmp(list[0]->group, "") != 0 || strcmp(list[1]->name, "x") != 0 || strcmp(list[1]->group, "g") != 0)
		abort();
	if (pr_parse_addresses(call, "a@b <c@d", &list) != PR_ADDRESSES_BROKEN || !list[0] || pr_parse_addresses(call, "", &list) != PR_ADDRESSES_OK || list[0])
		abort();
	if (!pr_parse_date("Thu, 1 Jan 1970 01:00:00 +0100", &date) || date != 0 || pr_parse_date("now", &date))
		abort();
	if (strcmp(pr_decode_words(call, "a =?utf-8?b?Cg==?="), "a  ") != 0)
		abort();
}

static void addresses(void)
{
	char out[PR_ADDRESS_SIZE];

	if (!pr_address_canonical("\"A\"@B", out) || strcmp(out, "A@b") != 0 || !pr_address_folded("A@B", out) || strcmp(out, "a@b") != 0 ||
	    pr_address_canonical("a", out) || out[0] != '\0' || pr_address_folded("<a@b>", out) || !pr_address_folded("", out))
		abort();
}

static void message(struct hook_call *call)
{
	static char data[4096];
	uint64_t offset = 0;
	ssize_t got;

	total += pr_header_count(call, "Subject") + pr_header_count(call, "");
	maybe(pr_header(call, "Received", 0));
	maybe(pr_header(call, "Received", -1));
	maybe(pr_header(call, "Received", -1000));
	maybe(pr_header(call, "Received", 1000));
	pr_header_prepend(call, "X-Probe", "one\r\n two\n\tthree");
	pr_header_append(call, "X-Probe", "end");
	if (pr_header_prepend(call, "X-Probe", "a\r\nInjected: b") || pr_header_append(call, "X-Probe", "a\n\nb") ||
	    pr_header_prepend(call, "X:", "a") || pr_header_prepend(call, "", "a") || pr_header_prepend(call, "X\r\nY", "a") ||
	    pr_header_append(call, "X-Probe", "a\rb") || pr_header_append(call, "X-Probe", "a\n "))
		abort();
	fields(call);
	total += pr_header_remove(call, "X-Probe") + pr_header_remove(call, "") + pr_message_size(call);
	while ((got = pr_message_read(call, offset, data, sizeof data)) > 0)
		offset += (uint64_t)got;
	if (got == 0 && offset != pr_message_size(call))
		abort();
	pr_message_read(call, UINT64_MAX, data, sizeof data);
	pr_message_read(call, 0, data, 0);
}

static void notes(struct hook_call *call)
{
	char big[5000];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	pr_set_note(call, "probe", "value");
	maybe(pr_note(call, "probe"));
	if (pr_set_note(call, "probe", big) || pr_set_note(call, "bad key", "x") || pr_set_note(call, "probe", "a\nb") ||
	    pr_set_connection_note(call, "", "x") || pr_set_connection_note(call, "probe", big))
		abort();
	pr_set_connection_note(call, "probe", "value");
	maybe(pr_connection_note(call, "probe"));
	pr_set_note(call, "probe", NULL);
	pr_set_note(call, "absent", NULL);
	pr_set_connection_note(call, "probe", NULL);
}

static void runner(struct hook_call *call)
{
	text(pr_queue_id(call));
	text(pr_next_domain(call));
	text(pr_response(call));
	text(pr_response_host(call));
	text(pr_response_ip(call));
	text(pr_queue_path(call));
	text(pr_origin(call));
	text(pr_response_at(call, SIZE_MAX));
	text(pr_attempt_recipient(call, pr_attempt_count(call)));
	text(pr_attempt_response(call, pr_attempt_count(call)));
	total += pr_failures(call) + (size_t)pr_delay(call) + (size_t)pr_queue_time(call) + (size_t)pr_delivery_time(call) + pr_response_port(call);
	total += pr_recipient_expired_at(call, SIZE_MAX) + pr_delivery_authenticated(call) + pr_delivery_lmtp(call) + pr_attempt_outcome(call, SIZE_MAX);
	pr_set_delay(call, 0);
	if (pr_add_mx(call, 0, "not a host") || pr_add_mx(call, 0, ""))
		abort();
}

/* In no hook is it an answer that was not asked for, nor one twice. */
static void on_answer(struct plugin *self, void *arg, const struct pr_store_answer *answer)
{
	if (strlen(answer->value) != answer->len || (self && arg != &total))
		abort();
	total += answer->len;
}

static void store(struct hook_call *call)
{
	const struct pr_store *s = pr_data(pr_self(call));
	const char *value = NULL;
	int64_t count;
	size_t len = 0;

	if (pr_store_set(call, s, "", 0, "v", 1, 0) == PR_STORE_OK || pr_store_set(call, s, "k", 1, "", 0, 0) == PR_STORE_OK ||
	    pr_store_set(call, s, "k", 1, "v", 1, INT64_MIN) == PR_STORE_OK || pr_store_add(call, s, "n", 1, 1, INT64_MAX, &count) == PR_STORE_OK)
		abort();
	if (pr_store_set(call, s, "k", 1, "v", 1, 60) == PR_STORE_OK && (pr_store_get(call, s, "k", 1, &value, &len) != PR_STORE_OK || len != 1))
		abort();
	total += pr_store_add(call, s, "n", 1, 1, 60, &count) + pr_store_delete(call, s, "d", 1);
	pr_store_get_later(call, s, "k", 1, on_answer, &total);
	pr_store_set_later(call, s, "later", 5, "v", 1, 60, on_answer, &total);
	pr_store_add_later(call, s, "n", 1, 1, 60, NULL, NULL);
	pr_store_delete_later(call, s, "", 0, on_answer, &total);
}

static void on_dns(struct plugin *self, void *arg, enum pr_dns result, const char *const *values)
{
	if (arg != &total || (result == PR_DNS_OK) != (values[0] != NULL))
		abort();
	text(pr_name(self));
}

static void later(struct hook_call *call)
{
	uint64_t number = pr_later(call, -1);

	if (pr_later_call(0) || pr_answer(0, OK) || pr_answer(UINT64_MAX, OK) || (number && pr_later_call(number) != call))
		abort();
	if (number && (!pr_answer(number, DENY) || pr_answer(number, OK)))	/* DECLINED in the end: that is what counts */
		abort();
	if (number) {	/* nobody waits for these */
		pr_dns_later(call, "", "A", on_dns, &total);
		pr_dns_later(call, "not a name", "mx", on_dns, &total);
	}
	pr_dns_later(call, "x.test", "NONE", on_dns, &total);
}

static bool init(struct plugin *self)
{
	pr_set_data(self, pr_store_open(self, NULL, false));
	return pr_store_open(self, NULL, false) == pr_data(self) && pr_store_open(self, "other", true) != NULL;
}

static enum verdict probe(struct hook_call *call)
{
	connection(call);
	envelope(call);
	message(call);
	addresses();
	values(call);
	parts(call);
	notes(call);
	runner(call);
	store(call);
	later(call);
	pr_log(call, PR_DEBUG, "%zu octets of text", total);
	pr_reply(call, 299, "9.9.9", "a\r\n250 b\n%s", pr_helo(call));
	return DECLINED;
}

static enum verdict take(struct hook_call *call)
{
	probe(call);
	return OK;
}

#define PROBE(hook) [hook] = probe
const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "prober",
	.init = init,
	.hooks = {
		PROBE(HOOK_PRE_CONNECTION), PROBE(HOOK_CONNECT), PROBE(HOOK_LOOKUP_RDNS), PROBE(HOOK_HELO), PROBE(HOOK_EHLO),
		PROBE(HOOK_CAPABILITIES), PROBE(HOOK_AUTH_PLAIN), PROBE(HOOK_AUTH_LOGIN), PROBE(HOOK_AUTH_CRAM_MD5), PROBE(HOOK_AUTH),
		PROBE(HOOK_MAIL_PRE), PROBE(HOOK_MAIL), PROBE(HOOK_RCPT_PRE), PROBE(HOOK_RCPT), PROBE(HOOK_RCPT_OK), PROBE(HOOK_DATA),
		PROBE(HOOK_RECEIVED_LINE), PROBE(HOOK_DATA_HEADERS_END), PROBE(HOOK_DATA_POST_HEADERS), PROBE(HOOK_DATA_POST),
		PROBE(HOOK_QUEUE_PRE), PROBE(HOOK_QUEUE_OUTBOUND), PROBE(HOOK_PRE_SEND_TRANS_EMAIL), PROBE(HOOK_QUEUE_POST), PROBE(HOOK_RESET_TRANSACTION),
		PROBE(HOOK_VRFY), PROBE(HOOK_NOOP), PROBE(HOOK_HELP), PROBE(HOOK_UNRECOGNIZED_COMMAND), PROBE(HOOK_QUIT),
		PROBE(HOOK_DISCONNECT), PROBE(HOOK_POST_CONNECTION), PROBE(HOOK_DENY), PROBE(HOOK_OK),
		PROBE(HOOK_SEND_EMAIL), PROBE(HOOK_GET_MX), PROBE(HOOK_DEFERRED), PROBE(HOOK_BOUNCE), PROBE(HOOK_DELIVERED),
		[HOOK_QUEUE] = take,
	},
};
