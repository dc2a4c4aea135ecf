/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_peer_link.c - two ends over a socket pair or loopback: who gets in, who does not,
 * and whether bytes arrive as they left.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "peer/internal.h"
#include "tap.h"

static const uint8_t policy[TM_POLICY_ID_LEN] = "policy-number-1";
static const uint8_t other_policy[TM_POLICY_ID_LEN] = "policy-number-2";
static struct tm_node_key *keys[2]; /* 0: the source's node, 1: the target's */

/* One end of a connection; run() fills the lower half. */
struct side {
	enum tm_role role;
	const uint8_t *id;
	const uint8_t *pinned;
	const struct tm_node_key *key;
	enum tm_role sign_as; /* 0: honestly */
	const struct tm_msg_proof *replay;
	uint32_t timeout_ms;
	int fd;
	pthread_t thread;
	struct tm_tls *tls;
	struct tm_link *link;
	struct tm_ctl_authed authed;
	struct tm_msg_text text;
	struct tm_msg_proof proof; /* what it signed */
	int r;
};

static int sign(void *arg, const struct tm_ctl_sign *req, struct tm_msg_proof *ret)
{
	struct side *s = arg;
	int r;

	if (s->replay) {
		*ret = *s->replay;
		return 0;
	}
	r = tm_node_key_sign(s->key, s->sign_as ? s->sign_as : s->role, s->id, req, &s->proof);
	*ret = s->proof;
	return r;
}

static void *run(void *arg)
{
	struct side *s = arg;
	struct tm_peer_handshake h = {
		.role = s->role,
		.id = s->id,
		.pinned_key = s->pinned,
		.sign = sign,
		.poll_fd = -1,
		.arg = s,
		.cluster = tm_role_is_source(s->role) ? "north" : "south",
		.timeout_ms = s->timeout_ms ? s->timeout_ms : 5000,
	};

	s->r = tm_tls_new(&s->tls);
	if (!s->r)
		s->r = tm_peer_handshake(s->tls, s->fd, &h, &s->link, &s->authed, &s->text);
	return NULL;
}

