/* access.c - see access.h. There are few: one for each line of a file of routes, and for each source address. */
#include "access.h"
#include "../lib/buf.h"
#include "../lib/err.h"
#include <uthash.h>

struct access_entry {
	struct access access;		/* first: what is handed out is this */
	unsigned id, users;
	char *texts;			/* all of its texts, which are the key too */
	size_t texts_len;
	UT_hash_handle hh;
};

static struct access_entry *entries;
static unsigned last_id;

static const char *const tls_names[] = { [ACCESS_TLS_NEVER] = "never", [ACCESS_TLS_MAY] = "may", [ACCESS_TLS_MUST] = "must" };
static const char verify_name[] = "verify";	/* and with a valid certificate */

/* The hash table and the tests compare this: everything, each text with its NUL. */
static void put_key(struct buf *out, const struct access *a)
{
	const char *const texts[] = { a->user, a->password, a->mechanism, a->helo, a->domain };
	char ip4[NETADDR_TEXT], ip6[NETADDR_TEXT];

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		buf_put(out, texts[i], strlen(texts[i]) + 1);
	buf_printf(out, "%d %d %d %d %d %d %u %d %s %s", (int)a->tls, a->implicit_tls, a->verify, a->requiretls, a->domain_alone, (int)a->certificate, a->section, a->auth_in_clear, netaddr_text(&a->bind4, ip4),
		   netaddr_text(&a->bind6, ip6));
}

static bool is_plain(const struct access *a)
{
	return a->tls == ACCESS_TLS_DEFAULT && !a->implicit_tls && !a->verify && !a->requiretls && !a->domain_alone && !a->certificate && !a->section && !a->auth_in_clear && !*a->user && !*a->password &&
	       !*a->mechanism && !*a->helo && !*a->domain && a->bind4.family == 0 && a->bind6.family == 0;
}

static const char *next_text(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

static struct access_entry *new_entry(const struct access *like, const struct buf *key)
{
	struct access_entry *e = calloc(1, sizeof(*e));
	const char *at;

	if (!e || !(e->texts = malloc(key->len)))
		bug("no memory for a next hop");
	memcpy(e->texts, key->data, key->len);
	e->texts_len = key->len;
	e->access = *like;
	e->id = ++last_id;
	at = e->texts;
	e->access.user = next_text(&at);
	e->access.password = next_text(&at);
	e->access.mechanism = next_text(&at);
	e->access.helo = next_text(&at);
	e->access.domain = next_text(&at);
	HASH_ADD_KEYPTR(hh, entries, e->texts, e->texts_len, e);
	return e;
}

const struct access *access_make(const struct access *like)
{
	struct access_entry *e;
	struct buf key;

	if (is_plain(like))
		return NULL;
	buf_init(&key, 1 << 16);
	put_key(&key, like);
	if (key.failed)
		bug("texts of a next hop are too long");
	HASH_FIND(hh, entries, key.data, key.len, e);
	if (!e)
		e = new_entry(like, &key);
	explicit_bzero(key.data, key.len);
	buf_free(&key);
	e->users++;
	return &e->access;
}

struct access access_copy(const struct access *a)
{
	static const struct access plain = { .user = "", .password = "", .mechanism = "", .helo = "", .domain = "" };

	return a ? *a : plain;
}

static struct access_entry *entry_of(const struct access *a)
{
	return (struct access_entry *)(uintptr_t)a;
}

const struct access *access_hold(const struct access *a)
{
	if (a)
		entry_of(a)->users++;
	return a;
}

void access_drop(const struct access **ap)
{
	struct access_entry *e = entry_of(*ap);

	*ap = NULL;
	if (!e || --e->users > 0)
		return;
	HASH_DEL(entries, e);
	explicit_bzero(e->texts, e->texts_len);
	free(e->texts);
	free(e);
}

char *access_text(const struct access *a, char out[ACCESS_TEXT])
{
	char ip[NETADDR_TEXT];
	struct buf b;

	buf_init(&b, ACCESS_TEXT - 1);
	if (a && a->tls)
		buf_printf(&b, ",tls=%s", a->tls == ACCESS_TLS_MUST && a->verify ? verify_name : tls_names[a->tls]);
	else if (a && a->verify)
		buf_puts(&b, ",verify");
	if (a && a->requiretls)
		buf_puts(&b, ",requiretls");
	if (a && a->implicit_tls)
		buf_puts(&b, ",smtps");
	if (a && *a->user)
		buf_printf(&b, ",user=%s", a->user);
	if (a && a->bind4.family)
		buf_printf(&b, ",bind=%s", netaddr_text(&a->bind4, ip));
	if (a && a->bind6.family)
		buf_printf(&b, ",bind=%s", netaddr_text(&a->bind6, ip));
	if (a && *a->helo)
		buf_printf(&b, ",helo=%s", a->helo);
	if (a)
		buf_printf(&b, ",#%u", entry_of(a)->id);
	snprintf(out, ACCESS_TEXT, "%s", buf_text(&b));
	buf_free(&b);
	return out;
}

bool access_parse_bind(struct access *a, struct view text)
{
	a->bind4.family = a->bind6.family = 0;
	do {
		struct netaddr addr;

		if (!netaddr_parse(view_trim(view_cut(&text, ',')), &addr))
			return false;
		struct netaddr *to = addr.family == 4 ? &a->bind4 : &a->bind6;
		if (to->family)
			return false;
		*to = addr;
		to->port = 0;
	} while (text.len);
	return true;
}

bool access_parse_tls(struct access *a, struct view text)
{
	a->verify = view_case_eq(text, view_of(verify_name));
	if (a->verify)
		a->tls = ACCESS_TLS_MUST;
	if (a->verify)
		return true;
	for (size_t i = ACCESS_TLS_NEVER; i < COUNT_OF(tls_names); i++) {
		if (!view_case_eq(text, view_of(tls_names[i])))
			continue;
		a->tls = (enum access_tls)i;
		return true;
	}
	return false;
}
