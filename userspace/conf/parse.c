/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf/parse.c - lines of a settings file; see parse.h. Pure.
 */
#include "conf/parse.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void trim(const char **p, size_t *n)
{
	while (*n && blank(**p)) {
		(*p)++;
		(*n)--;
	}
	while (*n && blank((*p)[*n - 1]))
		(*n)--;
}

/* Lower case letters, digits, '.', '_', '-': what a key of the table is made of. */
static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-' || c == '*';
}

const char *tm_conf_split(const char *text, size_t len, char key[TM_CONF_KEY_MAX],
			  char value[TM_CONF_VALUE_MAX], bool *ret_optional)
{
	const char *eq, *k = text, *v;
	size_t k_len, v_len;

	if (memchr(text, 0, len))
		return "a NUL byte";
	eq = memchr(text, '=', len);
	if (!eq)
		return "no '='";
	k_len = (size_t)(eq - text);
	v = eq + 1;
	v_len = len - k_len - 1;
	trim(&k, &k_len);
	*ret_optional = k_len && *k == '-';
	if (*ret_optional) {
		k++;
		k_len--;
		trim(&k, &k_len);
	}
	trim(&v, &v_len);
	if (!k_len)
		return "no key before '='";
	if (k_len >= TM_CONF_KEY_MAX)
		return "key too long";
	if (v_len >= TM_CONF_VALUE_MAX)
		return "value too long";
	for (size_t i = 0; i < k_len; i++) {
		key[i] = k[i] == '/' ? '.' : k[i];
		if (!key_char(key[i]))
			return "a byte that no key has before '='";
	}
	key[k_len] = 0;
	memcpy(value, v, v_len);
	value[v_len] = 0;
	return NULL;
}

static void parse_line(const struct tm_conf_handler *h, unsigned int no, const char *p, size_t n)
{
	char key[TM_CONF_KEY_MAX], value[TM_CONF_VALUE_MAX];
	const char *wrong;
	bool optional = false;

	trim(&p, &n);
	if (!n || *p == '#' || *p == ';')
		return;
	wrong = tm_conf_split(p, n, key, value, &optional);
	if (!wrong)
		h->assign(h->arg, no, key, value, optional);
	else if (*p != '-')
		h->bad(h->arg, no, wrong);
}

void tm_conf_parse(const char *text, size_t len, const struct tm_conf_handler *h)
{
	unsigned int no = 0;

	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;

		parse_line(h, ++no, text, n);
		n += nl ? 1 : 0;
		text += n;
		len -= n;
	}
}
