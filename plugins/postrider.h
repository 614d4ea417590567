/* postrider.h - the one header a postrider plugin includes. See postrider-plugin(7).
 *
 * A plugin is one C file built as a shared object that exports one constant structure:
 *
 *     #include <postrider.h>
 *     static enum verdict on_mail(struct hook_call *call) { return DECLINED; }
 *     const struct postrider_plugin postrider_plugin = {
 *             .abi = POSTRIDER_ABI, .name = "example", .hooks = { [HOOK_MAIL] = on_mail } };
 *
 * Every text handed out by these functions belongs to postrider and is valid until the hook returns, unless
 * said otherwise; texts handed in are copied. Nothing here lets a plugin write to the client: it sets a
 * reply, the core sends it. Hooks run in workers (blocking is fine, up to plugin_timeout); those of the
 * queue-runner (send_email, get_mx, deferred, bounce, delivered) must not block, but may answer LATER; nor must logging, which runs
 * everywhere. In logging and config there is neither a session nor a message: what asks for them gives "", 0,
 * false or NULL. */
#ifndef POSTRIDER_H
#define POSTRIDER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTRIDER_ABI 3
#define PR_API __attribute__((visibility("default")))
#define PR_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum verdict {
	DECLINED,		/* no opinion: the next plugin is asked */
	OK,			/* accepted (done, queued, authenticated): the chain ends */
	DENY,			/* 5xx */
	DENYSOFT,		/* 4xx */
	DENY_DISCONNECT,	/* 5xx and the session ends */
	DENYSOFT_DISCONNECT,	/* 4xx and the session ends */
	DELAY,			/* send_email: not now (pr_set_delay) */
	LATER,			/* hooks of the queue-runner: the verdict comes with pr_answer */
	VERDICT_COUNT
};

/* In firing order; the names are qpsmtpd's and Haraka's, in lower case without HOOK_. */
enum hook {
	HOOK_PRE_CONNECTION, HOOK_CONNECT, HOOK_LOOKUP_RDNS, HOOK_HELO, HOOK_EHLO, HOOK_CAPABILITIES,
	HOOK_AUTH_PLAIN, HOOK_AUTH_LOGIN, HOOK_AUTH_CRAM_MD5, HOOK_AUTH_SCRAM_SHA_256, HOOK_AUTH_OAUTHBEARER, HOOK_AUTH_XOAUTH2,
	HOOK_AUTH_EXTERNAL, HOOK_AUTH,
	HOOK_MAIL_PRE, HOOK_MAIL, HOOK_RCPT_PRE, HOOK_RCPT, HOOK_RCPT_OK,
	HOOK_DATA, HOOK_RECEIVED_LINE, HOOK_DATA_HEADERS_END, HOOK_DATA_POST_HEADERS, HOOK_DATA_POST,
	HOOK_QUEUE_PRE, HOOK_QUEUE, HOOK_QUEUE_OUTBOUND, HOOK_PRE_SEND_TRANS_EMAIL, HOOK_QUEUE_POST, HOOK_RESET_TRANSACTION,
	HOOK_VRFY, HOOK_NOOP, HOOK_HELP, HOOK_UNRECOGNIZED_COMMAND, HOOK_QUIT, HOOK_DISCONNECT, HOOK_POST_CONNECTION,
	HOOK_DENY, HOOK_OK, HOOK_LOGGING, HOOK_CONFIG,
	/* in the queue-runner */
	HOOK_SEND_EMAIL, HOOK_GET_MX, HOOK_DEFERRED, HOOK_BOUNCE, HOOK_DELIVERED,
	HOOK_COUNT
};

struct plugin;		/* one line of conf/plugins: a loaded instance */
struct hook_call;	/* one call of one hook: the way to everything about the session or the delivery */

typedef enum verdict pr_hook(struct hook_call *call);

struct postrider_plugin {
	uint32_t abi;				/* POSTRIDER_ABI */
	const char *name;			/* as in conf/plugins, without folder and ":n" */
	/* Both may be NULL. before_drop runs as root (to read keys); init runs as the user postrider runs as, once a
	 * process generation, before the workers are forked. They return true, or false after pr_fail(). */
	bool (*before_drop)(struct plugin *self);
	bool (*init)(struct plugin *self);
	pr_hook *hooks[HOOK_COUNT];
	/* An observer's verdict is ignored and never ends a chain (logging, statistics). */
	bool observer;
	/* Its hooks of the queue-runner (send_email, get_mx, deferred, bounce, delivered) may block: they run in helper processes, which
	 * are copies of the queue-runner and outbound.conf says how many. What a hook keeps in the process is known to that copy only. */
	bool blocking;
};

/* What the shared object must export, and the only thing. */
extern PR_API const struct postrider_plugin postrider_plugin;

/* ---- the instance: arguments, data, configuration files (usable in init and in hooks) ---- */

