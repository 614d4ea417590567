/* sendmail.c - see sendmail.h. Programs have called sendmail for forty years: whatever option they give is taken, and those that
 * mean nothing here do nothing; only what asks for another program altogether (a daemon, a test mode) is refused. */
#include "sendmail.h"
#include "../lib/address.h"
#include "../lib/settings.h"
#include "letter.h"
#include "tool_queue.h"

#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <strings.h>
#include <sysexits.h>

char *sendmail_socket(const char *dir, char out[PATH_MAX])
{
	struct settings *s = settings_read(dir, NULL);

	/* a mistake in a file that the server has not even read yet is no reason to lose a user's mail */
	snprintf(out, PATH_MAX, "%s/submit", s ? s->run_dir : POSTRIDER_RUN_DIR);
	settings_free(&s);
	return out;
}

/* ---- handing over ---- */

/* The full name of the user: in the password file it ends with the first comma, and "&" stands for the login. */
static const char *full_name(const struct passwd *who, struct arena *a)
{
	const char *end = who && who->pw_gecos ? strchrnul(who->pw_gecos, ',') : NULL;

	return end && !memchr(who->pw_gecos, '&', (size_t)(end - who->pw_gecos)) ?
		arena_printf(a, "%.*s", (int)(end - who->pw_gecos), who->pw_gecos) : "";
}

/* An address of the command line: "<>" and "" are the null sender, one without a domain is of this machine. NULL: it is none. */
static const char *sender_address(const char *text, const char *me, struct arena *a)
{
	struct view v = view_trim(view_of(text));
	struct address address;

	if (v.len >= 2 && *v.data == '<' && v.data[v.len - 1] == '>')
		v = view_make(v.data + 1, v.len - 2);
	if (v.len == 0)
		return "";
	const char *whole = view_find(v, '@') == v.len ? arena_printf(a, "%.*s@%s", VIEW_FMT(v), me) : arena_view_dup(a, v);
	return address_parse_bare(view_of(whole), ADDRESS_UTF8_OK, a, &address) ? whole : NULL;
}

/* *FROM is the envelope sender; a From field is added when there is none. */
static int find_sender(const struct outgoing *o, const struct submit *c, struct letter *l, struct arena *a, const char **from, struct err *err)
{
	const struct passwd *who = getpwuid(getuid());
	const char *own = who && *who->pw_name ? who->pw_name : NULL;

	if (!o->from && !own) {
		err_set(err, "user %u has no name: give the sender's address with -f", (unsigned)getuid());
		return EX_NOUSER;
	}
	*from = sender_address(o->from ? o->from : own, c->me, a);
	if (!*from) {
		err_set(err, "the sender \"%s\" is no address", o->from ? o->from : own);
		return EX_USAGE;
	}
	const char *name = o->name ? o->name : full_name(who, a);
	const char *author = **from ? *from : own ? sender_address(own, c->me, a) : NULL;

	if (letter_has(l, "From") || !author)
		return EX_OK;
	return letter_add(l, "From", *name ? arena_printf(a, "%s <%s>", letter_phrase(name, a), author) : author, err) ? EX_OK : EX_DATAERR;
}

static int find_recipients(const struct outgoing *o, const char *me, struct letter *l, struct letter_recipients *to, struct err *err)
{
	for (char **text = o->to; *text; text++)
		if (!letter_add_recipients(to, view_of(*text), me, err))
			return EX_USAGE;
	if (o->take_recipients && !letter_take_recipients(l, me, to, err))
		return EX_DATAERR;
	if (to->count)
		return EX_OK;
	err_set(err, "nobody is named as a recipient");
	return EX_USAGE;
}

