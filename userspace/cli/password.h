/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/password.h - reading a password and making a verifier of it.
 */
#ifndef TM_CLI_PASSWORD_H
#define TM_CLI_PASSWORD_H

#include "cli/cli.h"

#define TM_PASSWORD_MIN 10  /* characters */
#define TM_PASSWORD_MAX 500 /* bytes: what crypt(3) takes, and a line */

/*
 * Asks twice on the terminal, without echo, or reads a line of stdin. @buf has TM_PASSWORD_MAX + 2
 * bytes; wipe it with explicit_bzero(). Returns an exit code, after a message if it is not TM_EXIT_OK.
 */
int tm_password_read(const struct tm_cli *c, char *buf);
/* NULL, or what is wrong with it. */
const char *tm_password_complaint(const char *password);
/* "$y$...": yescrypt with the library's own cost. New string, or NULL. Takes about 50 ms. */
char *tm_password_verifier(const char *password);

#endif