PR_API struct plugin *pr_self(struct hook_call *call);
PR_API const char *pr_name(const struct plugin *self);		/* "badmailfrom", "badmailfrom:1" */
/* Words after the name in conf/plugins (quotes group). pr_option finds "KEY VALUE" or "KEY=VALUE"; NULL when not there. */
PR_API size_t pr_arg_count(const struct plugin *self);
PR_API const char *pr_arg(const struct plugin *self, size_t index);	/* NULL past the end; then no key for pr_option */
PR_API const char *pr_option(const struct plugin *self, const char *key);
PR_API const char *pr_option_nth(const struct plugin *self, const char *key, size_t n);	/* for one that may be repeated */
/* A number between MIN and MAX, FALLBACK when absent. Anything else is a load error; returns false then. */
PR_API bool pr_option_int(struct plugin *self, const char *key, int64_t min, int64_t max, int64_t fallback, int64_t *out);
PR_API bool pr_option_bool(struct plugin *self, const char *key, bool fallback, bool *out);
/* Call in init of a plugin that uses pr_reject: reads `reject` and `reject_type`. False on a bad value. */
PR_API bool pr_reject_options(struct plugin *self);
/* In init: this instance does not listen at HOOK after all. */
PR_API void pr_drop_hook(struct plugin *self, enum hook hook);
/* Call last in init: an argument that no pr_option asked for is a load error. */
PR_API bool pr_no_more_options(struct plugin *self);
PR_API void pr_set_data(struct plugin *self, void *data);
PR_API void *pr_data(const struct plugin *self);
/* Load error; always returns false. The text is shown with the plugin's name, file and line. */
PR_API bool pr_fail(struct plugin *self, const char *format, ...) PR_PRINTF(2, 3);
/* Memory for the life of the process generation, zeroed; never fails. */
PR_API void *pr_alloc(struct plugin *self, size_t size);
/* Entries of the list NAME: what the config hook of a plugin before this one gives, else those of the file in the
 * configuration directory; NULL-terminated, valid for the generation; an absent file is an empty list. NULL after a
 * load error. */
PR_API const char *const *pr_list(struct plugin *self, const char *name);
/* The line number of the INDEXth entry of pr_list(self, NAME), for messages; 0 past the end. */
PR_API unsigned pr_list_line(struct plugin *self, const char *name, size_t index);
/* Errors reported from here on are about that entry: they begin with its file and line. NAME NULL: no more. */
PR_API void pr_where(struct plugin *self, const char *name, size_t index);
/* In before_drop: as pr_list, for a file with passwords. One that users other than its owner and group can read, or others than
 * its owner can write, is a load error. Copy what is needed, and only where it is: see pr_delivers and pr_forget. */
PR_API const char *const *pr_secrets(struct plugin *self, const char *name);
/* Wipes the texts of the list NAME, which are not to be used any more. */
PR_API void pr_forget(struct plugin *self, const char *name);
/* Whether this process is the queue-runner, which alone calls send_email, get_mx, deferred, bounce and delivered. */
PR_API bool pr_delivers(const struct plugin *self);
/* First entry of NAME, or FALLBACK. */
PR_API const char *pr_config(struct plugin *self, const char *name, const char *fallback);
/* In HOOK_CONFIG: the list that is asked for, and giving an entry of it. Return OK when it is whole (even without entries),
 * DECLINED to leave it to the next plugin or the file; all else is a load error, and so is an entry that is blank, longer than
 * 4 KiB or more than one line, for which pr_config_add returns false. */
PR_API const char *pr_config_name(struct hook_call *call);
PR_API bool pr_config_add(struct hook_call *call, const char *line);
PR_API const char *pr_config_dir(const struct plugin *self);
PR_API const char *pr_me(const struct plugin *self);
/* For comparing addresses, which is never done as somebody wrote them: ADDRESS ("local@domain", "postmaster", "" for the null
 * sender) in the one form in which equal addresses are equal texts. The domain is in lower case and A-labels, the local part in NFC
 * and without needless quotes; with _folded without its case, too, as lists want it. False, and "", for what is no address of
 * RFC 5321 or RFC 6531. */
#define PR_ADDRESS_SIZE 1024
PR_API bool pr_address_canonical(const char *address, char out[PR_ADDRESS_SIZE]);
PR_API bool pr_address_folded(const char *address, char out[PR_ADDRESS_SIZE]);
/* Sets of domains ("example.com", ".example.com", "*") and of networks ("192.0.2.0/24", "192.0.2.", "2001:db8::/32"). */
struct pr_hosts;
struct pr_networks;
PR_API struct pr_hosts *pr_hosts_new(struct plugin *self);
PR_API bool pr_hosts_add(struct plugin *self, struct pr_hosts *hosts, const char *entry, const char *value);
PR_API bool pr_hosts_load(struct plugin *self, struct pr_hosts *hosts, const char *list_name);	/* values are "" */
PR_API const char *pr_hosts_find(const struct pr_hosts *hosts, const char *domain);		/* value or NULL */
PR_API struct pr_networks *pr_networks_new(struct plugin *self);
PR_API bool pr_networks_add(struct plugin *self, struct pr_networks *networks, const char *entry);
PR_API bool pr_networks_load(struct plugin *self, struct pr_networks *networks, const char *list_name);
PR_API bool pr_networks_has(const struct pr_networks *networks, const char *ip);
/* Switches TLS on for this generation: STARTTLS is offered, smtps ports work. From before_drop only. Paths relative to the
 * configuration directory; NULL: what tls.conf says. */
