/* tool_send.c - `postrider send`: a message from standard input, and its queue id on standard output. */
#include "tool.h"
#include "sendmail.h"

#include <getopt.h>
#include <sysexits.h>

#define QUEUED_AS "queued as "

int tool_send(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' }, { "name", required_argument, NULL, 'F' }, { "take-recipients", no_argument, NULL, 't' },
		{ "notify", required_argument, NULL, 'N' }, { "parameter", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 },
	};
	struct outgoing o = { .from = NULL };
	char socket[PATH_MAX], answer[512];
	struct err err = { "" };
	size_t parameters = 0;
	int c, status;

	while ((c = getopt_long(argc, argv, "f:F:tN:p:", options, NULL)) != -1) {
		if (c == 'f')
			o.from = optarg;
		else if (c == 'F')
			o.name = optarg;
		else if (c == 't')
			o.take_recipients = true;
		else if (c == 'N')
			o.notify = optarg;
		else if (c == 'p' && parameters < SENDMAIL_PARAMETERS)
			o.parameters[parameters++] = optarg;
		else
			return tool_usage(tool);
	}
	o.to = argv + optind;
	if (!*o.to && !o.take_recipients)
		return tool_usage(tool);
	status = sendmail_hand_over(sendmail_socket(tool->config_dir, socket), &o, stdin, answer, sizeof(answer), &err);
	if (status != EX_OK)
		return tool_fail("%s", err.text);
	const char *id = strstr(answer, QUEUED_AS);	/* a plugin may have taken it, and says what it likes */

	tool_print(stdout, id ? id + strlen(QUEUED_AS) : answer);
	putchar('\n');
	return TOOL_OK;
}
