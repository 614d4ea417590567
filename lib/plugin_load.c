/* plugin_load.c - from the lines of conf/plugins to a list of loaded, checked and initialised plugins. Everything that is
 * wrong is collected, so that one look at the errors is enough to put the file right. */
#include "base.h"
#include "plugin_list.h"
#include "log.h"
#include "view.h"
#include <dlfcn.h>
#include <sys/stat.h>

bool plugin_vfail(struct plugin *self, const char *format, va_list ap)
{
	char text[512];
	vsnprintf(text, sizeof text, format, ap);
	self->failed = true;
	const char *path = self->where ? self->where->path : self->list->path;
	unsigned line = self->where ? self->where->numbers[self->where_index] : self->line;
	if (self->list->err)
		return err_set(self->list->err, "%s:%u: plugin %s: %s", path, line, self->name, text);
	log_error("%s:%u: plugin %s: %s", path, line, self->name, text);
	return false;
}

static bool load_fail(struct plugin *p, const char *format, ...) PRINTFLIKE(2, 3);
static bool load_fail(struct plugin *p, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	plugin_vfail(p, format, ap);
	va_end(ap);
	return false;
}

/* "folder/name" or "folder/name:3": letters, digits, "_" and "-", so that it cannot lead out of plugin_dir. */
static bool load_name_valid(struct view name)
{
	uint64_t number;
	struct view rest = name;
	struct view path = view_cut(&rest, ':');
	if (path.len < name.len && !view_u64(rest, 999, &number))
		return false;
	bool start = true;
	for (size_t i = 0; i < path.len; i++) {
		char c = path.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
		if (c == '/' ? start : !(letter || (c == '-' && !start)))
			return false;
		start = c == '/';
	}
	return !start && name.len <= PLUGIN_NAME_MAX;
}

/* Splits off the next argument: words, where "..." and '...' keep blanks. False on an open quote. */
static bool load_word(struct view *rest, struct arena *a, const char **out)
{
	*out = NULL;
	struct view in = view_trim(*rest);
	if (in.len == 0)
		return true;
	char *word = arena_alloc(a, in.len + 1);
	size_t len = 0, i = 0;
	char quote = '\0';
	for (; i < in.len && (quote || (in.data[i] != ' ' && in.data[i] != '\t')); i++) {
		char c = in.data[i];
		if (quote ? c == quote : (c == '"' || c == '\''))
			quote = quote ? '\0' : c;
		else
			word[len++] = c;
	}
	*rest = view_skip(in, i);
	*out = word;
	return quote == '\0';
}

static bool load_args(struct plugin *p, struct view rest)
{
	struct arena *a = p->list->arena;
	const char *word;
	p->args = arena_alloc(a, (PLUGIN_ARGS_MAX + 1) * sizeof *p->args);
	for (;;) {
		if (!load_word(&rest, a, &word))
			return load_fail(p, "found an open quote, expected its end");
		if (!word)
			break;
		if (p->arg_count == PLUGIN_ARGS_MAX)
			return load_fail(p, "found more than %d arguments", PLUGIN_ARGS_MAX);
		p->args[p->arg_count++] = word;
	}
	p->arg_use = arena_alloc(a, p->arg_count + 1);
	return true;
}

/* A plugin is code that runs as whoever starts us: nobody else may be able to write it. */
static bool load_file_safe(struct plugin *p, const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return load_fail(p, "found no %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & S_IWOTH))
		return load_fail(p, "found %s %s, expected a file that not everybody may write", path,
			S_ISREG(st.st_mode) ? "with write permission for all" : "that is no regular file");
	return true;
}

static bool load_object(struct plugin *p)
{
	struct view rest = view_of(p->name);
	struct view file = view_cut(&rest, ':');
	char *path = arena_printf(p->list->arena, "%s/%.*s.so", p->list->settings->plugin_dir, VIEW_FMT(file));
	if (!load_file_safe(p, path))
		return false;
	p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!p->handle)
		return load_fail(p, "cannot load: %s", dlerror());
	const struct postrider_plugin *def = dlsym(p->handle, "postrider_plugin");
	if (!def)
		return load_fail(p, "found no `postrider_plugin' in %s", path);
	if (def->abi != POSTRIDER_ABI)
		return load_fail(p, "found plugin interface %u in %s, expected %d: build it anew", (unsigned)def->abi, path, POSTRIDER_ABI);
	while (view_find(file, '/') < file.len)
		(void)view_cut(&file, '/');
	if (!def->name || !view_eq(view_of(def->name), file))
		return load_fail(p, "found the name \"%s\" in %s, expected \"%.*s\"", def->name ? def->name : "", path, VIEW_FMT(file));
	p->def = def;
	return true;
}

/* Plugins of qpsmtpd and Haraka whose work is the server's own here. A line that names one is no error, so that their file plugins
 * starts; unless somebody has built a plugin of that name. */
static const struct { const char *name, *option; } in_core[] = {
	{ "count_unrecognized_commands", "max_unrecognized" }, { "noop_counter", "max_noops" }, { "tarpit", "tarpit_errors and tarpit_max" },
	{ "xclient", "xclient_hosts" }, { "dont_require_anglebrackets", "dont_require_anglebrackets" },
	{ "parse_addr_withhelo", "parse_addr_withhelo" },
};

