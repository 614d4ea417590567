/* tool_config.c - `postrider config`: the options as they are in force, and the table of all there are. */
#include "tool.h"

#include <getopt.h>

int tool_config(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "table", no_argument, NULL, 't' }, { NULL, 0, NULL, 0 } };
	static const char *const files[] = { "postrider.conf", "tls.conf", "outbound.conf" };
	bool table = false, known = false;
	struct settings *s;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 't')
			return tool_usage(tool);
		table = true;
	}
	if (table) {
		settings_print_table(stdout);
		return argc > optind ? tool_usage(tool) : TOOL_OK;
	}
	for (size_t i = 0; i < COUNT_OF(files); i++)
		known = known || (argc > optind && strcmp(argv[optind], files[i]) == 0);
	if (argc > optind + 1 || (argc > optind && !known))
		return tool_usage(tool);
	s = tool_settings(tool);
	if (!s)
		return TOOL_FAILED;
	settings_print(s, argv[optind], stdout);
	settings_free(&s);
	return TOOL_OK;
}
