/* maildir - the queue plugin that ends a message's way in Maildirs: a file for each local recipient, on disk before the
 * client is told so. All of the files are written in tmp/ first and then linked into new/, so that a failure leaves
 * either everything or nothing. Nothing that a client sent becomes part of a path before it went through encode(). */
#define _GNU_SOURCE 1
#include <postrider.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PARTS_MAX 16
#define NAME_SIZE (NAME_MAX + 1)
#define RCPT_SIZE 512
#define READ_SIZE 16384

enum box {
	BOX_OK,
	BOX_ABSENT,		/* no directory yet */
	BOX_UNKNOWN,		/* no such user */
	BOX_ERROR,
};

struct maildir {
	const char *base;		/* everything before the first part with a "%": must exist */
	size_t part_count, user_parts;	/* parts below base; so many of them name the user */
	const char *part[PARTS_MAX];
	bool create;			/* directories of users who get mail for the first time */
	size_t user_count;
	const char **user;		/* sorted: who has a mailbox; NULL: everybody */
	struct pr_hosts *local;
	char host[NAME_SIZE];		/* for file names */
};

/* A recipient, taken apart: in folded form, quotes removed. */
struct rcpt {
	char local[RCPT_SIZE];		/* "alice+lists" */
	char user[RCPT_SIZE];		/* "alice" */
	char domain[RCPT_SIZE];
};

/* One recipient's file on its way. */
struct copy {
	struct rcpt rcpt;
	const char *address;
	char name[NAME_SIZE];
	bool in_tmp, in_new;
};

/* ---- names ---- */

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text + 'a' - 'A');
}

/* The quotes that a folded address still has are needed in an address, but belong to no name. */
static void unquote(char *text)
{
	char *to = text;
	if (*text != '"')
		return;
	for (const char *from = text + 1; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
}

static bool rcpt_split(const struct plugin *self, const char *address, struct rcpt *out)
{
	char folded[PR_ADDRESS_SIZE];
	if (!pr_address_folded(address, folded))
		return false;
	const char *at = strrchr(folded, '@');
	size_t len = at ? (size_t)(at - folded) : strlen(folded);
	if (len == 0 || len >= sizeof out->local)
		return false;
	snprintf(out->local, sizeof out->local, "%.*s", (int)len, folded);
	snprintf(out->domain, sizeof out->domain, "%s", at ? at + 1 : pr_me(self));
	lower(out->domain);
	unquote(out->local);
	memcpy(out->user, out->local, sizeof out->user);
	out->user[strcspn(out->user, "+")] = '\0';
	return *out->user && *out->domain;
}

/* The only way from a client's bytes into a path: what is not a plain letter becomes %XX, a leading dot too, so that "."
 * and "..", "/" and NUL cannot occur. False when it gets too long for a file name. */
static bool encode(const char *text, char *out, size_t size, size_t *len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.+=@";
	for (const char *c = text; *c; c++) {
		bool safe = strchr(plain, *c) && !(*c == '.' && c == text);
		int n = snprintf(out + *len, size - *len, safe ? "%c" : "%%%02X", (unsigned char)*c);
		if (n < 0 || (size_t)n >= size - *len)
			return false;
		*len += (size_t)n;
	}
	return *text != '\0';
}

static bool expand(const char *part, const struct rcpt *r, char out[NAME_SIZE])
{
	size_t len = 0;
	for (const char *c = part; *c; c++) {
		bool good = true;
		if (*c != '%' || c[1] == '%') {
			c += *c == '%';
			out[len++] = *c;
			good = len < NAME_SIZE;
		} else if (*++c == 'd')
			good = encode(r->domain, out, NAME_SIZE, &len);
		else
			good = encode(*c == 'u' ? r->user : r->local, out, NAME_SIZE, &len);
		if (!good)
			return false;
	}
	out[len] = '\0';
	return true;
}

/* ---- directories ---- */

/* Opens NAME below DIR: no links, only ours, not writable by everybody. CREATE makes it, durably. */
static int open_below(int dir, const char *name, bool create)
{
	struct stat st;
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);
	if (fd < 0 && errno == ENOENT && create) {
		if ((mkdirat(dir, name, 0700) != 0 && errno != EEXIST) || fsync(dir) != 0)
			return -1;
		fd = openat(dir, name, flags);
	}
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & S_IWOTH))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_listed(const struct maildir *m, const struct rcpt *r)
{
	char full[2 * RCPT_SIZE], plain[2 * RCPT_SIZE];
	snprintf(full, sizeof full, "%s@%s", r->local, r->domain);
	snprintf(plain, sizeof plain, "%s@%s", r->user, r->domain);
	const char *const keys[] = { full, plain, r->local, r->user };
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (bsearch(&keys[i], m->user, m->user_count, sizeof *m->user, by_text))
			return true;
	return false;
}

