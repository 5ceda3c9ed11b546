/*
 * Those who make files for the catalog, on workers: configurations out of the store, and files of
 * the static folder, signed where the cluster is in mixed mode. One for each thread.
 */
#ifndef SERVER_TFTP_MAKERS_H
#define SERVER_TFTP_MAKERS_H

#include "server/config/device_file.h"
#include "server/tftp/catalog.h"

struct makers_setup {
	const char *state;
	struct file_key *key; /* NULL: nothing is signed */
	enum tl_digest digest;
	struct device_ports ports;
	const char *folder; /* of static files; NULL: none */
};

struct maker;

/* Opens a store handle of its own. Everything in setup is borrowed. */
int maker_open(struct maker **out, const struct makers_setup *setup, struct err *e);
void maker_close(struct maker *m);

/* Make functions; own is a struct maker. */
void maker_config(struct catalog_job *j, void *own);
void maker_static(struct catalog_job *j, void *own);
void maker_crl(struct catalog_job *j, void *own);

/* What names the former is asked for. */
bool maker_takes(const struct name *n);

/* "capf.crl", the list of revoked phone certificates, on the node that CAPF runs on: who checks a
 * certificate has no login. */
bool maker_takes_crl(const struct name *n);

#endif