PR_API bool pr_enable_tls(struct plugin *self, const char *cert, const char *key, const char *ca, const char *dhparam);

/* ---- log: one line with the session's id and the plugin's name; client bytes are escaped ---- */

enum pr_level { PR_ERROR, PR_WARN, PR_INFO, PR_DEBUG };
PR_API void pr_log(struct hook_call *call, enum pr_level level, const char *format, ...) PR_PRINTF(3, 4);
PR_API void pr_log_init(const struct plugin *self, enum pr_level level, const char *format, ...) PR_PRINTF(3, 4);

/* In HOOK_LOGGING: the line as it would be written but without the line end, its level, its session or message id ("" none)
 * and the process ("worker"). OK: it is not written; all else: it is. What is logged in the hook is written at once. */
PR_API const char *pr_log_line(struct hook_call *call);
PR_API enum pr_level pr_log_level(struct hook_call *call);
PR_API const char *pr_log_id(struct hook_call *call);
PR_API const char *pr_log_process(struct hook_call *call);

/* ---- the reply ---- */

/* Sets code (must fit the verdict's class, else the verdict's default is used and a warning logged), enhanced code
 * ("5.7.1", NULL: a default) and text. CR, LF and control bytes are replaced. Returns nothing: return the verdict. */
PR_API void pr_reply(struct hook_call *call, int code, const char *enhanced, const char *format, ...) PR_PRINTF(4, 5);
/* The conventional refusal: obeys the instance's arguments `reject 0|1|naughty` (0: only log, DECLINED; naughty: note
 * "naughty" is set and the core refuses at RCPT) and `reject_type perm|temp|disconnect|temp_disconnect`. */
PR_API enum verdict pr_reject(struct hook_call *call, const char *enhanced, const char *format, ...) PR_PRINTF(3, 4);

/* ---- facts of the connection ---- */

PR_API const char *pr_id(struct hook_call *call);		/* session id */
PR_API const char *pr_remote_ip(struct hook_call *call);	/* canonical, no brackets; "" for a Unix socket, and when its proxy does not know */
PR_API uint16_t pr_remote_port(struct hook_call *call);
PR_API const char *pr_remote_host(struct hook_call *call);	/* reverse DNS, or "" ; waits for the lookup if it is under way */
PR_API const char *pr_proxy_ip(struct hook_call *call);		/* of the proxy that told us pr_remote_ip (PROXY, XCLIENT), "" without one */
PR_API const char *pr_local_ip(struct hook_call *call);
PR_API uint16_t pr_local_port(struct hook_call *call);
PR_API const char *pr_helo(struct hook_call *call);		/* "" before */
PR_API bool pr_is_esmtp(struct hook_call *call);
PR_API bool pr_is_submission(struct hook_call *call);		/* 587 and 465: AUTH is demanded before MAIL */
PR_API bool pr_is_tls(struct hook_call *call);
PR_API const char *pr_tls_version(struct hook_call *call);	/* "" while plain */
PR_API const char *pr_tls_cipher(struct hook_call *call);
PR_API const char *pr_tls_group(struct hook_call *call);	/* of the key exchange, "SECP256R1"; "" for RSA */
PR_API const char *pr_tls_sni(struct hook_call *call);		/* the host that the client has asked for; "" for none */
PR_API bool pr_tls_resumed(struct hook_call *call);		/* a session was taken up again */
/* Of the client's certificate, "" when it has shown none: names as RFC 4514 writes them, SHA-256 in hexadecimal. STATUS is "verified",
 * or why it is not; only a verified one says who the client is. */
PR_API const char *pr_tls_peer_subject(struct hook_call *call);
PR_API const char *pr_tls_peer_issuer(struct hook_call *call);
PR_API const char *pr_tls_peer_cn(struct hook_call *call);	/* the common name; "" too when there are several, or it is too long */
PR_API const char *pr_tls_peer_email(struct hook_call *call, size_t index);	/* mail addresses of SubjectAltName; "" past the end */
PR_API const char *pr_tls_peer_fingerprint(struct hook_call *call);
PR_API const char *pr_tls_peer_status(struct hook_call *call);
PR_API bool pr_tls_peer_verified(struct hook_call *call);
PR_API bool pr_relaying(struct hook_call *call);		/* this client may send anywhere */
PR_API void pr_set_relaying(struct hook_call *call, bool yes);
PR_API const char *pr_auth_user(struct hook_call *call);	/* "" unless authenticated */
PR_API unsigned pr_sessions_from_ip(struct hook_call *call);	/* at this moment, this one included */
/* The client sent something before it was its turn, within WAIT_MS. Never with BDAT, whose content follows at once. */
PR_API bool pr_early_bytes(struct hook_call *call, int64_t wait_ms);
/* The verb and rest of the line as received (unrecognized_command, noop, help; vrfy, where SMTPUTF8 at the end is taken off). */
PR_API const char *pr_command(struct hook_call *call);
PR_API const char *pr_command_args(struct hook_call *call);
PR_API unsigned pr_unrecognized_count(struct hook_call *call);
/* In HOOK_CAPABILITIES: adds a line to the EHLO answer. */
PR_API void pr_add_capability(struct hook_call *call, const char *line);

