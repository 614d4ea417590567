/* auth_scram.c - SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677). The hooks give the user's keys; without them the exchange
 * goes on with keys that fit nothing and fails at the end, so that nobody learns which users there are. */
#include "../lib/base.h"
#include "../lib/secret.h"
#include "../lib/tls.h"
#include "auth.h"

/* What the client says of the channel must go with the mechanism. "y" is "I would bind, but you do not offer it" (RFC 5802 6): when we
 * did, somebody in between has changed our list. */
static bool flag_fits(struct auth *a)
{
	char flag = a->scram.binding;

	if (flag == 'y' && a->plus_offered)
		a->suspect = "the client was not shown SCRAM-SHA-256-PLUS";
	return a->mechanism->bound ? flag == 'p' : flag == 'n' || (flag == 'y' && !a->plus_offered);
}

static enum auth_next begin(struct auth *a, struct view answer)
{
	if (scram_server_read(&a->scram, answer) != SCRAM_GOOD)
		return auth_malformed(a, "malformed SCRAM message");
	if (!flag_fits(a) || !auth_set_login(a, view_of(a->scram.login)))
		return AUTH_REFUSE;
	if (a->scram.authzid[0] && strcmp(a->scram.authzid, a->scram.login) != 0)
		return AUTH_REFUSE;	/* acting for somebody else is not offered */
	return AUTH_HOOKS;
}

static enum auth_next challenge(struct auth *a)
{
	static const struct scram_keys usual = { .iterations = SCRAM_ITERATIONS, .salt_len = SCRAM_SALT };
	char nonce[SCRAM_NONCE_SIZE];
	struct scram_keys fake;

	/* made for everybody: it is the same work */
	scram_keys_fake(secret_view(), view_of(a->login), a->keys.iterations ? &a->keys : &usual, &fake);
	if (!scram_nonce(nonce) || !scram_server_answer(&a->scram, a->verdict == OK && a->keys_given ? &a->keys : &fake, nonce))
		return auth_malformed(a, "SCRAM nonce too long");
	snprintf(a->out, sizeof(a->out), "%s", a->scram.first);
	return AUTH_ASK;
}

static enum auth_next check(struct auth *a, struct view answer)
{
	char binding[AUTH_BINDING];
	size_t len = 0;

	/* a name that we do not know, or that is not safe on this connection, gives no data, which will not fit */
	if (a->mechanism->bound)
		len = tls_binding(a->tls, a->scram.binding_name, binding, sizeof(binding));
	switch (scram_server_check(&a->scram, answer, view_make(binding, len), a->out)) {
	case SCRAM_GOOD:
		break;
	case SCRAM_WRONG:
		return AUTH_REFUSE;
	case SCRAM_MALFORMED:
		return auth_malformed(a, "malformed SCRAM message");
	}
	return a->verdict == OK && a->keys_given && (len || !a->mechanism->bound) ? AUTH_ASK : AUTH_REFUSE;
}

enum auth_next auth_scram(struct auth *a, struct view answer)
{
	switch (a->turn) {
	case 0:
		return begin(a, answer);
	case 1:
		return challenge(a);
	case 2:
		return check(a, answer);
	default:	/* the client agrees with our signature by an empty answer (RFC 4954 4) */
		return answer.len ? auth_malformed(a, "malformed SCRAM message") : AUTH_ACCEPT;
	}
}
