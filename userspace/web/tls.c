// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/tls.c - see tls.h.
 */
#include "web/tls.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CERT_FILE  "self-signed.crt"
#define KEY_FILE   "self-signed.key"
#define FILE_MAX   (256 * 1024)
#define VALID_DAYS 820 /* some clients refuse a certificate that is good for longer than 825 */
#define RENEW_DAYS 30
#define DAY	   86400

void tm_random(void *p, size_t n)
{
	if (gnutls_rnd(GNUTLS_RND_KEY, p, n) < 0) {
		tm_err("no random numbers: cannot go on");
		abort();
	}
}

void tm_tls_pair_free(struct tm_tls_pair *p)
{
	if (p->key)
		explicit_bzero(p->key, strlen(p->key));
	free(p->key);
	free(p->cert);
	*p = (struct tm_tls_pair){ 0 };
}

/* ---- files */

static int read_text(int dirfd, const char *path, bool secret, char **ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return -EINVAL;
	/* A group may be what lets this process read it (ssl-cert); everybody must not. */
	if (secret && (st.st_mode & 0007))
		return -EPERM;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = tm_read_full(fd, text, (size_t)st.st_size);
	if (n < 0)
		return (int)n;
	text[n] = 0;
	*ret = tm_take_ptr(text);
	return 0;
}

static int write_text(int dirfd, const char *name, mode_t mode, const char *text)
{
	_cleanup_free_ char *tmp = tm_asprintf("%s.new", name);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!tmp)
		return -ENOMEM;
	(void)unlinkat(dirfd, tmp, 0);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = tm_write_full(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	return r;
}

/* ---- looking into them */

static int describe(struct tm_tls_pair *p, time_t *ret_expires, bool *ret_mine)
{
	gnutls_datum_t pem = { (unsigned char *)p->cert, (unsigned int)strlen(p->cert) };
	gnutls_x509_crt_t crt;
	unsigned char hash[32];
	size_t n = sizeof(hash);
	int r = gnutls_x509_crt_init(&crt);

	if (r < 0)
		return -ENOMEM;
	r = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
	if (r >= 0)
		r = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &n);
	if (r >= 0) {
		for (size_t i = 0; i < sizeof(hash); i++)
			snprintf(p->fingerprint + 3 * i, 4, "%02X%s", hash[i],
				 i + 1 < sizeof(hash) ? ":" : "");
		*ret_expires = gnutls_x509_crt_get_expiration_time(crt);
		*ret_mine = gnutls_x509_crt_check_issuer(crt, crt) == 1;
		tm_rfc3339((int64_t)*ret_expires * 1000000000, p->expires);
	}
	gnutls_x509_crt_deinit(crt);
	return r < 0 ? -EBADMSG : 0;
}

