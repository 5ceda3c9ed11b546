/*
 * What is on the USB bus, as far as it is a security token or a smart card reader: to look sooner
 * when one is plugged in, and to say so where no module shows it. No device is opened. Not for
 * finding tokens: that is PKCS#11's.
 */
#ifndef PKCS11_USB_H
#define PKCS11_USB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { USB_DEVICES_MAX = 16 };

struct usb_device {
	uint16_t vendor, product;
	bool ccid; /* it has an interface of the smart card class (0x0b) */
};

/* True if the device is a token or a reader: by its class, or by a maker that makes nothing
 * else. */
bool usb_is_token(const struct usb_device *d);

/* "a YubiKey", "a Cherry smart card reader": what to call it in a sentence. */
const char *usb_name(const struct usb_device *d);

/* An eye on the bus; one thread's own. */
struct usb;

/* NULL where there is no bus, or none that may be looked at: the others take that. */
struct usb *usb_open(void);
void usb_close(struct usb *u);

/* A descriptor that can be read when something may have happened; -1 without a bus. */
int usb_fd(const struct usb *u);

/* Takes note of what happened; true if a device came or left since the last call. */
bool usb_changed(struct usb *u);

/* The tokens and readers there now, at most USB_DEVICES_MAX; returns how many. */
size_t usb_list(const struct usb *u, struct usb_device out[USB_DEVICES_MAX]);

#endif
