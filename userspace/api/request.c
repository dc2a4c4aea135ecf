// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * api/request.c - the fields of each body, checked by type and range.
 */
#include "api/request_int.h"
#include "lib/text.h"

#include <stdio.h>

int tm_api_refuse(struct tm_api_refusal *no, const char *field, const char *what)
{
	snprintf(no->field, sizeof(no->field), "%s", field);
	if (field[0])
		snprintf(no->text, sizeof(no->text), "%s %s", field, what);
	else
		snprintf(no->text, sizeof(no->text), "%s", what);
	return -EINVAL;
}

/* Every key of @body must be in @known. */
int tm_api_only(const json_t *body, const char *const *known, size_t n, struct tm_api_refusal *no)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)body, key, v) {
		size_t i;

		(void)v;
		for (i = 0; i < n && !tm_streq(key, known[i]); i++)
			;
		if (i == n) {
			_cleanup_free_ char *shown = tm_escape(key, strnlen(key, 40));

			return tm_api_refuse(no, shown ?: "", "is not a field of this request");
		}
	}
	return 0;
}

int tm_api_get_bool(const json_t *body, const char *key, bool *ret, struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_boolean(v))
		return tm_api_refuse(no, key, "is not true or false");
	*ret = json_is_true(v);
	return 0;
}

int tm_api_get_int(const json_t *body, const char *key, int64_t min, int64_t max, int64_t *ret,
		   struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, key);
	char what[96];

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		snprintf(what, sizeof(what), "is not an integer from %lld to %lld", (long long)min,
			 (long long)max);
		return tm_api_refuse(no, key, what);
	}
	*ret = json_integer_value(v);
	return 0;
}

/* KEY as text, or KEY_b64 as bytes; not both. */
int tm_api_get_bytes(const json_t *body, const char *key, bool with_b64, struct tm_api_bytes *ret,
		     struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, key), *b = NULL;
	char b64_key[64];

	snprintf(b64_key, sizeof(b64_key), "%s_b64", key);
	if (with_b64)
		b = json_object_get(body, b64_key);
	if (v && b)
		return tm_api_refuse(no, b64_key, "and the field without _b64 exclude each other");
	if (!v && !b)
		return tm_api_refuse(no, key, "is missing");
	if (v ? !json_is_string(v) : !json_is_string(b))
		return tm_api_refuse(no, key, "is not a string");
	if (v) {
		ret->len = json_string_length(v);
		if (ret->len > TM_API_PATH_MAX)
			return tm_api_refuse(no, key, "is too long");
		memcpy(ret->s, json_string_value(v), ret->len);
	} else {
		ssize_t n = tm_api_unbase64(json_string_value(b), ret->s, TM_API_PATH_MAX);

		if (n < 0)
			return tm_api_refuse(no, b64_key,
				      n == -EMSGSIZE ? "is too long" : "is not base64");
		ret->len = (size_t)n;
	}
	ret->s[ret->len] = 0;
	ret->given = true;
	return 0;
}

int tm_api_get_mode(const json_t *body, bool *ret, struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, "mode");
	const char *s = json_string_value(v);

	if (!v || json_is_null(v))
		return 0;
	if (!s || (!tm_streq(s, "manual") && !tm_streq(s, "continuous")))
		return tm_api_refuse(no, "mode", "is neither \"manual\" nor \"continuous\"");
	*ret = tm_streq(s, "continuous");
	return 0;
}

/* 64 hex digits; colons between pairs and upper case are what people paste. */
static int get_fingerprint(const json_t *body, struct tm_api_create *ret, struct tm_api_refusal *no)
{
	json_t *v = json_object_get(body, "target_fingerprint");
	const char *s = json_string_value(v);
	char hex[65];
	size_t n = 0;

	if (!v || json_is_null(v))
		return 0;
	for (; s && *s && n < 64; s++)
		if (*s != ':')
			hex[n++] = *s;
	hex[n] = 0;
	if (!s || *s || n != 64 || tm_unhex(hex, ret->fingerprint, 32) < 0)
		return tm_api_refuse(no, "target_fingerprint", "is not 64 hex digits");
	ret->has_fingerprint = true;
	return 0;
}

int tm_api_create_get(const json_t *body, struct tm_api_create *ret, struct tm_api_refusal *no)
{
	static const char *const known[] = {
		"name",	       "source_dir",	 "source_dir_b64",
		"target_dir",  "target_dir_b64", "target_address",
		"target_port", "mode",		 "target_fingerprint"
	};
	_cleanup_free_ struct tm_api_create *c = calloc(1, sizeof(*c));
	int64_t port = 3712;
	int r;

	if (!c)
		return tm_api_refuse(no, "", "out of memory");
	r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);
	if (r == 0)
		r = tm_api_get_bytes(body, "name", false, &c->name, no);
	if (r == 0)
		r = tm_api_get_bytes(body, "source_dir", true, &c->source_dir, no);
	if (r == 0)
		r = tm_api_get_bytes(body, "target_dir", true, &c->target_dir, no);
	if (r == 0)
		r = tm_api_get_bytes(body, "target_address", false, &c->address, no);
	if (r == 0)
		r = tm_api_get_int(body, "target_port", 1, 65535, &port, no);
	if (r == 0)
		r = tm_api_get_mode(body, &c->continuous, no);
	if (r == 0)
		r = get_fingerprint(body, c, no);
	if (r < 0)
		return r;
	c->port = (uint16_t)port;
	*ret = *c;
	return 0;
}

