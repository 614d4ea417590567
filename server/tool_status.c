/* tool_status.c - `postrider status` and `postrider metrics`: the scoreboard, read only. Nothing in it is trusted: the user
 * that workers run as can write it, so numbers are clamped and texts escaped. */
#include "tool.h"
#include "../lib/clock.h"
#include "../lib/netaddr.h"
#include "../lib/plugin.h"
#include "../lib/scoreboard.h"
#include "../queue/part.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>

#define STORE_LATELY 300000	/* ms */

/* A copy of what is shown, taken once. */
struct view_of_all {
	int64_t uptime;
	int32_t master, forkserver, resolver, runners[RUNNERS_MAX];
	unsigned runner_count;
	uint32_t generation, slots;
	unsigned phases[PHASE_COUNT];
	unsigned sessions, older;		/* sessions now; workers of earlier generations */
	bool store_away, store_refuses;
	int32_t busy, stress_at;		/* clients now; from how many on there is stress, 0 never */
	uint64_t counters[COUNT_COUNT];
	int64_t gauges[GAUGE_COUNT];
};

/* As far as somebody has asked it lately: after a reload there may be one that nobody asks any more. */
static void take_store(struct scoreboard *sb, struct view_of_all *v)
{
	int64_t now = clock_ms();

	for (size_t i = 0; i < STORE_HEALTHS; i++) {
		struct store_health *h = &sb->stores[i];
		int64_t refused_at = atomic_load(&h->refused_at);

		v->store_away |= atomic_load(&h->failures) != 0 && now - atomic_load(&h->retry_at) < STORE_LATELY;
		v->store_refuses |= refused_at != 0 && now - refused_at < STORE_LATELY;
	}
}

