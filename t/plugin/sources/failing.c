/* failing - a plugin that cannot start. Arguments: how text|silent|drop, number N. */
#include <postrider.h>
#include <string.h>

static bool how(struct plugin *self, const char *word)
{
	const char *value = pr_option(self, "how");
	return value && strcmp(value, word) == 0;
}

static bool before_drop(struct plugin *self)
{
	return how(self, "drop") ? pr_fail(self, "no key for %s", pr_name(self)) : true;
}

static bool init(struct plugin *self)
{
	int64_t number;
	if (how(self, "silent"))
		return false;
	if (how(self, "text"))
		return pr_fail(self, "found %s, expected %s", "this", "that");
	return pr_option_int(self, "number", 1, 9, 5, &number) && pr_no_more_options(self);
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "failing",
	.before_drop = before_drop,
	.init = init,
};
