/* keeper - keeps things in the store: for clients by commands of its own (XGET KEY, XSET KEY VALUE SECONDS, XADD KEY N
 * SECONDS, XDEL KEY, XLATER KEY), and in the queue-runner by counting deliveries. The argument "space NAME" names the
 * namespace, "lasting 1" what kind it is. */
#include <postrider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const results[] = { "OK", "NONE", "AWAY", "BAD" };

static bool init(struct plugin *self)
{
	bool lasting;

	if (!pr_option_bool(self, "lasting", false, &lasting))
		return false;
	pr_set_data(self, pr_store_open(self, pr_option(self, "space"), lasting));
	return pr_data(self) != NULL;
}

static void on_later(struct plugin *self, void *arg, const struct pr_store_answer *a)
{
	snprintf(arg, 200, "later %s %s %zu in %s", results[a->result], a->value, a->len, pr_name(self));
}

/* The words of the command's arguments, in place. */
static int split(char *text, char *words[3])
{
	int n = 0;

	for (char *save, *w = strtok_r(text, " ", &save); w && n < 3; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return n;
}

static enum verdict on_command(struct hook_call *call)
{
	const struct pr_store *store = pr_data(pr_self(call));
	const char *verb = pr_command(call), *value = "";
	char args[2048], told[200] = "", *w[3] = { "", "", "" };
	enum pr_store_result r = PR_STORE_BAD;
	size_t len = 0;
	int64_t count = 0;

	snprintf(args, sizeof args, "%s", pr_command_args(call));
	split(args, w);
	if (strcmp(verb, "XGET") == 0)
		r = pr_store_get(call, store, w[0], strlen(w[0]), &value, &len);
	else if (strcmp(verb, "XSET") == 0)
		r = pr_store_set(call, store, w[0], strlen(w[0]), w[1], strlen(w[1]), strtoll(w[2], NULL, 10));
	else if (strcmp(verb, "XADD") == 0)
		r = pr_store_add(call, store, w[0], strlen(w[0]), strtoll(w[1], NULL, 10), strtoll(w[2], NULL, 10), &count);
	else if (strcmp(verb, "XDEL") == 0)
		r = pr_store_delete(call, store, w[0], strlen(w[0]));
	else if (strcmp(verb, "XLATER") == 0)
		pr_store_get_later(call, store, w[0], strlen(w[0]), on_later, told);
	else
		return DECLINED;
	if (len != strlen(value))
		abort();
	if (*told)
		pr_reply(call, 250, NULL, "%s", told);
	else
		pr_reply(call, 250, NULL, "%s %s %lld", results[r], value, (long long)count);
	return OK;
}

/* ---- in the queue-runner ---- */

static char domains[64][64];	/* of the questions under way */

static void on_counted(struct plugin *self, void *arg, const struct pr_store_answer *a)
{
	pr_log_init(self, PR_INFO, "counted %s: %s %lld", (const char *)arg, results[a->result], (long long)a->count);
}

static enum verdict on_delivered(struct hook_call *call)
{
	const struct pr_store *store = pr_data(pr_self(call));
	static unsigned next;
	char *domain = domains[next++ % 64];
	const char *value;
	size_t len;

	snprintf(domain, 64, "%s", pr_next_domain(call));
	if (pr_store_get(call, store, "x", 1, &value, &len) != PR_STORE_AWAY)
		abort();
	pr_store_set_later(call, store, "last", 4, domain, strlen(domain), 600, NULL, NULL);
	pr_store_add_later(call, store, domain, strlen(domain), 1, 600, on_counted, domain);
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "keeper",
	.init = init,
	.hooks = { [HOOK_UNRECOGNIZED_COMMAND] = on_command, [HOOK_DELIVERED] = on_delivered },
};
