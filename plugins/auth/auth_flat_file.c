/* auth_flat_file - AUTH PLAIN and LOGIN against the file flat_auth_pw: lines "user:hash", the hash by crypt(3)
 * (postrider passwd makes them). A clear text in place of a hash keeps postrider from starting. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_NAME "flat_auth_pw"

struct user {
	const char *name, *hash;
	size_t index;		/* in the file */
};

struct users {
	size_t count;
	struct user *user;	/* sorted by name */
};

/* Mail addresses are compared so everywhere else: without regard to ASCII case. */
static int by_name(const void *a, const void *b)
{
	return strcasecmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

/* Never prints the line: a password may stand in it. */
static bool add(struct plugin *self, struct users *users, const char *entry, size_t index)
{
	size_t len = strcspn(entry, ":");
	if (len == 0 || entry[len] == '\0' || strcspn(entry, " \t") < len)
		return pr_fail(self, "expected \"user:hash\"");
	if (!pr_password_is_hash(entry + len + 1))
		return pr_fail(self, "the password of \"%.*s\" is not hashed, or by a method that is too weak; expected what `postrider passwd' prints", (int)len, entry);
	char *name = pr_alloc(self, len + 1);
	memcpy(name, entry, len);
	users->user[users->count++] = (struct user){ .name = name, .hash = entry + len + 1, .index = index };
	return true;
}

static bool init(struct plugin *self)
{
	const char *const *entries = pr_list(self, FILE_NAME);
	if (!entries)
		return false;
	size_t count = 0;
	bool good = pr_no_more_options(self);
	while (entries[count])
		count++;
	struct users *users = pr_alloc(self, sizeof *users);
	users->user = pr_alloc(self, (count + 1) * sizeof *users->user);
	for (size_t i = 0; i < count; i++) {
		pr_where(self, FILE_NAME, i);
		good &= add(self, users, entries[i], i);
	}
	qsort(users->user, users->count, sizeof *users->user, by_name);
	for (size_t i = 1; i < users->count; i++)
		if (by_name(&users->user[i - 1], &users->user[i]) == 0) {
			pr_where(self, FILE_NAME, users->user[i].index);
			good = pr_fail(self, "found the user \"%s\" again (also line %u)", users->user[i].name, pr_list_line(self, FILE_NAME, users->user[i - 1].index));
		}
	pr_where(self, NULL, 0);
	if (users->count == 0)
		pr_log_init(self, PR_WARN, "no user in " FILE_NAME ": nobody can authenticate");
	pr_set_data(self, users);
	return good;
}

/* An unknown user costs as much time as a wrong password, so that users cannot be found out by the clock: the
 * password is compared with another user's hash, which has the method and cost that are usual here. Unknown users are
 * left to the next plugin. */
static enum verdict on_auth(struct hook_call *call)
{
	const struct users *users = pr_data(pr_self(call));
	struct user key = { .name = pr_auth_login(call) };
	const struct user *user = bsearch(&key, users->user, users->count, sizeof key, by_name);
	const char *hash = user ? user->hash : users->count > 0 ? users->user[0].hash : NULL;
	bool match = pr_password_check(pr_auth_password(call), hash);
	if (!user)
		return DECLINED;
	return match ? OK : DENY;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "auth_flat_file",
	.init = init,
	.hooks = { [HOOK_AUTH_PLAIN] = on_auth, [HOOK_AUTH_LOGIN] = on_auth },
};
