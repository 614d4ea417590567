/* auth_certificate - AUTH EXTERNAL (RFC 4422 appendix A): a client whose certificate the core has found valid is the user that the file
 * auth_certificates has for it, by fingerprint, mail address or common name. */
#include <postrider.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define FILE_NAME "auth_certificates"
#define FINGERPRINT 64		/* hexadecimal digits of SHA-256 */

enum kind { KIND_SHA256, KIND_EMAIL, KIND_CN, KIND_COUNT };
static const char *const kinds[KIND_COUNT] = { "sha256:", "email:", "cn:" };

struct entry {
	enum kind kind;
	const char *what, *user;
};

struct entries {
	const char *file;
	size_t count;
	struct entry *entry;
};

/* ---- reading the file ---- */

/* As openssl and certtool print it: with colons or without, in whatever case. */
static bool read_fingerprint(struct plugin *self, struct entry *e, const char *text, size_t len)
{
	char *digits = pr_alloc(self, FINGERPRINT + 1);
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == ':')
			continue;
		if (!isxdigit((unsigned char)text[i]) || n == FINGERPRINT)
			return pr_fail(self, "found the fingerprint \"%.*s\", expected %d hexadecimal digits", (int)len, text, FINGERPRINT);
		digits[n++] = (char)tolower((unsigned char)text[i]);
	}
	e->what = digits;
	return n == FINGERPRINT || pr_fail(self, "found the fingerprint \"%.*s\", expected %d hexadecimal digits", (int)len, text, FINGERPRINT);
}

static bool read_what(struct plugin *self, struct entry *e, const char *text, size_t len)
{
	if (len == 0)
		return pr_fail(self, "found nothing behind \"%s\"", kinds[e->kind]);
	if (e->kind == KIND_SHA256)
		return read_fingerprint(self, e, text, len);
	char *copy = pr_alloc(self, len + 1);
	memcpy(copy, text, len);
	e->what = copy;
	return e->kind == KIND_CN || strchr(copy, '@') || pr_fail(self, "found \"email:%s\", expected a mail address", copy);
}

/* KIND:WHAT USER. A common name may hold blanks, a user may not. */
static bool add(struct plugin *self, struct entries *entries, const char *line)
{
	struct entry *e = &entries->entry[entries->count];
	size_t end = strlen(line), prefix;
	while (end && line[end - 1] != ' ' && line[end - 1] != '\t')
		end--;
	e->user = line + end;
	while (end && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	while (e->kind < KIND_COUNT && strncasecmp(line, kinds[e->kind], strlen(kinds[e->kind])) != 0)
		e->kind++;
	if (e->kind == KIND_COUNT || end < (prefix = strlen(kinds[e->kind])))
		return pr_fail(self, "found \"%s\", expected \"sha256:FINGERPRINT USER\", \"email:ADDRESS USER\" or \"cn:NAME USER\"", line);
	entries->count++;
	while (prefix < end && (line[prefix] == ' ' || line[prefix] == '\t'))
		prefix++;
	return read_what(self, e, line + prefix, end - prefix);
}

static bool init(struct plugin *self)
{
	struct entries *entries = pr_alloc(self, sizeof *entries);
	entries->file = pr_option(self, "file");
	if (!entries->file)
		entries->file = FILE_NAME;
	bool good = pr_auth_options(self);
	good &= pr_no_more_options(self);
	const char *const *lines = pr_list(self, entries->file);
	if (!lines)
		return false;
	size_t count = 0;
	while (lines[count])
		count++;
	entries->entry = pr_alloc(self, (count + 1) * sizeof *entries->entry);
	for (size_t i = 0; i < count; i++) {
		pr_where(self, entries->file, i);
		good &= add(self, entries, lines[i]);
	}
	pr_where(self, NULL, 0);
	if (count == 0)
		pr_log_init(self, PR_WARN, "no certificate in %s: nobody can authenticate", entries->file);
	pr_set_data(self, entries);
	return good;
}

/* ---- the hook ---- */

static bool fits(struct hook_call *call, const struct entry *e)
{
	const char *email;
	switch (e->kind) {
	case KIND_SHA256:
		return strcmp(pr_tls_peer_fingerprint(call), e->what) == 0;
	case KIND_CN:
		return strcmp(pr_tls_peer_cn(call), e->what) == 0;
	case KIND_EMAIL:
		for (size_t i = 0; *(email = pr_tls_peer_email(call, i)); i++)
			if (strcasecmp(email, e->what) == 0)
				return true;
		return false;
	case KIND_COUNT:
		break;
	}
	return false;
}

/* A client that names nobody is the first user that the file has for it, else the one that it names, if that is one of them. */
static enum verdict on_external(struct hook_call *call)
{
	const struct entries *entries = pr_data(pr_self(call));
	const char *wanted = pr_auth_login(call);
	bool known = false;
	if (!pr_tls_peer_verified(call))	/* the core asks for no other; not even then */
		return DENY;
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *e = &entries->entry[i];
		if (!fits(call, e))
			continue;
		known = true;
		if (!*wanted || strcasecmp(wanted, e->user) == 0)
			return pr_auth_set_login(call, e->user) ? OK : DENY;
	}
	return known ? DENY : DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "auth_certificate",
	.init = init,
	.hooks = { [HOOK_AUTH_EXTERNAL] = on_external },
};
