/* tls_ciphers.h - OpenSSL's cipher lists ("EECDH+AESGCM:HIGH:!aNULL:@STRENGTH", ciphers(1)) in terms of GnuTLS. */
#ifndef TLS_CIPHERS_H
#define TLS_CIPHERS_H

#include "base.h"
#include "buf.h"
#include "err.h"

/* Whether TEXT is a priority string of GnuTLS rather than a cipher list: by the keyword that it begins with. */
bool tls_ciphers_is_priority(const char *text);

struct tls_ciphers {
	struct buf priority;	/* a priority string without versions; to be freed */
	struct buf lost;	/* cipher suites that were asked for and are left out, by name; to be freed */
	bool tls12, tls13;	/* there are any for TLS 1.2 and before, for TLS 1.3 */
};

/* Translates LIST. GnuTLS knows no sets of cipher suites, but of key exchanges, ciphers and MACs, and takes all suites that can be
 * made of them; so a list may ask for what cannot be had alone. Never does the result allow a suite that the list does not:
 * then as few as possible are left out. Anonymous, PSK and SRP suites are never there, nor any without encryption. The suites of TLS
 * 1.3 are those of the ciphers that are left, unless the list names some of them. False with ERR for a word that OpenSSL does
 * not know, and when nothing is left. */
bool tls_ciphers_translate(const char *list, struct tls_ciphers *out, struct err *err) MUST_CHECK;
void tls_ciphers_free(struct tls_ciphers *c);

#endif