static bool load_in_core(const struct plugin_list *list, struct view name, unsigned line)
{
	for (size_t i = 0; i < COUNT_OF(in_core); i++) {
		if (!view_eq(name, view_of(in_core[i].name)))
			continue;
		if (access(arena_printf(list->arena, "%s/%.*s.so", list->settings->plugin_dir, VIEW_FMT(name)), F_OK) == 0)
			return false;
		log_warn("%s:%u: the server does the work of the plugin %.*s; see %s in postrider.conf", list->path, line, VIEW_FMT(name), in_core[i].option);
		return true;
	}
	return false;
}

static void load_line(struct plugin_list *list, const char *text, unsigned line)
{
	struct view rest = view_of(text);
	struct view name = view_word(&rest);
	struct plugin *p = &list->plugin[list->count];
	*p = (struct plugin){ .list = list, .line = line, .index = (uint16_t)list->count, .reject_verdict = DENY };
	p->name = arena_view_dup(list->arena, name);
	if (!load_name_valid(name)) {
		load_fail(p, "found this name, expected \"name\", \"folder/name\" or \"name:0\" of at most %d letters, digits, \"_\" and \"-\"", PLUGIN_NAME_MAX);
		return;
	}
	if (load_in_core(list, name, line))
		return;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->plugin[i].name, p->name) == 0) {
			load_fail(p, "found twice (also line %u); to load one twice, write %s:0 and %s:1", list->plugin[i].line, p->name, p->name);
			return;
		}
	list->count++;		/* so that the handle is closed with the list, whatever else is wrong */
	if (load_args(p, rest))
		(void)load_object(p);
}

static void load_chains(struct plugin_list *list)
{
	for (size_t hook = 0; hook < HOOK_COUNT; hook++) {
		list->chain[hook] = arena_alloc(list->arena, (list->count + 1) * sizeof *list->chain[hook]);
		for (size_t i = 0; i < list->count; i++)
			if (list->plugin[i].def->hooks[hook])
				list->chain[hook][list->chain_count[hook]++] = &list->plugin[i];
	}
}

/* outbound.conf: helper_plugins. */
static void load_helped(const struct plugin_list *list, struct err *problems)
{
	for (const char *const *name = list->settings->outbound_helper_plugins; name && *name; name++) {
		size_t i = 0;
		while (i < list->count && strcmp(list->plugin[i].name, *name) != 0)
			i++;
		if (i == list->count)
			err_set(problems, "%s/outbound.conf: helper_plugins: found \"%s\", expected names of plugins as in the file plugins", list->settings->dir, *name);
	}
}

struct plugin_list *plugin_load(const struct settings *s, struct err *err)
{
	struct err problems = { .text = "" };
	struct arena *arena = arena_new(4096);
	struct plugin_list *list = arena_alloc(arena, sizeof *list);
	struct listfile file;
	list->arena = arena;
	list->settings = s;
	list->err = &problems;
	list->path = arena_printf(arena, "%s/plugins", s->dir);
	if (listfile_read(s->dir, "plugins", arena, &file, &problems)) {
		list->plugin = arena_alloc(arena, (PLUGIN_MAX + 1) * sizeof *list->plugin);
		if (file.count > PLUGIN_MAX)
			err_set(&problems, "%s: found %zu plugins, expected at most %d", list->path, file.count, PLUGIN_MAX);
		for (size_t i = 0; i < file.count && i < PLUGIN_MAX; i++)
			load_line(list, file.lines[i], file.numbers[i]);
	}
	load_helped(list, &problems);
	list->err = NULL;
	if (problems.text[0] != '\0') {
		err_set(err, "%s", problems.text);
		plugin_list_free(&list);
		return NULL;
	}
	load_chains(list);
	return list;
}

/* Calls one function of every plugin; those that failed have said why. */
static bool load_call(struct plugin_list *list, bool before_drop, struct err *err)
{
	struct err problems = { .text = "" };
	list->err = &problems;
	list->before_drop = before_drop;
	for (size_t i = 0; i < list->count; i++) {
		struct plugin *p = &list->plugin[i];
		bool (*function)(struct plugin *) = before_drop ? p->def->before_drop : p->def->init;
		if (function && !function(p) && !p->failed)
			load_fail(p, "failed and did not say why");
		p->where = NULL;
		p->ready = !before_drop && !p->failed;
	}
	list->err = NULL;
	list->before_drop = false;
	return problems.text[0] == '\0' ? true : err_set(err, "%s", problems.text);
}

void plugin_will_deliver(struct plugin_list *list)
{
	list->delivers = true;
}

bool plugin_before_drop(struct plugin_list *list, struct err *err)
{
	return load_call(list, true, err);
}

bool plugin_init(struct plugin_list *list, struct err *err)
{
	return load_call(list, false, err);
}

void plugin_list_free(struct plugin_list **list)
{
	if (!*list)
		return;
	plugin_forget_log(*list);
	struct arena *arena = (*list)->arena;
	/* Before the code goes: cleanups that plugins registered may live in it. */
	void *handles[PLUGIN_MAX];
	size_t count = 0;
	for (size_t i = 0; i < (*list)->count; i++)
		if ((*list)->plugin[i].handle)
			handles[count++] = (*list)->plugin[i].handle;
	arena_free(&arena);
	while (count > 0)
		dlclose(handles[--count]);
	*list = NULL;
}
