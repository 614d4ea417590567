/* greylist - puts off the first mail from a network, for a sender to a recipient: who comes back after a while is let in, and
 * remembered. Programs that send spam and do not queue do not come back. What is known is in the store, and without the store
 * nothing is put off. */
#include <postrider.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_MAX 400		/* octets, of the store */
#define TIME_MAX 31622400	/* a year */
#define RENEWALS 20		/* of an entry within its time: each is a write to disk */

struct greylist {
	const struct pr_store *grey, *white;
	int64_t black_timeout, grey_timeout, white_timeout;	/* seconds */
	int64_t prefix4, prefix6;
	bool remote_ip, sender, recipient;			/* what a key is made of */
	bool suspects, reject;
	struct pr_networks *networks;				/* never put off */
	struct pr_hosts *domains;				/* whose recipients do not want it */
};

static bool read_options(struct plugin *self, struct greylist *g)
{
	return pr_option_int(self, "black_timeout", 0, TIME_MAX, 300, &g->black_timeout) &&
		pr_option_int(self, "grey_timeout", 1, TIME_MAX, 14400, &g->grey_timeout) &&
		pr_option_int(self, "white_timeout", 1, TIME_MAX, 36 * 86400, &g->white_timeout) &&
		pr_option_int(self, "prefix4", 8, 32, 24, &g->prefix4) && pr_option_int(self, "prefix6", 16, 128, 64, &g->prefix6) &&
		pr_option_bool(self, "remote_ip", true, &g->remote_ip) && pr_option_bool(self, "sender", true, &g->sender) &&
		pr_option_bool(self, "recipient", true, &g->recipient) && pr_option_bool(self, "suspects", false, &g->suspects) &&
		pr_option_bool(self, "reject", true, &g->reject) && pr_no_more_options(self);
}

static bool init(struct plugin *self)
{
	struct greylist *g = pr_alloc(self, sizeof *g);

	pr_set_data(self, g);
	if (!read_options(self, g))
		return false;
	if (g->grey_timeout <= g->black_timeout)
		return pr_fail(self, "found grey_timeout %" PRId64 ", expected more than black_timeout, which is %" PRId64,
			       g->grey_timeout, g->black_timeout);
	if (!g->remote_ip && !g->sender && !g->recipient)
		return pr_fail(self, "found remote_ip, sender and recipient switched off, expected one of them to be on");
	g->grey = pr_store_open(self, NULL, false);
	g->white = pr_store_open(self, "greylist_white", true);
	g->networks = pr_networks_new(self);
	g->domains = pr_hosts_new(self);
	return g->grey && g->white && pr_networks_load(self, g->networks, "greylist_networks") && pr_hosts_load(self, g->domains, "greylist_domains");
}

/* ---- the key ---- */

/* The first BITS of the client's address; the last may change from one attempt to the next. */
static void network_of(const struct greylist *g, const char *ip, char *out, size_t size)
{
	bool v6 = strchr(ip, ':') != NULL;
	unsigned char a[16] = { 0 };
	int64_t bits = v6 ? g->prefix6 : g->prefix4;

	if (inet_pton(v6 ? AF_INET6 : AF_INET, ip, a) != 1 || !inet_ntop(v6 ? AF_INET6 : AF_INET, a, out, (socklen_t)size))
		return;
	for (int64_t bit = bits; bit < (v6 ? 128 : 32); bit++)
		a[bit / 8] = (unsigned char)(a[bit / 8] & ~(0x80 >> bit % 8));
	inet_ntop(v6 ? AF_INET6 : AF_INET, a, out, (socklen_t)size);
}

/* Mailing lists put numbers into their senders, another one in each message: all digits before the @ are one. */
static void sender_of(struct hook_call *call, char out[PR_ADDRESS_SIZE])
{
	char folded[PR_ADDRESS_SIZE];
	size_t len = 0;

	pr_address_folded(pr_sender(call), folded);
	const char *at = strrchr(folded, '@');

	for (const char *p = folded; *p; p++) {
		bool digit = p < at && isdigit((unsigned char)*p);

		if (!digit)
			out[len++] = *p;
		else if (len == 0 || out[len - 1] != '#')
			out[len++] = '#';
	}
	out[len] = '\0';
}

