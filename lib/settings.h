/* settings.h - what the configuration says, as one read-only structure that is read once per process
 * generation. Each field is one row of the option table in settings.c. Times are milliseconds,
 * sizes bytes. Lists end with a NULL pointer. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "base.h"
#include "err.h"
#include "arena.h"

struct netlist;

enum auth_clear { AUTH_CLEAR_NONE, AUTH_CLEAR_CHALLENGE, AUTH_CLEAR_ALL };	/* mechanisms that need no TLS */
/* What becomes of a message that a server cannot take as it is. */
enum without_auth { WITHOUT_AUTH_DEFER, WITHOUT_AUTH_SEND };
enum downgrade { DOWNGRADE_ENCODE, DOWNGRADE_BOUNCE, DOWNGRADE_SEND };
enum inet_prefer { INET_DEFAULT, INET_V4, INET_V6 };

/* tls.conf: what holds for one way of using TLS. */
struct tls_settings {
	const char **cert, **key;	/* files, as many of the one as of the other */
	const char *ciphers, *min_version, *secure_protocol, *dhparam;
	const char **ecdh_curve;
	bool honor_cipher_order;
	const char *ca;
	bool request_cert, reject_unauthorized;
	bool mutual_tls;		/* our certificate is shown to servers that ask for one; lists of those that say otherwise */
	const char **mutual_auth_hosts, **mutual_auth_hosts_exclude;
	const char **require_authorized, **no_tls_hosts, **force_tls_hosts, **no_starttls_ports;
	bool request_ocsp;
	bool disable_for_failed_hosts;	/* see tls_nogo.h */
	int64_t disable_expiry, disable_inbound_expiry;
};

struct option_section;

struct settings {
	struct arena *arena;		/* owns everything below */
	const char **warnings;		/* see settings_warnings */
	const char *dir;		/* the configuration directory, absolute */
	const char *me;			/* file `me`: our name in greeting, EHLO, Received; else the host name */

	/* postrider.conf */
	const char *spool_dir, *run_dir, *state_dir, *plugin_dir;
	const char *user, *group;	/* group "": the user's primary group */
	const char *log, *log_format, *log_level;

	int64_t max_workers, min_spare, max_spare, sessions_per_worker;
	int64_t max_from_ip;		/* sessions per client address at once; 0 no limit */
	int64_t connection_rate, connection_rate_window;	/* connections per client address in that time; 0 no limit */
	int64_t busy_wait;		/* that clients wait for a worker when none is free, before they hear 421 */
	int64_t client_prefix6;		/* bits of an IPv6 address that make one client */
	const char **local_users;	/* who may send by run_dir/submit; "*": everybody */
	const char **exempt_networks;	/* not limited by address; exempt for searching */
	struct netlist *exempt;
	int64_t limit_connections;	/* sessions at once in all; 0: as many as max_workers */
	bool lookup_rdns;
	const char **proxy_ports, **proxy_networks;	/* ports that take the PROXY header, and from whom; proxies for searching */
	struct netlist *proxies;
	int64_t proxy_timeout;
	const char **xclient_hosts;	/* who may say XCLIENT; xclients for searching */
	struct netlist *xclients;
	const char **smtps_ports, **submission_ports;	/* port numbers whose role is not given by a suffix */

	int64_t command_timeout, data_timeout, session_timeout, plugin_timeout, shutdown_timeout, drain_timeout;
	int64_t max_line_length, max_recipients, max_message_size, max_header_size, max_header_lines, max_received,
		max_mime_depth, max_mime_parts, max_mime_header_size, max_errors, max_unrecognized, max_transactions, max_noops;
	int64_t max_small_chunks;	/* BDAT of less than 1 KiB in one message, the last not counted */
	int64_t min_data_rate;			/* octets a second; 0 no limit */
	int64_t stress_percent;			/* of the sessions that may be at once, from which on there is stress; 0 never */
	int64_t stress_timeout, stress_max_errors, stress_max_noops;	/* then; 0: as ever */
	int64_t tarpit_errors, tarpit_delay, tarpit_max;	/* tarpit_errors 0: none are made to wait for errors */
	int64_t memory_body_size;	/* bodies up to this are held in memory, larger ones go to a file */
	int64_t min_free_space, min_free_inodes;	/* low-water marks of the spool: 452 4.3.1 */
	bool allow_bare_lf, dont_require_anglebrackets, parse_addr_withhelo;
	enum auth_clear auth_without_tls;
	int64_t auth_failure_delay, auth_failure_window;
	int64_t auth_failures_per_address, auth_failures_per_login;	/* in the window; 0 no limit */
	const char *greeting;		/* file `smtpgreeting` or "" */
	const char **discard_ehlo_keywords;

