/* settings_table.c - every option of postrider, one row each: to add one, add a field in settings.h and a row here (and say
 * what it does in the manual page of its file; the lint checks that). */
#include "settings_table.h"
#include "address.h"
#include "tls_priority.h"
#include "netaddr.h"
#include "scoreboard.h"
#include "store.h"
#include "view.h"
#include "../queue/schedule.h"
#include "../worker/extension.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)

/* ---- checks: NULL, or what is expected ---- */

static const char *absolute_path(const char *value)
{
	return value[0] == '/' ? NULL : "an absolute path";
}

static const char *log_target(const char *value)
{
	static const char *const words[] = { "stderr", "syslog", "none" };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(value, words[i]) == 0)
			return NULL;
	return value[0] == '/' ? NULL : "stderr, syslog, none or an absolute path";
}

static const char *port_number(const char *value)
{
	uint64_t n;

	return view_u64(view_of(value), 65535, &n) && n ? NULL : "a port number from 1 to 65535";
}

static const char *network(const char *value)
{
	return netlist_valid(view_of(value)) ? NULL : "an address or a network (192.0.2.0/24, 2001:db8::/32)";
}

static const char *host_name(const char *value)
{
	return !*value || address_domain_valid(view_of(value), false) ? NULL : "a domain name";
}

static const char *key_prefix(const char *value)
{
	return strlen(value) <= 64 && view_is_printable(view_of(value)) ? NULL : "at most 64 printable characters";
}

/* A name whose last label is a number is a mistyped address (RFC 3696 2). */
static const char *network_or_host(const char *value)
{
	struct netlist *networks = netlist_new();
	bool network = netlist_add(networks, view_of(value), NULL);
	const char *name = value + (value[0] == '.'), *last = strrchr(name, '.');

	netlist_free(&networks);
	last = last ? last + 1 : name;
	return network || (address_domain_valid(view_of(name), false) && last[strspn(last, "0123456789")]) ? NULL
		: "a network (\"192.0.2.0/24\", \"2001:db8::1\"), a host name, or a domain (\".example.com\": all below it)";
}

static const char *mailbox(const char *value)
{
	struct address address;

	return !*value || address_split(view_of(value), 0, &address) ? NULL : "an address (postmaster@example.org), or nothing";
}

static const char *intervals(const char *value)
{
	struct schedule schedule;

	return schedule_parse(&schedule, value, 1, NULL) ? NULL : "times such as \"1m, 5m*2, 1h*3\", or none";
}

static const char *ehlo_keyword(const char *value)
{
	return extension_find(value) ? NULL : "a keyword of EHLO that is ours, such as CHUNKING";
}

static const char *not_empty(const char *value)
{
	return *value ? NULL : "a name";
}

/* qpsmtpd's tls_before_auth: everything but 0 is yes. */
static const char *unless_before_auth(const char *line)
{
	return strcmp(line, "0") == 0 ? "true" : "false";
}

/* ---- rows: file, section and field by macro, the rest by name ---- */

#define ROW(file_, section_, name_, field_, type_, ...) \
	{ .file = file_, .section = section_, .name = name_, .type = type_, .at = offsetof(struct settings, field_), __VA_ARGS__ }
#define MAIN(field_, type_, ...) ROW("postrider.conf", "", #field_, field_, type_, __VA_ARGS__)
#define RESOLVER(name_, type_, ...) ROW("postrider.conf", "resolver", #name_, resolver_##name_, type_, __VA_ARGS__)
/* Outside of sections it holds for both directions; `inbound`, `outbound` and a plugin's section may say otherwise. */
#define TLS(name_, type_, ...) \
	{ .file = "tls.conf", .section = "", .name = #name_, .type = type_, .at = offsetof(struct tls_settings, name_), .varies = true, \
	  .reloadable = true, __VA_ARGS__ }
#define OUTBOUND(name_, type_, ...) ROW("outbound.conf", "", #name_, outbound_##name_, type_, .reloadable = true, __VA_ARGS__)

