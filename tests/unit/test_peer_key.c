/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_peer_key.c - the node key's file, signatures by role, and the preamble.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "peer/peer.h"
#include "tap.h"

static int make_state(char dir[64])
{
	strcpy(dir, "/tmp/tm-key-XXXXXX");
	return mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static void drop_state(const char *dir, int fd)
{
	unlinkat(fd, "node.key", 0);
	unlinkat(fd, "node.key.new", 0);
	close(fd);
	rmdir(dir);
}

TEST(a_key_is_made_once_and_found_again)
{
	struct tm_node_key *a = NULL, *b = NULL;
	char dir[64], fp[TM_FINGERPRINT_LEN];
	int fd = make_state(dir);
	struct stat st;

	CHECK(fd >= 0);
	CHECK_EQ(tm_node_key_open(fd, &a), 0);
	CHECK_EQ(tm_node_key_open(fd, &b), 0);
	CHECK(!memcmp(tm_node_key_public(a), tm_node_key_public(b), TM_KEY_LEN));
	CHECK_EQ(fstatat(fd, "node.key", &st, 0), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK(faccessat(fd, "node.key.new", F_OK, 0) < 0);
	tm_key_fingerprint(tm_node_key_public(a), fp);
	CHECK_EQ(strspn(fp, "0123456789abcdef"), 64);
	tm_node_key_free(a);
	tm_node_key_free(b);
	drop_state(dir, fd);
}

TEST(a_key_that_others_may_read_is_refused)
{
	struct tm_node_key *k = NULL;
	char dir[64];
	int fd = make_state(dir), r;

	CHECK(fd >= 0);
	CHECK_EQ(tm_node_key_open(fd, &k), 0);
	tm_node_key_free(k);
	CHECK_EQ(fchmodat(fd, "node.key", 0640, 0), 0);
	r = tm_node_key_open(fd, &k);
	drop_state(dir, fd);
	CHECK_EQ(r, -EPERM);
}

TEST(a_damaged_key_is_an_error_and_never_replaced)
{
	struct tm_node_key *k = NULL;
	char dir[64], back[8] = "";
	int fd = make_state(dir), f, r;

	CHECK(fd >= 0);
	f = openat(fd, "node.key", O_RDWR | O_CREAT, 0600);
	CHECK(f >= 0 && write(f, "garbage", 7) == 7);
	r = tm_node_key_open(fd, &k);
	CHECK_EQ(pread(f, back, 7, 0), 7);
	close(f);
	drop_state(dir, fd);
	CHECK_EQ(r, -EBADMSG);
	CHECK_STR(back, "garbage");
}

TEST(the_daemon_signs_only_the_kind_its_worker_is_for)
{
	static const uint8_t id[TM_POLICY_ID_LEN] = "policy";
	struct tm_ctl_sign req = { .kind = 2 };
	struct tm_node_key *k = NULL;
	struct tm_msg_proof a, b;
	char dir[64];
	int fd = make_state(dir);

	CHECK(fd >= 0);
	CHECK_EQ(tm_node_key_open(fd, &k), 0);
	CHECK_EQ(tm_node_key_sign(k, TM_ROLE_SOURCE, id, &req, &a), -EPERM);
	CHECK_EQ(tm_node_key_sign(k, TM_ROLE_PAIR_SOURCE, id, &req, &a), 0);
	req.kind = 1;
	CHECK_EQ(tm_node_key_sign(k, TM_ROLE_PAIR_TARGET, id, &req, &a), -EPERM);
	CHECK_EQ(tm_node_key_sign(k, TM_ROLE_SOURCE, id, &req, &a), 0);
	CHECK_EQ(tm_node_key_sign(k, TM_ROLE_TARGET, id, &req, &b), 0);
	/* The role is part of what is signed. */
	CHECK(memcmp(a.sig, b.sig, TM_SIG_LEN));
	tm_node_key_free(k);
	drop_state(dir, fd);
}

TEST(a_preamble_verifies_with_its_secret_only)
{
	static const uint8_t id[TM_POLICY_ID_LEN] = "0123456789abcde";
	uint8_t secret[TM_SECRET_LEN] = "secret", raw[TM_PREAMBLE_LEN];
	struct tm_preamble p;

	CHECK_EQ(tm_preamble_put(raw, id, secret), 0);
	CHECK_EQ(tm_preamble_get(raw, &p), 0);
	CHECK(p.version == TM_PROTO_VERSION && !memcmp(p.id, id, sizeof(id)));
	CHECK(tm_preamble_check(&p, secret));
	secret[31] ^= 1;
	CHECK(!tm_preamble_check(&p, secret));
}

TEST(every_changed_bit_of_a_preamble_is_noticed)
{
	static const uint8_t id[TM_POLICY_ID_LEN] = "0123456789abcde", secret[TM_SECRET_LEN] = "s";
	uint8_t raw[TM_PREAMBLE_LEN];
	struct tm_preamble p;

	CHECK_EQ(tm_preamble_put(raw, id, secret), 0);
	for (int bit = 0; bit < TM_PREAMBLE_LEN * 8; bit++) {
		raw[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		CHECK(tm_preamble_get(raw, &p) == -EBADMSG || !tm_preamble_check(&p, secret));
		raw[bit / 8] ^= (uint8_t)(1 << (bit % 8));
	}
	CHECK(!tm_preamble_get(raw, &p) && tm_preamble_check(&p, secret));
}

TEST(a_pairing_preamble_carries_no_mac)
{
	static const uint8_t none[TM_POLICY_ID_LEN];
	uint8_t raw[TM_PREAMBLE_LEN];
	struct tm_preamble p;

	CHECK_EQ(tm_preamble_put(raw, none, NULL), 0);
	CHECK_EQ(tm_preamble_get(raw, &p), 0);
	raw[63] = 1;
	CHECK_EQ(tm_preamble_get(raw, &p), -EBADMSG);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
