#include "common/secret.h"

#include "common/askpass.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int alloc(struct secret *s, struct err *e)
{
	s->text = calloc(1, SECRET_MAX);
	s->len = 0;
	if (!s->text)
		return err_nomem(e);
	/* Without the right to lock memory the secret may reach swap; that is no reason to stop. */
	(void)mlock(s->text, SECRET_MAX);
	return 0;
}

void secret_free(struct secret *s)
{
	if (s->text) {
		OPENSSL_cleanse(s->text, SECRET_MAX);
		(void)munlock(s->text, SECRET_MAX);
		free(s->text);
	}
	*s = (struct secret){0};
}

int secret_set(struct secret *s, const char *text, size_t len, struct err *e)
{
	if (len >= SECRET_MAX)
		return err_set(e, ERR_FAILED, "secret-read", "longer than the %d bytes allowed",
			       SECRET_MAX - 1);
	if (alloc(s, e))
		return (int)e->kind;
	memcpy(s->text, text, len);
	s->len = len;
	return 0;
}

/* Byte by byte, so that nothing behind the line is taken from a descriptor shared with others. */
static int read_line(struct secret *s, int fd, const char *what, struct err *e)
{
	for (;;) {
		const ssize_t n = read(fd, s->text + s->len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_FAILED, "secret-read", "cannot read the %s: %s", what,
				       strerror(errno));
		if (n == 0 || s->text[s->len] == '\n')
			break;
		if (++s->len == SECRET_MAX)
			return err_set(e, ERR_FAILED, "secret-read",
				       "the %s is longer than the %d bytes allowed", what,
				       SECRET_MAX - 1);
	}
	s->text[s->len] = '\0';
	if (!s->len)
		return err_set(e, ERR_FAILED, "secret-read", "the %s is empty", what);
	return 0;
}

static int from_prompt(struct secret *s, const char *prompt, const char *what, const char *option,
		       struct err *e)
{
	char line[ERR_WHAT_MAX];

	snprintf(line, sizeof(line), "%s: ", prompt);
	if (!readpassphrase(line, s->text, SECRET_MAX, RPP_REQUIRE_TTY)) {
		if (errno != ENOTTY)
			return err_set(e, ERR_FAILED, "secret-read", "cannot ask for the %s: %s",
				       what, strerror(errno));
		err_set(e, ERR_USAGE, "secret-source",
			"the %s is needed, and there is no terminal to ask on", what);
		return err_hint(e, "use %s env:NAME, file:PATH, fd:N or askpass", option);
	}
	s->len = strlen(s->text);
	if (!s->len)
		return err_set(e, ERR_FAILED, "secret-read", "the %s is empty; nothing was done",
			       what);
	return 0;
}

static int from_fd(struct secret *s, const char *number, const char *what, const char *option,
		   struct err *e)
{
	char *end;
	const long fd = strtol(number, &end, 10);

	if (!*number || *end || fd < 0 || fd > 65535)
		return err_set(e, ERR_USAGE, "secret-source", "%s fd:%s: not a descriptor number",
			       option, number);
	return read_line(s, (int)fd, what, e);
}

static int from_file(struct secret *s, const char *path, const char *what, struct err *e)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_set(e, ERR_FAILED, "secret-read", "cannot open %s for the %s: %s", path,
			       what, strerror(errno));
	rc = read_line(s, fd, what, e);
	close(fd);
	return rc;
}

static int from_env(struct secret *s, const char *name, const char *what, struct err *e)
{
	const char *value = getenv(name);
	const size_t len = value ? strlen(value) : 0;

	if (!len)
		return err_set(e, ERR_FAILED, "secret-read",
			       "the environment variable %s for the %s is not set", name, what);
	if (len >= SECRET_MAX)
		return err_set(e, ERR_FAILED, "secret-read",
			       "the %s is longer than the %d bytes allowed", what, SECRET_MAX - 1);
	memcpy(s->text, value, len);
	s->len = len;
	return 0;
}

static int from_askpass(struct secret *s, const char *program, const char *prompt, const char *what,
			struct err *e)
{
	struct askpass a;
	struct err ended;
	int rc;

	if (!program || !*program) {
		err_set(e, ERR_USAGE, "secret-source",
			"no program is named that could ask for the %s", what);
		return err_hint(e, "set CTL_ASKPASS or SSH_ASKPASS, or use askpass:PROGRAM");
	}
	rc = askpass_start(&a, program, prompt, e);
	if (rc)
		return rc;
	rc = read_line(s, a.fd, what, e);
	/* Why there is no answer, rather than that there is none. */
	if (askpass_end(&a, program, &ended)) {
		*e = ended;
		rc = (int)e->kind;
	}
	return rc;
}

static const char askpass_word[] = "askpass";

static const char *default_askpass(void)
{
	const char *own = getenv("CTL_ASKPASS");

	return own && *own ? own : getenv("SSH_ASKPASS");
}

static int from_person(struct secret *s, const char *prompt, const char *what, const char *option,
		       struct err *e)
{
	const char *program = getenv("CTL_ASKPASS");
	const int rc = from_prompt(s, prompt, what, option, e);

	if (rc == ERR_USAGE && program && *program)
		return from_askpass(s, program, prompt, what, e);
	return rc;
}

static bool is_askpass(const char *source)
{
	const size_t n = sizeof(askpass_word) - 1;

	return !strncmp(source, askpass_word, n) && (!source[n] || source[n] == ':');
}

bool secret_is_typed(const char *source)
{
	return !source || !strcmp(source, "prompt") || is_askpass(source);
}

int secret_read(struct secret *s, const char *source, const char *prompt, const char *what,
		const char *option, struct err *e)
{
	int rc;

	if (alloc(s, e))
		return (int)e->kind;
	if (!source) {
		rc = from_person(s, prompt, what, option, e);
	} else if (!strcmp(source, "prompt")) {
		rc = from_prompt(s, prompt, what, option, e);
	} else if (is_askpass(source)) {
		const char *colon = strchr(source, ':');

		rc = from_askpass(s, colon ? colon + 1 : default_askpass(), prompt, what, e);
	} else if (!strncmp(source, "env:", 4)) {
		rc = from_env(s, source + 4, what, e);
	} else if (!strncmp(source, "file:", 5)) {
		rc = from_file(s, source + 5, what, e);
	} else if (!strncmp(source, "fd:", 3)) {
		rc = from_fd(s, source + 3, what, option, e);
	} else {
		/* It may be the secret itself: not shown. */
		err_set(e, ERR_USAGE, "secret-source", "%s: unknown kind of source", option);
		rc = err_hint(e,
			      "it takes prompt, env:NAME, file:PATH, fd:N or askpass; never the %s "
			      "itself",
			      what);
	}
	if (rc)
		secret_free(s);
	return rc;
}

static bool same(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && !CRYPTO_memcmp(a->text, b->text, a->len);
}

int secret_read_new(struct secret *s, const char *source, const char *prompt, const char *what,
		    const char *option, struct err *e)
{
	struct secret again = {0};
	int rc = secret_read(s, source, prompt, what, option, e);

	if (rc || !secret_is_typed(source))
		return rc;
	rc = secret_read(&again, source, "The same again", what, option, e);
	if (!rc && !same(s, &again))
		rc = err_set(e, ERR_FAILED, "secret-mismatch",
			     "the two entries of the %s differ; nothing was done", what);
	secret_free(&again);
	if (rc)
		secret_free(s);
	return rc;
}

void secret_harden_process(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
