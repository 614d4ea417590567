/* tls_directory.c - the certificate directory: bundles, or keys and certificates in files of their own, of any name, in any
 * folder. What belongs together is found by the public key that a key and its certificate share. */
#include "tls_certs.h"
#include "arena.h"
#include "log.h"

#include <dirent.h>
#include <sys/stat.h>

#define uthash_fatal(text) bug("out of memory (%s)", text)
#include <uthash.h>

#define DEPTH_MAX 8
#define FILES_MAX 100000

struct file {
	const char *path;
	size_t folder_len;		/* of path: what is in front of the last slash */
	struct tls_cert *certs;
	struct tls_key *keys;
	struct file *next;
};

struct own {				/* by public key: a key, once */
	struct tls_key *key;
	bool used;
	UT_hash_handle hh;
};

struct leaf {				/* by content: a certificate that has a key, however often it is there */
	struct tls_cert *cert;
	const struct file *file;
	struct tls_pair *pair;
	UT_hash_handle hh;
};

struct directory {
	struct tls_certs *certs;
	struct arena *arena;		/* of what is kept; */
	struct arena *scratch;		/* of what is not */
	bool strict, ok;
	struct err *err;
	struct file *files, **files_end;
	size_t count;
	struct own *keys;
	struct leaf *leaves;
};

/* Something is wrong with one of the files. */
static void fault(struct directory *d, const struct err *what)
{
	if (!d->strict)
		log_error("%s", what->text);
	else
		err_set(d->err, "%s", what->text);
	d->ok = d->ok && !d->strict;
}

/* ---- reading ---- */

static void read_one(struct directory *d, const char *path)
{
	struct file *f = arena_alloc(d->scratch, sizeof(*f));
	struct err err = { "" };

	if (d->count++ >= FILES_MAX) {
		if (d->count == FILES_MAX + 1) {
			err_set(&err, "%s: more than %d files", path, FILES_MAX);
			fault(d, &err);
		}
		return;
	}
	f->path = arena_strdup(d->arena, path);
	f->folder_len = (size_t)(strrchr(path, '/') - path);
	if (!tls_pem_read(f->path, d->arena, &f->certs, &f->keys, &err)) {
		err_context(&err, "certificate directory");
		fault(d, &err);
		return;
	}
	*d->files_end = f;
	d->files_end = &f->next;
}

static int is_visible(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && e->d_name[len - 1] != '~';
}

/* In order of names, so that a start always comes to the same. Links are followed: certbot's files are links. */
static void read_folder(struct directory *d, const char *path, unsigned depth)
{
	struct dirent **list;
	struct err err = { "" };
	int count = scandir(path, &list, is_visible, alphasort);

	if (count < 0 && depth == 0 && errno == ENOENT)
		return;
	if (count < 0) {
		err_sys(&err, "certificate directory %s", path);
		fault(d, &err);
		return;
	}
	for (int i = 0; i < count; i++) {
		char below[PATH_MAX];
		struct stat st;

		if (snprintf(below, sizeof(below), "%s/%s", path, list[i]->d_name) < (int)sizeof(below) && stat(below, &st) == 0) {
			if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
				read_folder(d, below, depth + 1);
			else if (S_ISREG(st.st_mode))
				read_one(d, below);
		}
		free(list[i]);
	}
	free(list);
}

/* ---- matching ---- */

static void take_keys(struct directory *d, struct tls_key *keys)
{
	for (; keys; keys = keys->next) {
		struct own *o;
		HASH_FIND(hh, d->keys, keys->id, sizeof(keys->id), o);
		if (o)
			continue;
		o = arena_alloc(d->scratch, sizeof(*o));
		o->key = keys;
		HASH_ADD_KEYPTR(hh, d->keys, keys->id, sizeof(keys->id), o);
	}
}

/* A certificate may be there alone and with its chain (certbot): the longest chain wins. */
static void take_leaf(struct directory *d, const struct file *f, struct tls_cert *cert, struct tls_key *key)
{
	struct err err = { "" };
	struct tls_pair *p = tls_pair_make(d->certs, cert, key, f->certs, &err);
	struct leaf *l;

	HASH_FIND(hh, d->leaves, cert->der.data, cert->der.size, l);
	if (!p) {
		fault(d, &err);
	} else if (!l) {
		l = arena_alloc(d->scratch, sizeof(*l));
		*l = (struct leaf){ .cert = cert, .file = f, .pair = p };
		HASH_ADD_KEYPTR(hh, d->leaves, cert->der.data, cert->der.size, l);
	} else if (p->chain_len > l->pair->chain_len) {
		l->file = f;
		l->pair = p;
	}
}

static void take_certs(struct directory *d, const struct file *f)
{
	for (struct tls_cert *cert = f->certs; cert; cert = cert->next) {
		struct err err = { "" };
		struct own *o;
		HASH_FIND(hh, d->keys, cert->id, sizeof(cert->id), o);
		if (o) {
			o->used = true;
			take_leaf(d, f, cert, o->key);
		} else if (!cert->is_ca) {
			err_set(&err, "certificate directory: %s: found no key for the certificate%s%s", cert->path, cert->name_count ? " of " : "",
				cert->name_count ? cert->names[0] : "");
			fault(d, &err);
		}
	}
}

/* Intermediate certificates may be in a file of their own beside it. */
static void complete_chain(const struct directory *d, const struct leaf *l)
{
	size_t before = 0;

	while (before < l->pair->chain_len) {
		before = l->pair->chain_len;
		for (const struct file *f = d->files; f; f = f->next)
			if (f != l->file && f->folder_len == l->file->folder_len && memcmp(f->path, l->file->path, f->folder_len) == 0)
				tls_pair_extend(l->pair, f->certs);
	}
}

static void add_pairs(struct directory *d)
{
	for (struct leaf *l = d->leaves; l; l = l->hh.next) {
		if (l->pair->chain_len == 1 && !view_eq(l->cert->subject, l->cert->issuer))
			complete_chain(d, l);
		if (!l->cert->name_count)
			log_warn("certificate %s: found no host name in it", l->cert->path);
		tls_pair_add(d->certs, l->pair);
	}
	for (struct own *o = d->keys; o; o = o->hh.next)
		if (!o->used)
			log_warn("certificate directory: %s: found no certificate for the key", o->key->path);
}

bool tls_certs_add_directory(struct tls_certs *c, const char *path, bool strict, struct err *err)
{
	struct directory d = { .certs = c, .arena = tls_certs_arena(c), .scratch = arena_new(16384), .strict = strict, .ok = true, .err = err };

	d.files_end = &d.files;
	read_folder(&d, path, 0);
	for (const struct file *f = d.files; f; f = f->next)
		take_keys(&d, f->keys);
	for (const struct file *f = d.files; f; f = f->next)
		take_certs(&d, f);
	add_pairs(&d);
	HASH_CLEAR(hh, d.keys);
	HASH_CLEAR(hh, d.leaves);
	arena_free(&d.scratch);
	return d.ok;
}
