/* tool_queue.c - `postrider queue`: the table of its subcommands, and how they come to the spool. */
#include "tool_queue.h"
#include "../lib/drop.h"

#define TOOL_WRITER 16400	/* to spool_open: no worker's slot and not the queue-runner */

#define RULE_OPTIONS \
	"  --domain DOMAIN   recipients there\n" \
	"  --site SITE       what goes to all domains that lead to it, by its name in stats\n" \
	"  --sender ADDRESS  what comes from there; @DOMAIN from all of it, <> for notices\n" \
	"  --for TIME        the end of the rule (for ever): 30m, 2h, 3d\n" \
	"  --reason TEXT     shown where the mail waits\n" \
	"  A rule holds for what is there and what comes, over restarts, until postrider queue resume.\n"

static const struct tool_command commands[] = {
	{ "list", "[--state STATE] [--domain DOMAIN] [--sender ADDRESS] [--recipient ADDRESS] [--message-id ID] [--json | --ids]", "one line a message",
	  "  --state STATE     only new, later (deferred), hold or bad\n"
	  "  --domain DOMAIN   only those with a recipient there that is not done\n"
	  "  --sender ADDRESS  only those from there; <> for bounces\n"
	  "  --recipient ADDRESS  only those to there, whether done or not\n"
	  "  --message-id ID   only those with this Message-ID\n"
	  "  --json            one JSON object a line\n"
	  "  --ids             only the ids, to be read by remove - and others\n"
	  "  Reads without a lock: a message that moves meanwhile may be missed or seen twice.\n", tool_queue_list },
	{ "show", "[--message] ID", "everything about one message",
	  "  --message  its content too\n", tool_queue_show },
	{ "stats", "", "how many messages in which state, and what the queue-runner says", "", tool_queue_stats },
	{ "flush", "[--domain DOMAIN | --site SITE | ID...]", "try again now: everything deferred, a domain's, a site's, or these",
	  "  --domain DOMAIN  what is for it\n"
	  "  --site SITE      what is for all domains that lead to it, by its name in stats\n"
	  "  ID may be -: ids from standard input\n"
	  "  What is known of their hosts (dead, addresses by DNS) is forgotten.\n", tool_queue_change },
	{ "retry", "ID...", "try these again now",
	  "  ID may be -: ids from standard input\n", tool_queue_change },
	{ "hold", "ID... | --domain DOMAIN | --site SITE | --sender ADDRESS [--for TIME] [--reason TEXT]",
	  "keep these from being delivered, or all that comes", "  ID may be -: ids from standard input\n" RULE_OPTIONS, tool_queue_hold_or_bounce },
	{ "release", "ID...", "let these go that are held",
	  "  ID may be -: ids from standard input\n", tool_queue_change },
	{ "remove", "ID...", "delete these; nobody is told",
	  "  ID may be -: ids from standard input\n", tool_queue_change },
	{ "bounce", "ID... | --domain DOMAIN | --site SITE | --sender ADDRESS [--for TIME] [--reason TEXT]",
	  "give these up, or all that comes: the senders get a notice", "  ID may be -: ids from standard input\n" RULE_OPTIONS, tool_queue_hold_or_bounce },
	{ "suspend", "--domain DOMAIN | --site SITE | --sender ADDRESS [--for TIME] [--reason TEXT]", "deliver none of it until further notice",
	  RULE_OPTIONS, tool_queue_suspend },
	{ "pause", "[--for TIME] [--reason TEXT]", "deliver nothing at all until further notice; mail is accepted",
	  "  --for TIME     the end of it (for ever)\n"
	  "  --reason TEXT  shown where it matters\n", tool_queue_pause },
	{ "resume", "[RULE... | --domain DOMAIN | --site SITE | --sender ADDRESS]", "end the pause, or rules: by number, or by what they are about",
	  "", tool_queue_resume },
	{ "rules", "[--json]", "the rules in force: number, what is done, to what, for how long, why",
	  "  --json  one JSON object a line\n", tool_queue_rules },
	{ NULL, NULL, NULL, NULL, NULL },
};

struct spool *tool_queue_open(const struct tool *tool, struct settings **s)
{
	struct drop_target target;
	struct err err = { "" };
	struct spool *sp = NULL;

	*s = tool_settings(tool);
	if (!*s)
		return NULL;
	if (drop_lookup((*s)->user, (*s)->group, &target, &err) && drop_root(&target, &err))
		sp = spool_open((*s)->spool_dir, TOOL_WRITER, &err);
	if (!sp) {
		tool_fail("%s", err.text);
		settings_free(s);
	}
	return sp;
}

const char *tool_queue_status(enum rcpt_status status, unsigned attempts)
{
	switch (status) {
	case RCPT_DONE:
	case RCPT_RELAYED:
	case RCPT_DELIVERED:
		return "done";
	case RCPT_FAILED:
		return "bounced";
	case RCPT_EXPIRED:
		return "expired";
	default:
		return attempts ? "deferred" : "waiting";
	}
}

int tool_queue(const struct tool *tool, int argc, char **argv)
{
	return tool_group(tool, commands, argc, argv);
}
