/* tls_ocsp.h - OCSP stapling (RFC 6066 section 8, RFC 8446 section 4.4.2.1): the word of a certificate's issuer that it has not
 * been revoked, handed to clients in the handshake. Responses are files in a directory, one a certificate: a process of
 * their own fetches them (tls_ocsp_refresh), workers read them when they have changed, and a restart finds them there. */
#ifndef TLS_OCSP_H
#define TLS_OCSP_H

#include "base.h"
#include "arena.h"
#include "err.h"
#include "tls_pem.h"

struct tls_ocsp;

/* What is needed to staple for CERT, issued by ISSUER. NULL when it names no responder. DIR is kept by pointer; memory is A's. */
struct tls_ocsp *tls_ocsp_new(struct arena *a, const char *dir, const struct tls_cert *cert, const struct tls_cert *issuer);
/* For gnutls_certificate_set_ocsp_status_request_function2; ARG is a struct tls_ocsp. */
int tls_ocsp_give(gnutls_session_t session, void *arg, gnutls_datum_t *response);

/* Half of its time is over, or there is none. */
bool tls_ocsp_due(const struct tls_ocsp *o, time_t now);
/* Asks the responder by the program FETCH, checks the answer and writes the file. False with ERR, which names certificate and
 * responder; what was there stays. Blocks for as long as FETCH may. */
bool tls_ocsp_refresh(const struct tls_ocsp *o, const char *fetch, struct err *err) MUST_CHECK;
/* Reads a response as it came from outside and checks it: whose it is, who signed it, its times, and what it says. *UNTIL becomes
 * the time from which on it says nothing any more. */
bool tls_ocsp_check(const struct tls_ocsp *o, const gnutls_datum_t *response, time_t now, time_t *until, struct err *err) MUST_CHECK;

#endif
