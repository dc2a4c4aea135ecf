// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/style.c - what the terminal can do, and talk in it.
 */
#include "cli/style.h"

#include <langinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/text.h"
#include "lib/text.h"

static struct winsize size_of(int fd)
{
	struct winsize ws = { 0 };

	if (isatty(fd) && (ioctl(fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_col))
		ws.ws_col = 80;
	return ws;
}

static bool colour_on(const struct tm_cli *c, int fd)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (c->when_color != TM_AUTO)
		return c->when_color == TM_ALWAYS;
	return isatty(fd) && !(no && *no) && term && !tm_streq(term, "dumb");
}

void tm_style_resize(struct tm_cli *c)
{
	c->width = size_of(STDOUT_FILENO).ws_col;
}

void tm_style_decide(struct tm_cli *c)
{
	c->color = colour_on(c, STDOUT_FILENO) && !c->raw && !c->json;
	c->color_err = colour_on(c, STDERR_FILENO);
	if (!tm_streq(nl_langinfo(CODESET), "UTF-8"))
		c->text_flags |= TM_TEXT_ASCII;
	tm_style_resize(c);
}

unsigned int tm_style_rows(void)
{
	return size_of(STDOUT_FILENO).ws_row;
}

unsigned int tm_style_err_width(void)
{
	return size_of(STDERR_FILENO).ws_col;
}

/* On a terminal words stay whole; in a log a message is one line. */
static void say(const struct tm_cli *c, const char *before, const char *fmt, va_list ap)
{
	unsigned int width = tm_style_err_width();
	_cleanup_free_ char *text = NULL, *whole = NULL, *body = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	whole = text ? tm_asprintf("%s%s", before, text) : NULL;
	body = whole && width ? tm_text_wrap(whole, 0, width) : NULL;
	fputs(body ? body : whole ? whole : fmt, c->talk);
}

void tm_error(const struct tm_cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, "tidemark: ", fmt, ap);
	fputc('\n', c->talk);
	va_end(ap);
}

void tm_hint(const struct tm_cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet || c->json)
		return;
	va_start(ap, fmt);
	say(c, "", fmt, ap);
	va_end(ap);
}

char *tm_safe(const struct tm_cli *c, const char *s)
{
	char *safe = tm_text_escape(s ? s : "-", s ? strlen(s) : 1, c->text_flags | TM_TEXT_PROSE);

	if (!safe)
		safe = strdup("?");
	if (!safe)
		abort();
	return safe;
}

static void (*restore_tty)(void);

static void interrupted(int sig)
{
	if (restore_tty)
		restore_tty();
	(void)!write(STDERR_FILENO, "\n", isatty(STDERR_FILENO) ? 1 : 0);
	_exit(sig == SIGINT ? TM_EXIT_INTERRUPTED : 128 + sig);
}

void tm_on_interrupt(void (*restore)(void))
{
	struct sigaction sa = { .sa_handler = interrupted };

	restore_tty = restore;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}
