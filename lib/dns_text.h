/* dns_text.h - DNS for plugins: types by name, answers as texts. */
#ifndef DNS_TEXT_H
#define DNS_TEXT_H

#include "base.h"
#include "arena.h"
#include "dns.h"

/* "A", "AAAA", "MX", "TXT", "PTR", "CNAME", in any case. */
bool dns_type_parse(const char *name, enum dns_type *type) MUST_CHECK;
/* "10 mx.example.com" for MX, address, name, TXT: NULL-terminated, memory of A. TYPE is what was asked for. */
const char *const *dns_texts(const struct dns_answer *answer, enum dns_type type, struct arena *a);

#endif