static void pair_up(struct side *a, struct side *b)
{
	int sv[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		abort();
	*a = (struct side){ .role = TM_ROLE_SOURCE, .id = policy, .key = keys[0], .fd = sv[0] };
	*b = (struct side){ .role = TM_ROLE_TARGET, .id = policy, .key = keys[1], .fd = sv[1] };
	a->pinned = tm_node_key_public(keys[1]);
	b->pinned = tm_node_key_public(keys[0]);
}

/* Over TCP, where the kernel may encrypt (modprobe tls): the other way to send files. */
static void pair_up_tcp(struct side *a, struct side *b)
{
	_cleanup_close_ int l = tm_peer_listen("127.0.0.1", 0);
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	pair_up(a, b);
	close(a->fd);
	close(b->fd);
	if (l < 0 || getsockname(l, (struct sockaddr *)&in, &len) < 0)
		abort();
	a->fd = tm_peer_connect("127.0.0.1", ntohs(in.sin_port));
	if (a->fd < 0 || tm_poll(l, POLLIN, 2000) <= 0)
		abort();
	b->fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	if (b->fd < 0 || tm_poll(a->fd, POLLOUT, 2000) <= 0 || tm_peer_connected(a->fd) < 0)
		abort();
}

static void meet(struct side *a, struct side *b)
{
	pthread_create(&b->thread, NULL, run, b);
	run(a);
	pthread_join(b->thread, NULL);
}

static void part(struct side *a, struct side *b)
{
	tm_peer_close(a->link);
	tm_peer_close(b->link);
	tm_tls_free(a->tls);
	tm_tls_free(b->tls);
}

TEST(two_honest_ends_meet_and_learn_each_others_names)
{
	struct side a, b;

	pair_up(&a, &b);
	meet(&a, &b);
	if (a.r || b.r)
		printf("# %d %s / %d %s\n", a.r, a.text.text, b.r, b.text.text);
	CHECK_EQ(a.r, 0);
	CHECK_EQ(b.r, 0);
	CHECK_STR(a.authed.cluster, "south");
	CHECK_STR(b.authed.cluster, "north");
	CHECK(!memcmp(a.authed.key, tm_node_key_public(keys[1]), TM_KEY_LEN));
	CHECK(!memcmp(b.authed.key, tm_node_key_public(keys[0]), TM_KEY_LEN));
	CHECK(!tm_peer_worn(a.link));
	part(&a, &b);
}

TEST(for_pairing_any_key_will_do_and_the_policy_id_does_not_matter)
{
	struct side a, b;

	pair_up(&a, &b);
	a.role = TM_ROLE_PAIR_SOURCE;
	b.role = TM_ROLE_PAIR_TARGET;
	b.id = other_policy;
	a.pinned = b.pinned = NULL;
	meet(&a, &b);
	CHECK_EQ(a.r, 0);
	CHECK_EQ(b.r, 0);
	CHECK(!memcmp(b.authed.key, tm_node_key_public(keys[0]), TM_KEY_LEN));
	part(&a, &b);
}

/* The refused end must learn it, and the target must not have shown a name before. */
TEST(a_source_with_another_key_than_the_pinned_one_is_refused)
{
	struct side a, b;

	pair_up(&a, &b);
	a.key = keys[1];
	meet(&a, &b);
	CHECK_EQ(b.r, -EKEYREJECTED);
	CHECK_EQ(b.text.code, TM_WERR_IDENTITY);
	CHECK(!memcmp(b.authed.key, tm_node_key_public(keys[1]), TM_KEY_LEN));
	CHECK_STR(b.authed.cluster, "");
	CHECK_EQ(a.r, -EREMOTEIO);
	CHECK_EQ(a.text.code, TM_WERR_IDENTITY);
	CHECK_STR(a.authed.cluster, "");
	part(&a, &b);
}

TEST(a_target_with_another_key_than_the_pinned_one_is_refused)
{
	struct side a, b;

	pair_up(&a, &b);
	b.key = keys[0];
	meet(&a, &b);
	CHECK_EQ(a.r, -EKEYREJECTED);
	CHECK_EQ(b.r, -EREMOTEIO);
	CHECK_STR(b.authed.cluster, "");
	part(&a, &b);
}

TEST(a_proof_made_for_the_other_role_is_refused)
{
	struct side a, b;

	pair_up(&a, &b);
	a.sign_as = TM_ROLE_TARGET;
	meet(&a, &b);
	CHECK_EQ(b.r, -EKEYREJECTED);
	CHECK_EQ(a.r, -EREMOTEIO);
	part(&a, &b);
}

TEST(a_proof_for_another_policy_is_refused)
{
	struct side a, b;

	pair_up(&a, &b);
	a.id = other_policy;
	meet(&a, &b);
	CHECK_EQ(b.r, -EKEYREJECTED);
	CHECK_EQ(a.r, -EREMOTEIO);
	part(&a, &b);
}

TEST(a_proof_replayed_from_an_earlier_connection_is_refused)
{
	struct tm_msg_proof old;
	struct side a, b;

	pair_up(&a, &b);
	meet(&a, &b);
	CHECK_EQ(b.r, 0);
	old = a.proof;
	part(&a, &b);
	pair_up(&a, &b);
	a.replay = &old;
	meet(&a, &b);
	CHECK_EQ(b.r, -EKEYREJECTED);
	CHECK_EQ(a.r, -EREMOTEIO);
	part(&a, &b);
}

TEST(garbage_instead_of_tls_is_a_protocol_error_at_once)
{
	uint64_t start = tm_mono_ms();
	struct side a, b;

	pair_up(&a, &b);
	CHECK(write(a.fd, "GET / HTTP/1.1\r\nHost: example\r\n\r\n", 33) == 33);
	run(&b);
	CHECK_EQ(b.r, -EPROTO);
	CHECK(b.text.text[0]);
	CHECK(tm_mono_ms() - start < 3000);
	close(a.fd);
	tm_tls_free(b.tls);
}

TEST(a_silent_peer_costs_no_more_than_the_handshake_timeout)
{
	uint64_t start, took;
	struct side a, b;

	pair_up(&a, &b);
	b.timeout_ms = 300;
	start = tm_mono_ms();
	run(&b);
	took = tm_mono_ms() - start;
	CHECK_EQ(b.r, -ETIMEDOUT);
	CHECK(took >= 290 && took < 2000);
	close(a.fd);
	tm_tls_free(b.tls);
}

static int stop_now(void *arg)
{
	(void)arg;
	return -ECANCELED;
}

TEST(the_daemons_wish_is_heard_while_waiting_for_a_peer)
{
	struct tm_peer_handshake h = {
		.role = TM_ROLE_TARGET,
		.id = policy,
		.sign = sign,
		.poll = stop_now,
		.timeout_ms = 5000,
	};
	uint64_t start = tm_mono_ms();
	struct side a, b;
	int p[2];

	pair_up(&a, &b);
	CHECK_EQ(pipe(p), 0);
	CHECK(write(p[1], "x", 1) == 1);
	h.poll_fd = p[0];
	h.arg = &b;
	CHECK_EQ(tm_tls_new(&b.tls), 0);
	CHECK_EQ(tm_peer_handshake(b.tls, b.fd, &h, &b.link, &b.authed, &b.text), -ECANCELED);
	CHECK(tm_mono_ms() - start < 1000);
	close(p[0]);
	close(p[1]);
	close(a.fd);
	tm_tls_free(b.tls);
}

/* ---- frames ---- */

struct sum {
	struct tm_link *link;
	uint64_t frames, bytes, bad;
	int r;
};

static uint8_t pattern(uint64_t off)
{
	return (uint8_t)(off * 131 + (off >> 12));
}

/* Take DATA frames until the link ends or BYE; check every byte against the pattern. */
static void *take_data(void *arg)
{
	struct sum *s = arg;
	const uint8_t *p;
	uint16_t type;
	uint32_t n;

	for (;;) {
		s->r = tm_link_recv(s->link, &type, &p, &n, 5000);
		if (s->r < 0 || type == TM_F_BYE)
			return NULL;
		s->frames++;
		if (type == TM_F_DATA) {
			struct tm_rd r = tm_rd(p, n);
			uint64_t off = tm_get_u64(&r);

			s->bad += tm_get_u32(&r) != n - TM_DATA_HEAD;
			for (uint32_t i = TM_DATA_HEAD; i < n; i++)
				s->bad += p[i] != pattern(off + i - TM_DATA_HEAD);
			s->bytes += n - TM_DATA_HEAD;
		}
	}
}

static int file_of(uint64_t n)
{
	int fd = memfd_create("content", MFD_CLOEXEC);
	uint8_t block[4096];

	for (uint64_t off = 0; off < n; off += sizeof(block)) {
		size_t k = TM_MIN(n - off, (uint64_t)sizeof(block));

		for (size_t i = 0; i < k; i++)
			block[i] = pattern(off + i);
		if (pwrite(fd, block, k, (off_t)off) != (ssize_t)k)
			abort();
	}
	return fd;
}

TEST(a_large_file_arrives_byte_for_byte_and_is_counted)
{
	const uint64_t size = (24u << 20) + 12345;
	struct sum s = { 0 };
	struct side a, b;
	pthread_t th;
	int fd = file_of(size), err = 0, r = 0;
	bool shrt = false;
	uint64_t off = 0, frames = 0;

	pair_up_tcp(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	s.link = b.link;
	pthread_create(&th, NULL, take_data, &s);
	while (off < size && !r) {
		/* Sizes of all kinds: one byte, odd, and the largest. */
		uint32_t n = frames % 3 == 0 ? 1 : frames % 3 == 1 ? 70001 : TM_DATA_MAX;

		n = (uint32_t)TM_MIN((uint64_t)n, size - off);
		r = tm_link_send_file(a.link, off, fd, off, n, &shrt, &err);
		if (shrt || err)
			r = -EIO;
		off += n;
		frames++;
		if (!r && frames % 5 == 0)
			r = tm_link_send(a.link, TM_F_VERDICT, "\1", 1);
	}
	if (!r)
		r = tm_link_send(a.link, TM_F_BYE, NULL, 0);
	if (!r)
		r = tm_link_flush(a.link);
	pthread_join(th, NULL);
	CHECK_EQ(r, 0);
	CHECK_EQ(s.r, 0);
	CHECK_EQ(s.bad, 0);
	CHECK_EQ(s.bytes, size);
	CHECK_EQ(s.frames, frames + frames / 5);
	CHECK_EQ(a.link->counters.copy_bytes + a.link->counters.sendfile_bytes, size);
	/* Whoever encrypts, all of it went the same way. */
	printf("# kernel TLS: %s\n", a.authed.ktls ? "yes" : "no");
	CHECK_EQ(a.link->counters.ktls_bytes, a.authed.ktls ? size : 0);
	CHECK(a.link->counters.wire_bytes > size);
	CHECK(b.link->counters.wire_bytes > size &&
	      b.link->counters.wire_bytes < size + size / 100);
	close(fd);
	part(&a, &b);
}

TEST(a_file_that_became_short_is_padded_with_zeros_and_reported)
{
	const uint8_t *p = NULL;
	struct side a, b;
	uint16_t type = 0;
	uint32_t n = 0;
	int fd = file_of(1000), err = 7;
	bool shrt = false;
	bool zeros = true;

	pair_up_tcp(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	CHECK_EQ(tm_link_send_file(a.link, 0, fd, 0, 5000, &shrt, &err), 0);
	CHECK(shrt);
	CHECK_EQ(err, 0);
	CHECK_EQ(tm_link_send(a.link, TM_F_VERDICT, "\3", 1), 0);
	CHECK_EQ(tm_link_flush(a.link), 0);
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 2000), 0);
	CHECK(type == TM_F_DATA && n == 5000 + TM_DATA_HEAD);
	CHECK_EQ(p[TM_DATA_HEAD + 999], pattern(999));
	for (int i = 1000; i < 5000; i++)
		zeros = zeros && !p[TM_DATA_HEAD + i];
	CHECK(zeros);
	/* The stream is still in step. */
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 2000), 0);
	CHECK(type == TM_F_VERDICT && n == 1 && p[0] == TM_VERDICT_SHORT);
	close(fd);
	part(&a, &b);
}

