/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf/parse.h - lines of a settings file. Pure: bytes in, callbacks out.
 *
 *	# comment, ; comment, empty line
 *	key = value
 *	-key = value		a failure of this line is nobody's business
 *
 * Blanks around key and value do not count; the value goes to the end of the line and knows
 * no quotes. '.' and '/' in a key are the same: it arrives with dots.
 */
#ifndef TM_CONF_PARSE_H
#define TM_CONF_PARSE_H

#include "lib/base.h"

#define TM_CONF_KEY_MAX	  128
#define TM_CONF_VALUE_MAX 1024
#define TM_CONF_FILE_MAX  (1u << 20)

struct tm_conf_handler {
	/* One assignment; @key and @value are NUL-terminated, valid during the call. */
	void (*assign)(void *arg, unsigned int line, const char *key, const char *value,
		       bool optional);
	/* A line that is none; @what is a static text. */
	void (*bad)(void *arg, unsigned int line, const char *what);
	void *arg;
};

/* Every line yields at most one call, in order. */
void tm_conf_parse(const char *text, size_t len, const struct tm_conf_handler *h);

/*
 * One "KEY=VALUE" of a command line, copied out by the same rules. Returns NULL, or what is wrong.
 */
const char *tm_conf_split(const char *text, size_t len, char key[TM_CONF_KEY_MAX],
			  char value[TM_CONF_VALUE_MAX], bool *ret_optional);

#endif