static int hand_over(const char *socket, const struct outgoing *o, struct letter *l, struct submit *c, char *answer, size_t size, struct err *err)
{
	struct letter_recipients to = { .arena = arena_new(4096) };
	struct submit_envelope e = { .notify = o->notify, .parameters = o->parameters };
	int status = submit_open(c, socket, err) ? EX_OK : c->status;

	if (status == EX_OK)
		status = find_recipients(o, c->me, l, &to, err);
	if (status == EX_OK)
		status = find_sender(o, c, l, to.arena, &e.from, err);
	e.to = to.list;
	if (status == EX_OK && !(submit_begin(c, &e, err) && letter_send(l, c, err) && submit_end(c, answer, size, err)))
		status = c->status;
	submit_close(c);
	arena_free(&to.arena);
	return status;
}

int sendmail_hand_over(const char *socket, const struct outgoing *o, FILE *in, char *answer, size_t size, struct err *err)
{
	struct submit c = { .status = EX_OK };
	struct letter l;
	int status;

	signal(SIGPIPE, SIG_IGN);
	status = letter_open(&l, in, o->dot_ends, err);
	if (status == EX_OK)
		status = hand_over(socket, o, &l, &c, answer, size, err);
	letter_close(&l);
	return status;
}

/* ---- the command ---- */

enum sendmail_mode { MODE_DELIVER, MODE_SMTP, MODE_QUEUE, MODE_ALIASES };

struct sendmail {
	struct outgoing mail;
	enum sendmail_mode mode;
	const char *config_dir;
	const char *refused;		/* what was asked for and is not done here */
	size_t parameters;
	char texts[2][512];		/* of parameters */
};

static void print_help(FILE *out)
{
	fprintf(out, "usage: postrider-sendmail [-ti] [-f SENDER] [-F NAME] [-N WHEN] [-R full|hdrs] [-V ENVID] [RECIPIENT...]\n"
		"       postrider-sendmail -bs | -bp | -bi\n\n"
		"Hands the message on standard input over to postrider.\n\n"
		"  -t         recipients are those in To, Cc and Bcc too; Bcc is removed\n"
		"  -i, -oi    a line with a single dot does not end the message\n"
		"  -f SENDER  the envelope sender (-r too); <> for none\n"
		"  -F NAME    your name, for a From field that is missing\n"
		"  -N WHEN    notices: never, or success, failure and delay with commas between\n"
		"  -R WHAT    how much of the message comes back with a notice: full or hdrs\n"
		"  -V ENVID   an id that notices name\n"
		"  -bs        speak SMTP on standard input and output\n"
		"  -bp        list the queue, as postrider queue list (mailq)\n"
		"  -bi        nothing: there is no table of aliases (newaliases)\n"
		"  -C DIR     the configuration directory (%s)\n\n"
		"Other options of sendmail are ignored, see postrider-sendmail(1). Exit status: 0 it is on disk at the server,\n"
		"75 try again later, 64 wrong usage, others of sysexits(3).\n", POSTRIDER_SYSCONFDIR);
}

/* Adds "NAME=VALUE", its blanks and the like in xtext where XTEXT. False: there are too many, or it is too long. */
static bool add_parameter(struct sendmail *s, const char *name, const char *value, bool xtext)
{
	char *text = s->texts[s->parameters];
	size_t size = sizeof(s->texts[0]), n = (size_t)snprintf(text, size, "%s=", name);

	for (; *value && n + 4 < size; value++)
		if (xtext && ((unsigned char)*value <= 0x20 || (unsigned char)*value >= 0x7f || *value == '+' || *value == '='))
			n += (size_t)snprintf(text + n, size - n, "+%02X", (unsigned)(unsigned char)*value);	/* RFC 3461 4 */
		else
			text[n++] = *value;
	text[n] = '\0';
	s->mail.parameters[s->parameters++] = text;
	return !*value;
}

static bool has_parameter(const struct sendmail *s, const char *name)
{
	for (size_t i = 0; i < s->parameters; i++)
		if (strncmp(s->mail.parameters[i], name, strlen(name)) == 0)
			return true;
	return false;
}