/* ---- AUTH hooks ---- */

/* A mechanism is offered when a plugin listens at its hook; HOOK_AUTH is for PLAIN and LOGIN together. OK authenticates, DECLINED asks the
 * next plugin, DENYSOFT is "not now" (454). The client gets one answer, and gets it after the same time, whichever other verdict it is and
 * whyever: an unknown user must not be told from a wrong password. Let an unknown user cost the back end as much as a known one. */

/* Call in init of a plugin that authenticates: reads the argument `constrain_sender no|domain|address`, by which the core judges the senders
 * of those whom this instance accepts. False on a bad value. */
PR_API bool pr_auth_options(struct plugin *self);
PR_API const char *pr_auth_mechanism(struct hook_call *call);	/* "PLAIN", "SCRAM-SHA-256-PLUS", ... */
/* The name that asks to be authenticated, as SASLprep (RFC 4013) leaves it; "" when the client leaves it to its token or certificate. */
PR_API const char *pr_auth_login(struct hook_call *call);
/* Who it is, when the back end knows it better: needed before OK when the login is "". It goes into log, headers and queue. False, and
 * nothing is changed, when it is not UTF-8, holds control characters, or is longer than 1023 octets. */
PR_API bool pr_auth_set_login(struct hook_call *call, const char *login);
PR_API const char *pr_auth_password(struct hook_call *call);	/* PLAIN, LOGIN: as the client sent it; "" else */
PR_API const char *pr_auth_challenge(struct hook_call *call);	/* CRAM-MD5 */
PR_API const char *pr_auth_response(struct hook_call *call);	/* CRAM-MD5: hex digest */
/* Whether the response fits PASSWORD. NULL (no such user) costs the same and is false. */
PR_API bool pr_auth_cram_md5(struct hook_call *call, const char *password);
/* SCRAM-SHA-256, with and without -PLUS: gives the user's keys, "SCRAM-SHA-256$ITERATIONS:SALT$StoredKey:ServerKey" (RFC 5803; also
 * Dovecot's "{SCRAM-SHA-256}ITERATIONS,SALT,StoredKey,ServerKey"), and return OK: the core does the exchange. False when KEYS is
 * something else. */
PR_API bool pr_auth_scram(struct hook_call *call, const char *keys);
/* For a user who is not there: keys that look as his would. The client is then shown as many iterations and as long a salt, always the same
 * for one name. Return DECLINED or DENY. */
PR_API bool pr_auth_scram_like(struct hook_call *call, const char *keys);
/* OAUTHBEARER and XOAUTH2: the bearer token; "" when there is none (never OK then). The back end must see that it is good, and that it is
 * the login's. */
PR_API const char *pr_auth_token(struct hook_call *call);
PR_API const char *pr_auth_host(struct hook_call *call);	/* OAUTHBEARER: what the client thinks it talks to; "" when it does not say */
PR_API const char *pr_auth_port(struct hook_call *call);
/* What a refused client is told (RFC 7628 3.2.2): status "invalid_token" and the like, scope and the URL of the OpenID configuration
 * (NULL: not said). */
PR_API void pr_auth_oauth_error(struct hook_call *call, const char *status, const char *scope, const char *configuration);
/* Whether HASH is what can be stored for a password: keys of SCRAM as above, or a crypt(3) hash of a kind that this system can check and that
 * is worth it (no DES, no MD5). */
PR_API bool pr_password_is_hash(const char *hash);
PR_API bool pr_password_is_scram(const char *hash);
/* Compares in a time that does not tell how much of it was right. HASH NULL (no such user) costs the same and is false. */
PR_API bool pr_password_check(const char *password, const char *hash);
/* Whether two secrets are the same, in a time that tells no more than their lengths. */
PR_API bool pr_password_same(const char *a, const char *b);
/* LEN octets in base64 (RFC 4648), NUL-terminated; false when they do not fit. For protocols of back ends that want it. */
PR_API bool pr_base64(const void *octets, size_t len, char *out, size_t size);

/* ---- the transaction ---- */

PR_API const char *pr_sender(struct hook_call *call);		/* envelope sender, "" for the null sender */
PR_API const char *pr_sender_domain(struct hook_call *call);	/* canonical */
PR_API size_t pr_recipient_count(struct hook_call *call);
PR_API const char *pr_recipient_at(struct hook_call *call, size_t index);
/* In rcpt_pre, rcpt and rcpt_ok: the recipient in question. */
PR_API const char *pr_recipient(struct hook_call *call);
PR_API const char *pr_recipient_domain(struct hook_call *call);	/* canonical; our own name for <postmaster> */
PR_API const char *pr_recipient_domain_at(struct hook_call *call, size_t index);	/* canonical */
/* Parameter of MAIL (or of RCPT in rcpt hooks) by keyword, NULL when absent, "" without value. As the client gave it; pr_parameter_text
 * is what it means: ENVID, ORCPT and AUTH without xtext ("rfc822;a+b@c.test"). In sessions only. */
PR_API const char *pr_parameter(struct hook_call *call, const char *keyword);
PR_API const char *pr_parameter_text(struct hook_call *call, const char *keyword);
/* What the client said of the content by BODY. BINARYMIME (RFC 3030): behind the header section lines mean nothing, it may hold
 * NUL, and CR and LF alone. */
