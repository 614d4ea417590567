/* shipper - takes log lines, as one that ships them elsewhere would: `file PATH` where to, `take TEXT` only lines with it,
 * `answer N` another verdict than OK. It also asks for everything that is not there in the logging hook, and logs. */
#include <fcntl.h>
#include <postrider.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct shipper {
	const char *file, *take;
	int64_t answer;
};

static bool init(struct plugin *self)
{
	struct shipper *s = pr_alloc(self, sizeof *s);

	s->file = pr_option(self, "file");
	s->take = pr_option(self, "take");
	pr_set_data(self, s);
	return pr_option_int(self, "answer", 0, 1000, OK, &s->answer) && pr_no_more_options(self);
}

/* There is neither session nor message: nothing of this may crash. */
static bool is_nothing_there(struct hook_call *call)
{
	const char *const to[] = { "a@b.test", NULL }, *const *values;
	char id[32], byte;

	return !*pr_id(call) && !*pr_queue_id(call) && !*pr_remote_ip(call) && !*pr_remote_host(call) && !*pr_local_ip(call) && !*pr_helo(call) &&
	       !*pr_sender(call) && !*pr_sender_domain(call) && !*pr_recipient(call) && !*pr_recipient_domain(call) &&
	       !pr_recipient_count(call) && !*pr_auth_user(call) && !pr_note(call, "x") && !pr_set_note(call, "x", "y") &&
	       !pr_connection_note(call, "x") && !pr_message_size(call) && pr_message_read(call, 0, &byte, 1) < 0 && !pr_header(call, "To", 0) &&
	       !pr_outbound_send(call, "", to, "x\n", NULL, id) && pr_dns(call, "b.test", "A", &values) == PR_DNS_TEMPORARY &&
	       !*pr_config_name(call) && !pr_config_add(call, "x") && !*pr_next_domain(call) && !pr_failures(call) && !*pr_response(call);
}

static enum verdict on_logging(struct hook_call *call)
{
	const struct shipper *s = pr_data(pr_self(call));
	const char *line = pr_log_line(call);
	char text[8192];

	if (s->take && !strstr(line, s->take))
		return DECLINED;
	if (!is_nothing_there(call))
		pr_log(call, PR_ERROR, "something is there");
	if (strstr(line, "shipping"))
		pr_log(call, PR_ERROR, "offered what it has logged itself");
	pr_log(call, PR_INFO, "shipping");
	int fd = open(s->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	int len = snprintf(text, sizeof text, "%s %d [%s] %s\n", pr_log_process(call), (int)pr_log_level(call), pr_log_id(call), line);
	bool good = fd >= 0 && write(fd, text, (size_t)len) == len;

	if (fd >= 0)
		close(fd);
	return good ? (enum verdict)s->answer : DECLINED;
}

/* Outside of the logging hook there is no line. */
static enum verdict on_mail(struct hook_call *call)
{
	pr_log(call, PR_INFO, "from mail: [%s%s%s]", pr_log_line(call), pr_log_id(call), pr_log_process(call));
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI, .name = "shipper", .init = init, .hooks = { [HOOK_LOGGING] = on_logging, [HOOK_MAIL] = on_mail } };
