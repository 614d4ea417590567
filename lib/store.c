/* store.c - see store.h: what is the same for both back ends. Every question passes here: its lengths are checked, the circuit
 * breaker (store_health.h) is asked first and told afterwards, and it is counted. */
#include "base.h"
#include "store_internal.h"
#include "clock.h"
#include "scoreboard.h"
#include <fcntl.h>

bool store_space_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t len = strspn(name, allowed);

	return len > 0 && len <= STORE_SPACE_MAX && name[len] == '\0';
}

/* ---- the store ---- */

/* The first line of store_password_file. */
static bool read_password(const struct settings *s, struct store_address *a, struct err *err)
{
	const char *file = s->store_password_file;
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (!*file || !a->redis)
		return true;
	snprintf(path, sizeof(path), "%s%s%s", *file == '/' ? "" : s->dir, *file == '/' ? "" : "/", file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, "store_password_file: %s", path);
	n = read(fd, a->password, sizeof(a->password));
	close(fd);
	if (n < 0)
		return err_sys(err, "store_password_file: %s", path);
	n = n < (ssize_t)sizeof(a->password) ? n : (ssize_t)sizeof(a->password) - 1;
	a->password[n] = '\0';
	a->password[strcspn(a->password, "\r\n")] = '\0';
	return *a->password || err_set(err, "store_password_file: %s: found an empty line, expected a password", path);
}

struct store *store_new(const struct settings *settings, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s || !store_address_parse(settings->store, &s->address)) {
		err_set(err, s ? "store: found \"...\", expected %s" : "no memory for the store", store_address_expected(""));
		free(s);
		return NULL;
	}
	if (!read_password(settings, &s->address, err)) {
		free(s);
		return NULL;
	}
	s->backend = s->address.redis ? store_redis() : store_lmdb();
	s->state = s->backend->make(&s->address, settings);
	return s;
}

void store_free(struct store **sp)
{
	struct store *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	s->backend->free(s->state);
	store_drop_queries(s);
	explicit_bzero(s->address.password, sizeof(s->address.password));
	free(s);
}

void store_rest(struct store *s)
{
	s->backend->rest(s->state);
}

/* ---- every question ---- */

static const char *wrong_with(const struct store_op *op)
{
	if (!store_space_valid(op->space->name))
		return "no name of a namespace";
	if (op->key.len == 0 || op->key.len > STORE_KEY_MAX)
		return "the key is empty or too long";
	if (op->kind == STORE_SET && (op->value.len == 0 || op->value.len > STORE_VALUE_MAX))
		return "the value is empty or too long";
	if (op->expiry < 0 || op->expiry > STORE_TIME_MAX || (op->kind == STORE_ADD && op->expiry == 0))
		return "the time is out of bounds";
	return NULL;
}

bool store_admit(struct store *s, const struct store_op *op, bool *probe, struct store_reply *reply)
{
	const char *wrong = wrong_with(op);

	*reply = (struct store_reply){ .answer = { .result = wrong ? STORE_BAD : STORE_AWAY } };
	*probe = false;
	if (wrong) {
		snprintf(reply->why, sizeof(reply->why), "%s", wrong);
		return false;
	}
	scoreboard_count(COUNT_STORE_ASKED, 1);
	if (store_health_may_ask(store_health_of(s->backend->name(s->state, op->space->lasting)), clock_ms(), probe))
		return true;
	snprintf(reply->why, sizeof(reply->why), "it did not answer a moment ago");
	return false;
}

void store_settle(struct store *s, enum store_kind kind, bool lasting, bool probe, struct store_reply *reply)
{
	const char *name = s->backend->name(s->state, lasting);
	struct store_health *h = store_health_of(name);
	bool away = reply->answer.result == STORE_AWAY, wrote = reply->answer.result == STORE_OK && (kind == STORE_SET || kind == STORE_ADD);
	int64_t now = clock_ms();

	if (away)
		scoreboard_count(COUNT_STORE_UNANSWERED, 1);
	if (away && reply->refused)
		store_health_refused(h, name, now, reply->why);
	if (away && !reply->refused)
		store_health_away(h, name, probe, now, reply->why);
	else
		store_health_good(h, name, wrote, now);
}

void store_do(struct store *s, const struct store_op *op, struct store_answer *answer)
{
	struct store_reply reply;
	bool probe;

	if (!store_admit(s, op, &probe, &reply)) {
		if (reply.answer.result == STORE_AWAY)
			scoreboard_count(COUNT_STORE_UNANSWERED, 1);
	} else {
		if (s->base && s->backend->start)
			snprintf(reply.why, sizeof(reply.why), "this process must not wait");
		else
			s->backend->ask(s->state, op, &reply);
		store_settle(s, op->kind, op->space->lasting, probe, &reply);
	}
	snprintf(s->why, sizeof(s->why), "%s", reply.why);
	*answer = reply.answer;
	answer->why = s->why;
}

enum store_result store_get(struct store *s, const struct store_space *space, struct view key, struct view *value)
{
	struct store_answer a;

	store_do(s, &(struct store_op){ .kind = STORE_GET, .space = space, .key = key }, &a);
	if (a.result == STORE_OK)
		*value = a.value;
	return a.result;
}

enum store_result store_set(struct store *s, const struct store_space *space, struct view key, struct view value, int64_t expiry)
{
	struct store_answer a;

	store_do(s, &(struct store_op){ .kind = STORE_SET, .space = space, .key = key, .value = value, .expiry = expiry }, &a);
	return a.result;
}

enum store_result store_add(struct store *s, const struct store_space *space, struct view key, int64_t n, int64_t window, int64_t *count)
{
	struct store_answer a;

	store_do(s, &(struct store_op){ .kind = STORE_ADD, .space = space, .key = key, .n = n, .expiry = window }, &a);
	if (a.result == STORE_OK)
		*count = a.count;
	return a.result;
}

enum store_result store_delete(struct store *s, const struct store_space *space, struct view key)
{
	struct store_answer a;

	store_do(s, &(struct store_op){ .kind = STORE_DELETE, .space = space, .key = key }, &a);
	return a.result;
}

/* ---- list, upkeep, for people ---- */

enum store_result store_list(struct store *s, const struct store_space *space, struct view prefix, struct store_page *page, struct err *err)
{
	if ((*space->name && !store_space_valid(space->name)) || prefix.len > STORE_KEY_MAX || page->max == 0) {
		err_set(err, "no namespace, or the prefix is too long");
		return STORE_BAD;
	}
	return s->backend->list(s->state, space, prefix, page, err);
}

void store_prove(struct store *s)
{
	if (s->backend->prove)
		s->backend->prove(s->state);
}

void store_clean(struct store *s, size_t n)
{
	if (s->backend->clean)
		s->backend->clean(s->state, n);
}

const char *store_name(struct store *s, bool lasting)
{
	return s->backend->name(s->state, lasting);
}

bool store_describe(struct store *s, char out[STORE_DESCRIPTION], struct err *err)
{
	return s->backend->describe(s->state, out, STORE_DESCRIPTION, err);
}
