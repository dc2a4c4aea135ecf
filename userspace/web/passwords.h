/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/passwords.h - crypt(3) away from the event loop.
 *
 * yescrypt takes some 30 ms and 16 MiB on purpose. Two threads, started before the process
 * confines itself, take jobs from a bounded queue and touch nothing but the job; results come
 * back through an eventfd into the loop. A job owns its password and wipes it. What cannot be
 * queued is refused: a flood of logins costs at most these two threads.
 */
#ifndef TM_WEB_PASSWORDS_H
#define TM_WEB_PASSWORDS_H

#include "web/session.h"

#include <systemd/sd-event.h>

#define TM_PASSWORD_MIN	    10	/* as the command line wants it */
#define TM_PASSWORD_MAX	    511 /* crypt(3)'s own limit, in bytes */
#define TM_PASSWORD_THREADS 2
#define TM_PASSWORD_QUEUE   16

struct tm_passwords;

struct tm_password_result {
	bool ok;			/* check: it matches; make: there is one */
	char verifier[TM_VERIFIER_MAX]; /* make */
};
typedef void (*tm_password_fn)(void *arg, const struct tm_password_result *r);

/* Starts the threads. */
int tm_passwords_new(sd_event *ev, struct tm_passwords **ret);
void tm_passwords_free(struct tm_passwords *p); /* waits for the jobs that run; none is told */

/*
 * Does @password match? @verifier NULL: there is no such account; the same work is done, the
 * answer is no. @fn is called from the loop. Returns 0, -EBUSY, -ENOMEM.
 */
int tm_password_check(struct tm_passwords *p, const char *password, const char *verifier,
		      tm_password_fn fn, void *arg);
/* A new verifier (yescrypt, default cost, fresh salt). */
int tm_password_make(struct tm_passwords *p, const char *password, tm_password_fn fn, void *arg);
/* @arg's jobs go on, but nobody is told. */
void tm_password_forget(struct tm_passwords *p, void *arg);

/* What is wrong with a new password, static, or NULL. */
const char *tm_password_wrong(const char *password);

#endif
