#include "server/config/device_xml.h"

#include "server/config/xml_out.h"

#include <stdio.h>
#include <string.h>

enum {
	CALL_SERVERS_MAX = 5, /* of a call manager group */
	MGCP_LISTEN = 2427,
	MGCP_KEEPALIVE = 2428,
	SRST_SCCP = 2000,
	SRST_SIP = 5060,
	FEATURE_LINE = 9,
	IPV4_ONLY = 0, /* ipAddressMode */
	IPV6_ONLY = 1,
	CAPF_NOTHING_PENDING = 0,
};

/* ---- what is decided here ---- */

bool config_node_is(const struct store_node *n, const char *role)
{
	char both[16];

	snprintf(both, sizeof(both), "%s+tftp", role);
	return store_node_cert(n, role) || store_node_cert(n, both);
}

bool config_has_digest(const struct config_source *c)
{
	const struct store_device *d = c->device;

	return d->phone.protocol == DEVICE_SIP && d->profile.digest && !d->profile.exclude_digest &&
	       !c->model->types_digest && *d->phone.digest_user && d->digest_password.text;
}

bool config_has_secrets(const struct config_source *c)
{
	const struct store_values *v = &c->device->values;

	for (size_t i = 0; i < v->n; i++)
		if (v->list[i].secret && *v->list[i].value)
			return true;
	return config_has_digest(c);
}

/* ---- servers ---- */

static void put_ports(struct xml_out *x, const struct device_ports *ports)
{
	xml_out_open(x, "ports");
	xml_out_number(x, "ethernetPhonePort", ports->sccp);
	xml_out_number(x, "sipPort", ports->sip);
	xml_out_number(x, "securedSipPort", ports->sips);
	xml_out_open(x, "mgcpPorts");
	xml_out_number(x, "listen", MGCP_LISTEN);
	xml_out_number(x, "keepAlive", MGCP_KEEPALIVE);
	xml_out_close(x);
	xml_out_close(x);
}

static void open_member(struct xml_out *x, unsigned priority)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", priority);
	xml_out_open(x, "member");
	xml_out_attribute(x, "priority", text);
}

static void put_call_servers(struct xml_out *x, const struct config_source *c)
{
	unsigned n = 0;

	xml_out_open(x, "callManagerGroup");
	xml_out_open(x, "members");
	for (size_t i = 0; i < c->n && n < CALL_SERVERS_MAX; i++) {
		if (!config_node_is(&c->nodes[i], "ccm"))
			continue;
		open_member(x, n++);
		xml_out_open(x, "callManager");
		put_ports(x, &c->ports);
		xml_out_text(x, "processNodeName", c->nodes[i].name);
		xml_out_close(x);
		xml_out_close(x);
	}
	xml_out_close(x);
	xml_out_close(x);
}

static void put_tvs(struct xml_out *x, const struct config_source *c)
{
	unsigned n = 0;

	xml_out_open(x, "TVS");
	xml_out_open(x, "members");
	for (size_t i = 0; i < c->n && n < CALL_SERVERS_MAX; i++) {
		if (!config_node_is(&c->nodes[i], "tvs"))
			continue;
		open_member(x, n++);
		xml_out_number(x, "port", c->ports.tvs);
		xml_out_text(x, "address", c->nodes[i].name);
		xml_out_close(x);
	}
	xml_out_close(x);
	xml_out_close(x);
}

static void put_capf(struct xml_out *x, const struct config_source *c)
{
	xml_out_open(x, "capfList");
	for (size_t i = 0; i < c->n; i++) {
		if (!config_node_is(&c->nodes[i], "capf"))
			continue;
		xml_out_open(x, "capf");
		xml_out_number(x, "phonePort", c->ports.capf);
		xml_out_text(x, "processNodeName", c->nodes[i].name);
		xml_out_close(x);
	}
	xml_out_close(x);
}

/* No gateways are configured yet: the elements stand for "none". */
static void put_srst(struct xml_out *x)
{
	xml_out_open(x, "srstInfo");
	xml_out_text(x, "name", "Disable");
	xml_out_text(x, "srstOption", "Disable");
	xml_out_bool(x, "userModifiable", false);
	xml_out_text(x, "ipAddr1", "");
	xml_out_number(x, "port1", SRST_SCCP);
	xml_out_text(x, "sipIpAddr1", "");
	xml_out_number(x, "sipPort1", SRST_SIP);
	xml_out_bool(x, "isSecure", false);
	xml_out_close(x);
}

static int address_mode(const struct config_source *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strchr(c->nodes[i].ip, ':'))
			return IPV4_ONLY;
	return c->n ? IPV6_ONLY : IPV4_ONLY;
}

/* ---- parameters of the phone ---- */

