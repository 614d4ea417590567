/* tls_priority.h - what tls.conf says of versions, ciphers and curves, as a priority of GnuTLS. */
#ifndef TLS_PRIORITY_H
#define TLS_PRIORITY_H

#include "base.h"
#include "buf.h"
#include "err.h"
#include "settings.h"
#include <gnutls/gnutls.h>

/* As a priority string into TEXT. Logs what the list of ciphers asks for and cannot be had alone. False with ERR. */
bool tls_priority_text(const struct tls_settings *t, bool server, struct buf *text, struct err *err) MUST_CHECK;
/* NULL with ERR. To be freed with gnutls_priority_deinit. */
gnutls_priority_t tls_priority_make(const char *text, struct err *err);

/* For the option table: NULL, or what is expected instead of VALUE (valid until the next call). */
const char *tls_priority_ciphers(const char *value);
const char *tls_priority_protocol(const char *value);
const char *tls_priority_curve(const char *value);

#endif
