/* auth_cram_md5.c - CRAM-MD5 (RFC 2195): a challenge like a message id, answered with "user digest". */
#include "../lib/base.h"
#include "../lib/clock.h"
#include "../lib/scram.h"
#include "auth.h"

static enum auth_next begin(struct auth *a)
{
	char nonce[SCRAM_NONCE_SIZE];

	if (!scram_nonce(nonce))
		return AUTH_REFUSE;
	snprintf(a->challenge, sizeof(a->challenge), "<%s.%lld@%.150s>", nonce, (long long)clock_now(), a->me);
	snprintf(a->out, sizeof(a->out), "%s", a->challenge);
	return AUTH_ASK;
}

static enum auth_next read_answer(struct auth *a, struct view answer)
{
	size_t blank = answer.len;

	while (blank && answer.data[blank - 1] != ' ')
		blank--;
	if (!blank || !view_copy(view_skip(answer, blank), a->response, sizeof(a->response)) || strlen(a->response) != CRAM_MD5_SIZE - 1)
		return auth_malformed(a, "malformed CRAM-MD5 response");
	return auth_set_login(a, view_head(answer, blank - 1)) ? AUTH_HOOKS : AUTH_REFUSE;
}

enum auth_next auth_cram_md5(struct auth *a, struct view answer)
{
	return a->turn == 0 ? begin(a) : a->turn == 1 ? read_answer(a, answer) : auth_verdict(a);
}
