/* routes - next hops by recipient domain, from the file routes: "example.com host:port", ".example.com host:port" (all
 * below it) or "* host:port" (everything that is not ours). A route wins over MX and over local delivery. */
#include <postrider.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct routes {
	struct pr_hosts *routes;	/* values are next hops */
	struct pr_hosts *local;
	const char *all;		/* the "*" line, or NULL */
};

static bool port_valid(const char *port)
{
	char *end;
	unsigned long number = strtoul(port, &end, 10);
	return isdigit((unsigned char)*port) && *end == '\0' && number > 0 && number < 65536;
}

/* "host", "host:port", "[v6]:port"; what pr_add_mx takes besides belongs to other plugins. */
static bool hop_valid(const char *hop)
{
	if (*hop == '[') {
		size_t len = strspn(hop + 1, "0123456789abcdefABCDEF:.");
		const char *rest = hop + 1 + len;
		return len > 1 && *rest == ']' && (rest[1] == '\0' || (rest[1] == ':' && port_valid(rest + 2)));
	}
	size_t len = strspn(hop, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
	return len > 0 && len < 254 && *hop != '.' && *hop != '-' && (hop[len] == '\0' || (hop[len] == ':' && port_valid(hop + len + 1)));
}

static bool add(struct plugin *self, struct routes *r, const char *line)
{
	size_t len = strcspn(line, " \t:");
	const char *hop = line + len + strspn(line + len, " \t:");	/* qmail's smtproutes have ":" here */
	char *domain = pr_alloc(self, len + 1);
	memcpy(domain, line, len);
	if (len == 0 || !hop_valid(hop))
		return pr_fail(self, "found \"%s\", expected a domain, .domain or *, and host:port", line);
	if (strcmp(domain, "*") == 0) {
		if (r->all)
			return pr_fail(self, "found \"*\" again");
		r->all = hop;
		return true;
	}
	return pr_hosts_add(self, r->routes, domain, hop);
}

static bool init(struct plugin *self)
{
	struct routes *r = pr_alloc(self, sizeof *r);
	const char *const *lines = pr_list(self, "routes");
	r->routes = pr_hosts_new(self);
	r->local = pr_hosts_new(self);
	bool good = lines && pr_hosts_add(self, r->local, pr_me(self), "");
	good &= pr_hosts_load(self, r->local, "rcpthosts");
	good &= pr_hosts_load(self, r->local, "morercpthosts");
	for (size_t i = 0; lines && lines[i]; i++) {
		pr_where(self, "routes", i);
		good &= add(self, r, lines[i]);
	}
	pr_where(self, NULL, 0);
	pr_set_data(self, r);
	return pr_no_more_options(self) && good;
}

/* One of our domains with a route of its own: to the spool with it, not to the local mailboxes. */
static enum verdict on_rcpt_pre(struct hook_call *call)
{
	const struct routes *r = pr_data(pr_self(call));
	if (pr_hosts_find(r->routes, pr_recipient_domain(call)))
		pr_recipient_to_spool(call);
	return DECLINED;
}

static enum verdict on_get_mx(struct hook_call *call)
{
	const struct routes *r = pr_data(pr_self(call));
	const char *domain = pr_next_domain(call);
	const char *hop = pr_hosts_find(r->routes, domain);
	if (!hop && !pr_hosts_find(r->local, domain))
		hop = r->all;
	if (!hop)
		return DECLINED;
	return pr_add_mx(call, 0, hop) ? OK : DENYSOFT;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "routes",
	.init = init,
	.hooks = { [HOOK_RCPT_PRE] = on_rcpt_pre, [HOOK_GET_MX] = on_get_mx },
};
