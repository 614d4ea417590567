/* count_unrecognized_commands - ends the session of a client that has sent too many lines that are no SMTP command:
 * mostly something that speaks another protocol, or that sends a message where it should send commands. */
#include <postrider.h>
#include <stdlib.h>

#define DEFAULT_MAX 4

struct count {
	unsigned max;
};

static bool init(struct plugin *self)
{
	struct count *c = pr_alloc(self, sizeof *c);
	const char *text = pr_arg(self, 0);
	char *end = NULL;
	unsigned long max = text ? strtoul(text, &end, 10) : DEFAULT_MAX;
	c->max = (unsigned)max;
	pr_set_data(self, c);
	if (text && (*text < '0' || *text > '9' || *end != '\0' || max < 1 || max > 1000))
		return pr_fail(self, "found the argument \"%s\", expected a number from 1 to 1000", text);
	return pr_no_more_options(self);
}

static enum verdict on_unrecognized(struct hook_call *call)
{
	const struct count *c = pr_data(pr_self(call));
	unsigned count = pr_unrecognized_count(call);
	if (count < c->max)
		return DECLINED;
	pr_log(call, PR_INFO, "closing after %u unrecognized commands", count);
	pr_reply(call, 521, "5.5.1", "closing connection: %u unrecognized commands; perhaps you should read RFC 5321", count);
	return DENY_DISCONNECT;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "count_unrecognized_commands",
	.init = init,
	.hooks = { [HOOK_UNRECOGNIZED_COMMAND] = on_unrecognized },
};
