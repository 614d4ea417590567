/* tls - switches TLS on: STARTTLS on plain ports, TLS from the first byte on smtps ports. The core does the rest; the
 * certificate is read while postrider is still root, so the key may be readable to root only. Arguments as qpsmtpd's:
 * certificate, key, authorities, parameters for Diffie-Hellman. */
#include <postrider.h>

static bool before_drop(struct plugin *self)
{
	const char *cert = pr_arg(self, 0), *key = pr_arg(self, 1), *ca = pr_arg(self, 2), *dhparam = pr_arg(self, 3);
	if (cert && !key)
		return pr_fail(self, "found a certificate and no key, expected both or none");
	return pr_no_more_options(self) && pr_enable_tls(self, cert, key, ca, dhparam);
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "tls",
	.before_drop = before_drop,
};
