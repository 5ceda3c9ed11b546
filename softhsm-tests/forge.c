/*
 * forge: a test tool. Signs trust lists with a real token's key, but without any of the client's
 * rules: what a hostile client with a stolen password, or even a stolen token, could send.
 *
 *   forge -o FILE --signer URI [--sast CERT]... [--server SPEC]... [--time SECONDS] [--filename
 * NAME]
 *
 * The first --sast should be the signer's. A SPEC without cert= gives the non-secure form.
 */
#include "common/cli.h"
#include "common/file.h"
#include "ctlclient/desk.h"
#include "ctlclient/options.h"
#include "ctlclient/server_spec.h"
#include "trustfile/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OPT_SIGNER = 256, OPT_SAST, OPT_SERVER, OPT_TIME, OPT_FILENAME };

enum { ENTRIES_MAX = 64 };

struct forge {
	struct desk_opts desk_opts;
	const char *out, *signer, *filename;
	uint32_t timestamp;
	struct {
		int key;
		const char *text;
	} wishes[ENTRIES_MAX];
	size_t n;
	struct desk *desk;
	struct tl_entry entries[ENTRIES_MAX];
	struct draft_server servers[ENTRIES_MAX];
	struct desk_cert sasts[ENTRIES_MAX];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct forge *f = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &f->desk_opts;
		return 0;
	case 'o':
		f->out = arg;
		return 0;
	case OPT_SIGNER:
		f->signer = arg;
		return 0;
	case OPT_TIME:
		f->timestamp = (uint32_t)strtoul(arg, NULL, 10);
		return 0;
	case OPT_FILENAME:
		f->filename = arg;
		return 0;
	case OPT_SAST:
	case OPT_SERVER:
		if (f->n == ENTRIES_MAX)
			argp_error(state, "too many entries");
		f->wishes[f->n].key = key;
		f->wishes[f->n++].text = arg;
		return 0;
	case ARGP_KEY_END:
		if (!f->out || !f->signer)
			argp_error(state, "-o and --signer are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int make_sast(struct forge *f, size_t i, struct err *e)
{
	const int rc = desk_cert(&f->sasts[i], f->desk, f->wishes[i].text, e);

	if (!rc)
		f->entries[i] = (struct tl_entry){
			.role = TL_SAST, .dns = "", .has_ip = true, .cert = f->sasts[i].cert};
	return rc;
}

static int make_server(struct forge *f, size_t i, struct err *e)
{
	struct draft_server *s = &f->servers[i];
	const int rc = server_spec_parse(s, f->wishes[i].text, true, e);

	if (rc)
		return rc;
	f->entries[i] = (struct tl_entry){.role = s->role,
					  .dns = s->dns,
					  .has_ip = s->has_ip,
					  .cert = s->cert,
					  .bare = !s->cert};
	for (size_t k = 0; k < TL_IP_LEN; k++)
		f->entries[i].ip[k] = s->ip[k];
	return 0;
}

static int make_entries(struct forge *f, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < f->n; i++)
		rc = f->wishes[i].key == OPT_SAST ? make_sast(f, i, e) : make_server(f, i, e);
	return rc;
}

static int forge(struct forge *f, struct err *e)
{
	struct desk_signer *signer = NULL;
	struct buf file = {0};
	struct tl_plan plan;
	int rc = desk_open(&f->desk, &f->desk_opts, e);

	if (!rc)
		rc = desk_signer_find(&signer, f->desk, f->signer, e);
	if (!rc)
		rc = make_entries(f, e);
	if (!rc)
		rc = desk_signer_login(signer, "to forge a list for a test", e);
	if (rc)
		goto out;
	plan = (struct tl_plan){
		.filename = f->filename,
		.digest = TL_SHA1,
		.timestamp = f->timestamp,
		.signer = desk_signer_cert(signer)->cert,
		.entries = f->entries,
		.n = f->n,
	};
	rc = tl_build(&file, &plan, desk_signer_sign, signer, e);
	if (!rc)
		rc = file_write(f->out, buf_view(&file), 0644, e);
out:
	buf_free(&file);
	desk_signer_free(signer);
	for (size_t i = 0; i < f->n; i++) {
		desk_cert_free(&f->sasts[i]);
		X509_free(f->servers[i].cert);
	}
	desk_close(f->desk);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"output", 'o', "FILE", 0, "The list to write", 0},
		{"signer", OPT_SIGNER, "URI", 0, "The token that signs", 0},
		{"sast", OPT_SAST, "URI|CERT", 0, "A SAST record", 0},
		{"server", OPT_SERVER, "SPEC", 0, "A server record", 0},
		{"time", OPT_TIME, "SECONDS", 0, "The time stamp", 0},
		{"filename", OPT_FILENAME, "NAME", 0, "FILENAME", 0},
		{0}};
	static const struct argp_child children[] = {{&options_desk, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,  parse, NULL, "Test tool: signs trust lists without the client's rules.",
		children, NULL,  NULL};
	struct forge *f = calloc(1, sizeof(*f));
	struct err e;
	int rc;

	if (!f)
		return ERR_FAILED;
	f->filename = TL_CTL_NAME;
	f->timestamp = (uint32_t)time(NULL);
	cli_parse(&argp, argc, argv, f);
	rc = forge(f, &e);
	if (rc)
		err_print(&e, "forge");
	free(f);
	return rc;
}
