/* tlsteller - logs what there is to know about TLS at MAIL: notes and calls. */
#include <postrider.h>

static enum verdict on_mail(struct hook_call *call)
{
	static const char *const names[] = { "tls_enabled", "tls_version", "tls_cipher", "tls_group", "tls_sni", "tls_resumed", "tls_peer_subject",
		"tls_peer_issuer", "tls_peer_fingerprint", "tls_peer_status", "tls_nothing" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *note = pr_connection_note(call, names[i]);
		pr_log(call, PR_WARN, "note %s [%s]", names[i], note ? note : "none");
	}
	pr_log(call, PR_WARN, "calls |%s|%s|%d|%s|%s|%s|%s|%d|", pr_tls_group(call), pr_tls_sni(call), pr_tls_resumed(call), pr_tls_peer_subject(call),
	       pr_tls_peer_issuer(call), pr_tls_peer_fingerprint(call), pr_tls_peer_status(call), pr_tls_peer_verified(call));
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "tlsteller",
	.hooks = { [HOOK_MAIL] = on_mail },
};