/* Opens the first COUNT parts of R's path; *FD is the last one's directory. MAKE makes what is missing; without `create'
 * not the parts that name the user. */
static enum box open_path(struct hook_call *call, const struct maildir *m, const struct rcpt *r, size_t count, bool make, int *fd)
{
	char name[NAME_SIZE];
	if (m->user && !is_listed(m, r))
		return BOX_UNKNOWN;
	int dir = open(m->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; dir >= 0 && i < count; i++) {
		if (!expand(m->part[i], r, name)) {
			close(dir);
			return BOX_UNKNOWN;
		}
		int next = open_below(dir, name, make && (m->create || i >= m->user_parts));
		int saved = errno;
		close(dir);
		dir = next;
		errno = saved;
		if (dir < 0 && errno == ENOENT)
			return m->create || i >= m->user_parts ? BOX_ABSENT : BOX_UNKNOWN;
	}
	*fd = dir;
	if (dir >= 0)
		return BOX_OK;
	pr_log(call, PR_ERROR, "cannot use the Maildir of %s@%s below %s: %s", r->local, r->domain, m->base, strerror(errno));
	return BOX_ERROR;
}

/* ---- one file ---- */

static void make_name(const struct maildir *m, char out[NAME_SIZE])
{
	static unsigned sequence;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(out, NAME_SIZE, "%lld.M%06ldP%ldQ%u.%.150s", (long long)now.tv_sec, now.tv_nsec / 1000, (long)getpid(), ++sequence, m->host);
}

/* Maildirs hold local line ends: the CR before each LF goes. */
static void write_text(const char *data, size_t len, bool *cr, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		if (*cr && data[i] != '\n')
			putc_unlocked('\r', out);
		*cr = data[i] == '\r';
		if (!*cr)
			putc_unlocked(data[i], out);
	}
}

/* What is binary has no lines: a CR before a LF may be a part of a picture. The file is the message then, octet by octet. */
static bool write_message(struct hook_call *call, FILE *out, bool binary)
{
	static char data[READ_SIZE];
	uint64_t offset = 0;
	ssize_t got;
	bool cr = false;
	while ((got = pr_message_read(call, offset, data, sizeof data)) > 0) {
		if (binary)
			fwrite(data, 1, (size_t)got, out);
		else
			write_text(data, (size_t)got, &cr, out);
		offset += (uint64_t)got;
	}
	return got == 0;
}

static bool write_tmp(struct hook_call *call, int tmp, struct copy *c)
{
	int fd = openat(tmp, c->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	c->in_tmp = true;
	FILE *out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		return false;
	}
	/* RFC 5321 4.4: final delivery puts Return-Path on top. */
	bool binary = pr_body(call) == PR_BODY_BINARYMIME;
	const char *end = binary ? "\r\n" : "\n";
	fprintf(out, "Return-Path: <%s>%sDelivered-To: %s%s", pr_sender(call), end, c->address, end);
	bool good = write_message(call, out, binary);
	good = good && fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
	int saved = errno;
	fclose(out);
	errno = saved;
	return good;
}

static enum box copy_write(struct hook_call *call, const struct maildir *m, struct copy *c)
{
	static const char *const below[] = { "cur", "new", "tmp" };
	int box, dir = -1;
	enum box result = open_path(call, m, &c->rcpt, m->part_count, true, &box);
	if (result != BOX_OK)
		return result == BOX_ABSENT ? BOX_ERROR : result;	/* somebody removes it as we make it */
	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		if (dir >= 0)
			close(dir);
		dir = open_below(box, below[i], true);
		if (dir < 0)
			break;
	}
	make_name(m, c->name);
	bool good = dir >= 0 && write_tmp(call, dir, c);
	if (!good)
		pr_log(call, PR_ERROR, "cannot write the message for %s: %s", c->address, strerror(errno));
	int saved = errno;
	if (dir >= 0)
		close(dir);
	close(box);
	errno = saved;
	return good ? BOX_OK : BOX_ERROR;
}

