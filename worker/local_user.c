/* local_user.c - see local_user.h. Nothing that the client says is needed for this, and nothing is believed. */
#include "../lib/base.h"
#include "local_user.h"
#include "session.h"
#include <pwd.h>
#include <sys/socket.h>

/* The name stands in logs, notes and the spool, where a user whose name could mean something is known by his number. */
static const char *name_of(uid_t uid, struct arena *a)
{
	char room[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) != 0 || !found || !*found->pw_name ||
	    !address_is_dot_string(view_of(found->pw_name)))
		return arena_printf(a, "%u", (unsigned)uid);
	return arena_strdup(a, found->pw_name);
}

void local_user_take(struct session *s, int fd)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return;		/* nobody: local_user_admit turns him away */
	s->peer = netaddr_user(who.uid);
	s->auth_user = name_of(who.uid, s->host->session);
}

bool local_user_admit(struct session *s)
{
	if (!session_from_user(s))
		return true;
	for (const char *const *name = s->settings->local_users; *name && *s->auth_user; name++)
		if (strcmp(*name, "*") == 0 || strcmp(*name, s->auth_user) == 0)
			return true;
	reply_set(&s->reply, 554, "5.7.1", "%s: this user may not send mail", *s->auth_user ? s->auth_user : "unknown");
	return false;
}
