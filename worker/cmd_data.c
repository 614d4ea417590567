/* cmd_data.c - DATA (RFC 5321 4.1.1.4): 354, the content, one answer. The transaction ends here, whatever became of it. */
#include "../lib/base.h"
#include "reception.h"
#include "session.h"

bool cmd_data_check(struct session *s, struct command *c UNUSED)
{
	if (s->transaction.parameters.body == BODY_BINARYMIME) {	/* RFC 3030 3 */
		reply_set(&s->reply, 503, "5.5.1", "BODY=BINARYMIME asks for BDAT");
		return false;
	}
	return reception_begin(s);
}

void cmd_data(struct session *s, struct command *c UNUSED)
{
	struct transaction *t = &s->transaction;
	enum stream_result r;

	reply_set(&s->reply, 354, NULL, "go ahead, end with <CRLF>.<CRLF>");
	session_say(s);
	reply_clear(&s->reply);
	reception_starts(s);
	r = body_read(&t->body, s->stream, s->settings->data_timeout, s->deadline);
	if (r == STREAM_OK)
		reception_finish(s);
	else
		session_broke(s, r);
	transaction_end(s);
}
