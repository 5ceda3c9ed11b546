#include "pkcs11/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char service_socket[] = "/run/pcscd/pcscd.comm";

bool reader_service_is_up(void)
{
	const char *named = getenv("PCSCLITE_CSOCK_NAME"); /* as libpcsclite itself does */
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool up;

	if (fd < 0)
		return false;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", named && *named ? named : service_socket);
	/* EAGAIN: its queue is full (unix(7)), so there is somebody, if busy. */
	up = !connect(fd, (const struct sockaddr *)&at, sizeof(at)) || errno == EAGAIN;
	close(fd);
	return up;
}

bool reader_is_used_by(const char *module)
{
	static const char *const known[] = {
		"opensc", "ykcs11",  "yubico",  "etoken",   "etpkcs11", "idprime",  "safenet",
		"gclib",  "castle",  "feitian", "aetpk",    "safesign", "acos5",    "bit4",
		"cackey", "coolkey", "iidp11",  "beidpkcs", "rtpkcs11", "jcpkcs11", "asepkcs",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasestr(module, known[i]))
			return true;
	return false;
}

enum reader_state reader_judge(const struct reader_scene *s)
{
	if (s->readers)
		return READER_FINE;
	if (!s->module)
		return s->has_usb ? READER_NO_MODULE : READER_FINE;
	if (!s->service)
		return s->has_usb ? READER_NO_SERVICE_USB : READER_NO_SERVICE;
	return s->has_usb ? READER_NOT_SHOWN : READER_FINE;
}

void reader_text(char *out, size_t size, const struct reader_scene *s)
{
	const char *what = usb_name(&s->usb);

	*out = '\0';
	switch (reader_judge(s)) {
	case READER_NO_MODULE:
		snprintf(out, size, "there is %s on USB, but no module for it", what);
		break;
	case READER_NO_SERVICE:
		snprintf(out, size, "no reader service: is pcscd running?");
		break;
	case READER_NO_SERVICE_USB:
		snprintf(out, size, "there is %s on USB, but no reader service: is pcscd running?",
			 what);
		break;
	case READER_NOT_SHOWN:
		snprintf(out, size,
			 "there is %s on USB and pcscd is running, but no module shows it", what);
		break;
	case READER_FINE:
		break;
	}
}

const char *reader_remedy(enum reader_state state)
{
	switch (state) {
	case READER_NO_MODULE:
		return "install its module (Debian: opensc-pkcs11; for a YubiKey also ykcs11) or "
		       "name it with --module PATH";
	case READER_NO_SERVICE:
	case READER_NO_SERVICE_USB:
		return "apt install pcscd; systemctl start pcscd";
	case READER_NOT_SHOWN:
		return "pull it out and put it in again; \"pcsc_scan\" (package pcsc-tools) shows "
		       "whether pcscd knows it, a driver may be missing (package libccid)";
	case READER_FINE:
		break;
	}
	return "";
}
