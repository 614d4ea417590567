/* plugin_api.c - the part of plugins/postrider.h that concerns the instance: its arguments, its data, its log lines
 * and its reply. Its lists are in plugin_config.c, the logging hook in plugin_log.c, the session's part in
 * worker/plugin_api.c, the delivery's in queue/plugin_api.c. */
#include "base.h"
#include "base64.h"
#include "plugin_list.h"
#include "log.h"
#include "netaddr.h"
#include "password.h"
#include "reply.h"
#include "scram.h"
#include "view.h"

/* To plugins, a struct hostset is a struct pr_hosts, a struct netlist a struct pr_networks. */

struct plugin *pr_self(struct hook_call *call)
{
	return call->self;
}

const char *pr_name(const struct plugin *self)
{
	return self->name;
}

bool pr_fail(struct plugin *self, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	plugin_vfail(self, format, ap);
	va_end(ap);
	return false;
}

/* ---- arguments ---- */

size_t pr_arg_count(const struct plugin *self)
{
	return self->arg_count;
}

const char *pr_arg(const struct plugin *self, size_t index)
{
	if (index >= self->arg_count)
		return NULL;
	if (self->arg_use[index] == ARG_UNUSED)
		self->arg_use[index] = ARG_VALUE;
	return self->args[index];
}

const char *pr_option_nth(const struct plugin *self, const char *key, size_t n)
{
	size_t len = strlen(key);
	for (size_t i = 0; i < self->arg_count; i++) {
		const char *arg = self->args[i];
		if (self->arg_use[i] == ARG_VALUE || strncmp(arg, key, len) != 0 || (arg[len] != '\0' && arg[len] != '='))
			continue;
		self->arg_use[i] = ARG_KEY;
		if (arg[len] == '\0' && i + 1 < self->arg_count)
			self->arg_use[i + 1] = ARG_VALUE;
		if (n-- > 0)
			continue;
		if (arg[len] == '=')
			return arg + len + 1;
		return i + 1 < self->arg_count ? self->args[i + 1] : "";
	}
	return NULL;
}

const char *pr_option(const struct plugin *self, const char *key)
{
	return pr_option_nth(self, key, 0);
}

bool pr_option_int(struct plugin *self, const char *key, int64_t min, int64_t max, int64_t fallback, int64_t *out)
{
	const char *text = pr_option(self, key);
	*out = fallback;
	if (!text)
		return true;
	errno = 0;
	char *end;
	long long value = strtoll(text, &end, 10);
	if (*text == '\0' || *end != '\0' || errno != 0 || value < min || value > max)
		return pr_fail(self, "argument %s: found \"%s\", expected a number from %lld to %lld", key, text, (long long)min, (long long)max);
	*out = value;
	return true;
}

bool pr_option_bool(struct plugin *self, const char *key, bool fallback, bool *out)
{
	static const char *const words[] = { "0", "no", "false", "off", "1", "yes", "true", "on" };
	const char *text = pr_option(self, key);
	*out = fallback;
	if (!text)
		return true;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i]) == 0) {
			*out = i >= COUNT_OF(words) / 2;
			return true;
		}
	return pr_fail(self, "argument %s: found \"%s\", expected 1 or 0 (yes or no)", key, text);
}

bool pr_reject_options(struct plugin *self)
{
	static const struct { const char *word; enum plugin_reject reject; } modes[] = {
		{ "1", REJECT_YES }, { "0", REJECT_NO }, { "naughty", REJECT_NAUGHTY } };
	static const struct { const char *word; enum verdict verdict; } types[] = {
		{ "perm", DENY }, { "temp", DENYSOFT }, { "disconnect", DENY_DISCONNECT }, { "temp_disconnect", DENYSOFT_DISCONNECT } };
	const char *mode = pr_option(self, "reject"), *type = pr_option(self, "reject_type");
	bool mode_good = !mode, type_good = !type;
	for (size_t i = 0; mode && i < COUNT_OF(modes); i++)
		if (strcmp(mode, modes[i].word) == 0) {
			self->reject = modes[i].reject;
			mode_good = true;
		}
	for (size_t i = 0; type && i < COUNT_OF(types); i++)
		if (strcmp(type, types[i].word) == 0) {
			self->reject_verdict = types[i].verdict;
			type_good = true;
		}
	if (!mode_good)
		pr_fail(self, "argument reject: found \"%s\", expected 0, 1 or naughty", mode);
	if (!type_good)
		pr_fail(self, "argument reject_type: found \"%s\", expected perm, temp, disconnect or temp_disconnect", type);
	return mode_good && type_good;
}

bool pr_no_more_options(struct plugin *self)
{
	bool good = true;
	for (size_t i = 0; i < self->arg_count; i++)
		if (self->arg_use[i] == ARG_UNUSED)
			good = pr_fail(self, "found the argument \"%s\", which this plugin does not know", self->args[i]);
	return good;
}

static void drop_from(struct plugin **chain, size_t *count, const struct plugin *p)
{
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++)
		if (chain[i] != p)
			chain[kept++] = chain[i];
	*count = kept;
}

