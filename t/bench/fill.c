/* fill.c - fills a spool with deferred messages, as the queue-runner would have left them, faster than it could: for
 * measurements with a long queue. COUNT messages of about 2 KiB arrived evenly in the last DAY seconds and are due, evenly, in
 * the DAY seconds that begin in FROM seconds; they go to DOMAINS domains in turn (user@d0.test, user@d1.test ...). Nothing is synced.
 * The files belong to whoever runs this; as root, to UID and GID.
 *
 *   fill SPOOL COUNT DOMAINS FROM DAY UID GID */
#include "../../lib/base.h"
#include "../../lib/clock.h"
#include "../../queue/envelope.h"
#include "../../queue/spool_id.h"
#include "../../queue/spool_internal.h"
#include <fcntl.h>
#include <sys/stat.h>

struct plan {
	long count, domains, from, day;
	uid_t uid;
	gid_t gid;
	int64_t now;			/* microseconds since 1970 */
};

static const char body[] = "a line of a message that waits until its server is back, as a million others do\r\n";

static NORETURN void fail(const char *what)
{
	fprintf(stderr, "fill: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_envelope(const struct plan *p, long i, struct envelope *env, struct envelope_rcpt *rcpt, char *address)
{
	int len = snprintf(address, 64, "user@d%ld.test", i % p->domains);

	*rcpt = (struct envelope_rcpt){ .address = address, .domain = address + 5, .orcpt = "", .status = RCPT_TODO,
		.last = "mx.test [192.0.2.1] 451 4.3.0 not now" };
	*env = (struct envelope){ .sender = "bench@sender.test", .envid = "", .ret = "", .client = "192.0.2.7", .helo = "client.test",
		.auth_user = "", .tls = "", .session = "0000000000000", .by_mode = "", .attempts = 1, .rcpt_count = 1, .rcpts = rcpt };
	env->arrived = p->now - (p->count - i) * (p->day * 1000000 / p->count);
	env->next = p->now / 1000000 + p->from + i * p->day / p->count;
	if (len < 0)
		fail("address");
}

static void write_one(struct spool *sp, const struct plan *p, long i, struct view message)
{
	char address[64], id[SPOOL_ID_SIZE], trailer[SPOOL_TRAILER + 1];
	struct spool_trailer t = { .message_len = message.len, .envelope_at = message.len, .message_sum = spool_sum(0, message.data, message.len) };
	struct envelope env;
	struct envelope_rcpt rcpt;
	struct err err = { "" };
	struct buf text;

	make_envelope(p, i, &env, &rcpt, address);
	struct spool_key key = { .when = (uint64_t)env.arrived,
		.serial = (uint32_t)(i % (1 << 19)) << 6 | (uint32_t)((env.arrived >> 26) % SPOOL_DIRS) };
	spool_id_unpack(&key, id);
	buf_init(&text, ENVELOPE_MAX);
	if (!envelope_write(&env, &text, &err))
		fail(err.text);
	t.envelope_len = text.len;
	spool_trailer_write(&t, id, buf_view(&text), trailer);
	struct iovec iov[] = { { (void *)(uintptr_t)message.data, message.len }, { text.data, text.len }, { trailer, SPOOL_TRAILER } };
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = env.next, .tv_nsec = spool_domain_of(&env) } };
	int dir = spool_id_fd(sp, SPOOL_LATER, id, &err), fd = dir < 0 ? -1 : openat(dir, id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	if (fd < 0 || !spool_write_all(fd, iov, COUNT_OF(iov), 0) || (geteuid() == 0 && fchown(fd, p->uid, p->gid) < 0) || futimens(fd, times) < 0)
		fail(id);
	close(fd);
	buf_free(&text);
}

static struct view make_message(struct buf *out)
{
	buf_init(out, 8192);
	bool ok = buf_puts(out, "From: <bench@sender.test>\r\nSubject: bench\r\n\r\n");
	while (ok && out->len < 2048)
		ok = buf_puts(out, body);
	if (!ok)
		fail("message");
	return buf_view(out);
}

int main(int argc, char **argv)
{
	struct err err = { "" };
	struct buf message;
	long n[6];

	if (argc != 8) {
		fprintf(stderr, "usage: fill SPOOL COUNT DOMAINS FROM DAY UID GID\n");
		return 2;
	}
	for (size_t i = 0; i < COUNT_OF(n); i++)
		n[i] = strtol(argv[i + 2], NULL, 10);
	struct plan p = { n[0], n[1], n[2], n[3], (uid_t)n[4], (gid_t)n[5], clock_now_us() };
	struct spool *sp = spool_open(argv[1], 16384, &err);

	if (!sp)
		fail(err.text);
	struct view text = make_message(&message);

	for (long i = 0; i < p.count; i++)
		write_one(sp, &p, i, text);
	spool_close(&sp);
	buf_free(&message);
	return 0;
}