	/* postrider.conf, resolver { ... } */
	const char **resolver_forwarders;	/* "addr" or "addr@port"; empty: root servers, or resolv_conf */
	const char **resolver_local_data;	/* zone-file lines: "example.test. 300 IN MX 10 mx.example.test." */
	const char *resolver_resolv_conf;	/* "" or a path */
	const char *resolver_trust_anchor;	/* "" or a path of a root key file */
	int64_t resolver_timeout;

	/* postrider.conf: the shared store (store.h) */
	const char *store, *store_password_file, *store_prefix;
	int64_t store_size, store_connect_timeout, store_timeout;

	/* tls.conf: see settings_tls */
	const struct option_section *tls_sections;	/* [0] outside of sections, then inbound, outbound, and the plugins in the file plugins */
	size_t tls_count;
	struct tls_settings *tls;	/* one a section */
	bool tls_key_process;
	int64_t tls_watch_interval;	/* between two looks at files of certificates; 0: none */

	/* outbound.conf */
	bool outbound_always_split;
	bool outbound_disabled, outbound_enable_tls, outbound_ipv6, outbound_local_mx_ok;
	enum inet_prefer outbound_inet_prefer;
	bool outbound_chunking;
	enum without_auth outbound_without_auth;
	enum downgrade outbound_without_8bitmime, outbound_without_binarymime;	/* the latter is never DOWNGRADE_SEND */
	const char *outbound_received_header;
	int64_t outbound_runners;
	int64_t outbound_concurrency_max, outbound_concurrency_per_destination, outbound_active_max;
	int64_t outbound_port;		/* of hosts found by DNS; 25 but for tests and labs */
	int64_t outbound_connect_timeout, outbound_greeting_timeout, outbound_helo_timeout, outbound_tls_timeout, outbound_auth_timeout;
	int64_t outbound_mail_timeout, outbound_rcpt_timeout, outbound_data_timeout, outbound_body_timeout;
	int64_t outbound_min_data_rate;		/* octets a second */
	int64_t outbound_end_of_data_timeout, outbound_rset_timeout, outbound_quit_timeout;
	int64_t outbound_pool_timeout, outbound_deliveries_per_connection, outbound_recipients_per_delivery;
	const char *outbound_temp_fail_intervals, *outbound_double_bounce_to;
	int64_t outbound_max_temp_failures, outbound_queue_lifetime, outbound_bounce_lifetime, outbound_pool_concurrency_max, outbound_dead_host_time;
	int64_t outbound_hook_timeout, outbound_hook_blocking_warn, outbound_helpers;
	const char **outbound_helper_plugins;
	int64_t outbound_delay_warning, outbound_bounce_max_return;
};

/* Reads DIR (postrider.conf, tls.conf, outbound.conf, me, and qpsmtpd's small files databytes, timeout,
 * smtpgreeting, which postrider.conf overrides). All problems found are in ERR, each with file, line, what was found and what
 * was expected. The result is freed with settings_free. NULL on error. */
struct settings *settings_read(const char *dir, struct err *err);
void settings_free(struct settings **s);
/* As settings_read, but tells each problem on its own (ERR of settings_read holds only what fits). */
typedef void settings_problem(void *arg, const char *text);
struct settings *settings_read_each(const char *dir, settings_problem *each, void *arg);
/* Tells what is odd but keeps nothing from starting: an option given twice, and each file of qpsmtpd that has no meaning here,
 * with what to use instead. For the master, once its log is open, and for `postrider check`. */
void settings_warnings(const struct settings *s, settings_problem *each, void *arg);
/* Prints every option of FILE ("postrider.conf"; NULL: of all files) as it is in force with its help, in the files'
 * syntax; those that are at their default are marked. */
void settings_print(const struct settings *s, const char *file, FILE *out);
/* For the lint and the manual: one line an option, tab separated: file, section, name, type, default,
 * "reload" or "restart", help. */
void settings_print_table(FILE *out);
/* What tls.conf says for SECTION: "inbound", "outbound", or the name of a plugin whose next hops are meant (outbound's, unless
 * there is a section of that name). */
const struct tls_settings *settings_tls(const struct settings *s, const char *section);
/* Relative to the configuration directory unless absolute. */
char *settings_path(const struct settings *s, const char *path);

#endif
