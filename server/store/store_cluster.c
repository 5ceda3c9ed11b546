/* What the cluster is called, and how often it has changed. */
#include "server/store/store_node_priv.h"

int store_cluster_name(struct store *s, char name[STORE_NAME_MAX], struct err *e)
{
	struct query q;

	name[0] = '\0';
	query_start(&q, s, "SELECT name FROM cluster");
	if (query_row(&q))
		query_text(&q, name, STORE_NAME_MAX);
	return query_end(&q, "read the name of the cluster", e);
}

int store_cluster_put_name(struct store *s, const char *name, struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE cluster SET name = ?");
	query_put_text(&q, name);
	return query_run(&q, "set the name of the cluster", e);
}

int store_cluster_name_set(struct store *s, const char *name, struct err *e)
{
	if (store_begin(s, e))
		return (int)e->kind;
	return store_end(s, store_cluster_put_name(s, name, e), e);
}

int store_cluster_revision(struct store *s, int64_t *revision, struct err *e)
{
	struct query q;

	query_start(&q, s, "SELECT revision FROM cluster");
	*revision = query_row(&q) ? query_int(&q) : 0;
	return query_end(&q, "read the revision of the cluster", e);
}

int store_described(struct store *s, char digest[STORE_DIGEST_TEXT], struct err *e)
{
	struct query q;

	digest[0] = '\0';
	query_start(&q, s, "SELECT described FROM cluster");
	if (query_row(&q))
		query_text(&q, digest, STORE_DIGEST_TEXT);
	return query_end(&q, "read the cluster's description", e);
}

int store_cluster_put_described(struct store *s, const char *digest, struct err *e)
{
	struct query q;

	query_start(&q, s, "UPDATE cluster SET described = ?");
	query_put_text(&q, digest);
	return query_run(&q, "note the cluster's description", e);
}
