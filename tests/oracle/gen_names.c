// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_names.c - the small set of names that threads collide on, and the names
 * that break programs: control bytes, bad UTF-8, options, markup, our own
 * prefix, names that are equal after folding.
 */
#include <stdio.h>
#include <string.h>

#include "gen.h"

#define X16(c)	c c c c c c c c c c c c c c c c

static const char *const hostile[] = {
	"\n", "a\nb", "\033[2J", "\033]0;x\a", "\200\201\202\237", "x\342\200\256y",
	"\342\200\213", "\300\257", "\300\256\300\256", "\355\240\200", "\355\277\277",
	X16("\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377")
	"\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377",
	"-rf", "--help", "-", "--", "<svg onload=alert(1)>", "\"><script>", "{{7*7}}", "${x}",
	"$(id)", "`id`", "%n%s", "'; drop", "javascript:", "&lt;", "\342\200\250", " lead",
	"trail ", " ", "...", "....", ".tidemark-x", ".tidemark~", "lost+found", "\\", "a\\nb",
	"*", "?", "[a]", "~", "~root", "#", "a:b", "C:", "\t", "\r", "\001", "\177", "CON",
	"name", "NAME", "Name", "\303\251", "e\314\201", "\303\204", "A\314\210", ".hidden",
	"\360\237\230\200", "core", "\357\273\277bom", "a=b", "a,b", "a|b", "\"", "'",
};

unsigned int gen_hostile_count(void)
{
	return sizeof(hostile) / sizeof(hostile[0]);
}

void gen_dir_name(unsigned int number, char ret[256])
{
	snprintf(ret, 256, "d%u", number);
}

void gen_leaf_name(const struct gen_path *p, char ret[256])
{
	switch (p->leaf) {
	case LEAF_DIR:
		gen_dir_name(p->number, ret);
		return;
	case LEAF_HOSTILE:
		snprintf(ret, 256, "%s", hostile[p->number]);
		return;
	case LEAF_LONG:
		memset(ret, 'L', 255);
		ret[255] = '\0';
		ret[254] = '0' + p->number;
		return;
	case LEAF_BIG:
		snprintf(ret, 256, "big%u", p->number);
		return;
	default:
		snprintf(ret, 256, "f%02u", p->number);
	}
}

void gen_path_text(const struct gen_path *p, char ret[512])
{
	char name[256];
	size_t n = 0;

	if (p->outside)
		n += sprintf(ret, "OUTSIDE/");
	for (int i = 0; i < p->depth; i++) {
		gen_dir_name(p->dir[i], name);
		n += sprintf(ret + n, "%s/", name);
	}
	gen_leaf_name(p, name);
	strcpy(ret + n, name);
}
