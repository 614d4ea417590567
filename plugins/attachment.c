/* attachment - refuses messages with parts of a forbidden name or type: the lists attachment_names and attachment_types hold globs, or
 * regular expressions between slashes, each with an optional text for the client after a blank. What cannot be looked into, because there is
 * too much of it, is refused, too; with `strict' what mail programs may read differently as well. Archives are not opened. */
#define _GNU_SOURCE 1
#include <postrider.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1000		/* octets of a name or type that is looked at: a regular expression takes its time */

struct rule {
	const char *glob;		/* NULL: the regular expression */
	regex_t regex;
	const char *text;
};

struct rules {
	size_t count;
	struct rule *rule;
};

struct attachment {
	struct rules names, types;
	bool strict;
};

static char *keep(struct plugin *self, const char *text, size_t len)
{
	return memcpy(pr_alloc(self, len + 1), text, len);
}

/* "*.exe", "/\\.(exe|scr)$/", and a text. */
static bool add(struct plugin *self, struct rules *rules, const char *line, const char *fallback)
{
	struct rule *r = &rules->rule[rules->count];
	const char *end = line[0] == '/' ? strrchr(line + 1, '/') : line + strcspn(line, " \t");
	if (!end || (*end == '/' && end[1] && end[1] != ' ' && end[1] != '\t'))
		return pr_fail(self, "found \"%s\", expected a glob, or a regular expression between two slashes", line);
	const char *text = end + (*end == '/') + strspn(end + (*end == '/'), " \t");
	r->text = *text ? text : fallback;
	if (*end != '/') {
		r->glob = keep(self, line, (size_t)(end - line));
	} else {
		char problem[200];
		int error = regcomp(&r->regex, keep(self, line + 1, (size_t)(end - line - 1)), REG_EXTENDED | REG_ICASE | REG_NOSUB);
		if (error != 0) {
			regerror(error, &r->regex, problem, sizeof problem);
			return pr_fail(self, "found \"%s\", which is no regular expression: %s", line, problem);
		}
	}
	rules->count++;
	return true;
}

static bool load(struct plugin *self, struct rules *rules, const char *list, const char *fallback)
{
	const char *const *lines = pr_list(self, list);
	size_t count = 0;
	bool good = lines != NULL;
	while (lines && lines[count])
		count++;
	rules->rule = pr_alloc(self, (count + 1) * sizeof *rules->rule);
	for (size_t i = 0; i < count; i++) {
		pr_where(self, list, i);
		good &= add(self, rules, lines[i], fallback);
	}
	pr_where(self, NULL, 0);
	return good;
}

static bool init(struct plugin *self)
{
	struct attachment *a = pr_alloc(self, sizeof *a);
	const char *names = pr_option(self, "names"), *types = pr_option(self, "types");
	bool good = load(self, &a->names, names ? names : "attachment_names", "this kind of attachment is not welcome here");
	good &= load(self, &a->types, types ? types : "attachment_types", "this kind of content is not welcome here");
	good &= pr_option_bool(self, "strict", false, &a->strict);
	good &= pr_reject_options(self);
	pr_set_data(self, a);
	return pr_no_more_options(self) && good;
}

static const char *match(const struct rules *rules, const char *text)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *r = &rules->rule[i];
		if (r->glob ? fnmatch(r->glob, text, FNM_CASEFOLD) == 0 : regexec(&r->regex, text, 0, NULL, 0) == 0)
			return r->text;
	}
	return NULL;
}

/* Where the name ends up, blanks and dots at its end are gone and what stands before a slash is a folder. */
static void plain_name(const char *name, char out[TEXT_MAX])
{
	const char *last = name;
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == '\\')
			last = c + 1;
	snprintf(out, TEXT_MAX, "%s", last);
	size_t len = strlen(out);
	while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '.'))
		out[--len] = '\0';
}

static enum verdict refuse(struct hook_call *call, size_t part, const char *what, const char *text)
{
	pr_log(call, PR_INFO, "part %zu: %s", part, what);
	return pr_reject(call, "5.7.1", "%s", text);
}

static enum verdict check_part(struct hook_call *call, const struct attachment *a, size_t part)
{
	char plain[TEXT_MAX];
	const char *name, *type = pr_part_type(call, part), *text = match(&a->types, strlen(type) < TEXT_MAX ? type : "");
	if (text)
		return refuse(call, part, type, text);
	for (size_t n = 0; (name = pr_part_filename(call, part, n)) != NULL; n++) {
		if (strlen(name) >= TEXT_MAX)
			return refuse(call, part, "the name of a file is too long", "the name of an attachment is too long");
		plain_name(name, plain);
		text = match(&a->names, plain);
		if (text)
			return refuse(call, part, name, text);
	}
	return DECLINED;
}

static enum verdict on_data_post(struct hook_call *call)
{
	const struct attachment *a = pr_data(pr_self(call));
	enum verdict verdict = DECLINED;
	size_t count;
	enum pr_mime result = pr_mime(call, &count);
	if (result == PR_MIME_ERROR) {
		pr_reply(call, 451, "4.3.0", "the message cannot be looked into at the moment");
		return DENYSOFT;
	}
	for (size_t i = 0; i < count && verdict == DECLINED; i++) {
		verdict = check_part(call, a, i);
		if (verdict == DECLINED && a->strict && pr_part_flaws(call, i))
			verdict = refuse(call, i, "ambiguous", "the structure of this message is ambiguous (RFC 2045, RFC 2046)");
	}
	if (verdict == DECLINED && result == PR_MIME_OVER)
		return refuse(call, count, "over the limits", "this message has too many parts, or too large ones, to be looked into");
	return verdict;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "attachment",
	.init = init,
	.hooks = { [HOOK_DATA_POST] = on_data_post },
};
