/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/account.h - what the daemon knows of accounts.
 *
 * The daemon judges every relayed request by the account as it is at that moment; what is asked
 * again here every few seconds, while somebody is logged in, is whether sessions have to end:
 * user deleted, disabled, or another password.
 */
#ifndef TM_WEB_ACCOUNT_H
#define TM_WEB_ACCOUNT_H

#include "web/web.h"

struct tm_account {
	char verifier[TM_VERIFIER_MAX];
	char role[TM_ROLE_TEXT_MAX];
	char last_login[40]; /* "": never */
	bool disabled;
};

/*
 * @error: 0 with @a; -ENOENT: no such account; else there was no answer (as in struct
 * tm_up_answer; -EIO: none that makes sense).
 */
typedef void (*tm_account_fn)(void *arg, int error, const struct tm_account *a);

/* @name as tm_user_name_good() wants it. 0, -EBUSY, -ENOMEM; @fn comes from the loop. */
int tm_account_get(struct tm_web *w, const char *name, tm_account_fn fn, void *arg);
/* @arg is not told any more. */
void tm_account_forget(struct tm_web *w, void *arg);
/* For the audit log and the account's last login; nobody waits for it. */
void tm_account_report_login(struct tm_web *w, const char *name, const char *address, bool ok);

/* Is there any account? As of the latest answer; true until one said no. */
bool tm_accounts_any(const struct tm_web *w);
/* The cluster's name, "" while it is not known. */
const char *tm_accounts_cluster(const struct tm_web *w);
/* @a: an answer to GET /v1/status. */
void tm_accounts_learn_cluster(struct tm_web *w, const struct tm_up_answer *a);

#endif
