/* What is said of USB devices and the reader service. */
#include "pkcs11/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void knows_tokens(void **state)
{
	static const struct {
		struct usb_device d;
		bool is_token;
		const char *name;
	} cases[] = {
		{{0x1050, 0x0407, true}, true, "a YubiKey"},
		{{0x1050, 0x0120, false}, true, "a YubiKey"},
		{{0x0529, 0x0620, false}, true, "a SafeNet eToken"},
		{{0x08e6, 0x3437, true}, true, "a Thales (Gemalto) token or reader"},
		{{0x096e, 0x0503, true}, true, "a Feitian token or reader"},
		{{0x20a0, 0x4230, true}, true, "a Nitrokey"},
		{{0x20a0, 0x0001, false}, false, "a Nitrokey"},
		{{0x046a, 0x0010, true}, true, "a Cherry smart card reader"},
		{{0x046a, 0x0001, false}, false, "a Cherry smart card reader"}, /* a keyboard */
		{{0x1234, 0x5678, true}, true, "a smart card reader"},
		{{0x1234, 0x5678, false}, false, "a smart card reader"},
		{{0, 0, false}, false, "a smart card reader"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(usb_is_token(&cases[i].d), cases[i].is_token);
		assert_string_equal(usb_name(&cases[i].d), cases[i].name);
	}
}

/* Here there may be a bus or none, with or without devices. */
static void looks_at_the_bus(void **state)
{
	struct usb *u = usb_open();
	struct usb_device list[USB_DEVICES_MAX];
	const size_t n = usb_list(u, list);

	(void)state;
	(void)usb_changed(u);
	assert_true(n <= USB_DEVICES_MAX);
	for (size_t i = 0; i < n; i++)
		assert_true(usb_is_token(&list[i]));
	assert_int_equal(usb_fd(u) >= 0, u != NULL);
	usb_close(u);
}

static void takes_no_bus(void **state)
{
	struct usb_device list[USB_DEVICES_MAX];

	(void)state;
	assert_int_equal(usb_fd(NULL), -1);
	assert_false(usb_changed(NULL));
	assert_int_equal(usb_list(NULL, list), 0);
	usb_close(NULL);
}

static void judges(void **state)
{
	static const struct usb_device yubikey = {0x1050, 0x0407, true};
	static const struct {
		bool module, service, readers, has_usb;
		enum reader_state state;
		const char *text;
	} cases[] = {
		{false, false, false, false, READER_FINE, ""},
		{false, true, false, true, READER_NO_MODULE,
		 "there is a YubiKey on USB, but no module for it"},
		{true, false, false, false, READER_NO_SERVICE,
		 "no reader service: is pcscd running?"},
		{true, false, false, true, READER_NO_SERVICE_USB,
		 "there is a YubiKey on USB, but no reader service: is pcscd running?"},
		{true, true, false, false, READER_FINE, ""},
		{true, true, false, true, READER_NOT_SHOWN,
		 "there is a YubiKey on USB and pcscd is running, but no module shows it"},
		{true, true, true, true, READER_FINE, ""},
		{true, false, true, true, READER_FINE, ""},
		{true, false, true, false, READER_FINE, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct reader_scene s = {cases[i].module, cases[i].service, cases[i].readers,
					       cases[i].has_usb, yubikey};
		char text[256];

		assert_int_equal(reader_judge(&s), cases[i].state);
		reader_text(text, sizeof(text), &s);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(*text != '\0', *reader_remedy(reader_judge(&s)) != '\0');
	}
}

static void cuts_its_text(void **state)
{
	const struct reader_scene s = {.module = true};
	char text[8];

	(void)state;
	reader_text(text, sizeof(text), &s);
	assert_string_equal(text, "no read");
}

static void knows_modules(void **state)
{
	static const struct {
		const char *name;
		bool uses;
	} cases[] = {
		{"opensc-pkcs11", true},
		{"OpenSC smartcard framework", true},
		{"/usr/lib/x86_64-linux-gnu/libykcs11.so.2", true},
		{"/usr/lib/libeToken.so", true},
		{"/usr/lib/pkcs11/libIDPrimePKCS11.so", true},
		{"softhsm2", false},
		{"/usr/lib/softhsm/libsofthsm2.so", false},
		{"libtpm2_pkcs11.so", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(reader_is_used_by(cases[i].name), cases[i].uses);
}

/* It is not waited for. */
static void is_up_with_a_full_queue(const struct sockaddr_un *at)
{
	enum { CALLERS = 8 };
	int fds[CALLERS];

	for (size_t i = 0; i < CALLERS; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (const struct sockaddr *)at, sizeof(*at));
	}
	assert_int_equal(connect(fds[CALLERS - 1], (const struct sockaddr *)at, sizeof(*at)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(reader_service_is_up());
	for (size_t i = 0; i < CALLERS; i++)
		close(fds[i]);
}

static void tries_the_service(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/reader.XXXXXX";
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/comm", dir);
	setenv("PCSCLITE_CSOCK_NAME", at.sun_path, 1);
	assert_false(reader_service_is_up());
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_false(reader_service_is_up()); /* left over by one that died */
	assert_int_equal(listen(fd, 1), 0);
	assert_true(reader_service_is_up());
	is_up_with_a_full_queue(&at);
	close(fd);
	assert_false(reader_service_is_up());
	unlink(at.sun_path);
	rmdir(dir);
	unsetenv("PCSCLITE_CSOCK_NAME");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_tokens),      cmocka_unit_test(looks_at_the_bus),
		cmocka_unit_test(takes_no_bus),      cmocka_unit_test(judges),
		cmocka_unit_test(cuts_its_text),     cmocka_unit_test(knows_modules),
		cmocka_unit_test(tries_the_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
