#include "phone/config.h"

#include "common/text.h"
#include "phone/config_text.h"
#include "phone/config_xml.h"
#include "server/device/words.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* ---- servers ---- */

enum { PORT_MAX = 65535 };

static void take_port(struct xml_reading *r, xmlNode *parent, const char *name, uint16_t *port,
		      uint16_t normal)
{
	unsigned n = normal;

	xml_number(r, parent, name, 1, PORT_MAX, &n);
	*port = (uint16_t)n;
}

static void take_priority(struct xml_reading *r, xmlNode *member, unsigned *priority)
{
	*priority = 0;
	xml_attribute_number(r, member, "priority", 0, CONFIG_SERVERS_MAX - 1, priority);
}

static void take_cm(struct xml_reading *r, xmlNode *member, struct config_cm *cm)
{
	xmlNode *server = xml_child(r, member, "callManager");
	xmlNode *ports = xml_child(r, server, "ports");

	take_priority(r, member, &cm->priority);
	xml_host(r, server, "processNodeName", cm->host, sizeof(cm->host));
	take_port(r, ports, "sipPort", &cm->sip, CONFIG_PORT_SIP);
	take_port(r, ports, "securedSipPort", &cm->sips, CONFIG_PORT_SIPS);
	take_port(r, ports, "ethernetPhonePort", &cm->sccp, CONFIG_PORT_SCCP);
	cm->sccps = CONFIG_PORT_SCCPS;
}

/* The next element of that name (NULL: any) among parent's children, behind the node after, if
 * there is room for one more. */
static xmlNode *next_of(struct xml_reading *r, xmlNode *parent, xmlNode *after, const char *name,
			size_t n, size_t max)
{
	xmlNode *next = xml_next(parent, after, name);

	if (!next || r->rc)
		return NULL;
	if (n == max)
		xml_refuse(r, "there are more than %zu elements <%s> in <%s>", max,
			   name ? name : "*", parent->name);
	return n == max ? NULL : next;
}

static int by_priority(const void *a, const void *b)
{
	const struct config_cm *l = a, *m = b;

	return (l->priority > m->priority) - (l->priority < m->priority);
}

static void take_cms(struct xml_reading *r, xmlNode *pool, struct config *c)
{
	xmlNode *members = xml_child(r, xml_child(r, pool, "callManagerGroup"), "members");
	xmlNode *m = NULL;

	while ((m = next_of(r, members, m, "member", c->ncms, CONFIG_SERVERS_MAX))) {
		take_cm(r, m, &c->cms[c->ncms]);
		c->ncms += *c->cms[c->ncms].host != '\0';
	}
	qsort(c->cms, c->ncms, sizeof(*c->cms), by_priority);
}

static void take_capf(struct xml_reading *r, xmlNode *device, struct config *c)
{
	xmlNode *list = xml_child(r, device, "capfList");
	xmlNode *s = NULL;

	while ((s = next_of(r, list, s, "capf", c->ncapf, CONFIG_SERVERS_MAX))) {
		struct hostport *hp = &c->capf[c->ncapf];

		xml_host(r, s, "processNodeName", hp->host, sizeof(hp->host));
		take_port(r, s, "phonePort", &hp->port, CONFIG_PORT_CAPF);
		c->ncapf += *hp->host != '\0';
	}
}

static void take_tvs(struct xml_reading *r, xmlNode *device, struct config *c)
{
	xmlNode *members = xml_child(r, xml_child(r, device, "TVS"), "members");
	xmlNode *m = NULL;

	while ((m = next_of(r, members, m, "member", c->ntvs, CONFIG_SERVERS_MAX))) {
		struct hostport *hp = &c->tvs[c->ntvs];

		xml_host(r, m, "address", hp->host, sizeof(hp->host));
		take_port(r, m, "port", &hp->port, CONFIG_PORT_TVS);
		c->ntvs += *hp->host != '\0';
	}
}

/* ---- lines ---- */

