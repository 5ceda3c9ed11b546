#include "softhsm-tests/kill/push.h"

#include "server/net/api_client.h"

#include <stdio.h>
#include <stdlib.h>

static int push(struct push *p, struct err *e)
{
	struct secret password = {0};
	struct api_opts opts = {
		.ca = getenv("CTL_CA"), .user = getenv("CTL_USER"), .password = &password};
	struct api_reply reply = {0};
	struct api *api = NULL;
	char source[600];
	int rc;

	snprintf(source, sizeof(source), "file:%s", getenv("CTL_PASSWORD_FILE"));
	rc = secret_read(&password, source, "", "password", "", e);
	if (!rc)
		rc = hostport_parse(&opts.server, getenv("CTL_PROVIDER"), 0, e);
	if (!rc)
		rc = api_open(&api, &opts, e);
	if (!rc)
		rc = api_put(api, "/api/v1/ctl", p->list, p->generation, &reply, e);
	if (!rc)
		buf_free(&reply.body);
	api_close(api);
	secret_free(&password);
	return rc;
}

static void *run(void *arg)
{
	struct push *p = arg;

	p->rc = push(p, &p->e);
	atomic_store(&p->done, true);
	return NULL;
}

int push_begin(struct push *p, struct span list, int64_t generation, struct err *e)
{
	*p = (struct push){.list = list, .generation = generation};
	if (pthread_create(&p->thread, NULL, run, p))
		return err_set(e, ERR_FAILED, "push", "no thread");
	return 0;
}

int push_end(struct push *p)
{
	pthread_join(p->thread, NULL);
	return p->rc;
}