enum pr_body { PR_BODY_7BIT, PR_BODY_8BITMIME, PR_BODY_BINARYMIME };
PR_API enum pr_body pr_body(struct hook_call *call);
/* MAIL said SMTPUTF8 (in vrfy: VRFY did); in the queue-runner: the message needs it. */
PR_API bool pr_utf8(struct hook_call *call);
/* DSN (RFC 3461): ENVID and RET ("FULL", "HDRS") of the message, "" when not given; NOTIFY of the recipient in question and of an
 * accepted one, 0 when not given; ORCPT, "" when not given. */
enum pr_notify { PR_NOTIFY_NEVER = 1, PR_NOTIFY_SUCCESS = 2, PR_NOTIFY_FAILURE = 4, PR_NOTIFY_DELAY = 8 };	/* bits */
PR_API const char *pr_envid(struct hook_call *call);
PR_API const char *pr_ret(struct hook_call *call);
PR_API unsigned pr_notify(struct hook_call *call);
PR_API unsigned pr_notify_at(struct hook_call *call, size_t index);
PR_API const char *pr_orcpt_at(struct hook_call *call, size_t index);
/* BY (RFC 2852) and HOLDFOR or HOLDUNTIL (RFC 4865) in seconds since 1970, 0 when not given; the mode of BY ("R" or "N", and "T"
 * behind it for a trace, "" when not given); MT-PRIORITY (RFC 6710), -9 to 9; REQUIRETLS (RFC 8689). */
PR_API int64_t pr_deliver_by(struct hook_call *call);
PR_API const char *pr_deliver_by_mode(struct hook_call *call);
PR_API int64_t pr_hold_until(struct hook_call *call);
PR_API int pr_priority(struct hook_call *call);
PR_API bool pr_requires_tls(struct hook_call *call);
/* In rcpt hooks: deliver this one through the spool even though its domain is ours (a route exists). */
PR_API void pr_recipient_to_spool(struct hook_call *call);
PR_API bool pr_recipient_spooled(struct hook_call *call);	/* in rcpt hooks: whether pr_recipient_to_spool was called */
PR_API bool pr_recipient_is_local(struct hook_call *call, size_t index);	/* accepted without relaying, for the queue hooks */

/* ---- the header section: from data_headers_end on ---- */

/* Nth occurrence (0 first, negative from the end) of NAME, unfolded, without name and line ends; NULL when there is none. Octets
 * over 0x7f come as they are, which need not be UTF-8; a NUL becomes "?". */
PR_API size_t pr_header_count(struct hook_call *call, const char *name);
PR_API const char *pr_header(struct hook_call *call, const char *name, int n);
/* All fields in their order, numbered from 0 at the top, as they will be stored: ours, those that plugins added, and the message's.
 * NULL past the end. A line that is no field counts as one with the name "". A number holds until a field is added or removed. */
PR_API size_t pr_header_fields(struct hook_call *call);
PR_API bool pr_header_find(struct hook_call *call, const char *name, int n, size_t *index);	/* false: there is none */
PR_API const char *pr_header_name_at(struct hook_call *call, size_t index);
PR_API const char *pr_header_at(struct hook_call *call, size_t index);				/* as pr_header */
PR_API const char *pr_header_raw_at(struct hook_call *call, size_t index, size_t *len);	/* name, folds and CRLF included */
/* Adds "NAME: VALUE" on top (prepend), after the last field (append) or as the field number INDEX (insert); gives the field INDEX
 * another value and leaves it where it is (change). False over the limit (the section may grow by 14 KiB, all plugins together) or
 * when NAME or VALUE is not fit for a header: a name of up to 76 octets; a value without control characters, lines up to 900
 * octets, folded by "\r\n " or "\n\t". The message is written anew only when one of its own fields is changed or removed, or
 * something is put behind the first of them; adding on top costs nothing. */
PR_API bool pr_header_prepend(struct hook_call *call, const char *name, const char *value);
PR_API bool pr_header_append(struct hook_call *call, const char *name, const char *value);
PR_API bool pr_header_insert(struct hook_call *call, size_t index, const char *name, const char *value);
PR_API bool pr_header_change(struct hook_call *call, size_t index, const char *value);
PR_API size_t pr_header_remove(struct hook_call *call, const char *name);	/* all of them; how many went */
PR_API bool pr_header_remove_at(struct hook_call *call, size_t index);

/* What is in a value, as pr_header gives it. Encoded words (RFC 2047) are decoded into one line of UTF-8: control characters become blanks,
 * octets without a meaning U+FFFD. */
