/* notes.c - see notes.h. A value that is set again reuses its memory when it fits, so that a plugin which counts
 * in a note does not make the arena grow with every command of the client. */
#include "../lib/base.h"
#include "notes.h"

static struct note *find(const struct notes *n, const char *key)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i].key, key) == 0)
			return &n->list[i];
	return NULL;
}

static bool key_valid(const char *key)
{
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return len > 0 && len <= NOTES_KEY_MAX && key[len] == '\0';
}

static void store(struct note *note, struct arena *a, const char *value)
{
	size_t len = strlen(value) + 1;

	if (len > note->room) {
		note->room = len < 64 ? 64 : len;
		note->value = arena_alloc(a, note->room);
	}
	memcpy(note->value, value, len);
}

bool notes_set(struct notes *n, struct arena *a, const char *key, const char *value)
{
	struct note *note;

	if (!key_valid(key))
		return false;
	note = find(n, key);
	if (!value) {
		if (note)
			*note = n->list[--n->count];
		return true;
	}
	if (strlen(value) > NOTES_VALUE_MAX || value[strcspn(value, "\r\n")])
		return false;
	if (!note) {
		if (n->count == NOTES_MAX)
			return false;
		if (!n->list)
			n->list = arena_alloc(a, NOTES_MAX * sizeof(*n->list));
		note = &n->list[n->count++];
		*note = (struct note){ .key = arena_strdup(a, key) };
	}
	store(note, a, value);
	return true;
}

const char *notes_get(const struct notes *n, const char *key)
{
	struct note *note = find(n, key);

	return note ? note->value : NULL;
}
