/* auth_flat_file - AUTH against the file flat_auth_pw: lines "user:secret", made by `postrider passwd'. Keys of SCRAM-SHA-256 serve PLAIN,
 * LOGIN and SCRAM; hashes of crypt(3) PLAIN and LOGIN; clear texts, which only the argument cram_md5 permits, PLAIN, LOGIN and CRAM-MD5. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CLEAR "{PLAIN}"		/* in front of a clear text; qpsmtpd's files have none */

enum kind { KIND_SCRAM, KIND_HASH, KIND_CLEAR, KIND_COUNT };

struct user {
	const char *name, *secret;
	enum kind kind;
	size_t index;		/* in the file */
};

struct users {
	const char *file;
	bool cram_md5, scram;		/* wanted */
	size_t count, of[KIND_COUNT];
	struct user *user;		/* sorted by name */
	const char *usual;		/* a secret that is not a clear text, for users who are not there; NULL: none */
};

/* Mail addresses are compared so everywhere else: without regard to ASCII case. */
static int by_name(const void *a, const void *b)
{
	return strcasecmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

/* ---- reading the file: never prints a line, a password may stand in it ---- */

static bool read_secret(struct plugin *self, const struct users *users, struct user *u)
{
	bool marked = strncmp(u->secret, CLEAR, sizeof CLEAR - 1) == 0;
	if (pr_password_is_hash(u->secret)) {
		u->kind = pr_password_is_scram(u->secret) ? KIND_SCRAM : KIND_HASH;
		return true;
	}
	/* A damaged or weak hash must not become a password. */
	if (!marked && (strchr("${*!", u->secret[0]) || strncmp(u->secret, "SCRAM-", 6) == 0))
		return pr_fail(self, "the secret of \"%s\" is damaged, or made by a method that is too weak; expected what `postrider passwd %s' makes", u->name, u->name);
	if (!users->cram_md5)
		return pr_fail(self, "the password of \"%s\" is in clear text; to store it safely, say: postrider passwd %s (clear texts are for CRAM-MD5, which needs the argument \"cram_md5 1\")", u->name, u->name);
	u->kind = KIND_CLEAR;
	u->secret += marked ? sizeof CLEAR - 1 : 0;
	return *u->secret || pr_fail(self, "the password of \"%s\" is empty", u->name);
}

static bool add(struct plugin *self, struct users *users, const char *entry, size_t index)
{
	size_t len = strcspn(entry, ":"), other = strcspn(entry, "=");
	if (entry[len] == '\0' && other > 0 && other < len)
		return pr_fail(self, "found \"%.*s=...\", as in Haraka's auth_flat_file.ini, expected \"user:secret\"; to store it safely, say: postrider passwd %.*s", (int)other, entry, (int)other, entry);
	if (len == 0 || entry[len] == '\0' || entry[len + 1] == '\0' || strcspn(entry, " \t") < len)
		return pr_fail(self, "expected \"user:secret\", as `postrider passwd' makes it");
	char *name = pr_alloc(self, len + 1);
	memcpy(name, entry, len);
	struct user u = { .name = name, .secret = entry + len + 1, .index = index };
	if (!read_secret(self, users, &u))
		return false;
	if (u.kind != KIND_CLEAR && !users->usual)
		users->usual = u.secret;
	users->of[u.kind]++;
	users->user[users->count++] = u;
	return true;
}

static bool check_twins(struct plugin *self, const struct users *users)
{
	bool good = true;
	for (size_t i = 1; i < users->count; i++)
		if (by_name(&users->user[i - 1], &users->user[i]) == 0) {
			pr_where(self, users->file, users->user[i].index);
			good = pr_fail(self, "found the user \"%s\" again (also line %u)", users->user[i].name, pr_list_line(self, users->file, users->user[i - 1].index));
		}
	return good;
}

static bool read_users(struct plugin *self, struct users *users, const char *const *entries)
{
	size_t count = 0;
	bool good = true;
	while (entries[count])
		count++;
	users->user = pr_alloc(self, (count + 1) * sizeof *users->user);
	for (size_t i = 0; i < count; i++) {
		pr_where(self, users->file, i);
		good &= add(self, users, entries[i], i);
	}
	qsort(users->user, users->count, sizeof *users->user, by_name);
	good &= check_twins(self, users);
	pr_where(self, NULL, 0);
	return good;
}

/* A mail program takes the strongest mechanism that it sees, and tries no other when that fails: what not everybody can use is not shown. */
static void choose_mechanisms(struct plugin *self, const struct users *users)
{
	if (users->count == 0)
		pr_log_init(self, PR_WARN, "no user in %s: nobody can authenticate", users->file);
	if (users->scram && users->of[KIND_SCRAM] > 0 && users->of[KIND_SCRAM] < users->count)
		pr_log_init(self, PR_WARN, "%zu of %zu users in %s have no keys for SCRAM-SHA-256, so it is not offered; `postrider passwd' makes them",
			users->count - users->of[KIND_SCRAM], users->count, users->file);
	if (!users->scram || users->count == 0 || users->of[KIND_SCRAM] < users->count)
		pr_drop_hook(self, HOOK_AUTH_SCRAM_SHA_256);
	if (!users->cram_md5 || users->of[KIND_CLEAR] == 0)
		pr_drop_hook(self, HOOK_AUTH_CRAM_MD5);
}

static bool init(struct plugin *self)
{
	struct users *users = pr_alloc(self, sizeof *users);
	users->file = pr_option(self, "file");
	if (!users->file)
		users->file = "flat_auth_pw";
	bool good = pr_option_bool(self, "cram_md5", false, &users->cram_md5);
	good &= pr_option_bool(self, "scram", true, &users->scram);
	good &= pr_auth_options(self);
	good &= pr_no_more_options(self);
	const char *const *entries = pr_list(self, users->file);
	if (!entries || !read_users(self, users, entries) || !good)
		return false;
	choose_mechanisms(self, users);
	pr_set_data(self, users);
	return true;
}

/* ---- the hooks: an unknown user costs as much time as a wrong password, and is left to the next plugin ---- */

static const struct user *find(const struct users *users, struct hook_call *call)
{
	struct user key = { .name = pr_auth_login(call) };
	return bsearch(&key, users->user, users->count, sizeof key, by_name);
}

static enum verdict answer(const struct user *user, bool match)
{
	return !user ? DECLINED : match ? OK : DENY;
}

/* Who has no hash pays for another's, which has the method and cost that are usual here. */
static enum verdict on_password(struct hook_call *call)
{
	const struct users *users = pr_data(pr_self(call));
	const struct user *user = find(users, call);
	bool clear = user && user->kind == KIND_CLEAR;
	bool match = pr_password_check(pr_auth_password(call), user && !clear ? user->secret : users->usual);
	if (clear)
		match = pr_password_same(pr_auth_password(call), user->secret);
	return answer(user, match);
}

static enum verdict on_scram(struct hook_call *call)
{
	const struct users *users = pr_data(pr_self(call));
	const struct user *user = find(users, call);
	if (user)
		return answer(user, pr_auth_scram(call, user->secret));
	pr_auth_scram_like(call, users->usual);
	return DECLINED;
}

static enum verdict on_cram_md5(struct hook_call *call)
{
	const struct user *user = find(pr_data(pr_self(call)), call);
	return answer(user, pr_auth_cram_md5(call, user && user->kind == KIND_CLEAR ? user->secret : NULL));
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "auth_flat_file",
	.init = init,
	.hooks = { [HOOK_AUTH_PLAIN] = on_password, [HOOK_AUTH_LOGIN] = on_password, [HOOK_AUTH_SCRAM_SHA_256] = on_scram,
		[HOOK_AUTH_CRAM_MD5] = on_cram_md5 },
};
