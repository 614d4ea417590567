/* plugin_config.c - the lists that plugins read. A list is asked for at the config hooks of the plugins before the one that
 * wants it; when none of them has it, it is read from the file of that name. Either way it is kept for the generation. */
#include "base.h"
#include "plugin_list.h"
#include "reply.h"
#include "view.h"
#include <sys/stat.h>

#define CONFIG_ENTRY_MAX 4096	/* as a line of a file: listfile.h */

struct plugin_request {			/* what a config hook is asked */
	const char *name;
	struct listfile list;		/* what it has given so far */
	const char **lines;
	size_t room;
	bool failed;			/* something that is no entry was among it */
};

/* ---- the config hook ---- */

const char *pr_config_name(struct hook_call *call)
{
	return call->request ? call->request->name : "";
}

static void config_grow(struct plugin_request *r, struct arena *a)
{
	size_t room = r->room ? 2 * r->room : 16;
	const char **lines = arena_alloc(a, (room + 1) * sizeof *lines);
	if (r->list.count)
		memcpy(lines, r->lines, r->list.count * sizeof *lines);
	r->lines = lines;
	r->room = room;
}

bool pr_config_add(struct hook_call *call, const char *line)
{
	struct plugin_request *r = call->request;
	struct view entry = view_trim(view_of(line));
	if (!r)
		return false;
	if (entry.len == 0 || entry.len > CONFIG_ENTRY_MAX || view_has_line_break(entry)) {
		r->failed = true;
		return pr_fail(call->self, "list \"%s\": entry %zu has %zu bytes, expected one line of 1 to %d", r->name,
			r->list.count + 1, entry.len, CONFIG_ENTRY_MAX);
	}
	if (r->list.count == r->room)
		config_grow(r, call->scratch);
	r->lines[r->list.count++] = arena_view_dup(call->scratch, entry);
	return true;
}

static void config_keep(struct plugin_file *f, const struct plugin *p, struct plugin_request *r)
{
	struct arena *a = p->list->arena;
	struct listfile *given = arena_alloc(a, sizeof *given);
	unsigned *numbers = arena_alloc(a, (r->list.count + 1) * sizeof *numbers);
	if (!r->lines)
		config_grow(r, a);
	for (size_t i = 0; i < r->list.count; i++)
		numbers[i] = (unsigned)i + 1;
	*given = (struct listfile){ .path = arena_printf(a, "%s (of plugin %s)", f->name, p->name), .count = r->list.count,
		.lines = r->lines, .numbers = numbers };
	f->given = given;
}

/* Asks P for F. False with ERR when it neither gave it nor declined: then nobody may do without. */
static bool config_ask(struct plugin *p, struct plugin_file *f, struct err *err)
{
	struct reply reply;
	struct plugin_request request = { .name = f->name };
	struct hook_call call = { .hook = HOOK_CONFIG, .reply = &reply, .scratch = p->list->arena, .request = &request };
	enum verdict verdict = plugin_ask(p, &call);
	if (request.failed || (verdict != OK && verdict != DECLINED))
		return err_set(err, "list \"%s\": plugin %s %s%s", f->name, p->name,
			request.failed ? "gave what is no entry" : "failed with ", request.failed ? "" : plugin_verdict_name(verdict));
	if (verdict == OK)
		config_keep(f, p, &request);
	return true;
}

/* How many of the config chain come before SELF (NULL: all) and are ready to be asked. */
static size_t config_askable(const struct plugin_list *list, const struct plugin *self)
{
	size_t n = 0;
	while (n < list->chain_count[HOOK_CONFIG]) {
		const struct plugin *p = list->chain[HOOK_CONFIG][n];
		if (!p->ready || (self && p->index >= self->index))
			break;
		n++;
	}
	return n;
}

/* ---- lists ---- */

/* A bare name, so that a plugin cannot be talked into reading somewhere else. */
static bool config_name_valid(const char *name)
{
	return *name != '\0' && *name != '.' && !strchr(name, '/');
}

