/* store_address.c - see store_address.h. */
#include "base.h"
#include "store_address.h"
#include "store.h"

#define DATABASE_MAX 65535

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3986 2.1. False when it does not fit, is no encoding, or stands for NUL. */
static bool decode(struct view v, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < v.len; i++, len++) {
		char c = v.data[i];

		if (c == '%') {
			int high = i + 2 < v.len ? hex_digit(v.data[i + 1]) : -1, low = high >= 0 ? hex_digit(v.data[i + 2]) : -1;

			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0' || len + 1 >= size)
			return false;
		out[len] = c;
	}
	out[len] = '\0';
	return true;
}

/* Splits off "user:password@" or ":password@"; a last "@", since passwords may well hold one. */
static bool take_login(struct view *rest, struct store_address *a)
{
	size_t at = rest->len;

	while (at > 0 && rest->data[at - 1] != '@')
		at--;
	if (at == 0)
		return true;
	struct view login = view_head(*rest, at - 1), user = view_cut(&login, ':');

	*rest = view_skip(*rest, at);
	return decode(user, a->user, sizeof(a->user)) && decode(login, a->password, sizeof(a->password)) && *a->password;
}

static bool take_number(struct view v, uint64_t max, uint64_t *out)
{
	return v.len == 0 || view_u64(v, max, out);
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool take_host(struct view v, struct store_address *a)
{
	uint64_t port = STORE_REDIS_PORT;
	struct view host;

	if (v.len && v.data[0] == '[') {
		if (view_find(v, ']') == v.len)
			return false;
		v = view_skip(v, 1);
		host = view_cut(&v, ']');
		if (v.len && v.data[0] != ':')
			return false;
		v = view_skip(v, 1);
	} else {
		host = view_cut(&v, ':');
	}
	if (!take_number(v, UINT16_MAX, &port) || port == 0 || host.len == 0 || !view_is_printable(host) || view_find(host, ' ') < host.len)
		return false;
	a->port = (uint16_t)port;
	return view_copy(host, a->host, sizeof(a->host));
}

static bool parse_tcp(struct view rest, struct store_address *a)
{
	struct view authority = rest;
	uint64_t database = 0;

	/* A password may hold "/", a host may not. */
	if (!take_login(&authority, a))
		return false;
	rest = authority;
	authority = view_cut(&rest, '/');
	if (!take_number(rest, DATABASE_MAX, &database))
		return false;
	a->database = (unsigned)database;
	return take_host(authority, a);
}

static bool parse_unix(struct view rest, struct store_address *a)
{
	uint64_t database = 0;
	struct view path;

	if (!take_login(&rest, a))
		return false;
	path = view_cut(&rest, '?');
	if (rest.len && (!view_starts(rest, VIEW("db=")) || !view_u64(view_skip(rest, 3), DATABASE_MAX, &database)))
		return false;
	a->database = (unsigned)database;
	return decode(path, a->path, sizeof(a->path)) && a->path[0] == '/';
}

bool store_address_parse(const char *text, struct store_address *out)
{
	struct view v = view_of(text);
	const struct view tcp = VIEW("redis://"), sock = VIEW("redis+unix://");

	*out = (struct store_address){ .redis = true };
	if (view_starts(v, tcp))
		return parse_tcp(view_skip(v, tcp.len), out);
	if (view_starts(v, sock))
		return parse_unix(view_skip(v, sock.len), out);
	out->redis = false;
	return view_eq(v, VIEW("lmdb"));
}

char *store_address_text(const struct store_address *a, char out[STORE_ADDRESS_TEXT])
{
	bool v6 = strchr(a->host, ':') != NULL;

	if (!a->redis)
		snprintf(out, STORE_ADDRESS_TEXT, "lmdb");
	else if (*a->path)
		snprintf(out, STORE_ADDRESS_TEXT, "redis %s database %u", a->path, a->database);
	else
		snprintf(out, STORE_ADDRESS_TEXT, "redis %s%s%s:%u database %u", v6 ? "[" : "", a->host, v6 ? "]" : "", a->port, a->database);
	return out;
}

const char *store_address_expected(const char *value)
{
	struct store_address a;

	return store_address_parse(value, &a) ? NULL :
		"lmdb, redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or redis+unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]";
}