static const struct option_row rows[] = {
	ROW("postrider.conf", "", "me", me, OPTION_STRING, .preset = "", .check = host_name, .small_file = "me", .reloadable = true,
	    .help = "our own name, in the greeting, EHLO and Received lines; empty: the name of the host"),
	MAIN(spool_dir, OPTION_STRING, .preset = POSTRIDER_SPOOL_DIR, .check = absolute_path,
	     .help = "directory of accepted messages (postrider-spool(5)); must be on a file system that keeps what fsync(2) wrote"),
	MAIN(run_dir, OPTION_STRING, .preset = POSTRIDER_RUN_DIR, .check = absolute_path,
	     .help = "directory of sockets, pid file and scoreboard; may be on a tmpfs"),
	MAIN(state_dir, OPTION_STRING, .preset = POSTRIDER_STATE_DIR, .check = absolute_path,
	     .help = "directory of what the server knows beyond a restart of the machine, apart from messages"),
	MAIN(plugin_dir, OPTION_STRING, .preset = POSTRIDER_PLUGIN_DIR, .check = absolute_path, .reloadable = true,
	     .help = "directory of the plugins' shared objects"),
	MAIN(user, OPTION_STRING, .preset = "postrider", .check = not_empty,
	     .help = "user to become after binding ports and reading keys; means nothing when not started as root"),
	MAIN(group, OPTION_STRING, .preset = "", .help = "group to become; empty: the primary group of user"),
	MAIN(log, OPTION_STRING, .preset = "syslog", .check = log_target, .reloadable = true,
	     .help = "where to log: stderr, syslog, none, or the path of a file"),
	MAIN(log_format, OPTION_CHOICE, .preset = "text", .choices = "text json", .reloadable = true,
	     .help = "text: key=value, one line an event; json: one object a line"),
	MAIN(log_level, OPTION_CHOICE, .preset = "info", .choices = "error warn info debug", .reloadable = true,
	     .help = "the least important level that is logged"),

	MAIN(max_workers, OPTION_INT, .preset = "1000", .min = 1, .max = SCOREBOARD_SLOTS, .reloadable = true,
	     .help = "most worker processes at once; one serves one session at a time"),
	MAIN(min_spare, OPTION_INT, .preset = "5", .min = 1, .max = SCOREBOARD_SLOTS, .reloadable = true,
	     .help = "fewest idle workers; below that more are started at once"),
	MAIN(max_spare, OPTION_INT, .preset = "25", .min = 1, .max = SCOREBOARD_SLOTS, .reloadable = true,
	     .help = "most idle workers; above that the longest idle ones leave"),
	MAIN(sessions_per_worker, OPTION_INT, .preset = "1000", .min = 1, .max = 1000000000, .reloadable = true,
	     .help = "sessions after which a worker is replaced by a fresh one; 1: a new process for every session"),
	MAIN(max_from_ip, OPTION_INT, .preset = "50", .min = 0, .max = SCOREBOARD_SLOTS, .reloadable = true,
	     .help = "most sessions at once from one client address, or of one user of this machine; 0: no limit"),
	MAIN(local_users, OPTION_LIST, .preset = "*", .reloadable = true,
	     .help = "users of this machine who may send mail with postrider-sendmail(1) and postrider send; *: all; empty: none"),
	MAIN(connection_rate, OPTION_INT, .preset = "0", .min = 0, .max = RATE_MAX - 1, .reloadable = true,
	     .help = "most new connections from one client address within connection_rate_window; 0: no limit"),
	MAIN(connection_rate_window, OPTION_DURATION, .preset = "1m", .min = SECOND, .max = HOUR, .reloadable = true,
	     .help = "time over which connection_rate counts"),
	MAIN(client_prefix6, OPTION_INT, .preset = "64", .min = 16, .max = 128, .reloadable = true,
	     .help = "leading bits of an IPv6 address that count as one client in all limits by address"),
	MAIN(exempt_networks, OPTION_LIST, .preset = "", .check = network, .reloadable = true,
	     .help = "networks whose clients are not limited by address, such as monitoring"),
	MAIN(limit_connections, OPTION_INT, .preset = "0", .min = 0, .max = SCOREBOARD_SLOTS, .reloadable = true,
	     .help = "most sessions at once in all; 0: as many as max_workers"),
	MAIN(busy_wait, OPTION_DURATION, .preset = "5s", .min = 0, .max = 2 * MINUTE, .reloadable = true,
	     .help = "how long clients wait for a worker when all are busy, before they are told to come later (421); 0: they are told at once"),
	MAIN(lookup_rdns, OPTION_BOOL, .preset = "true", .reloadable = true,
	     .help = "look up the name of the client's address"),
	MAIN(smtps_ports, OPTION_LIST, .preset = "465 4650", .check = port_number,
	     .help = "ports on which TLS starts at once, unless --port or --listen-address says otherwise"),
	MAIN(submission_ports, OPTION_LIST, .preset = "587 5870", .check = port_number,
	     .help = "ports for users' mail programs: AUTH is demanded before MAIL"),
	MAIN(proxy_ports, OPTION_LIST, .preset = "", .check = port_number,
	     .help = "ports to which proxies connect, with a PROXY header, unless --port or --listen-address says otherwise"),
	MAIN(proxy_networks, OPTION_LIST, .preset = "", .check = network, .reloadable = true,
	     .help = "networks of proxies whose PROXY header is believed"),
	MAIN(proxy_timeout, OPTION_DURATION, .preset = "5s", .min = 100, .max = 5 * MINUTE, .reloadable = true,
	     .help = "time in which the PROXY header must come"),
	MAIN(xclient_hosts, OPTION_LIST, .preset = "", .check = network, .reloadable = true,
	     .help = "networks of the hosts that may say by XCLIENT for whom they speak"),

	MAIN(command_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = DAY, .small_file = "timeout", .reloadable = true,
	     .help = "time a client has for a command line (RFC 5321 4.5.3.2.7 asks for 5 minutes)"),
	MAIN(data_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = DAY, .reloadable = true,
	     .help = "longest silence while a client sends a message"),
	MAIN(min_data_rate, OPTION_INT, .preset = "100", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "bytes a second that a message must come with, over data_timeout; 0: no limit"),
	MAIN(session_timeout, OPTION_DURATION, .preset = "1h", .min = SECOND, .max = 7 * DAY, .reloadable = true,
	     .help = "longest life of a session, however busy"),
	MAIN(plugin_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = HOUR, .reloadable = true,
	     .help = "a worker that hangs in one plugin for longer is killed"),
	MAIN(shutdown_timeout, OPTION_DURATION, .preset = "30s", .min = SECOND, .max = HOUR, .reloadable = true,
	     .help = "time that what is in flight has to finish after SIGTERM"),
	MAIN(drain_timeout, OPTION_DURATION, .preset = "1h", .min = SECOND, .max = 7 * DAY, .reloadable = true,
	     .help = "time that sessions of the old configuration have to finish after a reload"),
	MAIN(max_line_length, OPTION_INT, .preset = "2048", .min = 1000, .max = 60000, .reloadable = true,
	     .help = "longest command line in bytes (RFC 5321 4.5.3.1.4 asks for 512 and room for extensions)"),
	MAIN(max_recipients, OPTION_INT, .preset = "1000", .min = 100, .max = 10000, .reloadable = true,
	     .help = "most recipients of one message; further ones get 452 (RFC 5321 4.5.3.1.8 asks for 100)"),
	MAIN(max_message_size, OPTION_SIZE, .preset = "100M", .min = 0, .max = SETTINGS_SIZE_MAX, .small_file = "databytes", .reloadable = true,
	     .help = "largest message; announced as SIZE; 0: the largest there is"),
	MAIN(max_header_size, OPTION_SIZE, .preset = "256k", .min = 16 * KIB, .max = 64 * MIB, .reloadable = true,
	     .help = "largest header of a message in all"),
	MAIN(max_header_lines, OPTION_INT, .preset = "10000", .min = 100, .max = 10000000, .reloadable = true,
	     .help = "most lines in the header of a message"),
	MAIN(max_received, OPTION_INT, .preset = "100", .min = 10, .max = 10000, .reloadable = true,
	     .help = "most Received lines of a message; one that has more goes round in circles (RFC 5321 6.3)"),
	MAIN(max_mime_depth, OPTION_INT, .preset = "100", .min = 1, .max = 1000, .reloadable = true,
	     .help = "most MIME parts in each other that plugins are shown"),
	MAIN(max_mime_parts, OPTION_INT, .preset = "1000", .min = 1, .max = 100000, .reloadable = true,
	     .help = "most MIME parts of a message that plugins are shown"),
	MAIN(max_mime_header_size, OPTION_SIZE, .preset = "64k", .min = KIB, .max = 16 * MIB, .reloadable = true,
	     .help = "largest header of a MIME part, and largest field that says what a part is"),
	MAIN(max_errors, OPTION_INT, .preset = "20", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "refused commands after which a session is ended; 0: no limit"),
	MAIN(max_unrecognized, OPTION_INT, .preset = "4", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "lines that are no command after which a session is ended; 0: no limit"),
	MAIN(max_transactions, OPTION_INT, .preset = "10000", .min = 0, .max = 1000000000, .reloadable = true,
	     .help = "most messages in one session; 0: no limit"),
	MAIN(max_noops, OPTION_INT, .preset = "50", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "most commands between two messages that do nothing for one (EHLO, NOOP, RSET, HELP, VRFY); 0: no limit"),
	MAIN(max_small_chunks, OPTION_INT, .preset = "1000", .min = 0, .max = 1000000000, .reloadable = true,
	     .help = "most chunks of less than 1 KiB in one message, the last not counted (BDAT); 0: no limit"),
	MAIN(tarpit_errors, OPTION_INT, .preset = "10", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "refused commands after which each answer waits for tarpit_delay; 0: none does"),
	MAIN(tarpit_delay, OPTION_DURATION, .preset = "1s", .min = 0, .max = MINUTE, .reloadable = true,
	     .help = "how long answers to a client with too many errors wait"),
	MAIN(tarpit_max, OPTION_DURATION, .preset = "30s", .min = 0, .max = 2 * MINUTE, .reloadable = true,
	     .help = "longest wait before an answer, also when a plugin asks for more"),
	MAIN(stress_percent, OPTION_INT, .preset = "90", .min = 0, .max = 100, .reloadable = true,
	     .help = "percentage of the sessions that may be at once from which on the values below are in force; 0: never"),
	MAIN(stress_timeout, OPTION_DURATION, .preset = "10s", .min = SECOND, .max = HOUR, .reloadable = true,
	     .help = "under stress, the longest wait for a command, for more of a message, or for an answer to be taken"),
	MAIN(stress_max_errors, OPTION_INT, .preset = "3", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "under stress, what max_errors is lowered to; 0: as ever"),
	MAIN(stress_max_noops, OPTION_INT, .preset = "5", .min = 0, .max = 1000000, .reloadable = true,
	     .help = "under stress, what max_noops is lowered to; 0: as ever"),
	MAIN(memory_body_size, OPTION_SIZE, .preset = "128k", .min = 4 * KIB, .max = 64 * MIB, .reloadable = true,
	     .help = "messages up to this size are held in memory until their end, larger ones go to a file at once"),
	MAIN(min_free_space, OPTION_SIZE, .preset = "64M", .min = 0, .max = SETTINGS_SIZE_MAX, .reloadable = true,
	     .help = "free space of the spool below which MAIL is answered with 452 4.3.1"),
	MAIN(min_free_inodes, OPTION_INT, .preset = "1000", .min = 0, .max = 1000000000, .reloadable = true,
	     .help = "free inodes of the spool below which MAIL is answered with 452 4.3.1"),
	MAIN(allow_bare_lf, OPTION_BOOL, .preset = "false", .reloadable = true,
	     .help = "accept a bare LF inside messages as a line end, for old clients; never as part of the final CRLF.CRLF"),
	MAIN(auth_without_tls, OPTION_ENUM, .preset = "false", .choices = "false challenge true", .small_file = "tls_before_auth",
	     .small_value = unless_before_auth, .reloadable = true,
	     .help = "offer AUTH on connections that are not encrypted; challenge: only mechanisms that do not send the password"
		     " (SCRAM-SHA-256, CRAM-MD5)"),
	MAIN(auth_failure_delay, OPTION_DURATION, .preset = "1s", .min = 0, .max = MINUTE, .reloadable = true,
	     .help = "least time until a failed AUTH is answered"),
	MAIN(auth_failure_window, OPTION_DURATION, .preset = "10m", .min = SECOND, .max = DAY, .reloadable = true,
	     .help = "time over which failures of AUTH are counted"),
	MAIN(auth_failures_per_address, OPTION_INT, .preset = "20", .min = 0, .max = 60000, .reloadable = true,
	     .help = "failures in the window after which AUTH from that address gets 421; 0: no limit"),
	MAIN(auth_failures_per_login, OPTION_INT, .preset = "10", .min = 0, .max = 60000, .reloadable = true,
	     .help = "failures in the window after which AUTH for that login gets 454, but from an address where it succeeded in the last days;"
		     " 0: no limit"),
	MAIN(dont_require_anglebrackets, OPTION_BOOL, .preset = "false", .reloadable = true,
	     .help = "take addresses in MAIL and RCPT without angle brackets, for old clients"),
	MAIN(parse_addr_withhelo, OPTION_BOOL, .preset = "false", .reloadable = true,
	     .help = "after HELO, which knows no extensions: refuse parameters of MAIL and RCPT, do not ask for angle brackets"),
	MAIN(greeting, OPTION_STRING, .preset = "", .small_file = "smtpgreeting", .reloadable = true,
	     .help = "text of the 220 greeting; empty: our name and \"ESMTP postrider\""),
	MAIN(discard_ehlo_keywords, OPTION_LIST, .preset = "", .check = ehlo_keyword, .reloadable = true,
	     .help = "extensions that are not offered and not taken either, such as \"CHUNKING\""),

	MAIN(store, OPTION_STRING, .preset = "lmdb", .check = store_address_expected, .secret = true, .reloadable = true,
	     .help = "where greylisting, counters and the like are kept: lmdb (files of our own), \"redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]\""
		     " or \"redis+unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]\""),
	MAIN(store_password_file, OPTION_STRING, .preset = "", .reloadable = true,
	     .help = "file whose first line is the password for Redis, read as root; relative to the configuration directory; empty: none"),
	MAIN(store_prefix, OPTION_STRING, .preset = "postrider:", .check = key_prefix, .reloadable = true,
	     .help = "what all keys in Redis begin with; machines that share the store have the same"),
	MAIN(store_connect_timeout, OPTION_DURATION, .preset = "500ms", .min = 1, .max = MINUTE, .reloadable = true,
	     .help = "time for a connection to Redis, with its name and login"),
	MAIN(store_timeout, OPTION_DURATION, .preset = "500ms", .min = 1, .max = MINUTE, .reloadable = true,
	     .help = "time for an answer of Redis; then the store counts as away"),
	MAIN(store_size, OPTION_SIZE, .preset = "256M", .min = MIB, .max = SETTINGS_SIZE_MAX, .reloadable = true,
	     .help = "how large each of the two files of lmdb may grow"),

	RESOLVER(forwarders, OPTION_LIST, .preset = "", .reloadable = true,
		 .help = "name servers to ask, \"address\" or \"address@port\"; none: resolv_conf, or else the root servers"),
	RESOLVER(local_data, OPTION_LIST, .preset = "", .reloadable = true,
		 .help = "records that are answered without asking, \"example.test. 300 IN MX 10 mx.example.test.\""),
	RESOLVER(resolv_conf, OPTION_STRING, .preset = "", .reloadable = true,
		 .help = "file to take name servers from, such as /etc/resolv.conf; empty: none"),
	RESOLVER(trust_anchor, OPTION_STRING, .preset = "", .reloadable = true,
		 .help = "root key file for DNSSEC validation, such as /usr/share/dns/root.key; empty: none"),
	RESOLVER(timeout, OPTION_DURATION, .preset = "10s", .min = 100, .max = 5 * MINUTE, .reloadable = true,
		 .help = "longest wait for an answer; then it counts as a temporary failure"),

	TLS(cert, OPTION_LIST, .preset = "tls_cert.pem", .check = not_empty,
	    .help = "files with our certificates in PEM, each followed by its chain; relative to the configuration directory; several"
		    " for several kinds of keys"),
	TLS(key, OPTION_LIST, .preset = "tls_key.pem", .check = not_empty,
	    .help = "files with the private keys in PEM, in the order of cert; relative to the configuration directory"),
	ROW("tls.conf", "", "key_process", tls_key_process, OPTION_BOOL, .preset = "true", .reloadable = true,
	    .help = "keep private keys in processes of their own, which sign for the workers: no leak of a worker's memory can show a key"),
	TLS(dhparam, OPTION_STRING, .preset = "", .only = "inbound",
	    .help = "file with parameters for Diffie-Hellman in PEM, at least 2048 bits; empty: the groups of RFC 7919"),
	TLS(ciphers, OPTION_STRING, .preset = "", .check = tls_priority_ciphers, .small_file = "tls_ciphers",
	    .help = "cipher list of OpenSSL or priority string of GnuTLS; empty: GnuTLS's NORMAL"),
	TLS(honor_cipher_order, OPTION_BOOL, .preset = "true", .only = "inbound",
	    .help = "choose by our order of ciphers, not the client's"),
	TLS(ecdh_curve, OPTION_LIST, .preset = "", .check = tls_priority_curve,
	    .help = "elliptic curves for key exchange, the preferred ones first; none, or auto: GnuTLS's choice"),
	TLS(request_ocsp, OPTION_BOOL, .preset = "false",
	    .help = "fetch OCSP responses for our certificates and staple them to handshakes"),
	TLS(min_version, OPTION_CHOICE, .preset = "TLSv1.2", .choices = "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
	    .help = "oldest version of TLS that is spoken"),
	TLS(secure_protocol, OPTION_STRING, .preset = "", .check = tls_priority_protocol, .small_file = "tls_protocols",
	    .help = "versions of TLS as OpenSSL names them, TLSv1_2 or SSLv23:!SSLv2:!SSLv3:!TLSv1; empty: all from min_version on"),

	TLS(disable_for_failed_hosts, OPTION_BOOL, .preset = "false",
	    .help = "remember hosts whose TLS failed, and do without TLS for a while: clients are not offered STARTTLS, to servers mail goes in"
		    " clear"),
	TLS(disable_expiry, OPTION_DURATION, .preset = "7d", .min = SECOND, .max = 366 * DAY,
	    .help = "how long a server whose TLS failed is remembered"),
	TLS(disable_inbound_expiry, OPTION_DURATION, .preset = "1h", .min = SECOND, .max = 366 * DAY,
	    .help = "how long a client whose TLS failed is remembered"),

	TLS(ca, OPTION_STRING, .preset = "",
	    .help = "file with the authorities in PEM that certificates of others are checked by; empty: those that the system trusts"),
	TLS(request_cert, OPTION_BOOL, .preset = "true", .only = "inbound", .help = "ask clients for a certificate; they need not have one"),
	TLS(reject_unauthorized, OPTION_BOOL, .preset = "false",
	    .help = "end handshakes with those that have no valid certificate: with clients, and with servers that we deliver to"),
	TLS(require_authorized, OPTION_LIST, .preset = "", .check = port_number, .only = "inbound",
	    .help = "ports on which clients must have a valid certificate, where reject_unauthorized is false"),
	TLS(mutual_tls, OPTION_BOOL, .preset = "false", .only = "outbound",
	    .help = "show our certificate to servers that we deliver to when they ask for one"),
	TLS(mutual_auth_hosts, OPTION_LIST, .preset = "", .check = network_or_host, .only = "outbound",
	    .help = "servers that our certificate is shown to where mutual_tls is false: by network, host name or domain of the recipient"),
	TLS(mutual_auth_hosts_exclude, OPTION_LIST, .preset = "", .check = network_or_host, .only = "outbound",
	    .help = "servers that it is not shown to where mutual_tls is true and they are not in mutual_auth_hosts"),
	TLS(no_tls_hosts, OPTION_LIST, .preset = "", .check = network_or_host,
	    .help = "with whom TLS is not spoken: clients by network, servers by network, host name or domain of the recipient"),
	TLS(force_tls_hosts, OPTION_LIST, .preset = "", .check = network_or_host, .only = "outbound",
	    .help = "servers to which mail goes over TLS and with a valid certificate, or not at all: by network, host name or domain of the recipient"),
	TLS(no_starttls_ports, OPTION_LIST, .preset = "", .check = port_number, .only = "inbound", .help = "ports on which STARTTLS is not offered"),

	ROW("tls.conf", "", "watch_interval", tls_watch_interval, OPTION_DURATION, .preset = "1m", .min = 0, .max = DAY, .reloadable = true,
	    .help = "time between two looks at the files of certificates and keys, which are put in force when they have changed; 0: only a"
		    " reload does that"),

	OUTBOUND(disabled, OPTION_BOOL, .preset = "false", .help = "deliver nothing; messages are still accepted and kept"),
	OUTBOUND(enable_tls, OPTION_BOOL, .preset = "true", .help = "use STARTTLS where the remote server offers it"),
	ROW("outbound.conf", "", "ipv6_enabled", outbound_ipv6, OPTION_BOOL, .preset = "true", .reloadable = true,
	    .help = "deliver over IPv6 too"),
	OUTBOUND(inet_prefer, OPTION_ENUM, .preset = "default", .choices = "default v4 v6",
		 .help = "which addresses of a host are tried first; default: IPv6"),
	OUTBOUND(local_mx_ok, OPTION_BOOL, .preset = "false",
		 .help = "deliver to hosts whose address is local or private; else such an address counts as unusable"),
	OUTBOUND(received_header, OPTION_STRING, .preset = "", .help = "text of an additional Received line on delivered messages; empty: none"),
	OUTBOUND(chunking, OPTION_BOOL, .preset = "false",
		 .help = "send messages by BDAT instead of DATA where the server offers CHUNKING; what is BINARYMIME always goes so"),
	OUTBOUND(without_8bitmime, OPTION_ENUM, .preset = "send", .choices = "encode bounce send",
		 .help = "what to do with an 8-bit message when the server lacks 8BITMIME: encode it (bounce where a signature would break),"
			 " bounce it, or send it as it is"),
	OUTBOUND(without_binarymime, OPTION_ENUM, .preset = "encode", .choices = "encode bounce",
		 .help = "what to do with a BINARYMIME message when the server lacks that: encode it (bounce where a signature would break),"
			 " or bounce it"),
	OUTBOUND(without_auth, OPTION_ENUM, .preset = "defer", .choices = "defer send",
		 .help = "what to do when a route has a user for AUTH and the server offers no AUTH that can be used: defer the mail, or send it"
			 " without and log a warning"),
	OUTBOUND(runners, OPTION_INT, .preset = "1", .min = 1, .max = RUNNERS_MAX,
		 .help = "how many queue-runners there are, among which the queue is split by destination"),
	OUTBOUND(concurrency_max, OPTION_INT, .preset = "100", .min = 1, .max = 100000, .help = "most connections at once in all"),
	OUTBOUND(concurrency_per_destination, OPTION_INT, .preset = "20", .min = 1, .max = 10000,
		 .help = "most connections at once to one destination"),
	OUTBOUND(active_max, OPTION_INT, .preset = "1000", .min = 1, .max = 1000000, .help = "most messages being worked on at once"),
	OUTBOUND(port, OPTION_INT, .preset = "25", .min = 1, .max = 65535,
		 .help = "port of the hosts that DNS names; anything but 25 is for tests and labs"),
	OUTBOUND(connect_timeout, OPTION_DURATION, .preset = "30s", .min = SECOND, .max = HOUR, .help = "time for a connection to be made"),
	OUTBOUND(greeting_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = HOUR,
		 .help = "time for the greeting (RFC 5321 4.5.3.2.1)"),
	OUTBOUND(helo_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = HOUR, .help = "time for the answer to EHLO, HELO or LHLO"),
	OUTBOUND(tls_timeout, OPTION_DURATION, .preset = "2m", .min = SECOND, .max = HOUR,
		 .help = "time for the answer to STARTTLS, and again for the handshake"),
	OUTBOUND(auth_timeout, OPTION_DURATION, .preset = "3m", .min = SECOND, .max = HOUR,
		 .help = "time for each answer to AUTH (RFC 4954 4)"),
	OUTBOUND(mail_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = HOUR,
		 .help = "time for the answer to MAIL (RFC 5321 4.5.3.2.2)"),
	OUTBOUND(rcpt_timeout, OPTION_DURATION, .preset = "5m", .min = SECOND, .max = HOUR,
		 .help = "time for the answer to a RCPT (RFC 5321 4.5.3.2.3)"),
	OUTBOUND(data_timeout, OPTION_DURATION, .preset = "2m", .min = SECOND, .max = HOUR,
		 .help = "time for the answer to DATA (RFC 5321 4.5.3.2.4)"),
	OUTBOUND(body_timeout, OPTION_DURATION, .preset = "3m", .min = SECOND, .max = HOUR,
		 .help = "longest standstill while a message is being sent (RFC 5321 4.5.3.2.5)"),
	OUTBOUND(min_data_rate, OPTION_INT, .preset = "500", .min = 0, .max = 1000000000,
		 .help = "octets a second that a server must take of a message on the whole, body_timeout aside; 0: any"),
	OUTBOUND(end_of_data_timeout, OPTION_DURATION, .preset = "10m", .min = SECOND, .max = HOUR,
		 .help = "time for the answer to the end of a message (RFC 5321 4.5.3.2.6); a shorter one makes duplicates"),
	OUTBOUND(rset_timeout, OPTION_DURATION, .preset = "20s", .min = SECOND, .max = HOUR, .help = "time for the answer to RSET"),
	OUTBOUND(quit_timeout, OPTION_DURATION, .preset = "10s", .min = SECOND, .max = HOUR, .help = "time for the answer to QUIT"),
	OUTBOUND(pool_timeout, OPTION_DURATION, .preset = "50s", .min = 0, .max = HOUR,
		 .help = "how long an idle connection is kept for the next message; 0: not at all"),
	OUTBOUND(pool_concurrency_max, OPTION_INT, .preset = "10", .min = 0, .max = 10000,
		 .help = "most idle connections kept to one address; 0: none"),
	OUTBOUND(deliveries_per_connection, OPTION_INT, .preset = "100", .min = 1, .max = 1000000, .help = "most messages over one connection"),
	OUTBOUND(recipients_per_delivery, OPTION_INT, .preset = "100", .min = 1, .max = 10000,
		 .help = "most recipients in one delivery; more are split (RFC 5321 4.5.3.1.8: a server takes at least 100)"),
	OUTBOUND(always_split, OPTION_BOOL, .preset = "false",
		 .help = "deliver each recipient on its own, and return its mail in a notice of its own"),
	OUTBOUND(temp_fail_intervals, OPTION_STRING, .preset = "", .check = intervals,
		 .help = "waits after failed attempts, such as \"1m, 5m*2, 1h*3\", after the last of which a message is returned; none: the first"
			 " failure is final; empty: 64 seconds, doubled each time"),
	OUTBOUND(max_temp_failures, OPTION_INT, .preset = "13", .min = 1, .max = 1000,
		 .help = "failed attempts after which a message is returned, where temp_fail_intervals is empty"),
	OUTBOUND(queue_lifetime, OPTION_DURATION, .preset = "5d", .min = SECOND, .max = 100 * DAY,
		 .help = "time after which an undelivered message is returned (RFC 5321 4.5.4.1 asks for 4 to 5 days)"),
	OUTBOUND(bounce_lifetime, OPTION_DURATION, .preset = "5d", .min = SECOND, .max = 100 * DAY,
		 .help = "time after which an undelivered message without a sender is given up, when queue_lifetime is not over before"),
	OUTBOUND(dead_host_time, OPTION_DURATION, .preset = "5m", .min = 0, .max = DAY,
		 .help = "how long a host that could not be reached is left alone"),
	OUTBOUND(hook_timeout, OPTION_DURATION, .preset = "30s", .min = SECOND, .max = HOUR,
		 .help = "time that a plugin has to answer a hook of the queue-runner later"),
	OUTBOUND(hook_blocking_warn, OPTION_DURATION, .preset = "100ms", .min = 0, .max = HOUR,
		 .help = "a plugin that keeps the queue-runner from its work for longer is named in the log; 0: none is"),
	OUTBOUND(helper_plugins, OPTION_LIST, .preset = "",
		 .help = "plugins whose hooks of the queue-runner may block, by their names in the file plugins: they run in helper processes"),
	OUTBOUND(helpers, OPTION_INT, .preset = "4", .min = 1, .max = 64, .help = "most helper processes"),
	OUTBOUND(delay_warning, OPTION_DURATION, .preset = "0", .min = 0, .max = 100 * DAY,
		 .help = "time after which the sender is told that a message is late; 0: only senders who ask for it (RFC 3461), after 4 hours"),
	OUTBOUND(bounce_max_return, OPTION_SIZE, .preset = "1M", .min = 0, .max = SETTINGS_SIZE_MAX,
		 .help = "largest message that is returned whole with the notice that it failed; of a larger one only the headers are"),
	OUTBOUND(double_bounce_to, OPTION_STRING, .preset = "", .check = mailbox,
		 .help = "who is told when a message without a sender, such as a notice, cannot be delivered; empty: nobody"),
};

const struct option_row *settings_rows(size_t *count)
{
	*count = COUNT_OF(rows);
	return rows;
}
