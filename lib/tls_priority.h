/* tls_priority.h - what tls.conf says of versions and ciphers, as a priority of GnuTLS. */
#ifndef TLS_PRIORITY_H
#define TLS_PRIORITY_H

#include "base.h"
#include "err.h"
#include "settings.h"
#include <gnutls/gnutls.h>

/* NULL with ERR, which names the option. To be freed with gnutls_priority_deinit. */
gnutls_priority_t tls_priority_make(const struct tls_settings *t, struct err *err);

#endif
