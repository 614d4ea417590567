/* scoreboard.c - makes and maps run_dir/scoreboard, hands out its slots, and counts in it. A new master makes a
 * new file, so that what its killed predecessor's workers still write goes to their own, unnamed one. */
#include "base.h"
#include "scoreboard.h"
#include "clock.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

_Static_assert(sizeof(struct scoreboard_slot) == 128, "a slot is two cache lines");

static struct scoreboard *board;

static const char *const phase_names[PHASE_COUNT] = {
	[PHASE_FREE] = "free", [PHASE_IDLE] = "idle", [PHASE_CONNECT] = "connect", [PHASE_GREETED] = "greeted", [PHASE_HELO] = "helo",
	[PHASE_AUTH] = "auth", [PHASE_MAIL] = "mail", [PHASE_RCPT] = "rcpt", [PHASE_DATA] = "data", [PHASE_QUEUE] = "queue",
	[PHASE_TLS] = "tls", [PHASE_QUIT] = "quit",
};

static const char *const counter_names[COUNT_COUNT] = {
	[COUNT_CONNECTIONS] = "connections", [COUNT_SESSIONS_TLS] = "sessions_tls", [COUNT_REFUSED_BUSY] = "refused_busy",
	[COUNT_REFUSED_IP] = "refused_ip", [COUNT_REFUSED_RATE] = "refused_rate",
	[COUNT_REFUSED_PROXY] = "refused_proxy", [COUNT_TIMEOUTS] = "timeouts", [COUNT_TARPITTED] = "tarpitted",
	[COUNT_MESSAGES] = "messages", [COUNT_BYTES] = "bytes", [COUNT_RECIPIENTS] = "recipients",
	[COUNT_REJECTED] = "rejected", [COUNT_TEMPFAILED] = "tempfailed", [COUNT_AUTH_OK] = "auth_ok", [COUNT_AUTH_FAILED] = "auth_failed",
	[COUNT_AUTH_LIMITED] = "auth_limited",
	[COUNT_WORKERS_FORKED] = "workers_forked", [COUNT_WORKERS_DIED] = "workers_died", [COUNT_WORKERS_KILLED] = "workers_killed",
	[COUNT_LOOKUPS] = "lookups", [COUNT_LOOKUPS_FAILED] = "lookups_failed",
	[COUNT_STORE_ASKED] = "store_asked", [COUNT_STORE_UNANSWERED] = "store_unanswered", [COUNT_DELIVERIES] = "deliveries",
	[COUNT_DELIVERED] = "delivered", [COUNT_DEFERRED] = "deferred", [COUNT_BOUNCED] = "bounced",
	[COUNT_BOUNCES_SENT] = "bounces_sent", [COUNT_SET_ASIDE] = "set_aside",
	[COUNT_HOOKS_SLOW] = "hooks_slow", [COUNT_HOOKS_OVERDUE] = "hooks_overdue",
};

static const char *const gauge_names[GAUGE_COUNT] = {
	[GAUGE_QUEUE_NEW] = "queue_new", [GAUGE_QUEUE_ACTIVE] = "queue_active", [GAUGE_QUEUE_DEFERRED] = "queue_deferred",
	[GAUGE_QUEUE_HELD] = "queue_held", [GAUGE_OUT_CONNECTIONS] = "out_connections",
};

struct scoreboard *scoreboard(void)
{
	return board;
}

static bool map(int fd, bool read_only, const char *path, struct err *err)
{
	void *at = mmap(NULL, sizeof *board, read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return err_sys(err, "%s: cannot map", path);
	if (board != NULL)
		munmap(board, sizeof *board);
	board = at;
	return true;
}

static void fill(void)
{
	board->magic = SCOREBOARD_MAGIC;
	board->slot_size = sizeof board->slot[0];
	board->slots = SCOREBOARD_SLOTS;
	rate_begin(&board->rates);
	atomic_store(&board->master_pid, (int32_t)getpid());
	atomic_store(&board->started, (int64_t)clock_now());
}

static bool create_at(int fd, const char *path, uid_t uid, gid_t gid, struct err *err)
{
	if (ftruncate(fd, sizeof *board) != 0 || fchmod(fd, 0640) != 0)
		return err_sys(err, "%s", path);
	if (geteuid() == 0 && fchown(fd, uid, gid) != 0)
		return err_sys(err, "%s: cannot change the owner", path);
	if (!map(fd, false, path, err))
		return false;
	fill();
	return true;
}

bool scoreboard_create(const char *run_dir, uid_t uid, gid_t gid, struct err *err)
{
	char path[PATH_MAX], temporary[PATH_MAX];

	snprintf(path, sizeof path, "%s/scoreboard", run_dir);
	snprintf(temporary, sizeof temporary, "%s/scoreboard.new", run_dir);
	unlink(temporary);
	int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return err_sys(err, "%s", temporary);
	bool ok = create_at(fd, temporary, uid, gid, err);

	close(fd);
	if (ok && rename(temporary, path) != 0)
		ok = err_sys(err, "%s", path);
	if (!ok)
		unlink(temporary);
	return ok;
}

static bool check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(err, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof *board)
		return err_set(err, "%s: %lld bytes, expected a file of %zu", path, (long long)st.st_size, sizeof *board);
	return true;
}

static bool check_layout(const char *path, struct err *err)
{
	if (board->magic == SCOREBOARD_MAGIC && board->slot_size == sizeof board->slot[0] && board->slots == SCOREBOARD_SLOTS)
		return true;
	munmap(board, sizeof *board);
	board = NULL;
	return err_set(err, "%s: written by another version of postrider", path);
}

