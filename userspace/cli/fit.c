// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/fit.c - how a table fits a terminal; see fit.h.
 */
#include "cli/fit.h"

#define KEEP   28
#define ENOUGH 16

/* A column of a few words stays whole as long as the others get something to read in. */
static bool keeps(const struct tm_fit *f, size_t left, size_t open)
{
	return f->width <= KEEP && open > 1 && left >= f->width &&
	       (left - f->width) / (open - 1) >= ENOUGH;
}

void tm_fit_columns(struct tm_fit *f, size_t n, size_t total)
{
	size_t fixed = n ? n - 1 : 0, left, share, open = 0;
	bool again = true;

	for (size_t i = 0; i < n; i++) {
		fixed += f[i].flex ? 0 : f[i].width;
		open += f[i].flex;
	}
	left = total > fixed ? total - fixed : 0;
	while (open && again) {
		share = left / open;
		again = false;
		for (size_t i = 0; i < n; i++) {
			if (!f[i].flex || (f[i].width > share && !keeps(&f[i], left, open)))
				continue;
			f[i].flex = false; /* it is content */
			left -= f[i].width;
			open--;
			again = true;
			break;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (f[i].flex) {
			share = left / open--;
			left -= share;
			f[i].width = TM_MAX(share, (size_t)TM_FIT_LEAST);
		}
}

size_t tm_fit_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first @width columns. */
static size_t bytes_of(const char *s, size_t width)
{
	size_t i = 0;

	while (s[i] && (width || (s[i] & 0xc0) == 0x80)) {
		width -= (s[i] & 0xc0) != 0x80;
		i++;
	}
	return i;
}

char *tm_fit_break(const char *s, size_t width)
{
	char *out = malloc(strlen(s) * 2 + 1), *o = out;

	if (!out)
		return NULL;
	width = TM_MAX(width, (size_t)1);
	while (tm_fit_width(s) > width) {
		size_t whole = bytes_of(s, width), cut = whole;

		while (cut > whole / 3 && !strchr(" /,", s[cut - 1]))
			cut--;
		if (cut <= whole / 3)
			cut = whole;
		o = mempcpy(o, s, cut);
		*o++ = '\n';
		s += cut;
	}
	strcpy(o, s);
	return out;
}
