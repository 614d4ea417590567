/* targets.c - see targets.h. */
#include "targets.h"
#include <uthash.h>

#define TARGET_DOWNS_MAX 10000		/* addresses remembered as down; then all are forgotten */

struct target_downs {			/* one address */
	char key[TARGET_TEXT];
	int64_t until;
	UT_hash_handle hh;
};

struct targets *targets_new(void)
{
	struct targets *t = calloc(1, sizeof(*t));

	if (!t)
		bug("no memory for addresses");
	return t;
}

struct targets *targets_copy(const struct targets *from)
{
	struct targets *t = targets_new();

	t->count = from->count;
	memcpy(t->list, from->list, from->count * sizeof(t->list[0]));
	for (size_t i = 0; i < t->count; i++)
		access_hold(t->list[i].access);
	return t;
}

void targets_release(struct targets **t)
{
	for (size_t i = 0; *t && i < (*t)->count; i++)
		access_drop(&(*t)->list[i].access);
	free(*t);
	*t = NULL;
}

const struct netaddr *target_source(const struct target *t)
{
	const struct netaddr *source = !t->access ? NULL : t->addr.family == 4 ? &t->access->bind4 : t->addr.family == 6 ? &t->access->bind6 : NULL;

	return source && source->family ? source : NULL;
}

bool target_reachable(const struct target *t)
{
	const struct access *a = t->access;

	return !a || t->addr.family == 0 || (a->bind4.family == 0 && a->bind6.family == 0) || target_source(t);
}

char *target_key(const struct target *t, char out[TARGET_KEY])
{
	size_t len = strlen(target_text(t, out));

	if (t->access)
		snprintf(out + len, TARGET_KEY - len, " %p %s", (const void *)t->access, t->access->verify ? t->name : "");
	return out;
}

void target_set_access(struct target *t, const struct access *new)
{
	const struct access *old = t->access;

	t->access = access_hold(new);
	access_drop(&old);
}

char *target_text(const struct target *t, char out[TARGET_TEXT])
{
	char ip[NETADDR_TEXT];
	const char *protocol = t->lmtp ? "lmtp:" : "";

	if (t->addr.family == 0)
		snprintf(out, TARGET_TEXT, "%sunix:%s", protocol, t->path);
	else
		snprintf(out, TARGET_TEXT, t->addr.family == 6 ? "%s[%s]:%u" : "%s%s:%u", protocol,
			 netaddr_text(&t->addr, ip), (unsigned)t->addr.port);
	return out;
}

void target_down(struct target_downs **downs, const struct target *t, int64_t until)
{
	struct target_downs *d;
	char key[TARGET_TEXT];

	target_text(t, key);
	HASH_FIND_STR(*downs, key, d);
	if (!d) {
		if (HASH_COUNT(*downs) >= TARGET_DOWNS_MAX)
			target_downs_clear(downs);
		d = calloc(1, sizeof(*d));
		if (!d)
			bug("no memory for addresses");
		memcpy(d->key, key, sizeof(key));
		HASH_ADD_STR(*downs, key, d);
	}
	d->until = until;
}

void target_up(struct target_downs **downs, const struct target *t)
{
	struct target_downs *d;
	char key[TARGET_TEXT];

	target_text(t, key);
	HASH_FIND_STR(*downs, key, d);
	if (!d)
		return;
	HASH_DEL(*downs, d);
	free(d);
}

bool target_is_down(struct target_downs **downs, const struct target *t, int64_t now)
{
	struct target_downs *d;
	char key[TARGET_TEXT];

	if (!*downs)
		return false;
	target_text(t, key);
	HASH_FIND_STR(*downs, key, d);
	if (!d)
		return false;
	if (now < d->until)
		return true;
	HASH_DEL(*downs, d);
	free(d);
	return false;
}

void target_downs_clear(struct target_downs **downs)
{
	struct target_downs *d, *next;

	HASH_ITER(hh, *downs, d, next) {
		HASH_DEL(*downs, d);
		free(d);
	}
}

void targets_prefer_up(struct targets *t, struct target_downs **downs, int64_t now)
{
	struct targets *down;
	size_t up = 0;

	if (!*downs || t->count < 2)
		return;
	down = targets_new();
	for (size_t i = 0; i < t->count; i++)
		if (target_is_down(downs, &t->list[i], now))
			down->list[down->count++] = t->list[i];
		else
			t->list[up++] = t->list[i];
	memcpy(t->list + up, down->list, down->count * sizeof(t->list[0]));
	down->count = 0;		/* they have moved back */
	targets_release(&down);
}
