/* anatomist - logs the parts of each message and the beginnings of what is in them, at data_post. With the argument `retype` it first
 * makes the message a text/plain, when its structure was looked at already. */
#include <postrider.h>
#include <stdio.h>
#include <string.h>

static void names(struct hook_call *call, size_t part, char *out, size_t size)
{
	const char *name;
	size_t len = 0;

	out[0] = '\0';
	for (size_t n = 0; len < size && (name = pr_part_filename(call, part, n)) != NULL; n++)
		len += (size_t)snprintf(out + len, size - len, "%s/", name);
}

/* Everything, in pieces of odd sizes: how much, and a sum. */
static void content(struct hook_call *call, size_t part, enum pr_reading how, const char *what)
{
	struct pr_reader *r = pr_part_open(call, part, how);
	unsigned long sum = 0, len = 0;
	char piece[5000], first[100] = "";
	size_t size = 1;
	ssize_t got;

	while ((got = pr_read(r, piece, size)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			sum = (sum * 31 + (unsigned char)piece[i]) % 1000003;
		if (len < sizeof first - 1)
			snprintf(first + len, sizeof first - len, "%.*s", (int)got, piece);
		len += (unsigned long)got;
		size = size * 3 % 4999 + 1;
	}
	first[strcspn(first, "\r\n")] = '\0';
	pr_log(call, PR_INFO, "part %zu %s: %ld %lu %lu <%s>", part, what, (long)got, len, sum, first);
}

static void lines(struct hook_call *call)
{
	struct pr_reader *r = pr_body_open(call);
	unsigned long count = 0, bytes = 0;
	char line[50];
	ssize_t got;

	while ((got = pr_read_line(r, line, sizeof line)) > 0) {
		count += line[got - 1] == '\n';
		bytes += (unsigned long)got;
	}
	pr_log(call, PR_INFO, "body: %ld %lu lines %lu bytes", (long)got, count, bytes);
}

static enum verdict on_data_post(struct hook_call *call)
{
	size_t count;
	enum pr_mime result = pr_mime(call, &count);
	char all[2000];

	if (pr_arg(pr_self(call), 0)) {
		pr_header_remove(call, "Content-Type");
		pr_header_append(call, "Content-Type", "text/plain");
		result = pr_mime(call, &count);
	}
	pr_log(call, PR_INFO, "result %d parts %zu", (int)result, count);
	for (size_t i = 0; i < count && i < 20; i++) {
		names(call, i, all, sizeof all);
		pr_log(call, PR_INFO, "part %zu: %u in %zu %s %s [%s] %s flaws=%u size=%llu <%s>", i, pr_part_depth(call, i), pr_part_parent(call, i), pr_part_type(call, i),
		       pr_part_encoding(call, i), pr_part_disposition(call, i), pr_part_is_leaf(call, i) ? "leaf" : "container", pr_part_flaws(call, i),
		       (unsigned long long)pr_part_size(call, i), all);
		content(call, i, PR_READ_RAW, "raw");
		content(call, i, PR_READ_DECODED, "decoded");
		content(call, i, PR_READ_TEXT, "text");
	}
	lines(call);
	return DECLINED;
}

const struct postrider_plugin postrider_plugin = { .abi = POSTRIDER_ABI, .name = "anatomist", .hooks = { [HOOK_DATA_POST] = on_data_post } };
