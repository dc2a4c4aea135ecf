/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/text.c - bytes as text; see text.h. Pure.
 */
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>

size_t tm_utf8_next(const char *text, size_t n, uint32_t *ret)
{
	const uint8_t *s = (const uint8_t *)text;
	uint32_t c, min;
	size_t len;

	if (!n)
		return 0;
	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] < 0xe0) {
		len = 2, c = s[0] & 0x1f, min = 0x80;
	} else if (s[0] >= 0xe0 && s[0] < 0xf0) {
		len = 3, c = s[0] & 0x0f, min = 0x800;
	} else if (s[0] >= 0xf0 && s[0] < 0xf5) {
		len = 4, c = s[0] & 0x07, min = 0x10000;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

bool tm_utf8_valid(const char *s, size_t n)
{
	uint32_t c;

	while (n) {
		size_t len = tm_utf8_next(s, n, &c);

		if (!len)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

bool tm_text_hostile(uint32_t c)
{
	return c < 0x20 || c == 0x7f || (c >= 0x80 && c <= 0x9f) || /* C1: CSI without ESC */
	       c == 0x61c ||					    /* Arabic letter mark */
	       (c >= 0x200b && c <= 0x200f) ||			    /* zero width, LRM, RLM */
	       (c >= 0x2028 && c <= 0x202e) || /* line separators, embeddings, overrides */
	       (c >= 0x2060 && c <= 0x206f) || /* isolates, invisible operators */
	       c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || /* interlinear annotation */
	       (c >= 0xe0000 && c <= 0xe007f);		      /* tag characters */
}

char *tm_escape(const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = (const uint8_t *)s;
	char *out, *o;

	if (n > (SIZE_MAX - 1) / 4)
		return NULL;
	o = out = malloc(n * 4 + 1);
	if (!out)
		return NULL;
	while (n) {
		uint32_t c = 0;
		size_t len = tm_utf8_next((const char *)p, n, &c);
		bool bad = !len || tm_text_hostile(c);

		if (!len)
			len = 1;
		if (c == '\\') {
			*o++ = '\\';
			*o++ = '\\';
		} else if (bad) {
			for (size_t i = 0; i < len; i++) {
				*o++ = '\\';
				*o++ = 'x';
				*o++ = digits[p[i] >> 4];
				*o++ = digits[p[i] & 15];
			}
		} else {
			memcpy(o, p, len);
			o += len;
		}
		p += len;
		n -= len;
	}
	*o = 0;
	return out;
}

char *tm_utf8_lossy(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	char *out, *o;

	if (n > (SIZE_MAX - 1) / 3)
		return NULL;
	o = out = malloc(n * 3 + 1);
	if (!out)
		return NULL;
	while (n) {
		uint32_t c = 0;
		size_t len = tm_utf8_next((const char *)p, n, &c);

		/* NUL is valid UTF-8 but would end the string we return. */
		if (!len || !c) {
			memcpy(o, "\xef\xbf\xbd", 3);
			o += 3;
			len = 1;
		} else {
			memcpy(o, p, len);
			o += len;
		}
		p += len;
		n -= len;
	}
	*o = 0;
	return out;
}

void tm_hex(const void *p, size_t n, char *dst)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[b[i] >> 4];
		dst[2 * i + 1] = digits[b[i] & 15];
	}
	dst[2 * n] = 0;
}

static int unhex1(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int tm_unhex(const char *s, void *dst, size_t n)
{
	uint8_t *out = dst;

	/* First look, then write: @dst stays untouched on error. */
	for (size_t i = 0; i < 2 * n; i++)
		if (unhex1(s[i]) < 0)
			return -EINVAL;
	if (s[2 * n])
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(unhex1(s[2 * i]) << 4 | unhex1(s[2 * i + 1]));
	return 0;
}

char *tm_base64(const void *p, size_t n)
{
	static const char abc[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *b = p;
	char *out, *o;

	if (n > SIZE_MAX / 4 * 3 - 8)
		return NULL;
	o = out = malloc((n + 2) / 3 * 4 + 1);
	if (!out)
		return NULL;
	for (; n >= 3; n -= 3, b += 3) {
		*o++ = abc[b[0] >> 2];
		*o++ = abc[(b[0] & 3) << 4 | b[1] >> 4];
		*o++ = abc[(b[1] & 15) << 2 | b[2] >> 6];
		*o++ = abc[b[2] & 63];
	}
	if (n) {
		*o++ = abc[b[0] >> 2];
		*o++ = abc[(b[0] & 3) << 4 | (n == 2 ? b[1] >> 4 : 0)];
		*o++ = n == 2 ? abc[(b[1] & 15) << 2] : '=';
		*o++ = '=';
	}
	*o = 0;
	return out;
}

char *tm_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&s, fmt, ap);
	va_end(ap);
	return r < 0 ? NULL : s;
}
