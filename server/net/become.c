#include "server/net/become.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int change(const struct passwd *p, struct err *e)
{
	if (initgroups(p->pw_name, p->pw_gid) || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(e, ERR_FAILED, "user", "cannot become the user %s: %s", p->pw_name,
			       strerror(errno));
	if (!setresuid(0, 0, 0) || !setresgid(0, 0, 0))
		return err_set(e, ERR_FAILED, "user", "there is a way back to root from %s",
			       p->pw_name);
	/* Changing users lets core images and tracing in again. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

int become(const char *user, struct err *e)
{
	const struct passwd *p = getpwnam(user);

	if (!p) {
		err_set(e, ERR_USAGE, "user", "there is no user \"%s\" on this system", user);
		return err_hint(e, "\"systemd-sysusers\" makes the users of the services; "
				   "\"user = \" in the configuration names another one");
	}
	if (!p->pw_uid)
		return err_set(e, ERR_USAGE, "user",
			       "\"user = \" is %s, which is root; it takes one without privileges",
			       user);
	if (geteuid() == p->pw_uid)
		return 0;
	if (geteuid())
		return err_set(e, ERR_USAGE, "user",
			       "only root can become %s: start the service as root or as %s", user,
			       user);
	return change(p, e);
}
