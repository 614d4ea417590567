/* fuzz_ipc.c - datagrams from a process that has been taken over. Whatever is read from them lies inside, and a message that
 * was read to its end is the same when it is written again. */
#include "fuzz.h"
#include "../../lib/ipc.h"
#include <sys/socket.h>

static struct ipc_in in;
static struct ipc_out out;

/* Reads one field of each kind that SHAPE names, and writes it to OUT. */
static void copy_fields(struct view shape)
{
	ipc_begin(&out, (enum ipc_type)in.type);
	while (shape.len && !in.failed) {
		struct view v;

		switch (fuzz_byte(&shape) % 5) {
		case 0:
			ipc_put_u8(&out, ipc_get_u8(&in));
			break;
		case 1:
			ipc_put_u16(&out, ipc_get_u16(&in));
			break;
		case 2:
			ipc_put_u32(&out, ipc_get_u32(&in));
			break;
		case 3:
			ipc_put_u64(&out, ipc_get_u64(&in));
			break;
		case 4:
			v = ipc_get_view(&in);
			MUST(v.len <= in.len && (v.len == 0 || ((const uint8_t *)v.data >= in.data && (const uint8_t *)v.data + v.len <= in.data + in.len)));
			ipc_put_view(&out, v);
			break;
		}
		MUST(in.at <= in.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view message = view_make((const char *)data, size), shape;
	bool datagram = fuzz_byte(&message) & 1;
	struct err err = { .text = "" };
	int pair[2], result;

	shape = view_head(message, fuzz_byte(&message) % 32);
	message = view_skip(message, shape.len);
	MUST(socketpair(AF_UNIX, (datagram ? SOCK_DGRAM : SOCK_SEQPACKET) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	MUST(send(pair[0], message.data ? message.data : "", message.len, MSG_NOSIGNAL) == (ssize_t)message.len);
	result = ipc_receive(pair[1], &in, &err);
	MUST(result == 1 || result == -2 || (result == 0 && !datagram && message.len == 0));
	MUST((result == -2) == (err.text[0] != '\0'));
	if (result == 1) {
		copy_fields(shape);
		if (ipc_end(&in, &err))
			MUST(!out.failed && out.len == message.len && memcmp(out.data, message.data, out.len) == 0);
		else
			MUST(err.text[0] != '\0');
	}
	close(pair[0]);
	close(pair[1]);
	return 0;
}
