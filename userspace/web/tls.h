/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/tls.h - the page's certificate and key.
 *
 * Either the admin's files, or a self-signed pair in this process's own state directory, made at
 * the first start and again when less than 30 days are left: P-256, one certificate for the
 * host's name, localhost, the loopback addresses and the names of web.hosts. The key file has
 * mode 0600, and a key that others may read is refused.
 */
#ifndef TM_WEB_TLS_H
#define TM_WEB_TLS_H

#include "web/guard.h"

struct tm_tls_pair {
	char *cert, *key; /* PEM; the key is wiped by tm_tls_pair_free() */
	char fingerprint[3 * 32 +
			 1]; /* SHA-256 of the certificate, "AB:CD:..." as browsers show it */
	char expires[32];    /* RFC 3339 */
	bool self_signed;
};

/* Both as they stand in the settings. Logs what is wrong. Returns 0 or -errno. */
int tm_tls_load(const char *cert_file, const char *key_file, struct tm_tls_pair *ret);
/* @dirfd: the state directory. Logs. Returns 0 or -errno. */
int tm_tls_self_signed(int dirfd, const char *hostname, const struct tm_hosts *hosts,
		       struct tm_tls_pair *ret);
void tm_tls_pair_free(struct tm_tls_pair *p);

/* Of GnuTLS's random generator. Ends the process if there is no randomness. */
void tm_random(void *p, size_t n);

#endif