PR_API const char *pr_decode_words(struct hook_call *call, const char *text);
/* "Sat, 21 Nov 2026 02:10:00 +0100" in seconds since 1970, obsolete forms included; false when it is no date. */
PR_API bool pr_parse_date(const char *text, int64_t *seconds);
/* The addresses in From, Sender, Reply-To, To, Cc. */
struct pr_address {
	const char *name;	/* display name or comment, decoded; "" when there is none */
	const char *address;	/* "local@domain"; "" when what stands there is none */
	const char *domain;	/* canonical; "" without an address */
	const char *group;	/* name of the group it is in; "" */
};
enum pr_addresses {
	PR_ADDRESSES_OK,	/* a list by RFC 5322; it may be empty ("undisclosed-recipients:;") */
	PR_ADDRESSES_BROKEN,	/* it is none; what could be read of it is there, and may be what a mail program shows */
	PR_ADDRESSES_LIMIT,	/* more than 1000; so many are there */
};
/* *LIST is NULL-terminated. */
PR_API enum pr_addresses pr_parse_addresses(struct hook_call *call, const char *text, const struct pr_address *const **list);

/* The message as it will be stored, trace headers included: from data_post on, and in the queue hooks. */
PR_API uint64_t pr_message_size(struct hook_call *call);
/* Reads up to LEN bytes at OFFSET; 0 at the end, -1 on error. CRLF line ends (see pr_body), not dot-stuffed. */
PR_API ssize_t pr_message_read(struct hook_call *call, uint64_t offset, void *out, size_t len);

/* ---- the parts of the message (MIME): from data_headers_end on ---- */

/* Finds them, once for all plugins, and says how many there are. Part 0 is the message itself; the parts of a multipart, and the message
 * in a message/rfc822, come behind it. With PR_MIME_OVER (max_mime_depth, max_mime_parts and max_mime_header_size in
 * postrider.conf) there are more than *PARTS: who looks for something must not take these for all. */
enum pr_mime { PR_MIME_OK, PR_MIME_OVER, PR_MIME_ERROR };
PR_API enum pr_mime pr_mime(struct hook_call *call, size_t *parts);
/* What is wrong with a part, so that a mail program may see something else in it. */
enum pr_flaw {
	PR_FLAW_FIELD = 1,	/* Content-Type or -Transfer-Encoding twice (the first counts), or a container's that says not which */
	PR_FLAW_TYPE = 2,	/* Content-Type is not the grammar */
	PR_FLAW_BOUNDARY = 4,	/* a multipart without a boundary (it is a leaf then), or with one that RFC 2046 does not allow */
	PR_FLAW_AMBIGUOUS = 8,	/* a line that some take for a boundary, parts behind the last boundary, one boundary for two multiparts,
				 * a line in the header section that is no field */
	PR_FLAW_OPEN = 16,	/* a multipart that does not end */
	PR_FLAW_ENCODING = 32,	/* an encoding that nobody knows: it is not taken off */
	PR_FLAW_ENCODED = 64,	/* a multipart or message that is encoded, against RFC 2045 6.4; such a message is a leaf */
};
/* Facts of a part. Past the end: 0, false, "", NULL. */
PR_API unsigned pr_part_depth(struct hook_call *call, size_t part);
PR_API size_t pr_part_parent(struct hook_call *call, size_t part);	/* of 0: 0 */
PR_API unsigned pr_part_flaws(struct hook_call *call, size_t part);	/* enum pr_flaw, or'ed */
PR_API bool pr_part_is_leaf(struct hook_call *call, size_t part);	/* has no parts in it */
PR_API uint64_t pr_part_size(struct hook_call *call, size_t part);	/* octets of its content, encoded */
PR_API const char *pr_part_type(struct hook_call *call, size_t part);	/* "text/plain" in lower case, also where nothing is said */
PR_API const char *pr_part_encoding(struct hook_call *call, size_t part);	/* "base64" in lower case; "7bit" where nothing is said */
PR_API const char *pr_part_disposition(struct hook_call *call, size_t part);	/* "attachment" in lower case; "" where nothing is said */
/* A parameter of its Content-Type, such as "charset", decoded (RFC 2231); NULL when there is none. */
PR_API const char *pr_part_parameter(struct hook_call *call, size_t part, const char *name);
/* The Nth text that a mail program may take for its file name, in UTF-8 and one line, NULL past the last: a name can be given in several
 * ways at once, and who looks for something looks at all of them. No path is taken off. */
PR_API const char *pr_part_filename(struct hook_call *call, size_t part, size_t n);
/* The Nth field NAME of its header section, as pr_header; NULL past the last. */
PR_API const char *pr_part_header(struct hook_call *call, size_t part, const char *name, size_t n);

/* ---- reading content, from front to back, in pieces: of a part, or of all that is behind the header section of the message ---- */

struct pr_reader;	/* valid until the hook returns */
enum pr_reading {
	PR_READ_RAW,		/* as it stands */
	PR_READ_DECODED,	/* base64 and quoted-printable taken off; of a container, which has none: as it stands */
	PR_READ_TEXT,		/* and in UTF-8, from the charset of its Content-Type */
};
PR_API struct pr_reader *pr_part_open(struct hook_call *call, size_t part, enum pr_reading how);	/* NULL past the end */
PR_API struct pr_reader *pr_body_open(struct hook_call *call);		/* NULL where there is no message */
/* Up to LEN bytes; 0 at the end, -1 on error and for NULL. */
PR_API ssize_t pr_read(struct pr_reader *reader, void *out, size_t len);
/* A line with its end, as fgets(3): up to SIZE - 1 bytes and a NUL. A longer line comes in pieces, of which the last ends in "\n". Returns the
 * number of bytes (there may be NULs among them), 0 at the end, -1 on error. */
