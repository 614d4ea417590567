/* notify.h - sd_notify(3) without libsystemd. */
#ifndef NOTIFY_H
#define NOTIFY_H

/* Sends STATE ("READY=1") to the service manager named by NOTIFY_SOCKET; nothing when there is none. */
void notify(const char *state);

#endif
