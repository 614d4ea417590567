/* helper_call.h - a hook call as a message to a helper process, and its verdict as a message back. */
#ifndef HELPER_CALL_H
#define HELPER_CALL_H

#include "../lib/base.h"
#include "../lib/ipc.h"
#include "../lib/plugin.h"

struct runner;

/* IPC_HOOK for CALL. False: it does not fit, or notes that were set cannot be written to the file, where the helper reads them. */
bool helper_call_put(struct hook_call *call, uint64_t id, struct ipc_out *m);
/* In the helper: asks, and makes the IPC_HOOK_DONE. False: the message makes no sense. */
bool helper_call_serve(struct runner *r, struct ipc_in *m, struct ipc_out *answer);
/* An IPC_HOOK_DONE for the call ID: what the plugin has set goes into it, and the verdict is told. False: the message makes no sense. */
bool helper_call_take(struct ipc_in *m, uint64_t id);

#endif
