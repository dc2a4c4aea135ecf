/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/key.c - the node key: load or make it, show its fingerprint, sign with it. Daemon only.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"
#include "peer/internal.h"

#define KEY_FILE    "node.key"
#define KEY_TMP	    "node.key.new"
#define KEY_PEM_MAX 4096

struct tm_node_key {
	EVP_PKEY *pkey;
	uint8_t public[TM_KEY_LEN];
};

static void bio_freep(BIO **b)
{
	BIO_free(*b);
}

static void md_ctx_freep(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

/* An encrypted key must be an error, not a question on the terminal. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf, (void)size, (void)rwflag, (void)u;
	return -1;
}

static int key_wrap(EVP_PKEY *pkey, struct tm_node_key **ret_k)
{
	struct tm_node_key *k = calloc(1, sizeof(*k));
	size_t n = TM_KEY_LEN;

	if (!k) {
		EVP_PKEY_free(pkey);
		return -ENOMEM;
	}
	k->pkey = pkey;
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(pkey, k->public, &n) != 1 || n != TM_KEY_LEN) {
		tm_node_key_free(k);
		return -EBADMSG;
	}
	*ret_k = k;
	return 0;
}

static int key_load(int statefd, struct tm_node_key **ret_k)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_(bio_freep) BIO *bio = NULL;
	char pem[KEY_PEM_MAX];
	struct stat st;
	EVP_PKEY *pkey;
	ssize_t n;

	fd = tm_open_name(statefd, KEY_FILE, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
		return -EPERM;
	n = tm_read_full(fd, pem, sizeof(pem));
	if (n < 0)
		return (int)n;
	bio = BIO_new_mem_buf(pem, (int)n);
	pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	OPENSSL_cleanse(pem, sizeof(pem));
	return pkey ? key_wrap(pkey, ret_k) : -EBADMSG;
}

static int key_write(int statefd, EVP_PKEY *pkey)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;
	long n;
	int r;

	if (!bio || PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return -ENOMEM;
	n = BIO_get_mem_data(bio, &pem);
	/* Left over from a crash; the state directory is ours alone. */
	if (unlinkat(statefd, KEY_TMP, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = tm_open_name(statefd, KEY_TMP, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	r = tm_write_full(fd, pem, (size_t)n);
	if (!r && fsync(fd) < 0)
		r = -errno;
	/* Visible only when whole and on disk; never over a key that is there. */
	if (!r && renameat2(statefd, KEY_TMP, statefd, KEY_FILE, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(statefd, KEY_TMP, 0);
		return r;
	}
	return fsync(statefd) < 0 ? -errno : 0;
}

static int key_make(int statefd)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int r;

	if (!pkey)
		return -EIO;
	r = key_write(statefd, pkey);
	EVP_PKEY_free(pkey);
	return r;
}

int tm_node_key_open(int statefd, struct tm_node_key **ret_k)
{
	int r = key_load(statefd, ret_k);

	if (r != -ENOENT)
		return r;
	r = key_make(statefd);
	if (r < 0 && r != -EEXIST)
		return r;
	return key_load(statefd, ret_k);
}

void tm_node_key_free(struct tm_node_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const uint8_t *tm_node_key_public(const struct tm_node_key *k)
{
	return k->public;
}

void tm_key_fingerprint(const uint8_t key[TM_KEY_LEN], char ret[TM_FINGERPRINT_LEN])
{
	uint8_t md[SHA256_DIGEST_LENGTH];

	SHA256(key, TM_KEY_LEN, md);
	tm_hex(md, sizeof(md), ret);
}

int tm_node_key_sign(const struct tm_node_key *k, enum tm_role role,
		     const uint8_t id[TM_POLICY_ID_LEN], const struct tm_ctl_sign *req,
		     struct tm_msg_proof *ret)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t statement[TM_STATEMENT_LEN];
	struct tm_msg_proof proof;
	size_t n = TM_SIG_LEN;

	/* A worker can ask only for the kind of proof its own role needs. */
	if (req->kind != (tm_role_is_pair(role) ? 2 : 1))
		return -EPERM;
	tm_identity_statement(statement, role, id, req->self_fp, req->peer_fp, req->exporter);
	memcpy(proof.key, k->public, TM_KEY_LEN);
	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) != 1 ||
	    EVP_DigestSign(ctx, proof.sig, &n, statement, sizeof(statement)) != 1 ||
	    n != TM_SIG_LEN)
		return -EIO;
	*ret = proof;
	return 0;
}