TEST(a_file_that_cannot_be_read_is_padded_and_the_error_told)
{
	const uint8_t *p = NULL;
	struct side a, b;
	uint16_t type = 0;
	uint32_t n = 0;
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	bool shrt = true;

	pair_up_tcp(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	CHECK_EQ(tm_link_send_file(a.link, 0, fd, 0, 100, &shrt, &err), 0);
	CHECK_EQ(err, EISDIR);
	CHECK(!shrt);
	CHECK_EQ(tm_link_flush(a.link), 0);
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 2000), 0);
	CHECK(type == TM_F_DATA && n == 100 + TM_DATA_HEAD);
	close(fd);
	part(&a, &b);
}

TEST(an_end_without_close_notify_is_an_error)
{
	const uint8_t *p;
	struct side a, b;
	uint16_t type;
	uint32_t n;

	pair_up(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	/* Half a frame, then the cable is cut. */
	CHECK_EQ(tm_link_send(a.link, TM_F_ASSERT, "0123456789", 10), 0);
	CHECK_EQ(tm_link_flush(a.link), 0);
	shutdown(tm_peer_fd(a.link), SHUT_RDWR);
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 2000), 0);
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 2000), -ECONNRESET);
	/* And stays one. */
	CHECK_EQ(tm_link_send(b.link, TM_F_PING, NULL, 0), -ECONNRESET);
	part(&a, &b);
}

