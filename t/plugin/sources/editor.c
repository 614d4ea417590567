/* editor - changes the header section as its arguments say, in their order, and logs what came of each: "prepend:NAME:VALUE",
 * "append:NAME:VALUE", "insert:INDEX:NAME:VALUE", "change:NAME:N:VALUE", "remove:NAME", "remove_nth:NAME:N", "walk", and "at:INDEX" for
 * what must be refused. In values "|" is a line end. */
#include <postrider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 4
#define SIZE 4096

static size_t split(const char *arg, char piece[PIECES][SIZE])
{
	size_t n = 0;
	const char *from = arg;

	while (n < PIECES) {
		const char *colon = n + 1 < PIECES ? strchr(from, ':') : NULL;
		size_t len = colon ? (size_t)(colon - from) : strlen(from);

		snprintf(piece[n], SIZE, "%.*s", (int)len, from);
		for (char *c = piece[n]; *c; c++)
			*c = *c == '|' ? '\n' : *c;
		n++;
		if (!colon)
			break;
		from = colon + 1;
	}
	return n;
}

static void walk(struct hook_call *call)
{
	size_t len;

	for (size_t i = 0; i < pr_header_fields(call); i++)
		pr_log(call, PR_INFO, "field %zu <%s> <%s> raw %zu", i, pr_header_name_at(call, i), pr_header_at(call, i),
		       pr_header_raw_at(call, i, &len) ? len : 0);
	if (pr_header_name_at(call, pr_header_fields(call)) || pr_header_at(call, SIZE_MAX) || pr_header_raw_at(call, SIZE_MAX, &len) || len)
		abort();
}

/* What each must say past the end, and to what is not fit. */
static bool refused(struct hook_call *call, size_t index)
{
	return !pr_header_change(call, index, "x") && !pr_header_remove_at(call, index) && !pr_header_insert(call, 0, "a b", "x") &&
	       !pr_header_insert(call, index, "", "x") && !pr_header_insert(call, index, "X", "a\nb") && !pr_header_change(call, 0, "a\r\n\r\nb");
}

static bool operate(struct hook_call *call, const char *arg)
{
	static char p[PIECES][SIZE];
	size_t n = split(arg, p), index;

	if (strcmp(p[0], "walk") == 0) {
		walk(call);
		return true;
	}
	if (n == 3 && strcmp(p[0], "prepend") == 0)
		return pr_header_prepend(call, p[1], p[2]);
	if (n == 3 && strcmp(p[0], "append") == 0)
		return pr_header_append(call, p[1], p[2]);
	if (n == 4 && strcmp(p[0], "insert") == 0)
		return pr_header_insert(call, strtoul(p[1], NULL, 10), p[2], p[3]);
	if (n == 4 && strcmp(p[0], "change") == 0)
		return pr_header_find(call, p[1], (int)strtol(p[2], NULL, 10), &index) && pr_header_change(call, index, p[3]);
	if (n == 2 && strcmp(p[0], "remove") == 0)
		return pr_header_remove(call, p[1]) > 0;
	if (n == 3 && strcmp(p[0], "remove_nth") == 0)
		return pr_header_find(call, p[1], (int)strtol(p[2], NULL, 10), &index) && pr_header_remove_at(call, index);
	if (n == 2 && strcmp(p[0], "at") == 0)
		return refused(call, strtoul(p[1], NULL, 10));
	abort();
}

static enum verdict edit(struct hook_call *call)
{
	const struct plugin *self = pr_self(call);

	for (size_t i = 0; i < pr_arg_count(self); i++)
		pr_log(call, PR_INFO, "%s %s", operate(call, pr_arg(self, i)) ? "did" : "did not", pr_arg(self, i));
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = { .abi = POSTRIDER_ABI, .name = "editor", .hooks = { [HOOK_DATA_POST] = edit } };
