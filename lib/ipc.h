/* ipc.h - messages between our processes: typed, counted, finished. One message is one datagram of a
 * SOCK_SEQPACKET (or SOCK_DGRAM) Unix socket, so there is no framing to get wrong. It begins with a version
 * byte and a type byte; leftover bytes are an error; who may send what to whom stands in ipc.c. */
#ifndef IPC_H
#define IPC_H

#include "base.h"
#include "view.h"
#include "err.h"

#define IPC_VERSION 1
#define IPC_MAX 65536		/* bytes of one message */

enum ipc_type {
	/* child -> master */
	IPC_READY = 1,		/* configuration read, ready to serve */
	IPC_FAILED,		/* text: cannot start, and why; exit status 2 follows */
	/* master -> child */
	IPC_DRAIN,		/* finish what is in hand, then leave */
	IPC_STOP,		/* leave as soon as what is in flight is safe */
	IPC_SERVE,		/* the predecessor has left (or there was none): begin */
	/* worker -> resolver -> worker */
	IPC_LOOKUP,		/* u32 id, u16 rrtype, u32 timeout ms, string name */
	IPC_ANSWER,		/* see dns.h */
	/* worker -> queue-runner (datagram) */
	IPC_POKE,		/* string queue id; from the forkserver "": a worker died, look at new/ yourself */
	/* postrider -> queue-runner -> postrider */
	IPC_QUEUE_FLUSH,	/* string what: "" all, an id, or "domain:example.com" */
	IPC_QUEUE_HOLD, IPC_QUEUE_RELEASE, IPC_QUEUE_REMOVE, IPC_QUEUE_RETRY,	/* string id */
	IPC_QUEUE_STATS,
	IPC_RESULT,		/* u8 ok, string text */
	IPC_QUEUE_BOUNCE,	/* string id; behind the others, whose numbers a tool of the last version knows */
	/* forkserver -> key process -> forkserver (server/keyholder.h) */
	IPC_KEY_LOAD,		/* string path */
	IPC_KEY_LOADED,		/* string what went wrong, u32 count, and for each: u64 name (tls_key_name), string key id */
	IPC_KEY_SEAL,		/* no more keys: give up root and serve */
	IPC_KEY_CLIENT,		/* with a descriptor: a connection on which IPC_KEY_USE comes */
	/* worker -> key process -> worker */
	IPC_KEY_USE,		/* u32 number, u8 enum tls_key_use, u32 algorithm, u32 flags, string data */
	IPC_KEY_USED,		/* u32 error code of GnuTLS or 0, string result; to the forkserver: serving since IPC_KEY_SEAL */
	/* child -> master, before IPC_READY */
	IPC_WATCH,		/* u64 fingerprint, u16 count, that many strings: paths of files that it has read (watch.h) */
	/* master -> forkserver, the first of all */
	IPC_SECRET,		/* string: random octets that outlive a generation of workers */
	/* postrider -> queue-runner */
	IPC_QUEUE_RULES,	/* the file of rules is another one */
	/* queue-runner -> helper -> queue-runner */
	IPC_HOOK, IPC_HOOK_DONE,	/* see queue/helper_call.c */
	IPC_TYPE_COUNT
};

/* What a process is, for the table in ipc.c. IPC_CHILD is what the master talks to: all three roles. */
enum ipc_party { IPC_MASTER = 1, IPC_CHILD = 2, IPC_RESOLVER = 4, IPC_WORKER = 8, IPC_QUEUE_RUNNER = 16, IPC_TOOL = 32, IPC_KEYHOLDER = 64,
	IPC_HELPER = 128, IPC_ANYONE = 255 };
/* From now on ipc_receive refuses types that are not addressed to PARTIES (or-ed). IPC_ANYONE until it is called. */
void ipc_self(unsigned parties);

/* Writing. Appends fail silently over IPC_MAX and ipc_send then fails. */
struct ipc_out { size_t len; bool failed; uint8_t data[IPC_MAX]; };
void ipc_begin(struct ipc_out *m, enum ipc_type type);
void ipc_put_u8(struct ipc_out *m, uint8_t v);
void ipc_put_u16(struct ipc_out *m, uint16_t v);
void ipc_put_u32(struct ipc_out *m, uint32_t v);
void ipc_put_u64(struct ipc_out *m, uint64_t v);
void ipc_put_view(struct ipc_out *m, struct view v);	/* u32 length, bytes */
/* Sends it whole or not at all; EAGAIN is an error (the caller decides). */
bool ipc_send(int fd, const struct ipc_out *m, struct err *err) MUST_CHECK;
/* The same with a descriptor, which stays the caller's. */
bool ipc_send_fd(int fd, const struct ipc_out *m, int passed, struct err *err) MUST_CHECK;

/* Reading. Views point into the message. A short read sets failed and yields zeroes. */
struct ipc_in { size_t len, at; bool failed; uint8_t type; uint8_t data[IPC_MAX]; };
/* 1 a message, 0 end of file, -1 nothing there (EAGAIN/EINTR), -2 error or malformed (ERR is set). */
int ipc_receive(int fd, struct ipc_in *m, struct err *err);
/* The same; *PASSED becomes the descriptor that came with it (close-on-exec, the caller's), -1 when none did. */
int ipc_receive_fd(int fd, struct ipc_in *m, int *passed, struct err *err);
uint8_t ipc_get_u8(struct ipc_in *m);
uint16_t ipc_get_u16(struct ipc_in *m);
uint32_t ipc_get_u32(struct ipc_in *m);
uint64_t ipc_get_u64(struct ipc_in *m);
struct view ipc_get_view(struct ipc_in *m);
/* Everything was there and nothing is left over. */
bool ipc_end(struct ipc_in *m, struct err *err) MUST_CHECK;

/* Unix sockets at a path. TYPE: SOCK_SEQPACKET, SOCK_DGRAM or SOCK_STREAM, close-on-exec, non-blocking when listening.
 * ipc_listen replaces a stale socket (unlink, bind, chmod MODE). Return -1 with ERR on failure. */
int ipc_listen(const char *path, int type, mode_t mode, struct err *err);
int ipc_connect(const char *path, int type, struct err *err);

#endif