void pr_drop_hook(struct plugin *self, enum hook hook)
{
	if ((unsigned)hook < HOOK_COUNT && !self->ready)
		drop_from(self->list->chain[hook], &self->list->chain_count[hook], self);
}

bool pr_auth_options(struct plugin *self)
{
	static const struct { const char *word; enum plugin_constrain constrain; } words[] = {
		{ "no", CONSTRAIN_NO }, { "0", CONSTRAIN_NO }, { "false", CONSTRAIN_NO }, { "domain", CONSTRAIN_DOMAIN }, { "1", CONSTRAIN_DOMAIN },
		{ "true", CONSTRAIN_DOMAIN }, { "address", CONSTRAIN_ADDRESS } };
	const char *text = pr_option(self, "constrain_sender");
	self->constrain = CONSTRAIN_DOMAIN;
	if (!text)
		return true;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i].word) == 0) {
			self->constrain = words[i].constrain;
			return true;
		}
	return pr_fail(self, "argument constrain_sender: found \"%s\", expected no, domain or address", text);
}

/* ---- data ---- */

void pr_set_data(struct plugin *self, void *data)
{
	self->data = data;
}

void *pr_data(const struct plugin *self)
{
	return self->data;
}

void *pr_alloc(struct plugin *self, size_t size)
{
	return arena_alloc(self->list->arena, size);
}

/* ---- names ---- */

const char *pr_config_dir(const struct plugin *self)
{
	return self->list->settings->dir;
}

const char *pr_me(const struct plugin *self)
{
	return self->list->settings->me;
}

/* ---- sets ---- */

static void hosts_cleanup(void *hosts)
{
	struct hostset *set = hosts;
	hostset_free(&set);
}

struct pr_hosts *pr_hosts_new(struct plugin *self)
{
	struct hostset *set = hostset_new();
	arena_cleanup(self->list->arena, hosts_cleanup, set);
	return (struct pr_hosts *)set;
}

bool pr_hosts_add(struct plugin *self, struct pr_hosts *hosts, const char *entry, const char *value)
{
	struct err err = { .text = "" };
	if (hostset_add((struct hostset *)hosts, entry, arena_strdup(self->list->arena, value), &err))
		return true;
	return pr_fail(self, "%s", err.text);
}

bool pr_hosts_load(struct plugin *self, struct pr_hosts *hosts, const char *list_name)
{
	const char *const *lines = pr_list(self, list_name);
	bool good = lines != NULL;
	for (size_t i = 0; lines && lines[i]; i++) {
		pr_where(self, list_name, i);
		good &= pr_hosts_add(self, hosts, lines[i], "");
	}
	pr_where(self, NULL, 0);
	return good;
}

const char *pr_hosts_find(const struct pr_hosts *hosts, const char *domain)
{
	return hostset_find((const struct hostset *)hosts, view_of(domain));
}

static void networks_cleanup(void *networks)
{
	struct netlist *list = networks;
	netlist_free(&list);
}

struct pr_networks *pr_networks_new(struct plugin *self)
{
	struct netlist *list = netlist_new();
	arena_cleanup(self->list->arena, networks_cleanup, list);
	return (struct pr_networks *)list;
}

bool pr_networks_add(struct plugin *self, struct pr_networks *networks, const char *entry)
{
	struct err err = { .text = "" };
	if (netlist_add((struct netlist *)networks, view_of(entry), &err))
		return true;
	return pr_fail(self, "%s", err.text);
}

bool pr_networks_load(struct plugin *self, struct pr_networks *networks, const char *list_name)
{
	const char *const *lines = pr_list(self, list_name);
	bool good = lines != NULL;
	for (size_t i = 0; lines && lines[i]; i++) {
		pr_where(self, list_name, i);
		good &= pr_networks_add(self, networks, lines[i]);
	}
	pr_where(self, NULL, 0);
	return good;
}

bool pr_networks_has(const struct pr_networks *networks, const char *ip)
{
	struct netaddr addr;
	return netaddr_parse(view_of(ip), &addr) && netlist_has((const struct netlist *)networks, &addr);
}

static const char **list_of_one(struct arena *a, const char *value)
{
	const char **values = arena_alloc(a, 2 * sizeof *values);
	values[0] = arena_strdup(a, value);
	return values;
}

bool pr_enable_tls(struct plugin *self, const char *cert, const char *key, const char *ca, const char *dhparam)
{
	struct plugin_list *list = self->list;
	struct tls_settings *t = arena_alloc(list->arena, sizeof *t);
	if (!list->before_drop)
		return pr_fail(self, "TLS can be switched on only in before_drop");
	if (list->tls)
		return pr_fail(self, "TLS has been switched on by another plugin");
	*t = *settings_tls(list->settings, "inbound");
	if (cert)
		t->cert = list_of_one(list->arena, cert);
	if (key)
		t->key = list_of_one(list->arena, key);
	if (ca)
		t->ca = arena_strdup(list->arena, ca);
	if (dhparam)
		t->dhparam = arena_strdup(list->arena, dhparam);
	list->tls = t;
	return true;
}