/* tmp/ to new/: link() fails where a name is taken already, rename() would overwrite. Then the directory is synced. */
static bool copy_link(struct hook_call *call, const struct maildir *m, struct copy *c)
{
	int box;
	if (open_path(call, m, &c->rcpt, m->part_count, false, &box) != BOX_OK)
		return false;
	int tmp = open_below(box, "tmp", false), new = open_below(box, "new", false);
	c->in_new = tmp >= 0 && new >= 0 && linkat(tmp, c->name, new, c->name, 0) == 0;
	bool good = c->in_new && fsync(new) == 0;
	if (!good)
		pr_log(call, PR_ERROR, "cannot put the message for %s into new/: %s", c->address, strerror(errno));
	if (tmp >= 0)
		close(tmp);
	if (new >= 0)
		close(new);
	close(box);
	return good;
}

/* Removes what is in tmp/, and with EVERYTHING what got into new/ too. */
static void copy_clean(struct hook_call *call, const struct maildir *m, struct copy *c, bool everything)
{
	int box;
	if (!c->in_tmp || open_path(call, m, &c->rcpt, m->part_count, false, &box) != BOX_OK)
		return;
	int tmp = open_below(box, "tmp", false), new = open_below(box, "new", false);
	if (tmp >= 0) {
		unlinkat(tmp, c->name, 0);
		close(tmp);
	}
	if (new >= 0) {
		if (everything && c->in_new)
			unlinkat(new, c->name, 0);
		close(new);
	}
	close(box);
}

/* ---- hooks ---- */

static enum verdict refuse_unknown(struct hook_call *call)
{
	pr_reply(call, 550, "5.1.1", "no such mailbox here");
	return DENY;
}

static enum verdict refuse_error(struct hook_call *call, int error)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		pr_reply(call, 452, "4.3.1", "mailbox storage is full");
	else
		pr_reply(call, 451, "4.3.0", "mailbox cannot be written at the moment");
	return DENYSOFT;
}

/* Unknown users are refused while the client waits, not bounced later. */
static enum verdict on_rcpt_ok(struct hook_call *call)
{
	const struct maildir *m = pr_data(pr_self(call));
	struct rcpt r;
	int fd;
	if (pr_recipient_spooled(call) || (pr_relaying(call) && !pr_hosts_find(m->local, pr_recipient_domain(call))))
		return DECLINED;
	if (!rcpt_split(pr_self(call), pr_recipient(call), &r))
		return refuse_unknown(call);
	switch (open_path(call, m, &r, m->user_parts, false, &fd)) {
	case BOX_OK:
		close(fd);
		return DECLINED;
	case BOX_ABSENT:	/* made when there is mail, not for a mere RCPT */
		return DECLINED;
	case BOX_UNKNOWN:
		return refuse_unknown(call);
	default:
		return refuse_error(call, errno);
	}
}

/* Writes all, then links all. */
static enum verdict deliver(struct hook_call *call, const struct maildir *m, struct copy *copies, size_t count)
{
	enum box result = BOX_OK;
	int error = 0;
	size_t unknown = 0;
	for (size_t i = 0; i < count && result != BOX_ERROR; i++) {
		result = copy_write(call, m, &copies[i]);
		error = errno;
		unknown += result == BOX_UNKNOWN;
	}
	bool good = result != BOX_ERROR && unknown == 0;
	for (size_t i = 0; i < count && good; i++) {
		good = copy_link(call, m, &copies[i]);
		error = errno;
	}
	for (size_t i = 0; i < count; i++)
		copy_clean(call, m, &copies[i], !good);
	if (good)
		return OK;
	/* Only when nobody of them exists is it final: the others' mail is not to bounce for one. */
	return unknown == count ? refuse_unknown(call) : refuse_error(call, error);
}

static enum verdict on_queue(struct hook_call *call)
{
	const struct maildir *m = pr_data(pr_self(call));
	size_t total = pr_recipient_count(call), count = 0;
	struct copy *copies = calloc(total + 1, sizeof *copies);
	if (!copies)
		return DENYSOFT;
	bool good = true;
	for (size_t i = 0; i < total; i++) {
		if (!pr_recipient_is_local(call, i))
			continue;
		copies[count].address = pr_recipient_at(call, i);
		good &= rcpt_split(pr_self(call), copies[count].address, &copies[count].rcpt);
		count++;
	}
	enum verdict verdict = count == 0 ? DECLINED : good ? deliver(call, m, copies, count) : refuse_unknown(call);
	free(copies);
	return verdict;
}

/* ---- start ---- */

static bool part_valid(const char *part)
{
	if (*part == '\0' || strcmp(part, ".") == 0 || strcmp(part, "..") == 0 || strlen(part) > NAME_MAX)
		return false;
	for (const char *c = strchr(part, '%'); c; c = strchr(c + 2, '%'))
		if (c[1] == '\0' || !strchr("lud%", c[1]))
			return false;
	return true;
}

