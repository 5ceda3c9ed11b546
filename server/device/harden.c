#include "server/device/harden.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OFF_IS_1                                                                                   \
	{                                                                                          \
		{"0", "enabled"},                                                                  \
		{                                                                                  \
			"1", "disabled"                                                            \
		}                                                                                  \
	}
#define ON_IS_1                                                                                    \
	{                                                                                          \
		{"0", "disabled"},                                                                 \
		{                                                                                  \
			"1", "enabled"                                                             \
		}                                                                                  \
	}
#define VENDOR_PREFIX "vendorConfig/"

static const struct harden_param params[] = {
	{"garp", NULL, OFF_IS_1, "0", "1", NULL, false,
	 "gratuitous ARP: whether the phone believes unsolicited ARP replies"},
	{"pcPort", NULL, OFF_IS_1, "0", "1", NULL, false, "the port for a PC behind the phone"},
	{"spanToPCPort", NULL, OFF_IS_1, "0", "1", NULL, false,
	 "whether the phone's own packets are copied to its PC port"},
	{"voiceVlanAccess", NULL, OFF_IS_1, "0", "1", NULL, false,
	 "whether a PC behind the phone may reach the voice VLAN"},
	{"webAccess",
	 NULL,
	 {{"0", "enabled"}, {"1", "disabled"}, {"2", "read-only"}},
	 "0",
	 "1",
	 NULL,
	 false,
	 "the phone's web pages; read-only on the 7921 alone"},
	{"webProtocol",
	 NULL,
	 {{"0", "http+https"}, {"1", "https"}},
	 "0",
	 "1",
	 NULL,
	 false,
	 "how the phone's web pages may be reached"},
	{"tls12Only", NULL, ON_IS_1, "0", "1", NULL, false, "TLS 1.2 and nothing older"},
	{"settingsAccess",
	 NULL,
	 {{"0", "disabled"}, {"1", "enabled"}, {"2", "restricted"}},
	 "1",
	 "2",
	 NULL,
	 false,
	 "the Settings button; disabled for phones in public places"},
	{"sshAccess", NULL, OFF_IS_1, NULL, "1", NULL, false, "the phone's SSH server"},
	{"disableSpeaker",
	 NULL,
	 {{"false", "speaker-on"}, {"true", "speaker-off"}},
	 "false",
	 "true",
	 NULL,
	 false,
	 "the speaker and its microphone, which can be listened through"},
	{"disableSpeakerAndHeadset",
	 NULL,
	 {{"false", "both-on"}, {"true", "both-off"}},
	 "false",
	 "true",
	 NULL,
	 false,
	 "speaker and headset"},
	{"forwardingDelay", NULL, ON_IS_1, "1", "1", NULL, false,
	 "whether the PC port stays down while the phone boots"},
	{"enableCdpSwPort", NULL, ON_IS_1, NULL, NULL, NULL, false, "CDP towards the switch"},
	{"enableCdpPcPort", NULL, ON_IS_1, NULL, "0", NULL, false, "CDP towards the PC"},
	{"enableLldpSwPort", NULL, ON_IS_1, NULL, NULL, NULL, false, "LLDP towards the switch"},
	{"enableLldpPcPort", NULL, ON_IS_1, NULL, "0", NULL, false, "LLDP towards the PC"},
	{"eapAuthentication",
	 NULL,
	 {{"0", "user"}, {"1", "disabled"}, {"2", "enabled"}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "802.1X; enabled where the switches ask for it"},
	{"disableTLSCiphers",
	 NULL,
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "TLS ciphers to leave out, by number from 1 to 7"},
	{"peerFirmwareSharing", NULL, ON_IS_1, NULL, "0", NULL, false,
	 "whether phones fetch firmware from each other"},
	{"loggingDisplay", NULL, {{0}}, NULL, NULL, NULL, false, "console log on a PC"},
	{"fipsMode", NULL, ON_IS_1, NULL, NULL, NULL, false, "FIPS mode"},
	{"webAdmin", NULL, ON_IS_1, NULL, "0", "8821", false, "administration by web pages"},
	{"adminPassword", NULL, {{0}}, NULL, NULL, "8821", true, "password of the web pages"},
	{"usb1", NULL, ON_IS_1, NULL, NULL, NULL, false,
	 "the USB port at the back or side; off where it is not used"},
	{"usb2", NULL, ON_IS_1, NULL, NULL, NULL, false,
	 "the second USB port; off where it is not used"},
	{"usbClasses", NULL, {{0}}, NULL, NULL, NULL, false, "kinds of USB devices to allow"},
	{"bluetooth", NULL, ON_IS_1, NULL, NULL, NULL, false,
	 "Bluetooth; off where it is not used"},
	{"wifi", NULL, ON_IS_1, NULL, NULL, NULL, false, "Wi-Fi; off where it is not used"},
	{"problemReportUploadURL",
	 NULL,
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "where problem reports are sent"},
	{"phonePassword",
	 "commonProfile/phonePassword",
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 true,
	 "unlocks the phone's menus"},
	{"sshUserId",
	 "sshUserId",
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "user of the phone's SSH server"},
	{"sshPassword", "sshPassword", {{0}}, NULL, NULL, NULL, true, "and its password"},
	{"authenticationURL",
	 "authenticationURL",
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "asked before a pushed command is obeyed; an empty one lets everybody in"},
	{"secureAuthenticationURL",
	 "secureAuthenticationURL",
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "the same over HTTPS"},
	{"directoryURL", "directoryURL", {{0}}, NULL, NULL, NULL, false, "directory"},
	{"secureDirectoryURL",
	 "secureDirectoryURL",
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "directory over HTTPS"},
	{"servicesURL", "servicesURL", {{0}}, NULL, NULL, NULL, false, "phone services"},
	{"secureServicesURL",
	 "secureServicesURL",
	 {{0}},
	 NULL,
	 NULL,
	 NULL,
	 false,
	 "phone services over HTTPS"},
	{"informationURL", "informationURL", {{0}}, NULL, NULL, NULL, false, "help texts"},
	{"messagesURL", "messagesURL", {{0}}, NULL, NULL, NULL, false, "messages"},
	{"idleURL", "idleURL", {{0}}, NULL, NULL, NULL, false, "what an idle phone shows"},
	{"proxyServerURL", "proxyServerURL", {{0}}, NULL, NULL, NULL, false, "HTTP proxy"},
};

enum { PARAMS = sizeof(params) / sizeof(params[0]) };

const struct harden_param *harden_find(const char *name)
{
	for (size_t i = 0; i < PARAMS; i++)
		if (!strcmp(params[i].name, name))
			return &params[i];
	return NULL;
}

const struct harden_param *harden_at(size_t i)
{
	return i < PARAMS ? &params[i] : NULL;
}

static bool is_xml_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char all[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.-";
	const size_t n = strlen(name);

	return n && strchr(letters, *name) && strspn(name, all) == n;
}

static const char *in_another_case(const char *name)
{
	for (size_t i = 0; i < PARAMS; i++)
		if (!strcasecmp(params[i].name, name))
			return params[i].name;
	return NULL;
}

int harden_check_name(const char *name, struct err *e)
{
	const size_t prefix = strlen(VENDOR_PREFIX);
	const char *near;

	if (harden_find(name))
		return 0;
	if (!strncmp(name, VENDOR_PREFIX, prefix) && is_xml_name(name + prefix) &&
	    strlen(name) < HARDEN_NAME_MAX && !harden_find(name + prefix))
		return 0;
	err_set(e, ERR_USAGE, "parameter", "\"%.60s\" is no parameter that is known here", name);
	near = in_another_case(strncmp(name, VENDOR_PREFIX, prefix) ? name : name + prefix);
	if (near)
		return err_hint(e,
				"it is written %s: capital letters count, as the phones count "
				"them",
				near);
	return err_hint(e, "\"ctladmin template parameters\" lists them; any other element of "
			   "vendorConfig can be set as " VENDOR_PREFIX "NAME");
}

static void list_values(char *text, size_t size, const struct harden_param *p)
{
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < HARDEN_VALUES && p->values[i].text && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s (%s)", i ? ", " : "",
				      p->values[i].text, p->values[i].word);
}

