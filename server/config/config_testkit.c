#include "server/config/config_testkit.h"

#include "common/testkit.h"
#include "trustfile/build.h"
#include "trustfile/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void assert_ok(int rc, const struct err *e, int line)
{
	if (rc)
		fail_msg("line %d: %s: %s", line, e->id, e->what);
}

/* ---- a cluster ---- */

struct span der_of(struct buf *b, const X509 *cert)
{
	cert_der(b, cert);
	assert_false(b->bad);
	return buf_view(b);
}

static void add_node(struct fixture *f, const char *name, const char *ip, bool first)
{
	struct buf ccm = {0}, capf = {0};
	struct store_cert certs[] = {{"ccm+tftp", der_of(&ccm, f->ccm.cert)},
				     {"capf", der_of(&capf, f->sast.cert)}};
	struct store_node n = {
		.first = first, .self = first, .certs = certs, .ncerts = first ? 2 : 1};

	snprintf(n.name, sizeof(n.name), "%s", name);
	snprintf(n.ip, sizeof(n.ip), "%s", ip);
	OK(store_node_add(f->s, &n, &f->e));
	buf_free(&ccm);
	buf_free(&capf);
}

/* Makes a list active in which ccm is CCM+TFTP; the tag of names is its own, so that files have to
 * repeat them. */
void set_mode(struct fixture *f, bool mixed)
{
	struct store_active a = {.generation = ++f->generation, .mixed = mixed};
	struct store_ctl c = {.mixed = mixed, .user = "test"};
	int64_t revision;

	a.file = test_list(TEST_START
			   "03{04'CN=T' 05:11 06'CN=I'} 07{08:01 09{0a:00 0b:02}} S " TEST_END
			   "P | " TEST_SAST "R{03'cn=tftp' 04:0002 05'cn=issuer' "
			   "06:70caf64e090751b9df22f49f754fc501 09C} ",
			   &f->sast, &f->ccm, false);
	buf_span(&c.file, buf_view(&a.file));
	OK(store_cluster_revision(f->s, &revision, &f->e));
	OK(store_ctl_commit(f->s, &(struct store_expected){f->generation - 1, revision}, &c,
			    &f->e));
	OK(store_active_set(f->s, &a, "tftp/CTLFile.tlv", &f->e));
	store_ctl_free(&c);
	buf_free(&a.file);
}

static void open_key(struct fixture *f)
{
	const char *root = getenv("CTL_SOURCE_DIR");

	snprintf(f->path, sizeof(f->path), "%s/trustfile/vectors/keys/ccm.pem", root ? root : ".");
	f->where = (struct file_key_where){.key = f->path, .cert = f->path};
	OK(file_key_open(&f->key, &f->where, &f->e));
}

int config_fixture_open(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct device_files_setup how;

	assert_non_null(f);
	strcpy(f->state, "/tmp/device_file.XXXXXX");
	assert_non_null(mkdtemp(f->state));
	f->ccm = test_key_load("ccm");
	f->phone = test_key_load("phone");
	f->sast = test_key_load("itlrec");
	OK(store_open(&f->s, f->state, STORE_CREATE, &f->e));
	open_key(f);
	add_node(f, "pub.example", "192.0.2.10", true);
	add_node(f, "sub.example", "192.0.2.11", false);
	how = (struct device_files_setup){.store = f->s, .key = f->key, .digest = TL_SHA512};
	OK(device_files_open(&f->files, &how, &f->e));
	*state = f;
	return 0;
}

int config_fixture_close(void **state)
{
	struct fixture *f = *state;

	device_files_close(f->files);
	file_key_close(f->key);
	store_close(f->s);
	assert_int_equal(test_folder_remove(f->state), 0);
	test_key_free(&f->ccm);
	test_key_free(&f->phone);
	test_key_free(&f->sast);
	free(f);
	return 0;
}

/* ---- phones ---- */

void add_phone(struct fixture *f, const struct wish *w)
{
	struct store_profile p;
	struct store_template t = {.name = "hard"};
	struct store_line line = {"1001", "", "Jane & \"John\" <Doe>"};
	struct store_phone phone = {.protocol = w->protocol, .lines = &line, .nlines = 1};
	struct secret password = {0};
	struct buf der = {0};

	store_profile_init(&p, w->protocol);
	strcpy(p.name, "test");
	p.mode = w->mode;
	p.encrypted_config = w->encrypted;
	if (w->protocol == DEVICE_SIP) {
		p.digest = true;
		p.exclude_digest = w->exclude;
		p.sip_port = 5070;
		p.transport = w->mode == DEVICE_NONSECURE ? DEVICE_UDP : DEVICE_TLS;
	}
	OK(store_profile_add(f->s, &p, &f->e));
	OK(store_values_set(&t.values, &(struct store_value){.name = "garp", .value = "1"}, &f->e));
	OK(store_values_set(&t.values, &(struct store_value){.name = "pcPort", .value = "1"},
			    &f->e));
	OK(store_values_set(&t.values,
			    &(struct store_value){.name = "settingsAccess", .value = "2"}, &f->e));
	OK(store_values_set(&t.values,
			    &(struct store_value){.name = "disableSpeaker", .value = "true"},
			    &f->e));
	OK(store_values_set(
		&t.values,
		&(struct store_value){.name = "authenticationURL", .value = "http://a/?b&c"},
		&f->e));
	OK(store_template_add(f->s, &t, &f->e));
	OK(secret_set(&password, PASSWORD, strlen(PASSWORD), &f->e));
	OK(store_digest_user_set(f->s, "jane", &password, &f->e));
	strcpy(phone.name, SEP);
	strcpy(phone.model, w->model);
	strcpy(phone.profile, "test");
	strcpy(phone.template_name, "hard");
	if (w->protocol == DEVICE_SIP)
		strcpy(phone.digest_user, "jane");
	OK(store_phone_add(f->s, &phone, &f->e));
	if (w->cert)
		OK(store_phone_cert_set(f->s, SEP, STORE_LSC, der_of(&der, f->phone.cert), &f->e));
	if (w->typed_key)
		OK(store_phone_secret_set(f->s, SEP, STORE_SECRET_KEY,
					  span_of("0123456789abcdef", 16), &f->e));
	buf_free(&der);
	secret_free(&password);
	store_template_free(&t);
}

struct device_file build(struct fixture *f, const char *name)
{
	struct device_file file;

	OK(device_file_build(&file, f->files, span_of(name, strlen(name)), &f->e));
	assert_int_equal(file.kind == DEVICE_FILE_NONE, !file.bytes.len);
	assert_int_equal(file.kind == DEVICE_FILE_NONE || file.kind == DEVICE_FILE_MINIMAL,
			 *file.why != '\0');
	return file;
}

void assert_kind(struct fixture *f, const char *name, enum device_file_kind kind)
{
	struct device_file file = build(f, name);

	if (file.kind != kind)
		fail_msg("%s is of kind %d, not %d: %s", name, (int)file.kind, (int)kind, file.why);
	device_file_free(&file);
}