static struct config_line *add_line(struct xml_reading *r, struct config *c)
{
	struct config_line *more = realloc(c->lines, (c->nlines + 1) * sizeof(*more));

	if (!more) {
		r->rc = err_nomem(r->e);
		return NULL;
	}
	c->lines = more;
	more[c->nlines] = (struct config_line){0};
	return &more[c->nlines++];
}

/* The phone has one user's credentials: those of the first line that has any. */
static void take_credentials(struct xml_reading *r, xmlNode *line, struct config *c)
{
	xmlNode *password = xml_child(r, line, "authPassword");

	if (c->has_digest || (!password && !xml_child(r, line, "authName")))
		return;
	c->has_digest = true;
	xml_text(r, line, "authName", c->digest_user, sizeof(c->digest_user));
	xml_secret(r, password, &c->digest_password);
}

static void take_lines(struct xml_reading *r, xmlNode *device, struct config *c)
{
	xmlNode *list = xml_child(r, xml_child(r, device, "sipProfile"), "sipLines");
	xmlNode *l = NULL;

	while ((l = next_of(r, list, l, "line", c->nlines, CONFIG_LINES_MAX))) {
		struct config_line *line = add_line(r, c);

		if (!line)
			return;
		line->button = (unsigned)c->nlines;
		xml_attribute_number(r, l, "button", 1, UINT16_MAX, &line->button);
		xml_text(r, l, "name", line->name, sizeof(line->name));
		xml_text(r, l, "featureLabel", line->label, sizeof(line->label));
		take_credentials(r, l, c);
	}
}

/* ---- parameters of the phone ---- */

static struct config_value *find_value(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nvalues; i++)
		if (!strcmp(c->values[i].name, name))
			return &c->values[i];
	return NULL;
}

static struct config_value *value_for(struct xml_reading *r, struct config *c, const char *name)
{
	struct config_value *v = find_value(c, name);

	if (v)
		return v;
	if (!c->values)
		c->values = calloc(CONFIG_VALUES_MAX, sizeof(*c->values));
	if (!c->values) {
		r->rc = err_nomem(r->e);
		return NULL;
	}
	if (c->nvalues == CONFIG_VALUES_MAX) {
		xml_refuse(r, "it sets more than %d parameters of the phone", CONFIG_VALUES_MAX);
		return NULL;
	}
	v = &c->values[c->nvalues++];
	snprintf(v->name, sizeof(v->name), "%s", name);
	v->param = harden_find(name);
	return v;
}

static void take_value(struct xml_reading *r, struct config *c, xmlNode *n)
{
	const char *name = (const char *)n->name;
	struct config_value *v;

	/* Parameters of one text only: what has elements in it is none of ours. */
	if (strlen(name) >= HARDEN_NAME_MAX || xml_next(n, NULL, NULL))
		return;
	v = value_for(r, c, name);
	if (v)
		xml_text_of(r, n, v->value, sizeof(v->value));
}

/* Later ones win: what is set for the phone itself stands above what it shares with others. */
static void take_values(struct xml_reading *r, xmlNode *device, struct config *c)
{
	static const char *const places[] = {"enterpriseConfig", "commonConfig", "vendorConfig"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		xmlNode *place = xml_child(r, device, places[i]);
		xmlNode *n = NULL;
		size_t count = 0;

		while ((n = next_of(r, place, n, NULL, count++, CONFIG_VALUES_MAX))) {
			xml_child(r, place, (const char *)n->name);
			take_value(r, c, n);
		}
	}
}

/* Those that have a place of their own. */
static void take_placed_values(struct xml_reading *r, xmlNode *device, struct config *c)
{
	const struct harden_param *p;

	for (size_t i = 0; !r->rc && (p = harden_at(i)); i++) {
		xmlNode *n = p->path ? xml_path(r, device, p->path) : NULL;

		if (n)
			take_value(r, c, n);
	}
}

/* ---- the rest ---- */

