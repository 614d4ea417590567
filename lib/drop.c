/* drop.c - gives up root for good, and proves it. */
#include "base.h"
#include "drop.h"
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>

static bool name_user(uid_t uid, struct drop_target *out)
{
	struct passwd *pw = getpwuid(uid);

	snprintf(out->user, sizeof out->user, "%s", pw != NULL ? pw->pw_name : "");
	return pw != NULL;
}

static bool ourselves(struct drop_target *out)
{
	*out = (struct drop_target){ .uid = geteuid(), .gid = getegid() };
	if (!name_user(out->uid, out))
		snprintf(out->user, sizeof out->user, "%u", (unsigned)out->uid);
	return true;
}

static bool find_group(const char *group, struct drop_target *out, struct err *err)
{
	struct group *gr;

	if (group == NULL || *group == '\0')
		return true;
	gr = getgrnam(group);
	if (gr == NULL)
		return err_set(err, "group \"%s\" does not exist", group);
	out->gid = gr->gr_gid;
	return true;
}

bool drop_lookup(const char *user, const char *group, struct drop_target *out, struct err *err)
{
	struct passwd *pw;

	if (geteuid() != 0)
		return ourselves(out);
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(err, "user \"%s\" does not exist (setting user, or --user)", user);
	*out = (struct drop_target){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	snprintf(out->user, sizeof out->user, "%s", user);
	if (out->uid == 0)
		return err_set(err, "user \"%s\" is root: mail is never handled as root", user);
	return find_group(group, out, err);
}

static bool become(const struct drop_target *t, struct err *err)
{
	if (initgroups(t->user, t->gid) != 0)
		return err_sys(err, "cannot take the groups of %s", t->user);
	if (setresgid(t->gid, t->gid, t->gid) != 0 || setresuid(t->uid, t->uid, t->uid) != 0)
		return err_sys(err, "cannot become %s", t->user);
	return true;
}

/* Every id is the target's, and the kernel refuses the way back. */
static bool proven(const struct drop_target *t, struct err *err)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	if (getresuid(&r, &e, &s) != 0 || getresgid(&gr, &ge, &gs) != 0)
		return err_sys(err, "cannot read our own user id");
	if (r != t->uid || e != t->uid || s != t->uid || gr != t->gid || ge != t->gid || gs != t->gid)
		return err_set(err, "user and group ids did not change to those of %s", t->user);
	if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(-1, 0, -1) == 0)
		return err_set(err, "root could be regained after becoming %s", t->user);
	return true;
}

bool drop_root(const struct drop_target *target, struct err *err)
{
	if (geteuid() == 0 && (!become(target, err) || !proven(target, err)))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(err, "cannot set no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(err, "cannot forbid core dumps");
	return true;
}
