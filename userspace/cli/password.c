// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/password.c - reading a password and making a verifier of it; see password.h.
 */
#include "cli/password.h"

#include <crypt.h>
#include <termios.h>
#include <unistd.h>

#include "lib/text.h"

static struct termios before;

/* Also from the signal handler: tcsetattr() is async-signal-safe. */
static void echo_again(void)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static int read_line(const struct tm_cli *c, char *buf)
{
	size_t n;

	/* One more than fits, to tell a long one from one that was cut. */
	if (!fgets(buf, TM_PASSWORD_MAX + 2, stdin)) {
		tm_error(c, "no password was given");
		return TM_EXIT_FAILED;
	}
	n = strcspn(buf, "\n");
	if (n > TM_PASSWORD_MAX) {
		tm_error(c, "a password has at most %d bytes", TM_PASSWORD_MAX);
		return TM_EXIT_USAGE;
	}
	buf[n] = 0;
	return TM_EXIT_OK;
}

static int ask(const struct tm_cli *c, const char *prompt, char *buf)
{
	int code;

	fprintf(c->talk, "%s: ", prompt);
	fflush(c->talk);
	code = read_line(c, buf);
	fputc('\n', c->talk);
	return code;
}

static int ask_twice(const struct tm_cli *c, char *buf)
{
	char again[TM_PASSWORD_MAX + 2];
	struct termios quiet;
	const char *wrong;
	int code;

	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		tm_error(c, "no terminal to ask on; give the password with --stdin");
		return TM_EXIT_USAGE;
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tm_on_interrupt(echo_again);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	code = ask(c, "New password", buf);
	wrong = code == TM_EXIT_OK ? tm_password_complaint(buf) : NULL;
	if (code == TM_EXIT_OK && !wrong) {
		code = ask(c, "Once more", again);
		if (code == TM_EXIT_OK && !tm_streq(buf, again)) {
			tm_error(c, "the two are not the same; nothing was changed");
			code = TM_EXIT_FAILED;
		}
		explicit_bzero(again, sizeof(again));
	}
	echo_again();
	tm_on_interrupt(NULL);
	return code;
}

int tm_password_read(const struct tm_cli *c, char *buf)
{
	/* The stream's own buffer would keep a copy. */
	setvbuf(stdin, NULL, _IONBF, 0);
	return c->from_stdin ? read_line(c, buf) : ask_twice(c, buf);
}

const char *tm_password_complaint(const char *password)
{
	size_t characters = 0, n = strlen(password);
	bool all_same = true;

	for (size_t i = 0; i < n; i++) {
		characters += (password[i] & 0xc0) != 0x80;
		all_same = all_same && password[i] == password[0];
	}
	if (!tm_utf8_valid(password, n))
		return "the password is not UTF-8 text: a browser could never send it";
	if (characters < TM_PASSWORD_MIN)
		return "the password is too short: at least 10 characters";
	if (all_same)
		return "the password is one character again and again";
	return NULL;
}

char *tm_password_verifier(const char *password)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 KiB: not on the stack */
	char *hash = NULL, *out = NULL;

	if (data && crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
		hash = crypt_r(password, setting, data);
	if (hash && *hash == '$')
		out = strdup(hash);
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return out;
}