/* Do the two belong together? */
static int check_pair(const struct tm_tls_pair *p)
{
	gnutls_datum_t cert = { (unsigned char *)p->cert, (unsigned int)strlen(p->cert) };
	gnutls_datum_t key = { (unsigned char *)p->key, (unsigned int)strlen(p->key) };
	gnutls_certificate_credentials_t c;
	int r;

	if (gnutls_certificate_allocate_credentials(&c) < 0)
		return -ENOMEM;
	r = gnutls_certificate_set_x509_key_mem(c, &cert, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(c);
	if (r < 0)
		tm_err("certificate and key: %s", gnutls_strerror(r));
	return r < 0 ? -EBADMSG : 0;
}

static int pair_read(int dirfd, const char *cert, const char *key, struct tm_tls_pair *p,
		     time_t *ret_expires)
{
	int r = read_text(dirfd, cert, false, &p->cert);

	if (r < 0) {
		if (r != -ENOENT || dirfd == AT_FDCWD)
			tm_err("certificate %s: %s", cert, strerror(-r));
		return r;
	}
	r = read_text(dirfd, key, true, &p->key);
	if (r < 0) {
		tm_err("key %s: %s", key,
		       r == -EPERM ? "everybody may read or write it: chmod o-rwx it"
				   : strerror(-r));
		return r;
	}
	r = describe(p, ret_expires, &p->self_signed);
	return r < 0 ? r : check_pair(p);
}

int tm_tls_load(const char *cert_file, const char *key_file, struct tm_tls_pair *ret)
{
	struct tm_tls_pair p = { 0 };
	time_t expires = 0;
	int r;

	if (!*cert_file || !*key_file) {
		tm_err("web.tls.cert and web.tls.key must be set both, or neither");
		return -EINVAL;
	}
	r = pair_read(AT_FDCWD, cert_file, key_file, &p, &expires);
	if (r < 0) {
		tm_tls_pair_free(&p);
		return r;
	}
	if (expires < time(NULL) + RENEW_DAYS * DAY)
		tm_warn("the certificate in %s ends at %s", cert_file, p.expires);
	*ret = p;
	return 0;
}

/* ---- making one */

static int add_name(gnutls_x509_crt_t crt, const char *name)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1)
		return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4,
							    GNUTLS_FSAN_APPEND);
	if (inet_pton(AF_INET6, name, address) == 1)
		return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16,
							    GNUTLS_FSAN_APPEND);
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
						    (unsigned int)strlen(name), GNUTLS_FSAN_APPEND);
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *hostname,
		const struct tm_hosts *hosts)
{
	time_t now = time(NULL);
	uint8_t serial[16];
	char common[65];
	int r;

	tm_random(serial, sizeof(serial));
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	snprintf(common, sizeof(common), "%.64s", hostname);
#define DO(call) r = r < 0 ? r : (call)
	r = gnutls_x509_crt_set_version(crt, 3);
	DO(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)));
	/* Yesterday: clocks differ. */
	DO(gnutls_x509_crt_set_activation_time(crt, now - DAY));
	DO(gnutls_x509_crt_set_expiration_time(crt, now + (VALID_DAYS - 1) * DAY));
	DO(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common,
					 (unsigned int)strlen(common)));
	DO(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
					 "tidemark, self-signed", 21));
	DO(gnutls_x509_crt_set_basic_constraints(crt, 0, -1));
	DO(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
	DO(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
	DO(add_name(crt, "localhost"));
	DO(add_name(crt, "127.0.0.1"));
	DO(add_name(crt, "::1"));
	for (size_t i = 0; i < hosts->n; i++)
		DO(add_name(crt, hosts->name[i]));
	DO(gnutls_x509_crt_set_key(crt, key));
	DO(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
#undef DO
	return r;
}

static int generate(const char *hostname, const struct tm_hosts *hosts, gnutls_datum_t *ret_cert,
		    gnutls_datum_t *ret_key)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	int r = gnutls_x509_privkey_init(&key);

	if (r >= 0)
		r = gnutls_x509_crt_init(&crt);
	if (r >= 0)
		r = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (r >= 0)
		r = fill(crt, key, hostname, hosts);
	if (r >= 0)
		r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, ret_cert);
	if (r >= 0)
		r = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, ret_key);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	if (r < 0)
		tm_err("no certificate could be made: %s", gnutls_strerror(r));
	return r < 0 ? -EIO : 0;
}

static int make(int dirfd, const char *hostname, const struct tm_hosts *hosts)
{
	gnutls_datum_t cert = { 0 }, key = { 0 };
	int r = generate(hostname, hosts, &cert, &key);

	/* The key first: a certificate without its key is made anew, not served. */
	if (r == 0)
		r = write_text(dirfd, KEY_FILE, 0600, (const char *)key.data);
	if (r == 0)
		r = write_text(dirfd, CERT_FILE, 0644, (const char *)cert.data);
	if (r == 0 && fsync(dirfd) < 0)
		r = -errno;
	if (r < 0)
		tm_err("the self-signed certificate cannot be stored: %s", strerror(-r));
	if (key.data)
		explicit_bzero(key.data, key.size);
	gnutls_free(key.data);
	gnutls_free(cert.data);
	return r;
}

int tm_tls_self_signed(int dirfd, const char *hostname, const struct tm_hosts *hosts,
		       struct tm_tls_pair *ret)
{
	struct tm_tls_pair p = { 0 };
	time_t expires = 0;
	int r = pair_read(dirfd, CERT_FILE, KEY_FILE, &p, &expires);

	if (r == -EPERM) {
		tm_tls_pair_free(&p);
		return r;
	}
	if (r < 0 || expires < time(NULL) + RENEW_DAYS * DAY) {
		tm_notice("making a self-signed certificate%s",
			  r == 0 ? ": the old one ends soon" : "");
		tm_tls_pair_free(&p);
		r = make(dirfd, hostname, hosts);
		if (r == 0)
			r = pair_read(dirfd, CERT_FILE, KEY_FILE, &p, &expires);
	}
	if (r < 0) {
		tm_tls_pair_free(&p);
		return r;
	}
	*ret = p;
	return 0;
}