bool scoreboard_open(const char *run_dir, bool read_only, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/scoreboard", run_dir);
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "%s", path);
	bool ok = check_file(fd, path, err) && map(fd, read_only, path, err) && check_layout(path, err);

	close(fd);
	return ok;
}

void scoreboard_count(enum counter c, uint64_t n)
{
	if (board != NULL)
		atomic_fetch_add_explicit(&board->counters[c], n, memory_order_relaxed);
}

void scoreboard_gauge(unsigned part, enum gauge g, int64_t value)
{
	if (board != NULL)
		atomic_store_explicit(&board->gauges[part][g], value, memory_order_relaxed);
}

int64_t scoreboard_gauge_total(struct scoreboard *s, enum gauge g)
{
	uint32_t runners = atomic_load_explicit(&s->runners, memory_order_relaxed);
	int64_t sum = 0;

	for (uint32_t i = 0; i < runners && i < RUNNERS_MAX; i++)
		sum += atomic_load_explicit(&s->gauges[i][g], memory_order_relaxed);
	return sum;
}

bool scoreboard_stressed(void)
{
	int32_t at = board != NULL ? atomic_load_explicit(&board->stress_at, memory_order_relaxed) : 0;

	return at > 0 && atomic_load_explicit(&board->busy, memory_order_relaxed) >= at;
}

/* ---- slots ---- */

static void raise_high(uint32_t above)
{
	uint32_t high = atomic_load(&board->high_slot);

	while (high < above && !atomic_compare_exchange_weak(&board->high_slot, &high, above))
		;
}

/* Whoever sets pid from 0 owns the slot; the rest of it is then nobody else's. */
int scoreboard_take(int32_t pid, uint32_t generation)
{
	for (int i = 0; board != NULL && i < SCOREBOARD_SLOTS; i++) {
		struct scoreboard_slot *s = &board->slot[i];
		int32_t free_pid = 0;

		if (!atomic_compare_exchange_strong(&s->pid, &free_pid, pid))
			continue;
		atomic_store(&s->generation, generation);
		atomic_store(&s->tls, 0);
		atomic_store(&s->hook, 0);
		atomic_store(&s->plugin, 0);
		atomic_store(&s->hook_since, 0);
		atomic_store(&s->since, clock_ms());
		atomic_store(&s->sessions, 0);
		atomic_store(&s->messages, 0);
		s->peer_family = s->proxy_family = s->inside = 0;
		s->id[0] = '\0';
		atomic_store(&s->phase, PHASE_IDLE);
		atomic_fetch_add(&board->idle, 1);
		raise_high((uint32_t)i + 1);
		return i;
	}
	return -1;
}

/* Sessions on the internal socket have no peer address: they are no clients, and count against no limit. */
static bool is_client(const struct scoreboard_slot *s)
{
	return s->peer_family != 0;
}

void scoreboard_release(int slot, int32_t pid)
{
	struct scoreboard_slot *s = &board->slot[slot];

	if (atomic_load(&s->pid) != pid)
		return;
	unsigned phase = atomic_exchange(&s->phase, PHASE_FREE);

	if (phase == PHASE_IDLE)
		atomic_fetch_sub(&board->idle, 1);
	else if (phase != PHASE_FREE && is_client(s))
		atomic_fetch_sub(&board->busy, 1);
	atomic_store(&s->hook_since, 0);
	atomic_compare_exchange_strong(&s->pid, &pid, 0);
}

static void settle(_Atomic int32_t *total, int32_t counted, int32_t *last)
{
	int32_t off = counted - atomic_load(total);

	if (off != 0 && off == *last) {
		atomic_fetch_add(total, off);
		off = 0;
	}
	*last = off;
}

void scoreboard_settle(void)
{
	static int32_t idle_off, busy_off;	/* what the last look found */
	uint32_t high = atomic_load(&board->high_slot);
	int32_t idle = 0, busy = 0;

	for (uint32_t i = 0; i < high && i < SCOREBOARD_SLOTS; i++) {
		unsigned phase = atomic_load_explicit(&board->slot[i].phase, memory_order_relaxed);

		idle += phase == PHASE_IDLE;
		busy += phase > PHASE_IDLE && is_client(&board->slot[i]);
	}
	settle(&board->idle, idle, &idle_off);
	settle(&board->busy, busy, &busy_off);
}

static bool same_client(const struct scoreboard_slot *s, const struct netaddr *addr, unsigned prefix6)
{
	struct netaddr peer = { .family = s->peer_family };

	if (peer.family != addr->family)
		return false;
	memcpy(peer.bytes, s->peer, sizeof peer.bytes);
	return netaddr_in(&peer, addr, addr->family == 6 ? prefix6 : 32);
}

unsigned scoreboard_sessions_from(const struct netaddr *addr, unsigned prefix6, int except)
{
	uint32_t high = board != NULL ? atomic_load(&board->high_slot) : 0;
	unsigned count = 0;

	if (addr->family == 0)
		return 0;
	for (uint32_t i = 0; i < high && i < SCOREBOARD_SLOTS; i++) {
		const struct scoreboard_slot *s = &board->slot[i];

		if ((int)i != except && atomic_load_explicit(&s->phase, memory_order_relaxed) > PHASE_IDLE && same_client(s, addr, prefix6))
			count++;
	}
	return count;
}

/* ---- names ---- */

const char *scoreboard_phase_name(unsigned phase)
{
	return phase < PHASE_COUNT ? phase_names[phase] : "unknown";
}

const char *scoreboard_counter_name(unsigned counter)
{
	return counter < COUNT_COUNT ? counter_names[counter] : "unknown";
}

const char *scoreboard_gauge_name(unsigned gauge)
{
	return gauge < GAUGE_COUNT ? gauge_names[gauge] : "unknown";
}