PR_API ssize_t pr_read_line(struct pr_reader *reader, char *out, size_t size);

/* The queue id: from data_headers_end on, and in the hooks of the queue-runner; else "". */
PR_API const char *pr_queue_id(struct hook_call *call);

/* Notes: small texts, per connection or per transaction; those of a transaction go into the spool and reach the queue-
 * runner's hooks. Keys: letters, digits, "_", "-", "."; values up to 4 KiB, 64 notes each. NULL value removes. */
PR_API bool pr_set_note(struct hook_call *call, const char *key, const char *value);
PR_API const char *pr_note(struct hook_call *call, const char *key);
PR_API bool pr_set_connection_note(struct hook_call *call, const char *key, const char *value);
PR_API const char *pr_connection_note(struct hook_call *call, const char *key);

/* ---- DNS: pr_dns waits for the resolver, in hooks of a session ---- */

enum pr_dns { PR_DNS_OK, PR_DNS_NONE, PR_DNS_TEMPORARY };
/* Answers as text ("10 mx.example.com" for MX, address, name, TXT). *VALUES is NULL-terminated. */
PR_API enum pr_dns pr_dns(struct hook_call *call, const char *name, const char *type, const char *const **values);
/* The same without waiting, in all hooks: DONE is called once with the answer, in the queue-runner when the hook has returned, else before
 * it does; not any more once the process ends. VALUES is valid until DONE returns. */
typedef void pr_dns_done(struct plugin *self, void *arg, enum pr_dns result, const char *const *values);
PR_API void pr_dns_later(struct hook_call *call, const char *name, const char *type, pr_dns_done *done, void *arg);

/* ---- the store: small facts that outlive a session and that all processes, and with Redis all machines, see ---- */

/* A namespace. NAME NULL: that of the plugin's own name, without folder and ":n"; plugins that name the same one share it.
 * LASTING: kept beyond a restart of the machine (where the store is LMDB), for which each change waits for the disk; all who
 * share it say the same. From init or before_drop; NULL after a load error. */
struct pr_store;
PR_API struct pr_store *pr_store_open(struct plugin *self, const char *name, bool lasting);

enum pr_store_result {
	PR_STORE_OK,
	PR_STORE_NONE,		/* there is no such key */
	PR_STORE_AWAY,		/* the store cannot be asked now, or takes no more: go on without it */
	PR_STORE_BAD,		/* a key or value that is empty or too long, a time out of bounds, a sum over what is no number */
};
/* Keys of 1 to 400 octets, values of 1 to 65536, any octets. Times in seconds, at most 100 years. *VALUE, which is followed
 * by a NUL, *LEN and *COUNT are set with PR_STORE_OK only. In hooks of a session; these wait, at most store_timeout. In the
 * queue-runner they are PR_STORE_AWAY. */
PR_API enum pr_store_result pr_store_get(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
					 const char **value, size_t *len);
/* The entry goes after EXPIRY; 0: never. */
PR_API enum pr_store_result pr_store_set(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
					 const void *value, size_t len, int64_t expiry);
/* Adds N to what was added within WINDOW, which begins with the first addition; *COUNT is the sum. No addition of any process
 * is lost. */
PR_API enum pr_store_result pr_store_add(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
					 int64_t n, int64_t window, int64_t *count);
PR_API enum pr_store_result pr_store_delete(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len);

/* The same without waiting, in all hooks. DONE (NULL: nobody wants to know) is called once with the answer, in the
 * queue-runner when the hook has returned, else before it does; not any more once the process ends. What ANSWER points to is
 * valid until DONE returns. */
struct pr_store_answer {
	enum pr_store_result result;
	const char *value;	/* get: with a NUL behind it; "" without one */
	size_t len;
	int64_t count;		/* add */
};
typedef void pr_store_done(struct plugin *self, void *arg, const struct pr_store_answer *answer);
PR_API void pr_store_get_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			       pr_store_done *done, void *arg);
PR_API void pr_store_set_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			       const void *value, size_t len, int64_t expiry, pr_store_done *done, void *arg);
PR_API void pr_store_add_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
			       int64_t n, int64_t window, pr_store_done *done, void *arg);
PR_API void pr_store_delete_later(struct hook_call *call, const struct pr_store *store, const void *key, size_t key_len,
				  pr_store_done *done, void *arg);

/* ---- queueing a new message (workers and queue-runner) ---- */

struct pr_note { const char *key, *value; };
/* What Haraka's outbound.send_email() has as options. Zero what is not needed. */
struct pr_outbound_options {
	bool dot_stuffed;		/* a dot at the start of a line of the body is doubled, as in SMTP */
	bool remove_msgid, remove_date;	/* the contents' own Message-ID, Date: new ones take their place */
	const struct pr_note *notes;	/* of the new message; ends with a NULL key */
	bool keep_notes;		/* those of the message in question too; where both have one, NOTES counts */
	const char *origin;		/* pr_origin of the new message: one word of at most 100 octets; NULL: the message in question, or else the
					 * session */
};
/* Sends CONTENTS, a header section and a body with LF or CRLF line ends, from FROM ("" for a notice) to TO, which ends with NULL. Date and
 * Message-ID are added when they are missing. OPTIONS may be NULL. True: ID is its queue id and it is on disk. False: nothing was
 * queued, and the log says why. */