TEST(an_oversized_or_flagged_frame_ends_the_link)
{
	static const uint8_t big[8] = { 1, 0, 16, 0, TM_F_ASSERT, 0, 0, 0 };
	const uint8_t *p;
	struct side a, b;
	uint16_t type;
	uint32_t n;
	size_t done;

	pair_up(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	CHECK_EQ(SSL_write_ex(((struct tm_peer_link *)a.link)->ssl, big, sizeof(big), &done), 1);
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 2000), -EMSGSIZE);
	part(&a, &b);
}

TEST(a_peer_that_says_nothing_times_the_receive_out)
{
	const uint8_t *p;
	struct side a, b;
	uint16_t type;
	uint32_t n;
	uint64_t start;

	pair_up(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	start = tm_mono_ms();
	CHECK_EQ(tm_link_recv(b.link, &type, &p, &n, 200), -ETIMEDOUT);
	CHECK(tm_mono_ms() - start < 2000);
	part(&a, &b);
}

TEST(last_words_reach_a_sender_that_was_cut_off)
{
	struct tm_msg_text why = { .code = TM_WERR_TARGET, .text = "disk full" }, got = { 0 };
	static uint8_t junk[65536];
	struct side a, b;
	struct tm_buf buf;
	int r = 0;

	pair_up(&a, &b);
	meet(&a, &b);
	CHECK(!a.r && !b.r);
	tm_buf_init(&buf, 0);
	tm_msg_text_put(&buf, &why);
	CHECK_EQ(tm_link_send_buf(b.link, TM_F_ERROR, &buf), 0);
	tm_buf_free(&buf);
	tm_peer_close(b.link);
	b.link = NULL;
	for (int i = 0; i < 1000 && !r; i++)
		r = tm_link_send(a.link, TM_F_ASSERT, junk, sizeof(junk));
	CHECK(r < 0);
	CHECK(tm_peer_last_words(a.link, 500, &got));
	CHECK_STR(got.text, "disk full");
	part(&a, &b);
}

static void *take_one(void *arg)
{
	struct sum *s = arg;
	const uint8_t *p;
	uint16_t type;
	uint32_t n;

	s->r = tm_link_recv(s->link, &type, &p, &n, 5000);
	return NULL;
}

TEST(the_same_works_over_tcp_in_both_address_families)
{
	static const char *const at[] = { "127.0.0.1", "::1" };

	for (size_t i = 0; i < TM_ARRAY_SIZE(at); i++) {
		struct side a, b;
		char name[80];
		struct sockaddr_in6 in6; /* the port is where IPv4 has it */
		socklen_t len = sizeof(in6);
		int lfd, port, sv;
		struct sum s = { 0 };
		pthread_t th;

		lfd = tm_peer_listen(i ? "::" : "127.0.0.1", 0);
		CHECK(lfd >= 0 && !getsockname(lfd, (struct sockaddr *)&in6, &len));
		port = ntohs(in6.sin6_port);
		pair_up(&a, &b);
		close(a.fd);
		close(b.fd);
		a.fd = tm_peer_connect(at[i], (uint16_t)port);
		if (a.fd == -EADDRNOTAVAIL || a.fd == -ENETUNREACH) {
			close(lfd);
			SKIP("no IPv6 loopback");
		}
		CHECK(a.fd >= 0);
		CHECK(tm_poll(a.fd, 4 /* POLLOUT */, 2000) > 0);
		CHECK_EQ(tm_peer_connected(a.fd), 0);
		CHECK(tm_poll(lfd, 1 /* POLLIN */, 2000) > 0);
		sv = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
		CHECK(sv >= 0);
		b.fd = sv;
		CHECK(strstr(tm_peer_name(a.fd, name), i ? "[::1]:" : "127.0.0.1:"));
		meet(&a, &b);
		CHECK(!a.r && !b.r);
		s.link = b.link;
		pthread_create(&th, NULL, take_one, &s);
		CHECK_EQ(tm_link_send(a.link, TM_F_PING, NULL, 0), 0);
		CHECK_EQ(tm_link_flush(a.link), 0);
		pthread_join(th, NULL);
		CHECK_EQ(s.r, 0);
		part(&a, &b);
		close(lfd);
	}
}

TEST(a_refused_connect_is_told)
{
	int fd = tm_peer_connect("127.0.0.1", 1);

	CHECK(fd >= 0 || fd == -ECONNREFUSED);
	if (fd >= 0) {
		CHECK(tm_poll(fd, 4, 2000) > 0);
		CHECK_EQ(tm_peer_connected(fd), -ECONNREFUSED);
		close(fd);
	}
	CHECK(tm_peer_connect("not an address", 1) < 0);
}

int main(int argc, char **argv)
{
	char dirs[2][32] = { "/tmp/tm-link-XXXXXX", "/tmp/tm-link-XXXXXX" };
	int r;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		int fd = mkdtemp(dirs[i]) ? open(dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

		if (fd < 0 || tm_node_key_open(fd, &keys[i]) < 0)
			return 1;
		unlinkat(fd, "node.key", 0);
		close(fd);
		rmdir(dirs[i]);
	}
	r = tap_main(argc, argv);
	tm_node_key_free(keys[0]);
	tm_node_key_free(keys[1]);
	return r;
}
