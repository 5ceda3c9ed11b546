#include "server/provider/auth.h"

#include "server/store/password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

enum {
	/* user ":" password */
	PLAIN_MAX = STORE_NAME_MAX + SECRET_MAX,
	BASE64_MAX = (PLAIN_MAX + 2) / 3 * 4,
};

static int no_login(struct err *e, const char *why)
{
	err_set(e, ERR_REFUSED, "login", "%s", why);
	return err_hint(e, "log in with an administrator's account; \"ctladmin user add\" makes "
			   "one");
}

/* Decodes strictly. Returns the number of bytes, 0 if it is not base64 or too long. */
static size_t base64(uint8_t plain[BASE64_MAX], const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const size_t n = strlen(text);
	const size_t data = strspn(text, digits);
	const size_t pad = strspn(text + data, "=");

	if (!n || n % 4 || n > BASE64_MAX || pad > 2 || data + pad != n)
		return 0;
	if (EVP_DecodeBlock(plain, (const unsigned char *)text, (int)n) < 0)
		return 0;
	return n / 4 * 3 - pad;
}

static int take(struct auth_login *login, const uint8_t *plain, size_t n, struct err *e)
{
	const uint8_t *colon = memchr(plain, ':', n);
	const size_t user = colon ? (size_t)(colon - plain) : 0;

	if (!user || user >= sizeof(login->user) || memchr(plain, '\0', n))
		return no_login(e, "the Authorization field holds no user name and password");
	memcpy(login->user, plain, user);
	login->user[user] = '\0';
	if (n - user - 1 >= SECRET_MAX)
		return no_login(e, "the user name or the password is wrong");
	return secret_set(&login->password, (const char *)colon + 1, n - user - 1, e);
}

int auth_parse(struct auth_login *login, const char *field, struct err *e)
{
	static const char scheme[] = "Basic ";
	uint8_t plain[BASE64_MAX];
	size_t n;
	int rc;

	*login = (struct auth_login){0};
	if (!field)
		return no_login(e, "this needs a login");
	if (strncasecmp(field, scheme, strlen(scheme)) != 0)
		return no_login(e, "only basic authentication is offered");
	field += strlen(scheme);
	n = base64(plain, field + strspn(field, " "));
	rc = n ? take(login, plain, n, e)
	       : no_login(e, "the Authorization field holds no user name and password");
	OPENSSL_cleanse(plain, sizeof(plain));
	return rc;
}

int auth_verify(struct store *s, const struct auth_login *login, struct store_user *user,
		struct err *e)
{
	bool found;

	if (store_user_get(s, login->user, user, &found, e))
		return (int)e->kind;
	if (password_matches(&login->password, found ? user->hash : NULL))
		return 0;
	return no_login(e, "the user name or the password is wrong");
}

int auth_allows(enum auth_need need, const struct store_user *user, struct err *e)
{
	if (need != AUTH_OFFICER || !strcmp(user->role, "officer"))
		return 0;
	err_set(e, ERR_REFUSED, "forbidden", "%s has the role %s; this takes an officer",
		user->name, user->role);
	return err_hint(e, "log in as an officer, or have one do it");
}