static struct plugin_file *config_entry(struct plugin_list *list, const char *name)
{
	for (struct plugin_file *f = list->files; f; f = f->next)
		if (strcmp(f->name, name) == 0)
			return f;
	struct plugin_file *f = arena_alloc(list->arena, sizeof *f);
	*f = (struct plugin_file){ .name = arena_strdup(list->arena, name), .next = list->files };
	list->files = f;
	return f;
}

static const struct listfile *config_read(struct plugin_list *list, struct plugin_file *f, struct err *err)
{
	struct listfile *file = arena_alloc(list->arena, sizeof *file);
	if (f->file)
		return f->file;
	if (!listfile_read(list->settings->dir, f->name, list->arena, file, err))
		return NULL;
	if (!file->lines)	/* there is no such file */
		file->lines = arena_alloc(list->arena, sizeof *file->lines);
	f->file = file;
	return file;
}

/* The list NAME as SELF is to see it. NULL with ERR. */
static const struct listfile *config_find(struct plugin_list *list, const struct plugin *self, const char *name, struct err *err)
{
	if (!config_name_valid(name)) {
		err_set(err, "found the file name \"%s\", expected one without \"/\"", name);
		return NULL;
	}
	struct plugin_file *f = config_entry(list, name);
	size_t askable = config_askable(list, self);
	while (!f->given && f->asked < askable) {
		if (!config_ask(list->chain[HOOK_CONFIG][f->asked], f, err))
			return NULL;
		f->asked++;
	}
	return f->given && f->asked <= askable ? f->given : config_read(list, f, err);
}

const struct listfile *plugin_listfile(struct plugin_list *list, const char *name, struct err *err)
{
	return config_find(list, NULL, name, err);
}

/* NULL when it cannot be had, which then has been reported. */
static const struct listfile *config_list(struct plugin *self, const char *name)
{
	struct err err = { .text = "" };
	const struct listfile *list = config_find(self->list, self, name, &err);
	if (!list)
		pr_fail(self, "%s", err.text);
	return list;
}

const char *const *pr_list(struct plugin *self, const char *name)
{
	const struct listfile *list = config_list(self, name);
	return list ? list->lines : NULL;
}

unsigned pr_list_line(struct plugin *self, const char *name, size_t index)
{
	const struct listfile *list = config_list(self, name);
	return list && index < list->count ? list->numbers[index] : 0;
}

void pr_where(struct plugin *self, const char *name, size_t index)
{
	const struct listfile *list = name ? config_list(self, name) : NULL;
	self->where = list && index < list->count ? list : NULL;
	self->where_index = index;
}

/* A file that is not there keeps no secret. */
static bool is_secret(struct plugin *self, const char *name)
{
	char *path = settings_path(self->list->settings, name);
	struct stat st;
	bool good = stat(path, &st) < 0;

	if (!good && (st.st_mode & (S_IRWXO | S_IWGRP)))
		pr_fail(self, "%s: found mode %03o, expected one that gives others nothing, such as 0600 or 0640", path, (unsigned)st.st_mode & 0777);
	else if (!good && !S_ISREG(st.st_mode))
		pr_fail(self, "%s: is no file", path);
	else
		good = true;
	return good;
}

const char *const *pr_secrets(struct plugin *self, const char *name)
{
	return is_secret(self, name) ? pr_list(self, name) : NULL;
}

void pr_forget(struct plugin *self, const char *name)
{
	const struct listfile *list = config_list(self, name);

	for (size_t i = 0; list && i < list->count; i++)
		explicit_bzero((char *)(uintptr_t)list->lines[i], strlen(list->lines[i]));
}

bool pr_delivers(const struct plugin *self)
{
	return self->list->delivers;
}

const char *pr_config(struct plugin *self, const char *name, const char *fallback)
{
	const struct listfile *list = config_list(self, name);
	return list ? listfile_first(list, fallback) : fallback;
}
