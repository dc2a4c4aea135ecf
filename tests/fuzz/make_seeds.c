/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/make_seeds.c - write the committed seeds of the wire fuzzers: one valid input of each kind.
 *
 * usage: make_seeds DIR (the corpus directory)
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/peer.h"
#include "wire_codecs.h"

static int seed(const char *top, const char *fuzzer, const char *name, const void *p, size_t n)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, fuzzer);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", top, fuzzer, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		return 1;
	close(fd);
	return 0;
}

/* A message that its own decoder takes: zeros, except where zero is not a value. */
static void fill(const char *name, void *m)
{
	static const struct tm_oid oid = { 2, 1, 0 };
	static const uint8_t hash[TM_HASH_LEN];

	if (tm_streq(name, "tm_msg_pair_state"))
		((struct tm_msg_pair_state *)m)->state = TM_PAIR_AWAITING;
	else if (tm_streq(name, "tm_msg_session"))
		((struct tm_msg_session *)m)->root = oid;
	else if (tm_streq(name, "tm_msg_file"))
		*(struct tm_msg_file *)m =
			(struct tm_msg_file){ .oid = oid, .attrs.kind = TM_KIND_REG };
	else if (tm_streq(name, "tm_msg_file_end"))
		((struct tm_msg_file_end *)m)->result = TM_FILE_OK;
	else if (tm_streq(name, "tm_assert"))
		*(struct tm_assert *)m = (struct tm_assert){
			.type = TM_ASSERT_ENTRY,
			.parent = oid,
			.name = "link",
			.name_len = 4,
			.oid = oid,
			.attrs.kind = TM_KIND_LNK,
			.symlink = "to",
			.symlink_len = 2,
		};
	else if (tm_streq(name, "tm_need"))
		*(struct tm_need *)m = (struct tm_need){ .what = TM_NEED_LIST, .oid = oid };
	else if (tm_streq(name, "tm_attrs"))
		((struct tm_attrs *)m)->kind = TM_KIND_DIR;
	else if (tm_streq(name, "tm_ctl_start"))
		((struct tm_ctl_start *)m)->role = TM_ROLE_SOURCE;
	else if (tm_streq(name, "tm_ctl_sign"))
		((struct tm_ctl_sign *)m)->kind = 1;
	else if (tm_streq(name, "tm_hashes"))
		*(struct tm_hashes *)m = (struct tm_hashes){
			.oid = oid, .size = 5, .block = TM_BLOCK_MIN, .n = 1, .hash = hash
		};
	else if (tm_streq(name, "tm_found"))
		*(struct tm_found *)m = (struct tm_found){
			.what = TM_FOUND_FOREIGN, .parent = oid, .name = "alien", .name_len = 5
		};
	else if (tm_streq(name, "tm_ctl_file_failed"))
		((struct tm_ctl_file_failed *)m)->op = 1;
}

static int codec_seed(const char *top, size_t i)
{
	const struct wire_codec *c = &wire_codecs[i];
	void *m = calloc(1, c->size);
	struct tm_buf b;
	int bad;

	tm_buf_init(&b, 0);
	fill(c->name, m);
	tm_put_u8(&b, (uint8_t)i);
	c->put(&b, m);
	bad = tm_buf_error(&b) || wire_codec_try(c, b.data + 1, b.len - 1) != 1 ||
	      seed(top, c->ctl ? "fuzz_ctl" : "fuzz_msg", c->name, b.data, b.len);
	if (bad)
		fprintf(stderr, "make_seeds: %s\n", c->name);
	tm_buf_free(&b);
	free(m);
	return bad;
}

static int stream_seed(const char *top)
{
	struct tm_assert a = {
		.type = TM_ASSERT_ABSENT, .parent = { 2, 0, 0 }, .name = "x", .name_len = 1
	};
	struct tm_need need = { .what = TM_NEED_WHOLE, .oid = { 3, 0, 0 } };
	uint8_t out[256];
	struct tm_buf b;
	size_t n = 0;

	tm_buf_init(&b, 0);
	tm_assert_put(&b, &a);
	tm_assert_put(&b, &a);
	tm_frame_header_put(out, TM_F_ASSERT, (uint32_t)b.len);
	memcpy(out + TM_FRAME_HEADER, b.data, b.len);
	n = TM_FRAME_HEADER + b.len;
	tm_buf_reset(&b);
	tm_need_put(&b, &need);
	tm_frame_header_put(out + n, TM_F_NEED, (uint32_t)b.len);
	memcpy(out + n + TM_FRAME_HEADER, b.data, b.len);
	n += TM_FRAME_HEADER + b.len;
	tm_buf_free(&b);
	return seed(top, "fuzz_frame", "assert-need", out, n);
}

int main(int argc, char **argv)
{
	static const uint8_t id[TM_POLICY_ID_LEN] = "policy", none[TM_POLICY_ID_LEN],
			     secret[TM_SECRET_LEN] = "s";
	uint8_t raw[TM_PREAMBLE_LEN];
	int bad = 0;

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < WIRE_CODECS; i++)
		bad |= codec_seed(argv[1], i);
	bad |= stream_seed(argv[1]);
	bad |= tm_preamble_put(raw, id, secret) ||
	       seed(argv[1], "fuzz_preamble", "policy", raw, sizeof(raw));
	bad |= tm_preamble_put(raw, none, NULL) ||
	       seed(argv[1], "fuzz_preamble", "pairing", raw, sizeof(raw));
	return bad;
}