/* FNV-1a, of what is too long to be a key. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

static size_t make_key(struct hook_call *call, const struct greylist *g, char key[KEY_MAX])
{
	char network[INET6_ADDRSTRLEN] = "", sender[PR_ADDRESS_SIZE] = "", recipient[PR_ADDRESS_SIZE] = "", text[2 * PR_ADDRESS_SIZE + 64];

	if (g->remote_ip)
		network_of(g, pr_remote_ip(call), network, sizeof network);
	if (g->sender)
		sender_of(call, sender);
	if (g->recipient)
		pr_address_folded(pr_recipient(call), recipient);
	int len = snprintf(text, sizeof text, "%s %s %s", network, sender, recipient);

	if (len < KEY_MAX)
		memcpy(key, text, (size_t)len + 1);
	else
		len = snprintf(key, KEY_MAX, "%.*s %016" PRIx64, KEY_MAX - 20, text, hash_of(text));
	return (size_t)len;
}

/* ---- the decision ---- */

static enum pr_store_result set_time(struct hook_call *call, const struct pr_store *store, const char *key, size_t len, int64_t when,
				     int64_t expiry)
{
	char value[24];

	return pr_store_set(call, store, key, len, value, (size_t)snprintf(value, sizeof value, "%" PRId64, when), expiry);
}

/* STORE_OK with *WHEN: when it was written. */
static enum pr_store_result get_time(struct hook_call *call, const struct pr_store *store, const char *key, size_t len, int64_t *when)
{
	const char *value;
	size_t value_len;
	enum pr_store_result result = pr_store_get(call, store, key, len, &value, &value_len);

	if (result == PR_STORE_OK)
		*when = strtoll(value, NULL, 10);
	return result;
}

static enum verdict put_off(struct hook_call *call, const struct greylist *g, int64_t seconds)
{
	pr_log(call, PR_INFO, "%s: %s, comes too early by %" PRId64 " seconds", g->reject ? "greylisted" : "would be greylisted",
	       pr_recipient(call), seconds);
	if (!g->reject)
		return DECLINED;
	pr_reply(call, 450, "4.7.1", "greylisted, please come back in %" PRId64 " seconds", seconds);
	return DENYSOFT;
}

/* Not known as one that comes back: is this the time when it does? What cannot be written down is not put off, it would be
 * for ever. */
static enum verdict judge(struct hook_call *call, const struct greylist *g, const char *key, size_t len, int64_t now)
{
	int64_t first = now;
	enum pr_store_result known = get_time(call, g->grey, key, len, &first);

	if (known == PR_STORE_OK && first <= now && now - first >= g->black_timeout) {
		pr_log(call, PR_INFO, "came back after %" PRId64 " seconds: %s", now - first, pr_recipient(call));
		if (set_time(call, g->white, key, len, now, g->white_timeout) == PR_STORE_OK)
			pr_store_delete(call, g->grey, key, len);
		return DECLINED;
	}
	if (known == PR_STORE_OK && first <= now)
		return put_off(call, g, g->black_timeout - (now - first));
	if (known == PR_STORE_AWAY || set_time(call, g->grey, key, len, now, g->grey_timeout) != PR_STORE_OK)
		return DECLINED;
	return put_off(call, g, g->black_timeout);
}

/* A client without a name, or whom an earlier plugin has given the connection note "suspect". */
static bool is_suspect(struct hook_call *call)
{
	return !*pr_remote_host(call) || pr_connection_note(call, "suspect");
}

static enum verdict on_rcpt_ok(struct hook_call *call)
{
	const struct greylist *g = pr_data(pr_self(call));
	const char *ip = pr_remote_ip(call);
	int64_t now = time(NULL), when;
	char key[KEY_MAX];

	if (pr_relaying(call) || !*ip || pr_networks_has(g->networks, ip) || pr_hosts_find(g->domains, pr_recipient_domain(call)) ||
	    (g->suspects && !is_suspect(call)))
		return DECLINED;
	size_t len = make_key(call, g, key);

	switch (get_time(call, g->white, key, len, &when)) {
	case PR_STORE_OK:
		if (when > now || now - when > g->white_timeout / RENEWALS)
			set_time(call, g->white, key, len, now, g->white_timeout);
		return DECLINED;
	case PR_STORE_NONE:
		return judge(call, g, key, len, now);
	default:
		return DECLINED;
	}
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "greylist",
	.init = init,
	.hooks = { [HOOK_RCPT_OK] = on_rcpt_ok },
};
