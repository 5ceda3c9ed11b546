/* When a file is made again, and when not. */
#include "server/config/config_testkit.h"
#include "trustfile/cert.h"

#include <string.h>

static const struct wish sip_plain = {"8841", DEVICE_SIP, DEVICE_ENCRYPTED, false, false,
				      true,   false};
static const struct wish sip_encrypted = {"8841", DEVICE_SIP, DEVICE_ENCRYPTED, true, false,
					  true,   false};

/* Two builds of the same data: the same tag, and another key in the file. */
static void test_tags(void **state)
{
	static const char name[] = SEP ".cnf.xml.enc.sgn";
	const struct span asked = span_of(name, sizeof(name) - 1);
	struct fixture *f = *state;
	struct device_file one, two;
	uint8_t tag[DEVICE_FILE_TAG_LEN], epoch[DEVICE_FILE_TAG_LEN], later[DEVICE_FILE_TAG_LEN];
	struct store_profile p;
	bool found;

	set_mode(f, true);
	add_phone(f, &sip_encrypted);
	one = build(f, name);
	two = build(f, name);
	assert_memory_equal(one.tag, two.tag, sizeof(tag));
	assert_false(span_eq(buf_view(&one.bytes), buf_view(&two.bytes)));
	OK(device_file_tag(tag, f->files, asked, &f->e));
	assert_memory_equal(one.tag, tag, sizeof(tag));
	OK(device_files_epoch(epoch, f->files, &f->e));
	/* What phones ask for changes nothing. */
	OK(store_seen_put(
		f->s,
		&(struct store_seen){.device = SEP, .file = "x", .outcome = "sent", .time = 1}, 1,
		&f->e));
	OK(device_file_tag(tag, f->files, asked, &f->e));
	assert_memory_equal(one.tag, tag, sizeof(tag));
	OK(device_files_epoch(later, f->files, &f->e));
	assert_memory_equal(epoch, later, sizeof(epoch));
	/* The profile does. */
	OK(store_profile_get(f->s, "test", &p, &found, &f->e));
	p.mode = DEVICE_AUTHENTICATED;
	OK(store_profile_put(f->s, "test", &p, STORE_ANY_VERSION, &f->e));
	OK(device_file_tag(tag, f->files, asked, &f->e));
	assert_memory_not_equal(one.tag, tag, sizeof(tag));
	OK(device_files_epoch(later, f->files, &f->e));
	assert_memory_not_equal(epoch, later, sizeof(epoch));
	memcpy(epoch, later, sizeof(epoch));
	/* So does the mode of the cluster. */
	set_mode(f, false);
	OK(device_files_epoch(later, f->files, &f->e));
	assert_memory_not_equal(epoch, later, sizeof(epoch));
	device_file_free(&one);
	device_file_free(&two);
}

/* What is as it was is not made again; what has passwords in it tells whose it is. */
static void test_rebuild(void **state)
{
	static const char name[] = SEP ".cnf.xml.sgn";
	const struct span asked = span_of(name, sizeof(name) - 1);
	struct fixture *f = *state;
	struct device_file first, again;
	struct buf owner = {0};

	set_mode(f, true);
	add_phone(f, &sip_plain);
	first = build(f, name);
	cert_sha256(&owner, f->phone.cert);
	assert_int_equal(first.nowners, 1);
	assert_memory_equal(first.owners[0], owner.data, owner.len);
	OK(device_file_rebuild(&again, f->files, asked, first.tag, &f->e));
	assert_int_equal(again.kind, DEVICE_FILE_SAME);
	assert_int_equal(again.bytes.len, 0);
	assert_memory_equal(again.tag, first.tag, sizeof(first.tag));
	set_mode(f, false);
	OK(device_file_rebuild(&again, f->files, asked, first.tag, &f->e));
	assert_int_equal(again.kind, DEVICE_FILE_NONE);
	device_file_free(&first);
	device_file_free(&again);
	buf_free(&owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tags),
		TEST(test_rebuild),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
