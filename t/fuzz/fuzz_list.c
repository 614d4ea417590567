/* fuzz_list.c - list files, and their entries as networks and as domains. What was taken into a set is found in it. */
#include "fuzz.h"
#include "../../lib/address.h"
#include "../../lib/listfile.h"
#include <sys/mman.h>

/* A file without a directory, which is reached by its number. */
static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

static void check_network(struct netlist *list, struct view entry)
{
	struct err err = { .text = "" };
	size_t count = netlist_count(list);
	bool added = netlist_add(list, entry, &err);
	struct netaddr a;

	MUST(added == (err.text[0] == '\0') && netlist_count(list) == count + added);
	if (netaddr_parse(view_head(entry, view_find(entry, '/')), &a) && added)
		MUST(netlist_has(list, &a));
	if (netaddr_parse_port(entry, 25, &a) || netaddr_parse_literal(entry, &a)) {
		char text[NETADDR_TEXT], reverse[NETADDR_REVERSE];
		struct netaddr again;

		MUST(netaddr_parse(view_of(netaddr_text(&a, text)), &again) && netaddr_eq(&a, &again));
		MUST(strlen(netaddr_reverse(&a, reverse)) > 10);
	}
}

static void check_host(struct hostset *set, const char *entry)
{
	struct err err = { .text = "" };
	char name[600];

	if (!hostset_add(set, entry, entry, &err)) {
		MUST(err.text[0] != '\0');
		return;
	}
	snprintf(name, sizeof(name), "%s%.500s", entry[0] == '.' ? "x" : "", entry);
	MUST(hostset_find(set, view_of(name)) || strlen(name) > ADDRESS_DOMAIN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netlist *networks = netlist_new();
	struct hostset *hosts = hostset_new();
	struct arena *arena = arena_new(1024);
	struct err err = { .text = "" };
	struct listfile list;
	char name[16];
	int fd = file_of(data, size);

	snprintf(name, sizeof(name), "%d", fd);
	if (listfile_read("/proc/self/fd", name, arena, &list, &err)) {
		for (size_t i = 0; i < list.count; i++) {
			struct view entry = view_of(list.lines[i]);

			MUST(entry.len > 0 && view_eq(entry, view_trim(entry)) && view_find(entry, '\n') == entry.len);
			MUST(list.numbers[i] > (i ? list.numbers[i - 1] : 0));
			check_network(networks, entry);
			check_host(hosts, list.lines[i]);
		}
	} else {
		MUST(err.text[0] != '\0' && list.count == 0);
	}
	close(fd);
	netlist_free(&networks);
	hostset_free(&hosts);
	arena_free(&arena);
	return 0;
}
