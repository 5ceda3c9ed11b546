#include "common/conf.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *word;
	enum log_level level;
} levels[] = {
	{"error", LOG_LEVEL_ERROR},
	{"warning", LOG_LEVEL_WARN},
	{"info", LOG_LEVEL_INFO},
	{"debug", LOG_LEVEL_DEBUG},
};

__attribute__((format(printf, 2, 0))) static void complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	/* libconfuse does not know the file inside a section; conf_load's error names it. */
	if (cfg->filename)
		fprintf(stderr, "%s:", cfg->filename);
	fprintf(stderr, "%s%d: ", cfg->filename ? "" : "line ", cfg->line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

static int fill(struct conf *c, cfg_t *cfg, struct err *e)
{
	const char *word = cfg_getstr(cfg, "log-level");
	bool known = false;

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].word, word) != 0)
			continue;
		c->log_level = levels[i].level;
		known = true;
	}
	if (!known)
		return err_set(e, ERR_USAGE, "conf",
			       "log-level is \"%s\"; it takes error, warning, info or debug", word);
	if (hostport_parse(&c->provider, cfg_getstr(cfg, "provider|listen"), PORT_PROVIDER, e))
		return err_wrap(e, "provider { listen }");
	if (hostport_parse(&c->tftp, cfg_getstr(cfg, "tftp|listen"), PORT_TFTP, e))
		return err_wrap(e, "tftp { listen }");

	c->state = strdup(cfg_getstr(cfg, "state"));
	return c->state ? 0 : err_nomem(e);
}

static int parse(cfg_t *cfg, const char *path, struct err *e)
{
	const char *file = path ? path : CONF_DEFAULT_FILE;

	if (!path && access(file, F_OK))
		return 0;
	switch (cfg_parse(cfg, file)) {
	case CFG_SUCCESS:
		return 0;
	case CFG_FILE_ERROR:
		return err_set(e, ERR_USAGE, "conf", "cannot read the configuration %s", file);
	default:
		err_set(e, ERR_USAGE, "conf", "the configuration %s has a mistake", file);
		return err_hint(e, "mend the line named above; ctlsuite.conf(5) lists the keys");
	}
}

int conf_load(struct conf *c, const char *path, struct err *e)
{
	cfg_opt_t provider[] = {CFG_STR("listen", "0.0.0.0:2444", CFGF_NONE), CFG_END()};
	cfg_opt_t tftp[] = {CFG_STR("listen", "0.0.0.0:69", CFGF_NONE), CFG_END()};
	cfg_opt_t all[] = {
		CFG_STR("state", CONF_DEFAULT_STATE, CFGF_NONE),
		CFG_STR("log-level", "info", CFGF_NONE),
		CFG_SEC("provider", provider, CFGF_NONE),
		CFG_SEC("tftp", tftp, CFGF_NONE),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(all, CFGF_NONE);
	int rc;

	*c = (struct conf){0};
	if (!cfg)
		return err_nomem(e);
	cfg_set_error_function(cfg, complain);
	rc = parse(cfg, path, e);
	if (!rc)
		rc = fill(c, cfg, e);
	cfg_free(cfg);
	if (rc)
		conf_free(c);
	return rc;
}

void conf_free(struct conf *c)
{
	free(c->state);
	*c = (struct conf){0};
}
