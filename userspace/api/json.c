// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * api/json.c - strict bodies in, careful strings out.
 */
#include "api/json.h"
#include "lib/clock.h"
#include "lib/text.h"

#include <stdio.h>

int tm_api_body_parse(const void *p, size_t n, json_t **ret, char **ret_why)
{
	json_error_t e;
	json_t *j;

	if (n > TM_API_BODY_MAX)
		return -EMSGSIZE;
	if (n == 0) {
		j = json_object();
		if (!j)
			return -ENOMEM;
		*ret = j;
		return 0;
	}
	j = json_loadb(p, n, JSON_REJECT_DUPLICATES, &e);
	if (!j) {
		_cleanup_free_ char *text = tm_escape(e.text, strlen(e.text));

		*ret_why =
			tm_asprintf("the body is not JSON: %s (byte %d)", text ?: "", e.position);
		return -EBADMSG;
	}
	if (!json_is_object(j)) {
		json_decref(j);
		*ret_why = strdup("the body is not a JSON object");
		return -EBADMSG;
	}
	*ret = j;
	return 0;
}

int tm_api_set_bytes(json_t *o, const char *key, const char *s, size_t n, bool null_if_empty)
{
	_cleanup_free_ char *text = NULL, *b64 = NULL;
	char b64_key[64];

	if (!s || (n == 0 && null_if_empty))
		return json_object_set_new(o, key, json_null()) < 0 ? -ENOMEM : 0;
	if (tm_utf8_valid(s, n) && !memchr(s, 0, n))
		return json_object_set_new(o, key, json_stringn(s, n)) < 0 ? -ENOMEM : 0;
	text = tm_utf8_lossy(s, n);
	b64 = tm_base64(s, n);
	if (!text || !b64)
		return -ENOMEM;
	snprintf(b64_key, sizeof(b64_key), "%s_b64", key);
	if (json_object_set_new(o, key, json_string(text)) < 0 ||
	    json_object_set_new(o, b64_key, json_string(b64)) < 0)
		return -ENOMEM;
	return 0;
}

int tm_api_set_str(json_t *o, const char *key, const char *s)
{
	return tm_api_set_bytes(o, key, s, s ? strlen(s) : 0, false);
}

int tm_api_set_time(json_t *o, const char *key, int64_t wall_ns)
{
	char buf[TM_RFC3339_LEN];

	if (wall_ns == 0)
		return json_object_set_new(o, key, json_null()) < 0 ? -ENOMEM : 0;
	return json_object_set_new(o, key, json_string(tm_rfc3339(wall_ns, buf))) < 0 ? -ENOMEM : 0;
}

int tm_api_set_u64(json_t *o, const char *key, uint64_t v)
{
	return json_object_set_new(o, key,
				   json_integer((json_int_t)TM_MIN(v, (uint64_t)INT64_MAX))) < 0
		       ? -ENOMEM
		       : 0;
}

int tm_api_set_bool(json_t *o, const char *key, bool v)
{
	return json_object_set_new(o, key, json_boolean(v)) < 0 ? -ENOMEM : 0;
}

static int b64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

ssize_t tm_api_unbase64(const char *s, void *dst, size_t cap)
{
	size_t len = strlen(s), n = 0;
	uint8_t *out = dst;

	if (len % 4)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		int pad =
			i + 4 < len ? 0 : (s[i + 3] == '=') + (s[i + 3] == '=' && s[i + 2] == '=');
		uint32_t v = 0;

		for (int k = 0; k < 4; k++) {
			int d = k >= 4 - pad ? 0 : b64_digit(s[i + (size_t)k]);

			if (d < 0)
				return -EINVAL;
			v = v << 6 | (uint32_t)d;
		}
		/* Bits that say nothing must be zero: one text for one value. */
		if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff)))
			return -EINVAL;
		if (n + (size_t)(3 - pad) > cap)
			return -EMSGSIZE;
		for (int k = 0; k < 3 - pad; k++)
			out[n++] = (uint8_t)(v >> (16 - 8 * k));
	}
	return (ssize_t)n;
}