static void take_mode(struct sendmail *s, const char *mode)
{
	static const struct { const char *name; enum sendmail_mode mode; } modes[] = {
		{ "m", MODE_DELIVER }, { "s", MODE_SMTP }, { "p", MODE_QUEUE }, { "i", MODE_ALIASES },
	};

	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (strcmp(mode, modes[i].name) == 0) {
			s->mode = modes[i].mode;
			return;
		}
	s->refused = "-b: found none of m, s, p and i";
}

/* False: wrong usage, and getopt or REFUSED has said what. */
static bool take_option(struct sendmail *s, int option, const char *value)
{
	switch (option) {
	case 'b':
		take_mode(s, value);
		return true;
	case 'C':
		s->config_dir = value;
		return true;
	case 'f':
	case 'r':
		s->mail.from = value;
		return true;
	case 'F':
		s->mail.name = value;
		return true;
	case 'i':
		s->mail.dot_ends = false;
		return true;
	case 'o':
		if (strcmp(value, "i") == 0)
			s->mail.dot_ends = false;
		return true;
	case 'O':
		if (strncasecmp(value, "IgnoreDots", 10) == 0)
			s->mail.dot_ends = false;
		return true;
	case 't':
		s->mail.take_recipients = true;
		return true;
	case 'N':
		s->mail.notify = value;
		return true;
	case 'R':
		return !has_parameter(s, "RET=") && add_parameter(s, "RET", value, false);
	case 'V':
		return !has_parameter(s, "ENVID=") && add_parameter(s, "ENVID", value, true);
	case 'q':
		s->refused = "-q: the queue is run by the server; postrider queue flush has it tried at once";
		return true;
	default:
		return option != '?';
	}
}

static int run_queue(const struct sendmail *s)
{
	struct tool tool = { .config_dir = s->config_dir, .group = "queue", .command = NULL };
	char *argv[] = { (char[]){ "list" }, NULL };

	optind = 0;	/* glibc: a new scan, of another vector */
	return tool_queue_list(&tool, 1, argv) == TOOL_OK ? EX_OK : EX_NOPERM;
}

static int run(const struct sendmail *s)
{
	char socket[PATH_MAX], answer[512];
	struct err err = { "" };
	int status;

	if (s->mode == MODE_QUEUE)
		return run_queue(s);
	if (s->mode == MODE_ALIASES)
		return EX_OK;
	sendmail_socket(s->config_dir, socket);
	status = s->mode == MODE_SMTP ? submit_pass(socket, &err) : sendmail_hand_over(socket, &s->mail, stdin, answer, sizeof(answer), &err);
	if (status != EX_OK)
		fprintf(stderr, "postrider-sendmail: %s\n", err.text);
	return status;
}

int sendmail_main(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'H' }, { "version", no_argument, NULL, 'W' }, { NULL, 0, NULL, 0 } };
	struct sendmail s = { .mail = { .dot_ends = true }, .config_dir = POSTRIDER_SYSCONFDIR };
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	int c;

	if (strcmp(name, "mailq") == 0)
		s.mode = MODE_QUEUE;
	if (strcmp(name, "newaliases") == 0)
		s.mode = MODE_ALIASES;
	while ((c = getopt_long(argc, argv, "+A:B:C:F:GIL:N:O:R:UV:X:b:cd::e:f:h:imno:p:q::r:stvx", options, NULL)) != -1) {
		if (c == 'H') {
			print_help(stdout);
			return EX_OK;
		}
		if (c == 'W') {
			printf("postrider-sendmail %s\n", POSTRIDER_VERSION);
			return EX_OK;
		}
		if (!take_option(&s, c, optarg) || s.refused) {
			if (s.refused)
				fprintf(stderr, "postrider-sendmail: %s\n", s.refused);
			print_help(stderr);
			return EX_USAGE;
		}
	}
	s.mail.to = argv + optind;
	return run(&s);
}
