#include "pkcs11/cryptoki.h"
#include "pkcs11/owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char speaker[] = "p11-kit: ";

/* p11-kit says of each configured module that does not load why, but only on standard error. So
 * that is caught meanwhile; what others wrote there is passed on. */
struct catch
{
	int fd;   /* where it goes, or -1: it is not caught */
	int kept; /* standard error itself */
};

static void catch_begin(struct catch *c)
{
	c->fd = memfd_create("p11-kit", MFD_CLOEXEC);
	c->kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	fflush(stderr);
	if (c->fd >= 0 && c->kept >= 0) {
		owner_stderr(c->kept);
		if (dup2(c->fd, STDERR_FILENO) >= 0)
			return;
		owner_stderr(-1);
	}
	if (c->fd >= 0)
		close(c->fd);
	if (c->kept >= 0)
		close(c->kept);
	c->fd = -1;
}

/* "couldn't load module: /usr/lib/x.so: /usr/lib/x.so: no such file": the reason is what counts. */
static void note(struct troubles *t, char *line)
{
	struct err e;

	line[strcspn(line, "\n")] = '\0';
	err_set(&e, ERR_TOKEN, "no-module", "a configured module does not load: %s",
		line + strlen(speaker));
	err_hint(&e, "install the package that the module comes from, or take its file out of "
		     "p11-kit's configuration (\"p11-kit list-modules\"; /etc/pkcs11/modules, "
		     "/usr/share/p11-kit/modules)");
	trouble_add(t, &e);
}

static void catch_end(struct catch *c, struct troubles *t)
{
	FILE *caught;
	char *line = NULL;
	size_t room = 0;

	if (c->fd < 0)
		return;
	fflush(stderr);
	(void)dup2(c->kept, STDERR_FILENO);
	owner_stderr(-1);
	close(c->kept);
	caught = fdopen(c->fd, "r");
	if (!caught) {
		close(c->fd);
		return;
	}
	rewind(caught);
	while (getline(&line, &room, caught) > 0) {
		if (!strncmp(line, speaker, strlen(speaker)))
			note(t, line);
		else
			fputs(line, stderr);
	}
	free(line);
	fclose(caught);
}

CK_FUNCTION_LIST **loader_configured(struct troubles *t)
{
	struct catch c;
	CK_FUNCTION_LIST **list;

	catch_begin(&c);
	p11_kit_be_loud();
	list = p11_kit_modules_load(NULL, 0);
	p11_kit_be_quiet();
	catch_end(&c, t);
	return list;
}