bool pr_password_is_hash(const char *hash)
{
	return password_is_hash(hash);
}

bool pr_password_is_scram(const char *hash)
{
	struct scram_keys keys;
	return scram_keys_read(hash, &keys);
}

bool pr_base64(const void *octets, size_t len, char *out, size_t size)
{
	return base64_encode(view_make(octets, len), out, size);
}

bool pr_password_same(const char *a, const char *b)
{
	return password_same(a, b);
}

bool pr_password_check(const char *password, const char *hash)
{
	return hash ? password_check(password, hash) : password_check_dummy(password);
}

/* ---- log ---- */

static void api_log(const struct plugin *self, enum pr_level level, const char *format, va_list ap) PRINTFLIKE(3, 0);
static void api_log(const struct plugin *self, enum pr_level level, const char *format, va_list ap)
{
	static const enum log_level levels[] = {
		[PR_ERROR] = LOG_LEVEL_ERROR, [PR_WARN] = LOG_LEVEL_WARN, [PR_INFO] = LOG_LEVEL_INFO, [PR_DEBUG] = LOG_LEVEL_DEBUG };
	enum log_level l = (unsigned)level < COUNT_OF(levels) ? levels[level] : LOG_LEVEL_ERROR;
	if (!log_wants(l))
		return;
	char text[1024];
	struct log_line line;
	vsnprintf(text, sizeof text, format, ap);
	log_begin(&line, l, text);
	log_str(&line, "plugin", self->name);
	log_end(&line);
}

void pr_log(struct hook_call *call, enum pr_level level, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	api_log(call->self, level, format, ap);
	va_end(ap);
}

void pr_log_init(const struct plugin *self, enum pr_level level, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	api_log(self, level, format, ap);
	va_end(ap);
}

/* ---- the reply ---- */

/* RFC 3463 section 2: class "." subject "." detail, up to three digits each. */
static bool enhanced_fits(const char *enhanced, unsigned class)
{
	struct view rest = view_of(enhanced);
	uint64_t first, subject, detail;
	return view_u64(view_cut(&rest, '.'), 9, &first) && view_u64(view_cut(&rest, '.'), 999, &subject) &&
		view_u64(rest, 999, &detail) && first == class && strlen(enhanced) < sizeof ((struct reply *)0)->enhanced;
}

static void api_reply(struct hook_call *call, unsigned code, const char *enhanced, const char *text)
{
	static const char *const defaults[] = { [2] = "2.0.0", [4] = "4.7.1", [5] = "5.7.1" };
	unsigned class = code / 100;
	if (class == 3)
		enhanced = NULL;	/* RFC 2034 section 4: 2xx, 4xx and 5xx only */
	else if (!enhanced || !enhanced_fits(enhanced, class)) {
		if (enhanced)
			log_warn("plugin %s: enhanced code %s does not fit code %u", call->self->name, enhanced, code);
		enhanced = defaults[class];
	}
	reply_set(call->reply, code, enhanced, "%s", text);
}

void pr_reply(struct hook_call *call, int code, const char *enhanced, const char *format, ...)
{
	char text[REPLY_TEXT];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (code < 200 || code > 599) {
		log_warn("plugin %s: reply code %d is none of RFC 5321", call->self->name, code);
		code = 450;	/* plugin_run puts the verdict's own in its place */
	}
	api_reply(call, (unsigned)code, enhanced, text);
}

/* RFC 5321 4.2.3 and 3.1: 554 or 421 in place of the greeting, 421 whenever the connection is closed, else 550 or 450. */
static unsigned reject_code(enum hook hook, enum verdict verdict)
{
	bool greeting = hook <= HOOK_CONNECT;
	if (verdict == DENY || verdict == DENY_DISCONNECT)
		return greeting ? 554 : 550;
	return greeting || verdict == DENYSOFT_DISCONNECT ? 421 : 450;
}

enum verdict pr_reject(struct hook_call *call, const char *enhanced, const char *format, ...)
{
	const struct plugin *self = call->self;
	char text[REPLY_TEXT], code[16];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (self->reject == REJECT_NO) {
		pr_log(call, PR_INFO, "would reject at %s: %s", plugin_hook_name(call->hook), text);
		return DECLINED;
	}
	/* After RCPT there is no later place to refuse: reject at once. */
	if (self->reject == REJECT_NAUGHTY && call->session && call->hook < HOOK_RCPT_PRE) {
		pr_log(call, PR_INFO, "naughty at %s: %s", plugin_hook_name(call->hook), text);
		bool soft = self->reject_verdict == DENYSOFT || self->reject_verdict == DENYSOFT_DISCONNECT;
		if (pr_set_connection_note(call, "naughty", text) && pr_set_connection_note(call, "naughty_for_now", soft ? "1" : NULL))
			return DECLINED;
	}
	unsigned smtp = reject_code(call->hook, self->reject_verdict);
	snprintf(code, sizeof code, "%u%s", smtp / 100, enhanced && *enhanced ? enhanced + 1 : ".7.1");
	api_reply(call, smtp, code, text);
	return self->reject_verdict;
}
