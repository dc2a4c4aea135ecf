// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * api/request_account.c - bodies about accounts and logins.
 */
#include "api/request.h"
#include "api/request_int.h"

#include <stdio.h>

static int get_verifier(const json_t *body, struct tm_api_account *a, struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, "verifier");
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);

	if (!v)
		return 0;
	if (!s || n < 8 || n >= sizeof(a->verifier) || s[0] != '$')
		return tm_api_refuse(no, "verifier", "is not a hash as crypt(5) describes it");
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f || strchr(":;*!\\", s[i]))
			return tm_api_refuse(no, "verifier", "is not a hash as crypt(5) describes it");
	memcpy(a->verifier, s, n + 1);
	a->has_verifier = true;
	return 0;
}

static int get_role(const json_t *body, struct tm_api_account *a, struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, "role");
	const char *s = json_string_value(v);

	if (!v || json_is_null(v))
		return 0;
	if (!s || (!tm_streq(s, "viewer") && !tm_streq(s, "operator") && !tm_streq(s, "admin")))
		return tm_api_refuse(no, "role", "is not viewer, operator or admin");
	snprintf(a->role, sizeof(a->role), "%s", s);
	a->has_role = true;
	return 0;
}

int tm_api_account_put_get(const json_t *body, struct tm_api_account *ret, struct tm_api_refusal *no)
{
	static const char *const known[] = { "verifier", "role" };
	struct tm_api_account a = { 0 };
	int r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);

	if (r == 0)
		r = get_verifier(body, &a, no);
	if (r == 0)
		r = get_role(body, &a, no);
	if (r == 0 && !a.has_verifier)
		r = tm_api_refuse(no, "verifier", "is missing");
	if (r == 0)
		*ret = a;
	explicit_bzero(&a, sizeof(a));
	return r;
}

int tm_api_account_patch_get(const json_t *body, struct tm_api_account *ret,
			     struct tm_api_refusal *no)
{
	static const char *const known[] = { "role", "disabled" };
	json_t *v = json_object_get(body, "disabled");
	struct tm_api_account a = { 0 };
	int r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);

	if (r == 0)
		r = get_role(body, &a, no);
	if (r == 0)
		r = tm_api_get_bool(body, "disabled", &a.disabled, no);
	a.has_disabled = json_is_boolean(v);
	if (r == 0 && !a.has_role && !a.has_disabled)
		r = tm_api_refuse(no, "", "nothing to change: give role or disabled");
	if (r == 0)
		*ret = a;
	return r;
}

/* Text of a stranger: what is no plain letter becomes '?'. */
static int get_plain(const json_t *body, const char *key, bool needed, char *dst, size_t cap,
		     struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, key);
	const char *s = json_string_value(v);

	dst[0] = 0;
	if ((!v || json_is_null(v)) && !needed)
		return 0;
	if (!s)
		return tm_api_refuse(no, key, v ? "is not a string" : "is missing");
	for (size_t i = 0; s[i] && i + 1 < cap; i++) {
		dst[i] = s[i] > 0x20 && s[i] < 0x7f ? s[i] : '?';
		dst[i + 1] = 0;
	}
	return 0;
}

int tm_api_login_get(const json_t *body, struct tm_api_login *ret, struct tm_api_refusal *no)
{
	static const char *const known[] = { "name", "ok", "address" };
	struct tm_api_login l = { .ok = false };
	int r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);

	if (r == 0)
		r = get_plain(body, "name", true, l.name, sizeof(l.name), no);
	if (r == 0)
		r = get_plain(body, "address", false, l.address, sizeof(l.address), no);
	if (r == 0 && !json_is_boolean(json_object_get(body, "ok")))
		r = tm_api_refuse(no, "ok", "is not true or false");
	l.ok = json_is_true(json_object_get(body, "ok"));
	if (r == 0)
		*ret = l;
	return r;
}
