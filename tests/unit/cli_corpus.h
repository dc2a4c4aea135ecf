/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/cli_corpus.h - names that do harm on a terminal that believes them, and how to see them.
 */
#ifndef TM_TESTS_CLI_CORPUS_H
#define TM_TESTS_CLI_CORPUS_H

#include "lib/text.h"

static const char *const hostile_names[] = {
	"\n",
	"a\nb",
	"a\rb",
	"\t",
	"\033[2J",		       /* clears the screen */
	"\033]0;title\a",	       /* sets the window's title */
	"\033]8;;http://evil\033\\x\033]8;;\033\\", /* a link */
	"\033]52;c;ZWNobyBoaQ==\a",    /* writes the clipboard */
	"\033[6n",		       /* makes the terminal type */
	"\033P$q\"p\033\\",	       /* the same, by DCS */
	"\033[1;31mFinished\033[0m",   /* colours that lie */
	"\x9b" "2J",		       /* CSI as one byte, not UTF-8 */
	"\xc2\x9b" "2J",	       /* CSI as U+009B */
	"\xc2\x85",		       /* next line */
	"\x7f\x08\x08\x08",	       /* DEL, backspaces */
	"\xe2\x80\xae" "txt.exe",      /* right-to-left override */
	"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad", /* embeddings */
	"\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9", /* isolates */
	"\xd8\x9c",		       /* Arabic letter mark */
	"a\xe2\x80\x8b" "b",	       /* zero width space */
	"a\xe2\x80\x8d" "b",	       /* zero width joiner */
	"\xe2\x80\xa8\xe2\x80\xa9",    /* line, paragraph separator */
	"\xef\xbb\xbf" "bom",
	"\xef\xbf\xb9\xef\xbf\xbb",    /* interlinear annotation */
	"\xf3\xa0\x81\x81",	       /* tag letter */
	"\xff\xfe\xff",
	"\xc0\xaf",		       /* overlong */
	"\xed\xa0\x80",		       /* a lone surrogate */
	"\xf4\x90\x80\x80",
	"\xe2\x82",		       /* cut */
	"-rf",
	"--help",
	"a b  c",
	"a\\x1bb",		       /* looks like an escape already */
	"\\",
	"$(reboot)",
	"`reboot`",
	"<img src=x onerror=alert(1)>",
	"{{7*7}}",
	"%s%n%d",
	"' OR 1=1 --",
	"caf\xc3\xa9",
	"\xe6\x97\xa5\xe6\x9c\xac",
	"\xf0\x9f\x98\x80",
};

/* Bytes that a terminal acts on: none may be in what is printed, except line ends of ours. */
static inline bool terminal_safe(const char *s, size_t n)
{
	uint32_t c = 0;

	for (size_t len; n; s += len, n -= len) {
		len = tm_utf8_next(s, n, &c);
		if (!len || (c != '\n' && tm_text_hostile(c)))
			return false;
	}
	return true;
}

#endif