static bool has_substitution(const char *part)
{
	for (const char *c = strchr(part, '%'); c; c = strchr(c + 2, '%'))
		if (c[1] != '%')
			return true;
	return false;
}

static void add_literal(char *base, const char *part)
{
	char *to = base + strlen(base);
	*to++ = '/';
	for (; *part; part++) {
		*to++ = *part;
		part += *part == '%';	/* "%%" */
	}
	*to = '\0';
}

/* Splits PATH into base and parts; without any substitution the last part is the one Maildir for everybody. */
static bool read_path(struct plugin *self, struct maildir *m, const char *path)
{
	const char *dir = pr_config_dir(self);
	size_t size = strlen(dir) + strlen(path) + 2;
	char *base = pr_alloc(self, size), *copy = pr_alloc(self, size), *state = NULL;
	snprintf(copy, size, "%s%s%s", *path == '/' ? "" : dir, *path == '/' ? "" : "/", path);
	bool below = false;
	for (char *part = strtok_r(copy, "/", &state); part; part = strtok_r(NULL, "/", &state)) {
		bool last = strspn(state ? state : "", "/") == strlen(state ? state : "");
		below = below || has_substitution(part) || last;
		if (!part_valid(part) || m->part_count == PARTS_MAX)
			return pr_fail(self, "found the path \"%s\", expected one without . and .., with %%l, %%u, %%d or %%%% and at most %d parts from there", path, PARTS_MAX);
		if (!below) {
			add_literal(base, part);
			continue;
		}
		m->part[m->part_count++] = part;
		if (has_substitution(part))
			m->user_parts = m->part_count;
	}
	m->base = *base ? base : "/";
	return m->part_count > 0 || pr_fail(self, "found the path \"%s\", expected a directory", path);
}

/* An entry of the list as is_listed() looks for it; "" when it is none. */
static const char *user_key(struct plugin *self, const char *entry)
{
	char address[RCPT_SIZE];
	struct rcpt r;
	bool domain = strchr(entry, '@');
	if (snprintf(address, sizeof address, "%s%s", entry, domain ? "" : "@x") >= (int)sizeof address || !rcpt_split(self, address, &r))
		return "";
	size_t size = strlen(r.local) + strlen(r.domain) + 2;
	char *key = pr_alloc(self, size);
	snprintf(key, size, "%s%s%s", r.local, domain ? "@" : "", domain ? r.domain : "");
	return key;
}

static bool read_users(struct plugin *self, struct maildir *m)
{
	const char *file = pr_option(self, "users");
	if (!file)
		return true;
	const char *const *lines = pr_list(self, file);
	if (!lines)
		return false;
	while (lines[m->user_count])
		m->user_count++;
	m->user = pr_alloc(self, (m->user_count + 1) * sizeof *m->user);
	bool good = true;
	for (size_t i = 0; i < m->user_count; i++) {
		pr_where(self, file, i);
		m->user[i] = user_key(self, lines[i]);
		good &= *m->user[i] || pr_fail(self, "found \"%s\", expected user@domain or user", lines[i]);
	}
	pr_where(self, NULL, 0);
	qsort(m->user, m->user_count, sizeof *m->user, by_text);
	return good;
}

static void read_host(struct plugin *self, struct maildir *m)
{
	size_t len = 0;
	if (!encode(pr_me(self), m->host, sizeof m->host, &len))
		snprintf(m->host, sizeof m->host, "localhost");
}

static bool init(struct plugin *self)
{
	struct maildir *m = pr_alloc(self, sizeof *m);
	struct stat st;
	const char *path = pr_arg(self, 0);
	pr_set_data(self, m);
	if (!path)
		return pr_fail(self, "found no argument, expected the path of the Maildirs");
	bool good = read_path(self, m, path);
	good = good && ((stat(m->base, &st) == 0 && S_ISDIR(st.st_mode)) || pr_fail(self, "found no directory %s", m->base));
	good &= pr_option_bool(self, "create", true, &m->create);
	good &= read_users(self, m);
	read_host(self, m);
	m->local = pr_hosts_new(self);
	good &= pr_hosts_add(self, m->local, pr_me(self), "");
	good &= pr_hosts_load(self, m->local, "rcpthosts");
	good &= pr_hosts_load(self, m->local, "morercpthosts");
	return pr_no_more_options(self) && good;
}

const struct postrider_plugin postrider_plugin = {
	.abi = POSTRIDER_ABI,
	.name = "maildir",
	.init = init,
	.hooks = { [HOOK_RCPT_OK] = on_rcpt_ok, [HOOK_QUEUE] = on_queue },
};
