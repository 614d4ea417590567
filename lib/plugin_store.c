/* plugin_store.c - the namespaces of the store that plugins use: one of a name for all of them. Asking is in
 * worker/plugin_api_store.c. */
#include "base.h"
#include "plugin_list.h"

struct pr_store *pr_store_open(struct plugin *self, const char *name, bool lasting)
{
	struct plugin_list *list = self->list;
	struct pr_store *store = list->stores;

	name = name ? name : self->def->name;
	while (store && strcmp(store->space.name, name) != 0)
		store = store->next;
	if (store && store->space.lasting == lasting)
		return store;
	if (store)
		return pr_fail(self, "namespace \"%s\" of the store is used by another plugin, which says that it is %slasting", name,
			       lasting ? "not " : ""), NULL;
	if (!store_space_valid(name))
		return pr_fail(self, "found the namespace \"%s\", expected at most %d letters, digits, \"_\", \"-\" and \".\"", name,
			       STORE_SPACE_MAX), NULL;
	store = arena_alloc(list->arena, sizeof(*store));
	*store = (struct pr_store){ .space = { .name = arena_strdup(list->arena, name), .lasting = lasting }, .next = list->stores };
	list->stores = store;
	return store;
}
