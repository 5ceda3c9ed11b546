#include "pkcs11/usb.h"

#include <libusb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static const struct maker {
	uint16_t vendor;
	bool only_tokens; /* each device of this maker is one */
	const char *name;
} makers[] = {
	{0x03f0, false, "an HP keyboard with a smart card reader"},
	{0x046a, false, "a Cherry smart card reader"},
	{0x04b9, true, "a SafeNet iKey"},
	{0x04e6, false, "an Identiv (SCM) smart card reader"},
	{0x0529, true, "a SafeNet eToken"},
	{0x058f, false, "an Alcor Micro smart card reader"},
	{0x072f, true, "an ACS smart card reader"},
	{0x076b, true, "an HID OMNIKEY smart card reader"},
	{0x08e6, true, "a Thales (Gemalto) token or reader"},
	{0x096e, true, "a Feitian token or reader"},
	{0x09c3, true, "an ActivIdentity token or reader"},
	{0x0a5c, false, "a Broadcom smart card reader"},
	{0x0a89, true, "a Rutoken"},
	{0x0b97, false, "an O2 Micro smart card reader"},
	{0x0bf8, false, "a Fujitsu smart card reader"},
	{0x0c4b, true, "a REINER SCT smart card reader"},
	{0x0dc3, true, "an Athena smart card reader"},
	{0x1050, true, "a YubiKey"},
	{0x1a44, false, "a OneSpan (VASCO) smart card reader"},
	{0x20a0, false, "a Nitrokey"},
	{0x234b, true, "a Gnuk token"},
	{0x24dc, true, "a JaCarta"},
	{0x413c, false, "a Dell keyboard with a smart card reader"},
};

static const struct maker *maker_of(const struct usb_device *d)
{
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (makers[i].vendor == d->vendor)
			return &makers[i];
	return NULL;
}

bool usb_is_token(const struct usb_device *d)
{
	const struct maker *m = maker_of(d);

	return d->ccid || (m && m->only_tokens);
}

const char *usb_name(const struct usb_device *d)
{
	const struct maker *m = maker_of(d);

	return m ? m->name : "a smart card reader";
}

/* ---- the bus ---- */

struct usb {
	libusb_context *ctx;
	int epoll; /* all descriptors that libusb wants to be called for */
	bool changed;
};

static int came_or_left(libusb_context *ctx, libusb_device *d, libusb_hotplug_event event,
			void *arg)
{
	struct usb *u = arg;

	(void)ctx;
	(void)d;
	(void)event;
	u->changed = true;
	return 0;
}

static void fd_added(int fd, short events, void *arg)
{
	const struct usb *u = arg;
	struct epoll_event want = {.events = events & POLLOUT ? EPOLLOUT : EPOLLIN, .data.fd = fd};

	(void)epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &want);
}

static void fd_removed(int fd, void *arg)
{
	const struct usb *u = arg;

	(void)epoll_ctl(u->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void follow_fds(struct usb *u)
{
	const struct libusb_pollfd **list;

	libusb_set_pollfd_notifiers(u->ctx, fd_added, fd_removed, u);
	list = libusb_get_pollfds(u->ctx);
	for (size_t i = 0; list && list[i]; i++)
		fd_added(list[i]->fd, list[i]->events, u);
	libusb_free_pollfds(list);
}

/* libusb starts a thread: our signals are none of its business. */
static int start(libusb_context **ctx)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = libusb_init(ctx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct usb *usb_open(void)
{
	struct usb *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (u->epoll < 0 || start(&u->ctx)) {
		u->ctx = NULL;
		usb_close(u);
		return NULL;
	}
	(void)libusb_hotplug_register_callback(
		u->ctx, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0,
		LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
		came_or_left, u, NULL);
	follow_fds(u);
	return u;
}

void usb_close(struct usb *u)
{
	if (!u)
		return;
	if (u->ctx) {
		libusb_set_pollfd_notifiers(u->ctx, NULL, NULL, NULL);
		libusb_exit(u->ctx);
	}
	if (u->epoll >= 0)
		close(u->epoll);
	free(u);
}

int usb_fd(const struct usb *u)
{
	return u ? u->epoll : -1;
}

bool usb_changed(struct usb *u)
{
	struct timeval now = {0, 0};
	bool changed;

	if (!u)
		return false;
	(void)libusb_handle_events_timeout_completed(u->ctx, &now, NULL);
	changed = u->changed;
	u->changed = false;
	return changed;
}

static bool has_card_interface(libusb_device *d)
{
	struct libusb_config_descriptor *config;
	bool found = false;

	if (libusb_get_active_config_descriptor(d, &config))
		return false;
	for (int i = 0; i < config->bNumInterfaces && !found; i++)
		for (int k = 0; k < config->interface[i].num_altsetting && !found; k++)
			found = config->interface[i].altsetting[k].bInterfaceClass ==
				LIBUSB_CLASS_SMART_CARD;
	libusb_free_config_descriptor(config);
	return found;
}

size_t usb_list(const struct usb *u, struct usb_device out[USB_DEVICES_MAX])
{
	libusb_device **list = NULL;
	const ssize_t all = u ? libusb_get_device_list(u->ctx, &list) : 0;
	size_t n = 0;

	for (ssize_t i = 0; i < all && n < USB_DEVICES_MAX; i++) {
		struct libusb_device_descriptor about;

		if (libusb_get_device_descriptor(list[i], &about))
			continue;
		out[n] = (struct usb_device){about.idVendor, about.idProduct,
					     has_card_interface(list[i])};
		n += usb_is_token(&out[n]);
	}
	if (all >= 0 && list)
		libusb_free_device_list(list, 1);
	return n;
}
