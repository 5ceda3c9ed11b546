#include "server/provider/auth.h"

#include "common/base64.h"
#include "server/store/password.h"

#include <openssl/crypto.h>
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

static int take(struct auth_login *login, struct span text, struct err *e)
{
	const uint8_t *plain = text.data;
	const size_t n = text.len;
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
	struct buf plain = {0};
	int rc;

	*login = (struct auth_login){0};
	if (!field)
		return no_login(e, "this needs a login");
	if (strncasecmp(field, scheme, strlen(scheme)) != 0)
		return no_login(e, "only basic authentication is offered");
	field += strlen(scheme);
	field += strspn(field, " ");
	if (strlen(field) <= BASE64_MAX)
		(void)base64_take(&plain, span_of(field, strlen(field)), BASE64_PLAIN);
	rc = plain.len ? take(login, buf_view(&plain), e)
		       : no_login(e, "the Authorization field holds no user name and password");
	buf_wipe(&plain);
	return rc;
}

/* What an account asks for besides the password. */
static int check_account(const struct auth_login *login, const struct store_user *user,
			 struct err *e)
{
	if (user->locked) {
		err_set(e, ERR_REFUSED, "locked", "the account %s is locked", user->name);
		return err_hint(e, "\"ctladmin user unlock\" on the first node opens it again");
	}
	if (!user->has_cert)
		return 0;
	if (login->has_cert && !CRYPTO_memcmp(login->cert, user->cert, sizeof(user->cert)))
		return 0;
	err_set(e, ERR_REFUSED, "client-certificate",
		login->has_cert
			? "the client certificate is not the one that the account %s is bound to"
			: "the account %s logs in with a client certificate, and none was shown",
		user->name);
	return err_hint(e, "the account needs its password and the key of its certificate "
			   "(--client-cert URI); "
			   "\"ctladmin user cert\" on the first node sets which");
}

int auth_verify(struct store *s, const struct auth_login *login, const int64_t *known,
		struct store_user *user, struct err *e)
{
	bool found;

	if (store_user_get(s, login->user, user, &found, e))
		return (int)e->kind;
	if (found && known && *known == user->version)
		return check_account(login, user, e);
	if (!password_matches(&login->password, found ? user->hash : NULL))
		return no_login(e, "the user name or the password is wrong");
	return check_account(login, user, e);
}

int auth_allows(enum auth_need need, const struct store_user *user, struct err *e)
{
	static const struct {
		enum auth_need need;
		const char *role; /* besides officer */
		const char *takes;
	} special[] = {
		{AUTH_AUDIT, "auditor", "an auditor or an officer"},
		{AUTH_OPERATE, "operator", "an operator or an officer"},
		{AUTH_OFFICER, "officer", "an officer"},
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (special[i].need != need || !strcmp(user->role, "officer") ||
		    !strcmp(user->role, special[i].role))
			continue;
		err_set(e, ERR_REFUSED, "forbidden", "%s has the role %s; this takes %s",
			user->name, user->role, special[i].takes);
		return err_hint(e, "log in as %s, or have one do it", special[i].takes);
	}
	return 0;
}