/* The container of a path ("commonProfile/phonePassword"), cut out; "" at the top. */
static void container_of(char out[HARDEN_NAME_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(out, HARDEN_NAME_MAX, "%.*s", slash ? (int)(slash - path) : 0, path);
}

/* Where the value stands below /device: container and element. */
static const char *place_of(char container[HARDEN_NAME_MAX], const struct store_value *v)
{
	const struct harden_param *p = harden_find(v->name);
	const char *path = p && p->path ? p->path : v->name;
	const char *slash = strrchr(path, '/');

	container_of(container, path);
	if (!*container && !(p && p->path))
		snprintf(container, HARDEN_NAME_MAX, "vendorConfig");
	return slash ? slash + 1 : path;
}

static bool applies(const struct config_source *c, const struct store_value *v)
{
	const struct harden_param *p = harden_find(v->name);

	return !p || harden_applies(p, c->model->name);
}

/* The values of one container, which is written only if there are any. */
static void put_values(struct xml_out *x, const struct config_source *c, const char *container)
{
	const struct store_values *v = &c->device->values;
	bool open = !*container;

	for (size_t i = 0; i < v->n; i++) {
		char own[HARDEN_NAME_MAX];
		const char *element = place_of(own, &v->list[i]);

		if (strcmp(own, container) != 0 || !applies(c, &v->list[i]))
			continue;
		if (!open)
			xml_out_open(x, container);
		open = true;
		xml_out_text(x, element, v->list[i].value);
	}
	if (open && *container)
		xml_out_close(x);
}

/* ---- SIP ---- */

static void put_line(struct xml_out *x, const struct config_source *c, size_t i)
{
	const struct store_device *d = c->device;
	const struct store_line *line = &d->phone.lines[i];
	const bool digest = config_has_digest(c);
	char number[24];

	snprintf(number, sizeof(number), "%zu", i + 1);
	xml_out_open(x, "line");
	xml_out_attribute(x, "button", number);
	xml_out_attribute(x, "lineIndex", number);
	xml_out_number(x, "featureID", FEATURE_LINE);
	xml_out_text(x, "featureLabel", *line->label ? line->label : line->dn);
	xml_out_text(x, "proxy", "USECALLMANAGER");
	xml_out_number(x, "port", c->ports.sip);
	xml_out_text(x, "name", line->dn);
	xml_out_text(x, "displayName", line->display);
	xml_out_text(x, "contact", line->dn);
	if (digest) {
		xml_out_text(x, "authName", d->phone.digest_user);
		xml_out_text(x, "authPassword", d->digest_password.text);
	}
	xml_out_close(x);
}

static void put_sip_profile(struct xml_out *x, const struct config_source *c)
{
	const struct store_profile *p = &c->device->profile;
	/* The profile's port is for UDP alone. */
	const int port =
		c->effect.transport == DEVICE_UDP && p->sip_port ? p->sip_port : STORE_SIP_PORT;

	xml_out_open(x, "sipProfile");
	xml_out_open(x, "sipProxies");
	xml_out_bool(x, "registerWithProxy", true);
	xml_out_close(x);
	xml_out_number(x, "voipControlPort", port);
	xml_out_open(x, "sipLines");
	for (size_t i = 0; i < c->device->phone.nlines; i++)
		put_line(x, c, i);
	xml_out_close(x);
	xml_out_close(x);
}

/* ---- what both kinds of configuration have ---- */

static void put_address_mode(struct xml_out *x, const struct config_source *c)
{
	xml_out_number(x, "ipAddressMode", address_mode(c));
}

static void put_load(struct xml_out *x, const struct config_source *c)
{
	xml_out_text(x, "loadInformation", c->device->phone.load);
}

static void put_certificates(struct xml_out *x, const struct config_source *c)
{
	const bool pending = c->device->phone.capf.status == STORE_CAPF_PENDING &&
			     c->device->phone.capf.operation != STORE_CAPF_NONE;

	xml_out_number(x, "capfAuthMode",
		       pending ? (int)c->device->profile.auth_mode : CAPF_NOTHING_PENDING);
	put_capf(x, c);
	xml_out_text(x, "certHash", c->cert_hash);
	xml_out_bool(x, "encrConfig", c->effect.encrypted_config);
}

/* ---- the files ---- */

int device_xml_full(struct buf *out, const struct config_source *c, struct err *e)
{
	const bool sip = c->device->phone.protocol == DEVICE_SIP;
	struct xml_out *x = xml_out_new();

	xml_out_open(x, "device");
	xml_out_bool(x, "fullConfig", true);
	xml_out_text(x, "deviceProtocol", sip ? "SIP" : "SCCP");
	put_address_mode(x, c);
	xml_out_open(x, "devicePool");
	put_call_servers(x, c);
	xml_out_close(x);
	put_tvs(x, c);
	put_srst(x);
	put_load(x, c);
	put_values(x, c, "");
	put_values(x, c, "commonProfile");
	put_values(x, c, "vendorConfig");
	xml_out_number(x, "deviceSecurityMode", c->effect.mode);
	xml_out_number(x, "transportLayerProtocol", c->effect.transport);
	put_certificates(x, c);
	if (sip)
		put_sip_profile(x, c);
	xml_out_text(x, "versionStamp", c->version);
	xml_out_close(x);
	return xml_out_end(x, out, e);
}

int device_xml_minimal(struct buf *out, const struct config_source *c, struct err *e)
{
	struct xml_out *x = xml_out_new();

	xml_out_open(x, "device");
	xml_out_bool(x, "fullConfig", false);
	put_address_mode(x, c);
	put_load(x, c);
	put_certificates(x, c);
	xml_out_close(x);
	return xml_out_end(x, out, e);
}

int default_xml(struct buf *out, const struct config_source *c, struct err *e)
{
	struct xml_out *x = xml_out_new();
	const struct device_model *m;

	xml_out_open(x, "Default");
	put_call_servers(x, c);
	for (size_t i = 0; (m = device_model_at(i)); i++) {
		char element[32];

		if (!m->type)
			continue;
		snprintf(element, sizeof(element), "loadInformation%u", m->type);
		xml_out_open(x, element);
		xml_out_attribute(x, "model", m->name);
		xml_out_close(x);
	}
	xml_out_close(x);
	return xml_out_end(x, out, e);
}