static void take_hash(struct xml_reading *r, xmlNode *device, struct config *c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	char *h = c->cert_hash;

	xml_text(r, device, "certHash", h, sizeof(c->cert_hash));
	if (!r->rc && *h &&
	    (strlen(h) != CONFIG_HASH_MAX - 1 || strspn(h, digits) != CONFIG_HASH_MAX - 1))
		xml_refuse(r, "<certHash> has no 32 hexadecimal digits");
	for (; *h; h++)
		*h = (char)(*h >= 'A' && *h <= 'F' ? *h - 'A' + 'a' : *h);
}

static void take_protocol(struct xml_reading *r, xmlNode *device, struct config *c)
{
	char text[CONFIG_TEXT_MAX] = "";

	xml_text(r, device, "deviceProtocol", text, sizeof(text));
	if (!strcmp(text, "SIP"))
		c->protocol = DEVICE_SIP;
	else if (!strcmp(text, "SCCP"))
		c->protocol = DEVICE_SCCP;
	else if (*text && !r->rc)
		xml_refuse(r, "<deviceProtocol> is neither SIP nor SCCP");
}

static void take_device(struct xml_reading *r, xmlNode *device, struct config *c)
{
	unsigned mode = DEVICE_NONSECURE, transport = 0, auth = 0;

	xml_flag(r, device, "fullConfig", &c->full);
	xml_flag(r, device, "encrConfig", &c->encrypted);
	take_hash(r, device, c);
	take_protocol(r, device, c);
	xml_number(r, device, "deviceSecurityMode", DEVICE_NONSECURE, DEVICE_ENCRYPTED, &mode);
	xml_number(r, device, "transportLayerProtocol", DEVICE_TCP, DEVICE_TCP_UDP, &transport);
	xml_number(r, device, "capfAuthMode", 0, CONFIG_AUTH_MODE_MAX, &auth);
	c->mode = (enum device_mode)mode;
	c->transport = (enum device_transport)transport;
	c->capf_auth_mode = (int)auth;
	xml_text(r, device, "loadInformation", c->load, sizeof(c->load));
	xml_text(r, device, "versionStamp", c->stamp, sizeof(c->stamp));
	take_cms(r, xml_child(r, device, "devicePool"), c);
	take_capf(r, device, c);
	take_tvs(r, device, c);
	take_lines(r, device, c);
	take_values(r, device, c);
	take_placed_values(r, device, c);
}

static int parse_root(struct config *c, const char *root,
		      void (*take)(struct xml_reading *r, xmlNode *root, struct config *c),
		      struct span file, struct err *e)
{
	struct xml_reading r = {.e = e};
	xmlDoc *doc = NULL;
	const int rc = xml_read(&doc, file, CONFIG_FILE_MAX, root, e);

	*c = (struct config){.full = true, .mode = DEVICE_NONSECURE};
	if (rc)
		return rc;
	take(&r, xmlDocGetRootElement(doc), c);
	xmlFreeDoc(doc);
	if (r.rc)
		config_free(c);
	return r.rc;
}

int config_parse(struct config *c, struct span file, struct err *e)
{
	return parse_root(c, "device", take_device, file, e);
}

int config_parse_default(struct config *c, struct span file, struct err *e)
{
	return parse_root(c, "Default", take_cms, file, e);
}

int config_parse_as(struct config *c, enum device_naming naming, struct span file, struct err *e)
{
	if (naming == DEVICE_NAMING_SIP_TEXT || naming == DEVICE_NAMING_LD)
		return config_parse_text(c, file, e);
	return config_parse(c, file, e);
}

void config_free(struct config *c)
{
	secret_free(&c->digest_password);
	if (c->values)
		OPENSSL_cleanse(c->values, CONFIG_VALUES_MAX * sizeof(*c->values));
	free(c->values);
	free(c->lines);
	*c = (struct config){0};
}

const struct config_value *config_value_find(const struct config *c, const char *name)
{
	return find_value(c, name);
}

const char *config_auth_word(int capf_auth_mode)
{
	return capf_auth_mode ? device_auth_word((enum device_auth)capf_auth_mode) : "none";
}