static int choose_value(char out[HARDEN_VALUE_MAX], const struct harden_param *p, const char *value,
			struct err *e)
{
	char known[192];

	for (size_t i = 0; i < HARDEN_VALUES && p->values[i].text; i++)
		if (!strcasecmp(p->values[i].text, value) ||
		    !strcasecmp(p->values[i].word, value)) {
			snprintf(out, HARDEN_VALUE_MAX, "%s", p->values[i].text);
			return 0;
		}
	list_values(known, sizeof(known), p);
	return err_set(e, ERR_USAGE, "parameter-value", "%s cannot be \"%.60s\"; it can be %s",
		       p->name, value, known);
}

int harden_value(char out[HARDEN_VALUE_MAX], const char *name, const char *value, struct err *e)
{
	const struct harden_param *p = harden_find(name);

	if (p && p->values[0].text)
		return choose_value(out, p, value, e);
	if (strlen(value) >= HARDEN_VALUE_MAX || !text_is_printable(span_of(value, strlen(value))))
		return err_set(e, ERR_USAGE, "parameter-value",
			       "the value of %s has more than %d bytes, or a character that is not "
			       "printable",
			       name, HARDEN_VALUE_MAX - 1);
	snprintf(out, HARDEN_VALUE_MAX, "%s", value);
	return 0;
}

const char *harden_word(const struct harden_param *p, const char *value)
{
	for (size_t i = 0; p && i < HARDEN_VALUES && p->values[i].text; i++)
		if (!strcmp(p->values[i].text, value))
			return p->values[i].word;
	return value;
}

bool harden_applies(const struct harden_param *p, const char *model)
{
	const size_t n = strlen(model);
	const char *at = p->models;

	if (!at)
		return true;
	while ((at = strstr(at, model))) {
		if ((at == p->models || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
		at += n;
	}
	return false;
}
