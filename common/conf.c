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

static int fill_level(struct conf *c, const char *word, struct err *e)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].word, word) != 0)
			continue;
		c->log_level = levels[i].level;
		return 0;
	}
	return err_set(e, ERR_USAGE, "conf",
		       "log-level is \"%s\"; it takes error, warning, info or debug", word);
}

static bool is_loopback(const char *host)
{
	return !strncmp(host, "127.", 4) || !strcmp(host, "::1") || !strcmp(host, "localhost");
}

/* It is plain HTTP without a login: for this host only. */
static int fill_metrics(struct conf *c, const char *text, struct err *e)
{
	if (!*text)
		return 0;
	if (hostport_parse(&c->metrics, text, PORT_METRICS, e))
		return err_wrap(e, "metrics { listen }");
	if (is_loopback(c->metrics.host))
		return 0;
	return err_set(e, ERR_USAGE, "conf",
		       "metrics { listen } is \"%s\"; it takes an address of this host only, such "
		       "as 127.0.0.1:%d",
		       text, PORT_METRICS);
}

/* The string of a key as a copy of ours; NULL if it is empty. */
static int fill_text(char **to, const char *text, struct err *e)
{
	*to = *text ? strdup(text) : NULL;
	return *text && !*to ? err_nomem(e) : 0;
}

static int fill_number(unsigned *to, cfg_t *section, const char *key, unsigned least, unsigned most,
		       struct err *e)
{
	const long n = cfg_getint(section, key);

	if (n < (long)least || n > (long)most)
		return err_set(e, ERR_USAGE, "conf", "%s { %s } is %ld; it takes %u to %u",
			       cfg_name(section), key, n, least, most);
	*to = (unsigned)n;
	return 0;
}

static int fill_capf(struct conf_capf *c, cfg_t *cfg, struct err *e)
{
	if (hostport_parse(&c->listen, cfg_getstr(cfg, "listen"), PORT_CAPF, e))
		return err_wrap(e, "capf { listen }");
	if (fill_number(&c->connections, cfg, "connections", 1, CONF_CONNECTIONS_MAX, e) ||
	    fill_number(&c->validity, cfg, "validity", 1, CONF_CAPF_VALIDITY_MAX, e) ||
	    fill_number(&c->key_retries, cfg, "key-retries", 0, CONF_CAPF_TRIES_MAX, e) ||
	    fill_number(&c->attempts, cfg, "attempts", 0, CONF_CAPF_TRIES_MAX, e) ||
	    fill_number(&c->patience, cfg, "patience", 1, CONF_CAPF_PATIENCE_MAX, e) ||
	    fill_number(&c->expires, cfg, "expires", 1, CONF_CAPF_EXPIRES_MAX, e) ||
	    fill_text(&c->key, cfg_getstr(cfg, "key"), e) ||
	    fill_text(&c->user, cfg_getstr(cfg, "user"), e))
		return (int)e->kind;
	c->legacy_tls = cfg_getbool(cfg, "legacy-tls");
	c->expired_mic = cfg_getbool(cfg, "expired-mic");
	c->expired_lsc = cfg_getbool(cfg, "expired-lsc");
	c->any_name = cfg_getbool(cfg, "any-name");
	c->need_sudi = cfg_getbool(cfg, "need-sudi");
	c->always_key_type = cfg_getbool(cfg, "always-key-type");
	c->fetch_mic = cfg_getbool(cfg, "fetch-mic");
	return 0;
}

/* Phones know HTTP at one port only: it is on where TFTP is at its own. */
static int fill_http(struct conf *c, cfg_t *cfg, struct err *e)
{
	const char *http = cfg_getstr(cfg, "tftp|http");
	const char *https = cfg_getstr(cfg, "tftp|https");

	if (!http && c->tftp.port == PORT_TFTP) {
		c->http = c->tftp;
		c->http.port = PORT_HTTP;
	} else if (http && *http && hostport_parse(&c->http, http, PORT_HTTP, e)) {
		return err_wrap(e, "tftp { http }");
	}
	if (*https && hostport_parse(&c->https, https, PORT_HTTPS, e))
		return err_wrap(e, "tftp { https }");
	return 0;
}

static int fill_tftp(struct conf *c, cfg_t *cfg, struct err *e)
{
	const char *digest = cfg_getstr(cfg, "tftp|digest");

	c->tftp_sha512 = !strcmp(digest, "sha512");
	if (!c->tftp_sha512 && strcmp(digest, "sha1") != 0)
		return err_set(e, ERR_USAGE, "conf",
			       "tftp { digest } is \"%s\"; it takes sha1 or sha512", digest);
	if (hostport_parse(&c->tftp, cfg_getstr(cfg, "tftp|listen"), PORT_TFTP, e))
		return err_wrap(e, "tftp { listen }");
	if (fill_http(c, cfg, e) ||
	    fill_number(&c->tftp_cache, cfg_getsec(cfg, "tftp"), "cache", 1, CONF_CACHE_MB_MAX,
			e) ||
	    fill_text(&c->tftp_static, cfg_getstr(cfg, "tftp|static"), e) ||
	    fill_text(&c->tftp_key, cfg_getstr(cfg, "tftp|key"), e) ||
	    fill_text(&c->tftp_cert, cfg_getstr(cfg, "tftp|certificate"), e))
		return (int)e->kind;
	return 0;
}