static bool alive(int32_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

static void take(struct scoreboard *sb, struct view_of_all *v)
{
	uint32_t high = atomic_load_explicit(&sb->high_slot, memory_order_relaxed);

	memset(v, 0, sizeof(*v));
	v->uptime = clock_now() - atomic_load(&sb->started);
	if (v->uptime < 1)
		v->uptime = 1;
	v->master = atomic_load(&sb->master_pid);
	v->forkserver = atomic_load(&sb->forkserver_pid);
	v->resolver = atomic_load(&sb->resolver_pid);
	v->runner_count = atomic_load(&sb->runners);
	v->runner_count = v->runner_count < 1 ? 1 : v->runner_count > RUNNERS_MAX ? RUNNERS_MAX : v->runner_count;
	for (unsigned i = 0; i < v->runner_count; i++)
		v->runners[i] = atomic_load(&sb->runner_pids[i]);
	v->generation = atomic_load(&sb->generation);
	v->slots = high < SCOREBOARD_SLOTS ? high : SCOREBOARD_SLOTS;
	for (uint32_t i = 0; i < v->slots; i++) {
		unsigned phase = atomic_load_explicit(&sb->slot[i].phase, memory_order_relaxed);
		if (phase == PHASE_FREE || phase >= PHASE_COUNT)
			continue;
		v->phases[phase]++;
		v->sessions += phase > PHASE_IDLE;
		v->older += atomic_load_explicit(&sb->slot[i].generation, memory_order_relaxed) != v->generation;
	}
	take_store(sb, v);
	v->busy = atomic_load_explicit(&sb->busy, memory_order_relaxed);
	v->stress_at = atomic_load_explicit(&sb->stress_at, memory_order_relaxed);
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		v->counters[i] = atomic_load_explicit(&sb->counters[i], memory_order_relaxed);
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		v->gauges[i] = scoreboard_gauge_total(sb, (enum gauge)i);
}

static bool stressed(const struct view_of_all *v)
{
	return v->stress_at > 0 && v->busy >= v->stress_at;
}

static unsigned workers(const struct view_of_all *v)
{
	unsigned n = 0;

	for (unsigned p = PHASE_IDLE; p < PHASE_COUNT; p++)
		n += v->phases[p];
	return n;
}

/* ---- for people ---- */

static void print_process(const char *name, int32_t pid)
{
	if (alive(pid))
		printf("  %-12s process %d\n", name, (int)pid);
	else
		printf("  %-12s not running\n", name);
}

static void print_counters(const struct view_of_all *v)
{
	printf("\nsince start%20s %12s\n", "total", "per second");
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		if (v->counters[i])
			printf("  %-16s %12" PRIu64 " %12.3f\n", scoreboard_counter_name(i), v->counters[i], (double)v->counters[i] / (double)v->uptime);
}

static void print_status(const struct view_of_all *v)
{
	char age[TOOL_NUMBER_SIZE], name[PART_NAME];

	printf("postrider: %s, started %s ago, generation %u\n", alive(v->master) ? "running" : "NOT RUNNING", tool_age(v->uptime, age),
	       (unsigned)v->generation);
	print_process("master", v->master);
	print_process("forkserver", v->forkserver);
	print_process("resolver", v->resolver);
	for (unsigned i = 0; i < v->runner_count; i++)
		print_process(part_name(name, i), v->runners[i]);
	if (v->store_away || v->store_refuses)
		printf("  %-12s %s\n", "store", v->store_away ? "AWAY" : "TAKES NO MORE ENTRIES");
	printf("\nworkers: %u (%u of earlier generations), sessions: %u\n", workers(v), v->older, v->sessions);
	for (unsigned p = PHASE_IDLE; p < PHASE_COUNT; p++)
		if (v->phases[p])
			printf("  %-16s %12u\n", scoreboard_phase_name(p), v->phases[p]);
	if (v->stress_at > 0)
		printf("stress: %s, %d clients, from %d on\n", stressed(v) ? "YES" : "no", (int)v->busy, (int)v->stress_at);
	printf("\nqueue\n");
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		printf("  %-16s %12" PRId64 "\n", scoreboard_gauge_name(i), v->gauges[i]);
	print_counters(v);
}

static const char *hook_text(const struct scoreboard *sb, const struct scoreboard_slot *slot, char *out, size_t size)
{
	unsigned hook = atomic_load_explicit(&slot->hook, memory_order_relaxed);
	unsigned plugin = atomic_load_explicit(&slot->plugin, memory_order_relaxed);

	out[0] = '\0';
	if (hook && hook <= HOOK_COUNT && plugin && plugin <= COUNT_OF(sb->plugin_names))
		snprintf(out, size, "%s in %.*s", plugin_hook_name(hook - 1), (int)sizeof(sb->plugin_names[0]), sb->plugin_names[plugin - 1]);
	return out;
}

/* The address in a slot; "" for none. */
static char *address_text(uint8_t family, const uint8_t bytes[16], char out[NETADDR_TEXT])
{
	struct netaddr addr = { .family = family };

	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	out[0] = '\0';
	return family ? netaddr_text(&addr, out) : out;
}

static void print_worker(struct scoreboard *sb, uint32_t i, bool json, const char *comma)
{
	struct scoreboard_slot *slot = &sb->slot[i];
	unsigned phase = atomic_load_explicit(&slot->phase, memory_order_relaxed);
	int64_t since = (clock_ms() - atomic_load_explicit(&slot->since, memory_order_relaxed)) / 1000;
	char address[NETADDR_TEXT], proxy[NETADDR_TEXT], age[TOOL_NUMBER_SIZE], hook[96];
	int pid = (int)atomic_load_explicit(&slot->pid, memory_order_relaxed);

	address_text(slot->peer_family, slot->peer, address);
	address_text(slot->proxy_family, slot->proxy, proxy);
	hook_text(sb, slot, hook, sizeof(hook));
	if (json) {
		printf("%s{\"pid\":%d,\"phase\":\"%s\",\"peer\":\"%s\",\"proxy\":\"%s\",\"seconds\":%" PRId64 ",\"tls\":%s,\"hook\":", comma, pid,
		       scoreboard_phase_name(phase), *address ? address : "unknown", proxy, since, atomic_load(&slot->tls) ? "true" : "false");
		tool_print_json(stdout, hook);
		putchar('}');
	} else {
		printf("  %7d %-8s %-39s %5s %s %s%s%s", pid, scoreboard_phase_name(phase), *address ? address : "unknown", tool_age(since, age),
		       atomic_load(&slot->tls) ? "tls  " : "plain", *proxy ? "by " : "", proxy, *proxy ? " " : "");
		tool_print(stdout, hook);
		putchar('\n');
	}
}

static void print_workers(struct scoreboard *sb, const struct view_of_all *v, bool json)
{
	const char *comma = "";

	for (uint32_t i = 0; i < v->slots; i++) {
		unsigned phase = atomic_load_explicit(&sb->slot[i].phase, memory_order_relaxed);
		if (phase > PHASE_IDLE && phase < PHASE_COUNT) {
			print_worker(sb, i, json, comma);
			comma = ",";
		}
	}
}

/* ---- for programs ---- */

static void print_json_process(const char *before, const char *name, int32_t pid)
{
	printf("%s\"%s\":{\"pid\":%d,\"alive\":%s}", before, name, (int)pid, alive(pid) ? "true" : "false");
}

static void print_json_processes(const struct view_of_all *v)
{
	const struct { const char *name; int32_t pid; } processes[] = {
		{ "master", v->master }, { "forkserver", v->forkserver }, { "resolver", v->resolver },
	};
	char name[PART_NAME];

	for (size_t i = 0; i < COUNT_OF(processes); i++)
		print_json_process(i ? "," : "", processes[i].name, processes[i].pid);
	for (unsigned i = 0; i < v->runner_count; i++)
		print_json_process(",", part_name(name, i), v->runners[i]);
}

static void print_json(struct scoreboard *sb, const struct view_of_all *v, bool with_workers)
{
	printf("{\"running\":%s,\"uptime\":%" PRId64 ",\"generation\":%u,\"processes\":{", alive(v->master) ? "true" : "false", v->uptime,
	       (unsigned)v->generation);
	print_json_processes(v);
	printf("},\"workers\":{\"total\":%u,\"older\":%u", workers(v), v->older);
	for (unsigned p = PHASE_IDLE; p < PHASE_COUNT; p++)
		printf(",\"%s\":%u", scoreboard_phase_name(p), v->phases[p]);
	printf("},\"sessions\":%u,\"stress\":{\"active\":%s,\"busy\":%d,\"at\":%d},\"queue\":{", v->sessions, stressed(v) ? "true" : "false",
	       (int)v->busy, (int)v->stress_at);
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		printf("%s\"%s\":%" PRId64, i ? "," : "", scoreboard_gauge_name(i), v->gauges[i]);
	printf("},\"store\":{\"away\":%s,\"refuses\":%s", v->store_away ? "true" : "false", v->store_refuses ? "true" : "false");
	printf("},\"counters\":{");
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", scoreboard_counter_name(i), v->counters[i]);
	printf("},\"rates\":{");
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		printf("%s\"%s\":%.3f", i ? "," : "", scoreboard_counter_name(i), (double)v->counters[i] / (double)v->uptime);
	putchar('}');
	if (with_workers) {
		printf(",\"busy\":[");
		print_workers(sb, v, true);
		putchar(']');
	}
	puts("}");
}

/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void print_metrics(const struct view_of_all *v)
{
	printf("# HELP postrider_up Whether the master process is alive.\n# TYPE postrider_up gauge\npostrider_up %d\n", alive(v->master));
	printf("# HELP postrider_uptime_seconds Time since the master started.\n# TYPE postrider_uptime_seconds gauge\n"
	       "postrider_uptime_seconds %" PRId64 "\n", v->uptime);
	printf("# HELP postrider_generation Configuration generation.\n# TYPE postrider_generation gauge\npostrider_generation %u\n",
	       (unsigned)v->generation);
	printf("# HELP postrider_workers Worker processes by phase.\n# TYPE postrider_workers gauge\n");
	for (unsigned p = PHASE_IDLE; p < PHASE_COUNT; p++)
		printf("postrider_workers{phase=\"%s\"} %u\n", scoreboard_phase_name(p), v->phases[p]);
	printf("# HELP postrider_store_away Whether the shared store does not answer.\n# TYPE postrider_store_away gauge\npostrider_store_away %d\n",
	       v->store_away);
	printf("# HELP postrider_store_refuses Whether the shared store takes no more entries.\n# TYPE postrider_store_refuses gauge\n"
	       "postrider_store_refuses %d\n", v->store_refuses);
	printf("# HELP postrider_clients Clients being served.\n# TYPE postrider_clients gauge\npostrider_clients %d\n", (int)v->busy);
	printf("# HELP postrider_stress Whether workers are nearly used up.\n# TYPE postrider_stress gauge\npostrider_stress %d\n", stressed(v));
	for (unsigned i = 0; i < GAUGE_COUNT; i++)
		printf("# TYPE postrider_%s gauge\npostrider_%s %" PRId64 "\n", scoreboard_gauge_name(i), scoreboard_gauge_name(i), v->gauges[i]);
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		printf("# TYPE postrider_%s_total counter\npostrider_%s_total %" PRIu64 "\n", scoreboard_counter_name(i), scoreboard_counter_name(i),
		       v->counters[i]);
}

/* ---- commands ---- */

static struct scoreboard *open_scoreboard(const struct tool *tool)
{
	struct settings *s = tool_settings(tool);
	struct err err = { "" };

	if (!s)
		return NULL;
	if (!scoreboard_open(s->run_dir, true, &err))
		tool_fail("not running: %s", err.text);
	settings_free(&s);
	return *err.text ? NULL : scoreboard();
}

int tool_status(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "workers", no_argument, NULL, 'w' }, { NULL, 0, NULL, 0 } };
	bool json = false, with_workers = false;
	struct scoreboard *sb;
	struct view_of_all v;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		json = json || c == 'j';
		with_workers = with_workers || c == 'w';
		if (c == '?')
			return tool_usage(tool);
	}
	if (optind < argc)
		return tool_usage(tool);
	sb = open_scoreboard(tool);
	if (!sb)
		return TOOL_FAILED;
	take(sb, &v);
	if (json)
		print_json(sb, &v, with_workers);
	else
		print_status(&v);
	if (!json && with_workers && v.sessions) {
		printf("\nbusy workers\n");
		print_workers(sb, &v, false);
	}
	return alive(v.master) ? TOOL_OK : TOOL_FAILED;
}

int tool_metrics(const struct tool *tool, int argc, char **argv UNUSED)
{
	struct scoreboard *sb;
	struct view_of_all v;

	if (argc > 1)
		return tool_usage(tool);
	sb = open_scoreboard(tool);
	if (!sb)
		return TOOL_FAILED;
	take(sb, &v);
	print_metrics(&v);
	return TOOL_OK;
}