int tm_api_edit_get(const json_t *body, struct tm_api_edit *ret, struct tm_api_refusal *no)
{
	static const char *const known[] = { "mode", "target_address", "target_port" };
	_cleanup_free_ struct tm_api_edit *e = calloc(1, sizeof(*e));
	json_t *address = json_object_get(body, "target_address");
	int64_t port = 0;
	int r;

	if (!e)
		return tm_api_refuse(no, "", "out of memory");
	r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);
	if (r == 0)
		r = tm_api_get_mode(body, &e->continuous, no);
	if (r == 0 && address && !json_is_null(address))
		r = tm_api_get_bytes(body, "target_address", false, &e->address, no);
	if (r == 0)
		r = tm_api_get_int(body, "target_port", 1, 65535, &port, no);
	if (r < 0)
		return r;
	e->has_mode = json_is_string(json_object_get(body, "mode"));
	e->has_address = e->address.given;
	e->has_port = port != 0;
	e->port = (uint16_t)port;
	if (!e->has_mode && !e->has_address && !e->has_port)
		return tm_api_refuse(no, "",
				     "nothing to change: give mode, target_address or target_port");
	*ret = *e;
	return 0;
}

int tm_api_accept_get(const json_t *body, struct tm_api_accept *ret, struct tm_api_refusal *no)
{
	static const char *const known[] = { "yes", "create_dir", "allow_devices", "allow_suid" };
	struct tm_api_accept a = { false, false, false, false };
	int r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);

	if (r == 0)
		r = tm_api_get_bool(body, "yes", &a.yes, no);
	if (r == 0)
		r = tm_api_get_bool(body, "create_dir", &a.create_dir, no);
	if (r == 0)
		r = tm_api_get_bool(body, "allow_devices", &a.allow_devices, no);
	if (r == 0)
		r = tm_api_get_bool(body, "allow_suid", &a.allow_suid, no);
	if (r == 0)
		*ret = a;
	return r;
}

int tm_api_reject_get(const json_t *body, char ret_reason[TM_API_TEXT_MAX + 1],
		      struct tm_api_refusal *no)
{
	static const char *const known[] = { "reason" };
	json_t *v = json_object_get(body, "reason");
	const char *s = json_string_value(v);
	int r = tm_api_only(body, known, 1, no);

	if (r < 0)
		return r;
	if (!v || json_is_null(v)) {
		ret_reason[0] = 0;
		return 0;
	}
	if (!s)
		return tm_api_refuse(no, "reason", "is not a string");
	if (json_string_length(v) > TM_API_TEXT_MAX / 2)
		return tm_api_refuse(no, "reason", "is longer than 512 bytes");
	for (size_t i = 0; i < json_string_length(v); i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return tm_api_refuse(no, "reason", "has control characters");
	strcpy(ret_reason, s);
	return 0;
}

int tm_api_replicate_get(const json_t *body, bool *ret_yes, struct tm_api_refusal *no)
{
	static const char *const known[] = { "yes" };
	bool yes = false;
	int r = tm_api_only(body, known, 1, no);

	if (r == 0)
		r = tm_api_get_bool(body, "yes", &yes, no);
	if (r == 0)
		*ret_yes = yes;
	return r;
}

int tm_api_verify_get(const json_t *body, bool *ret_repair, struct tm_api_refusal *no)
{
	static const char *const known[] = { "repair" };
	bool repair = true;
	int r = tm_api_only(body, known, 1, no);

	if (r == 0)
		r = tm_api_get_bool(body, "repair", &repair, no);
	if (r == 0)
		*ret_repair = repair;
	return r;
}

int tm_api_sync_get(const json_t *body, uint64_t *ret_timeout_ms, struct tm_api_refusal *no)
{
	static const char *const known[] = { "timeout_ms" };
	int64_t v = 60000;
	int r = tm_api_only(body, known, 1, no);

	if (r == 0)
		r = tm_api_get_int(body, "timeout_ms", 0, (int64_t)TM_API_TIMEOUT_MAX_MS, &v, no);
	if (r == 0)
		*ret_timeout_ms = (uint64_t)v;
	return r;
}

int tm_api_mute_get(const json_t *body, struct tm_api_mute *ret, struct tm_api_refusal *no)
{
	static const char *const known[] = { "seconds", "policy" };
	json_t *v = json_object_get(body, "policy");
	struct tm_api_mute m = { 0 };
	int64_t seconds = -1;
	int r = tm_api_only(body, known, TM_ARRAY_SIZE(known), no);

	if (r == 0)
		r = tm_api_get_int(body, "seconds", 0, 366 * 86400, &seconds, no);
	if (r == 0 && seconds < 0)
		r = tm_api_refuse(no, "seconds", "is missing");
	if (r == 0 && v && !json_is_null(v) &&
	    (!json_is_string(v) || json_string_length(v) >= sizeof(m.policy)))
		r = tm_api_refuse(no, "policy", "is not the id or name of a policy");
	if (r < 0)
		return r;
	m.seconds = (uint64_t)seconds;
	if (json_is_string(v))
		strcpy(m.policy, json_string_value(v));
	*ret = m;
	return 0;
}

int tm_api_empty_get(const json_t *body, struct tm_api_refusal *no)
{
	return tm_api_only(body, NULL, 0, no);
}
