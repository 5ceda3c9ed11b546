/*
 * Commands that talk with the provider (ctladmin phone, profile, template, digest-user): a table of
 * options becomes members of a JSON document or words of a query, a function does the rest.
 */
#ifndef SERVER_ADMIN_REMOTE_H
#define SERVER_ADMIN_REMOTE_H

#include "common/bytes.h"
#include "common/json.h"
#include "server/net/api_client.h"

#define REMOTE_ROOT "/api/v1"

enum remote_kind {
	REMOTE_TEXT,  /* a text member */
	REMOTE_NAME,  /* a text member; "none" is null */
	REMOTE_INT,   /* a number */
	REMOTE_TRUE,  /* true, without an argument */
	REMOTE_FALSE, /* false, without an argument */
	REMOTE_LINE,  /* DN[:LABEL[:DISPLAY]], one more in the array "lines" */
	REMOTE_PARAM, /* NAME=VALUE, one more in "parameters"; without a value, null */
	REMOTE_QUERY, /* a word of the query */
	REMOTE_FLAG,  /* is kept in remote.kept: "" if it was given */
	REMOTE_KEPT,  /* the argument is kept in remote.kept */
};

enum { REMOTE_OPTIONS_MAX = 24 };

struct remote_option {
	const char *name;
	const char *arg; /* NULL: none */
	enum remote_kind kind;
	const char *member; /* of the document, or word of the query */
	const char *doc;
};

struct remote;

/* Called with the provider at hand. Returns the exit code; an error without words was told already.
 */
typedef int remote_fn(struct remote *r, struct err *e);

struct remote_cmd {
	const char *args_doc, *doc;
	size_t words_min, words_max; /* what is no option */
	remote_fn *run;
	struct remote_option options[REMOTE_OPTIONS_MAX]; /* up to a NULL name */
};

/* One run. */
struct remote {
	const struct remote_cmd *cmd;
	struct api *api;
	bool json;
	char **words; /* nwords of them, borrowed */
	size_t nwords;
	json_t *body;                         /* an object: what options said */
	struct buf query;                     /* "?a=b&c=d", or empty */
	const char *kept[REMOTE_OPTIONS_MAX]; /* by the option's place in the table */
};

/* A whole command. Returns the exit code. */
int remote_main(const struct remote_cmd *cmd, int argc, char **argv);

/* What was kept for the option of that name, or NULL. */
const char *remote_kept(const struct remote *r, const char *option);

/* Appends text to a path or query, with percent signs where it needs them. */
void remote_escape(struct buf *b, const char *text);

/* GET of collection "/" name "?" query; name and query may be NULL. */
int remote_get(struct remote *r, const char *collection, const char *name, const char *query,
	       json_t **doc, struct err *e);

/* Sends body (NULL: an empty object) to collection "/" name; name may be NULL. *doc is the answer;
 * NULL: it is not wanted. */
int remote_send(struct remote *r, const char *method, const char *collection, const char *name,
		json_t *body, json_t **doc, struct err *e);

/* For commands that ask. */
#define REMOTE_OPTION_YES                                                                          \
	{                                                                                          \
		"yes", NULL, REMOTE_FLAG, NULL, "Do not ask"                                       \
	}

/* Asks unless --yes was given or there is no terminal; false: the answer was no. */
bool remote_agreed(const struct remote *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- what several commands print ---- */

/* A text member, "-" if it is missing or empty; printable. buf_free() it, or NULL if out of memory:
 * text points into it. */
const char *remote_text(struct buf *b, const json_t *doc, const char *member);

/* "label: value" lines, one member after the other: up to a NULL label. */
struct remote_field {
	const char *label, *member;
};
void remote_show(const json_t *doc, const struct remote_field *fields);

/* What became of a change: doc as JSON, or "what NAME", and its sentences of advice on standard
 * error. Lets go of doc. Returns the exit code. */
int remote_tell(const struct remote *r, json_t *doc, const char *what);

/* A whole command: removes the words from the collection, one after the other, after asking; kind
 * names one of them. The first that cannot be removed ends it. */
int remote_remove(struct remote *r, const char *collection, const char *kind, struct err *e);

#endif