PR_API bool pr_outbound_send(struct hook_call *call, const char *from, const char *const *to, const char *contents,
			     const struct pr_outbound_options *options, char id[32]);

/* ---- hooks of the queue-runner ---- */

PR_API const char *pr_next_domain(struct hook_call *call);	/* get_mx, send_email, deferred: the domain in question */
PR_API unsigned pr_failures(struct hook_call *call);		/* attempts that failed so far; in deferred with the one that just has */
/* The file of the message, to be read at most: its name in it is pr_queue_id. When it was accepted, in milliseconds since 1970. The id
 * of the session it came by (of a notice: of the message that it is about), "" when it came by none. */
PR_API const char *pr_queue_path(struct hook_call *call);
PR_API int64_t pr_queue_time(struct hook_call *call);
PR_API const char *pr_origin(struct hook_call *call);
/* Answering later: the hook asks for a number and returns LATER; the message waits, and the queue-runner goes on with others. From a
 * function that is called back, pr_later_call gives the call again, for pr_reply, pr_set_delay, pr_add_next_hop and all else (NULL:
 * nobody waits for the answer any more), and pr_answer gives its verdict (false: likewise), once. The time for it is MS milliseconds,
 * or (0) what outbound.conf says; afterwards it counts as DENYSOFT, and nothing that the plugin has set. pr_later is 0 where that is
 * not possible: in hooks of a session, and in pre_send_trans_email. */
PR_API uint64_t pr_later(struct hook_call *call, int64_t ms);
PR_API struct hook_call *pr_later_call(uint64_t number);
PR_API bool pr_answer(uint64_t number, enum verdict verdict);

/* A next hop with the fields of Haraka's get_mx. Zero what is not needed. */
struct pr_mx {
	unsigned priority;		/* lower ones are tried first */
	/* "host", "host:port", "address", "address:port", "[v6]:port" or "unix:/path", each with "lmtp:" or, but for the last, "smtps:"
	 * (TLS from the first octet on) in front or without. NULL or "": the MX hosts of the domain. */
	const char *exchange;
	uint16_t port;			/* 0: that of exchange, else 24 for LMTP, 465 for smtps, or the port of outbound.conf */
	bool using_lmtp;
	const char *bind, *bind_helo;	/* our own address (or one of each family with a comma between) and our name in EHLO */
	const char *auth_user, *auth_pass;	/* for AUTH */
	const char *auth_type;		/* "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"; NULL: the best that both know */
	bool auth_in_clear;		/* even when the connection is not encrypted */
	const char *tls;		/* "never", "may", "must", "verify" (with a valid certificate); NULL: as outbound.conf says */
};
/* get_mx: adds a next hop, at most 16; return OK. False, with the problem in the log, when there is something wrong with it. */
PR_API bool pr_add_next_hop(struct hook_call *call, const struct pr_mx *mx);
/* What is wrong with MX (to be said behind "expected"), or NULL. For init. */
PR_API const char *pr_mx_problem(const struct pr_mx *mx);
/* As pr_add_next_hop, with nothing but a priority and an exchange, which may not be empty. */
PR_API bool pr_add_mx(struct hook_call *call, unsigned priority, const char *exchange);
/* send_email with DELAY, deferred with DENYSOFT: seconds. */
PR_API void pr_set_delay(struct hook_call *call, int64_t seconds);
PR_API int64_t pr_delay(struct hook_call *call);
/* deferred, bounce, delivered: what the remote server said, or our own words for why it failed; the server's name, address and port,
 * "" and 0 when there was none; of its TLS pr_is_tls and the others tell, the certificate being the server's. About the first recipient
 * in question; each of them has its own answer. */
PR_API const char *pr_response(struct hook_call *call);
PR_API const char *pr_response_at(struct hook_call *call, size_t index);
PR_API const char *pr_response_host(struct hook_call *call);
PR_API const char *pr_response_ip(struct hook_call *call);
PR_API uint16_t pr_response_port(struct hook_call *call);
/* bounce: given up after it had been deferred until now; false: refused for good. */
PR_API bool pr_recipient_expired_at(struct hook_call *call, size_t index);
/* delivered: how. Whether we had authenticated; LMTP or SMTP; milliseconds since the message was accepted. */
PR_API bool pr_delivery_authenticated(struct hook_call *call);
PR_API bool pr_delivery_lmtp(struct hook_call *call);
PR_API int64_t pr_delivery_time(struct hook_call *call);
/* delivered: all recipients of the attempt, of which those in question (pr_recipient_at) were taken. */
enum pr_outcome { PR_DELIVERED, PR_DEFERRED, PR_BOUNCED };
PR_API size_t pr_attempt_count(struct hook_call *call);
PR_API const char *pr_attempt_recipient(struct hook_call *call, size_t index);
PR_API enum pr_outcome pr_attempt_outcome(struct hook_call *call, size_t index);
PR_API const char *pr_attempt_response(struct hook_call *call, size_t index);

#ifdef __cplusplus
}
#endif
#endif
