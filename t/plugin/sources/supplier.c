/* supplier - gives lists: `list NAME=ENTRY,ENTRY...`. `answer NAME=VERDICT` answers otherwise, `bad NAME` gives what is no
 * entry. Also reads the list `supplier_list` in its own init, and says what it finds there. */
#include <postrider.h>
#include <stdlib.h>
#include <string.h>

static bool init(struct plugin *self)
{
	const char *const *own = pr_list(self, "supplier_list");

	for (size_t i = 0; own && own[i]; i++)
		pr_log_init(self, PR_INFO, "supplier_list: %s", own[i]);
	pr_set_data(self, self);	/* asked before: on_config would crash */
	for (size_t n = 0; pr_option_nth(self, "list", n) || pr_option_nth(self, "answer", n) || pr_option_nth(self, "bad", n);)
		n++;
	return pr_no_more_options(self) && own;
}

/* What stands behind NAME= in one of the options KEY. */
static const char *value_of(const struct plugin *self, const char *key, const char *name)
{
	const char *value;
	size_t len = strlen(name);

	for (size_t n = 0; (value = pr_option_nth(self, key, n)); n++)
		if (strncmp(value, name, len) == 0 && value[len] == '=')
			return value + len + 1;
	return NULL;
}

static enum verdict on_config(struct hook_call *call)
{
	const struct plugin *self = pr_data(pr_self(call));
	const char *name = pr_config_name(call), *entries = value_of(self, "list", name), *answer = value_of(self, "answer", name);
	const char *bad = pr_option(self, "bad");

	pr_log(call, PR_INFO, "asked for %s", name);
	if (bad && strcmp(bad, name) == 0)
		return pr_config_add(call, "two\nlines") ? DECLINED : OK;
	if (answer)
		return (enum verdict)strtol(answer, NULL, 10);
	if (!entries) {
		pr_config_add(call, "left.test");	/* which means nothing then */
		return DECLINED;
	}
	while (*entries) {
		size_t len = strcspn(entries, ",");
		char *entry = strndup(entries, len);

		pr_config_add(call, entry);
		free(entry);
		entries += len + (entries[len] == ',');
	}
	return OK;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI, .name = "supplier", .init = init, .hooks = { [HOOK_CONFIG] = on_config } };