static int fill(struct conf *c, cfg_t *cfg, struct err *e)
{
	if (fill_level(c, cfg_getstr(cfg, "log-level"), e) ||
	    fill_number(&c->provider_connections, cfg_getsec(cfg, "provider"), "connections", 1,
			CONF_CONNECTIONS_MAX, e) ||
	    fill_tftp(c, cfg, e) || fill_metrics(c, cfg_getstr(cfg, "metrics|listen"), e) ||
	    fill_text(&c->provider_user, cfg_getstr(cfg, "provider|user"), e) ||
	    fill_text(&c->tftp_user, cfg_getstr(cfg, "tftp|user"), e) ||
	    fill_text(&c->signers, cfg_getstr(cfg, "provider|signers"), e))
		return (int)e->kind;
	c->require_hardware = cfg_getbool(cfg, "provider|require-hardware");
	if (c->require_hardware && !c->signers) {
		err_set(e, ERR_USAGE, "conf", "provider { require-hardware } needs signers");
		return err_hint(e, "signers = FILE names the authorities that certify keys on "
				   "tokens; nothing else tells the provider where a key is");
	}
	if (hostport_parse(&c->provider, cfg_getstr(cfg, "provider|listen"), PORT_PROVIDER, e))
		return err_wrap(e, "provider { listen }");
	if (fill_capf(&c->capf, cfg_getsec(cfg, "capf"), e))
		return (int)e->kind;

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

/* ---- the keys; libconfuse copies the tables ---- */

static cfg_t *init_all(cfg_opt_t *provider, cfg_opt_t *tftp, cfg_opt_t *capf)
{
	cfg_opt_t metrics[] = {CFG_STR("listen", "", CFGF_NONE), CFG_END()};
	cfg_opt_t all[] = {
		CFG_STR("state", CONF_DEFAULT_STATE, CFGF_NONE),
		CFG_STR("log-level", "info", CFGF_NONE),
		CFG_SEC("provider", provider, CFGF_NONE),
		CFG_SEC("tftp", tftp, CFGF_NONE),
		CFG_SEC("capf", capf, CFGF_NONE),
		CFG_SEC("metrics", metrics, CFGF_NONE),
		CFG_END(),
	};

	return cfg_init(all, CFGF_NONE);
}

static cfg_t *init_with(cfg_opt_t *provider, cfg_opt_t *tftp)
{
	cfg_opt_t capf[] = {
		CFG_STR("listen", "0.0.0.0:3804", CFGF_NONE),
		CFG_INT("connections", CONF_CAPF_CONNECTIONS, CFGF_NONE),
		CFG_INT("validity", CONF_CAPF_VALIDITY, CFGF_NONE),
		CFG_INT("key-retries", CONF_CAPF_KEY_RETRIES, CFGF_NONE),
		CFG_INT("attempts", CONF_CAPF_ATTEMPTS, CFGF_NONE),
		CFG_INT("patience", CONF_CAPF_PATIENCE, CFGF_NONE),
		CFG_INT("expires", CONF_CAPF_EXPIRES, CFGF_NONE),
		CFG_BOOL("legacy-tls", cfg_false, CFGF_NONE),
		CFG_BOOL("expired-mic", cfg_false, CFGF_NONE),
		CFG_BOOL("expired-lsc", cfg_false, CFGF_NONE),
		CFG_BOOL("any-name", cfg_false, CFGF_NONE),
		CFG_BOOL("need-sudi", cfg_false, CFGF_NONE),
		CFG_BOOL("always-key-type", cfg_false, CFGF_NONE),
		CFG_BOOL("fetch-mic", cfg_false, CFGF_NONE),
		CFG_STR("key", "", CFGF_NONE),
		CFG_STR("user", "", CFGF_NONE),
		CFG_END(),
	};

	return init_all(provider, tftp, capf);
}

static cfg_t *init(void)
{
	cfg_opt_t provider[] = {
		CFG_STR("listen", "0.0.0.0:2444", CFGF_NONE),
		CFG_INT("connections", CONF_CONNECTIONS, CFGF_NONE),
		CFG_STR("signers", "", CFGF_NONE),
		CFG_STR("user", "", CFGF_NONE),
		CFG_BOOL("require-hardware", cfg_false, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t tftp[] = {
		CFG_STR("listen", "0.0.0.0:69", CFGF_NONE),
		CFG_STR("http", NULL, CFGF_NONE),
		CFG_STR("https", "", CFGF_NONE),
		CFG_STR("static", "", CFGF_NONE),
		CFG_STR("key", "", CFGF_NONE),
		CFG_STR("certificate", "", CFGF_NONE),
		CFG_STR("digest", "sha1", CFGF_NONE),
		CFG_STR("user", "", CFGF_NONE),
		CFG_INT("cache", CONF_CACHE_MB, CFGF_NONE),
		CFG_END(),
	};

	return init_with(provider, tftp);
}

int conf_load(struct conf *c, const char *path, struct err *e)
{
	cfg_t *cfg = init();
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
	free(c->signers);
	free(c->provider_user);
	free(c->tftp_user);
	free(c->tftp_static);
	free(c->capf.key);
	free(c->capf.user);
	free(c->tftp_key);
	free(c->tftp_cert);
	*c = (struct conf){0};
}
