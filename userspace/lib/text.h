/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/text.h - bytes as text: escaping, hex, base64, UTF-8. Pure.
 */
#ifndef TM_LIB_TEXT_H
#define TM_LIB_TEXT_H

#include "lib/base.h"

bool tm_utf8_valid(const char *s, size_t n);
/*
 * Decode one code point of at most @n bytes. Returns its length, or 0 when the bytes are not
 * UTF-8: truncated, overlong, a surrogate, beyond U+10FFFF (then *ret is untouched).
 */
size_t tm_utf8_next(const char *s, size_t n, uint32_t *ret);
/* Moves the cursor, starts an escape, breaks the line, is invisible, or reorders what is read. */
bool tm_text_hostile(uint32_t code_point);
/*
 * Escape for terminals and logs: control bytes, DEL, bidi overrides and
 * invalid UTF-8 become \xNN, backslash becomes \\. Returns a new string (free()) or NULL.
 */
char *tm_escape(const char *s, size_t n);
/* Like iconv //REPLACE: invalid bytes become U+FFFD, for display in JSON. New string. */
char *tm_utf8_lossy(const char *s, size_t n);
/* dst needs 2n+1 bytes. */
void tm_hex(const void *p, size_t n, char *dst);
/* Exactly 2n hex digits. Returns 0 or -EINVAL. */
int tm_unhex(const char *s, void *dst, size_t n);
/* RFC 4648 with padding. New string. */
char *tm_base64(const void *p, size_t n);
/* asprintf that returns NULL on failure. */
char *tm_asprintf(const char *fmt, ...) _printf_(1, 2);

#endif
