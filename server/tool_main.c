/* tool_main.c - the `postrider` command: global options and the table of subcommands. */
#include "../lib/base.h"
#include "tool.h"

#include <getopt.h>

static const struct tool_command commands[] = {
	{ "status", "[--json] [--workers]", "show processes, workers by phase, sessions, rates and the queue",
	  "  --json     as one JSON object\n"
	  "  --workers  every busy worker too\n", tool_status },
	{ "check", "", "check configuration, plugins, certificate and spool as start-up would; bind nothing", "", tool_check },
	{ "config", "[--table | FILE]", "print every option as it is in force, in the files' syntax",
	  "  FILE       only those of postrider.conf, tls.conf or outbound.conf: a valid file\n"
	  "  --table    file, section, name, type, default, reload|restart, help; tab separated\n", tool_config },
	{ "reload", "", "have the running server read its configuration anew and retry the queue", "", tool_reload },
	{ "stop", "[--wait]", "have the running server finish what is in flight and end",
	  "  --wait     until it has ended\n", tool_stop },
	{ "metrics", "", "print counters and gauges for Prometheus", "", tool_metrics },
	{ "queue", "list|show|flush|hold|release|remove|bounce|retry|suspend|resume|pause|rules|stats ...", "look at the queue and change it", "", tool_queue },
	{ "send", "[-t] [-f SENDER] [-F NAME] [-N WHEN] [-p PARAMETER]... [RECIPIENT...]", "send the message on standard input; its queue id is printed",
	  "  -f, --from SENDER          the envelope sender (your own address); <> for none\n"
	  "  -F, --name NAME            your name, for a From field that is missing\n"
	  "  -t, --take-recipients      recipients are those in To, Cc and Bcc too; Bcc is removed\n"
	  "  -N, --notify WHEN          notices: never, or success, failure and delay with commas between\n"
	  "  -p, --parameter PARAMETER  one of MAIL: RET=HDRS, ENVID=x\n"
	  "  Exit status 0: it is on disk at the server. As postrider-sendmail(1), for people.\n", tool_send },
	{ "trace", "WORD [FILE... | -]", "what the log says of a message: by its queue id, its Message-ID, an address",
	  "  FILE  log files, the oldest first, instead of the one in postrider.conf; -: standard input\n", tool_trace },
	{ "store", "list|get|forget ...", "look into the shared store and remove entries", "", tool_store },
	{ "tls", "list|forget ...", "hosts whose TLS has failed, and is done without for a while", "", tool_tls },
	{ "tls-cert", "[--dir DIR] [--name NAME]... [--days N] [--rsa] [--force]", "make a self-signed certificate and its key",
	  "  --dir DIR    where to write (the configuration directory); file names as in tls.conf\n"
	  "  --name NAME  a name to certify, more than once for several (our own name)\n"
	  "  --days N     how long it is valid (3650)\n"
	  "  --rsa        RSA of 3072 bits instead of ECDSA P-256\n"
	  "  --force      replace what is there\n", tool_tls_cert },
	{ "passwd", "[-f FILE] [--yescrypt | --cram-md5] [--iterations N] USER | --delete USER | --verify USER | --list",
	  "set a user's password for AUTH, delete the user, try a password, list the users",
	  "  -f, --file FILE  the password file (flat_auth_pw in the configuration directory)\n"
	  "  --yescrypt       store a hash of crypt(3) instead of keys for SCRAM-SHA-256\n"
	  "  --cram-md5       store the clear text, for CRAM-MD5\n"
	  "  --iterations N   work of making and checking SCRAM keys (32768)\n"
	  "  --delete         remove the user\n"
	  "  --verify         whether the password is right: exit status 0 if so\n"
	  "  --list           every user and how his password is stored\n"
	  "  The password is asked for on a terminal, else it is the first line of standard input.\n", tool_passwd },
	{ NULL, NULL, NULL, NULL, NULL },
};

static void print_help(FILE *out)
{
	fputs("usage: postrider [--config DIR] COMMAND [ARGUMENT...]\n"
	      "       postrider COMMAND --help\n\n", out);
	tool_list(commands, out);
	fprintf(out, "\n  -C, --config DIR  the configuration directory (%s)\n"
		"  -h, --help        this text\n  -V, --version     the version\n\n"
		"Exit status: 0 done, 1 not done or a problem found, 2 wrong usage.\n", POSTRIDER_SYSCONFDIR);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'C' }, { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct tool tool = { .config_dir = POSTRIDER_SYSCONFDIR, .group = "" };
	int c;

	while ((c = getopt_long(argc, argv, "+C:hV", options, NULL)) != -1) {
		if (c == 'C') {
			tool.config_dir = optarg;
		} else if (c == 'h') {
			print_help(stdout);
			return TOOL_OK;
		} else if (c == 'V') {
			printf("postrider %s\n", POSTRIDER_VERSION);
			return TOOL_OK;
		} else {
			print_help(stderr);
			return TOOL_USAGE;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		return TOOL_USAGE;
	}
	return tool_dispatch(&tool, commands, argc - optind, argv + optind);
}
