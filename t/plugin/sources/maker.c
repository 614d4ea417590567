/* maker - makes new messages with every option of pr_outbound_send: where it is accepted, of a message to make@, and where that is delivered. */
#include <postrider.h>
#include <string.h>

static const char *const to[] = { "made@remote.test", NULL };

static void make(struct hook_call *call, const char *contents, const struct pr_outbound_options *options)
{
	char id[32] = "";
	bool ok = pr_outbound_send(call, "maker@local.test", to, contents, options, id);

	pr_log(call, PR_INFO, "made=%d id=%s", ok, id);
}

static enum verdict on_data_post(struct hook_call *call)
{
	pr_set_note(call, "colour", "red");
	pr_set_note(call, "size", "small");
	return DECLINED;
}

static enum verdict on_queue_post(struct hook_call *call)
{
	static const struct pr_note notes[] = { { "colour", "blue" }, { "outbound_helo", "made.test" }, { NULL, NULL } };
	static const struct pr_note bad[] = { { "a b", "x" }, { NULL, NULL } };
	static const char *const nobody[] = { NULL }, *const wide[] = { "j\xc3\xb6rg@remote.test", NULL };
	char id[32];

	if (strcmp(pr_recipient_at(call, 0), "make@remote.test") != 0)
		return DECLINED;
	make(call, "Subject: plain\n\n.\n..\n", NULL);
	make(call, "Subject: stuffed\r\nDate: never\r\n\r\n..\r\n...\r\n.x\r\n", &(struct pr_outbound_options){ .dot_stuffed = true });
	make(call, "DATE: then\n folded\nSubject: removed\nMessage-Id: <old>\nX-Message-ID: stays\n\nMessage-Id: <body>\n",
	     &(struct pr_outbound_options){ .remove_msgid = true, .remove_date = true, .notes = notes, .keep_notes = true, .origin = "ticket-7" });
	make(call, "no header section\nMessage-ID: <not one>\n", &(struct pr_outbound_options){ .remove_msgid = true });
	make(call, "", NULL);
	pr_log(call, PR_INFO, "refused=%d%d%d%d%d%d", pr_outbound_send(call, "x", to, "\n", NULL, id), pr_outbound_send(call, "", nobody, "\n", NULL, id),
	       pr_outbound_send(call, "", to, "a\rb\n", NULL, id), pr_outbound_send(call, "", to, "\n", &(struct pr_outbound_options){ .notes = bad }, id),
	       pr_outbound_send(call, "", to, "\n", &(struct pr_outbound_options){ .origin = "two words" }, id),
	       pr_outbound_send(call, "", to, "\n", &(struct pr_outbound_options){ .origin = "a\nb" }, id));
	pr_log(call, PR_INFO, "wide=%d", pr_outbound_send(call, "", wide, "Subject: wide\n\n\xc3\xb6\n", NULL, id));
	return DECLINED;
}

static enum verdict on_delivered(struct hook_call *call)
{
	if (strcmp(pr_recipient(call), "make@remote.test") == 0)
		make(call, "Subject: delivered\n\n.\n", &(struct pr_outbound_options){ .keep_notes = true });
	else
		pr_log(call, PR_INFO, "delivered origin=%s colour=%s size=%s", pr_origin(call), pr_note(call, "colour") ? pr_note(call, "colour") : "",
		       pr_note(call, "size") ? pr_note(call, "size") : "");
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "maker",
	.hooks = { [HOOK_DATA_POST] = on_data_post, [HOOK_QUEUE_POST] = on_queue_post, [HOOK_DELIVERED] = on_delivered },
};
