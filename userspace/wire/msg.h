/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/msg.h - the messages inside frames: structures, encoders, decoders. Pure.
 *
 * Every decoder takes a bounded reader, refuses what does not fit (-EBADMSG), borrows byte
 * strings from the reader's bytes and allocates nothing. Every *_put is the exact
 * inverse. Names of directory entries are checked with tm_name_ok() by the decoder: one
 * component, never "." or "..", never a '/' or NUL.
 */
#ifndef TM_WIRE_MSG_H
#define TM_WIRE_MSG_H

#include "lib/buf.h"
#include "lib/oid.h"
#include "wire/frame.h"

#define TM_KEY_LEN 32		/* Ed25519 public key */
#define TM_SIG_LEN 64
#define TM_POLICY_ID_LEN 16
#define TM_SECRET_LEN 32
#define TM_NAME_LEN_MAX 255	/* one directory entry */
#define TM_PATH_LEN_MAX 4096
#define TM_TEXT_LEN_MAX 1024	/* human text */
#define TM_CLUSTER_LEN_MAX 64
#define TM_POLICY_NAME_MAX 64
#define TM_SYMLINK_MAX 4096
#define TM_XATTRS_MAX 65536	/* all xattrs of one object, encoded */

/* ---- connection ---- */

struct tm_msg_proof {
	uint8_t key[TM_KEY_LEN];	/* node key */
	uint8_t sig[TM_SIG_LEN];	/* see PROTOCOL.md, "Identity" */
};

/*
 * Feature bits. A side uses what both named in their HELLO (struct tm_link.features).
 * COMPARE: content is compared by block hashes: TM_AF_COMPARE, TM_BATCH_LOOK, HASHES, FOUND, ALIVE.
 */
#define TM_FEATURE_COMPARE (1ULL << 0)
#define TM_FEATURE_KNOWN TM_FEATURE_COMPARE	/* feature bits this version knows */

struct tm_msg_hello {
	uint16_t proto_min;
	uint16_t proto_max;
	uint64_t features;
	char cluster[TM_CLUSTER_LEN_MAX + 1];
	char version[32];
};

enum tm_notice {
	TM_NOTICE_DELETED = 1,	/* the other side deleted the policy */
	TM_NOTICE_DISABLED = 2,
	TM_NOTICE_ENABLED = 3,
	TM_NOTICE_ABORTED = 4,	/* the target's admin aborted the run */
	TM_NOTICE_SHUTDOWN = 5,	/* daemon stops; reconnect later */
	TM_NOTICE_FENCED = 6,	/* a newer connection owns the policy */
	TM_NOTICE_STATE = 7,	/* how the policy stands on this side: PROTOCOL.md, "State" */
};

/* Errors that end a connection (TM_F_ERROR) have these codes. */
enum tm_wire_error {
	TM_WERR_PROTOCOL = 1,	/* malformed or unexpected frame */
	TM_WERR_VERSION = 2,	/* no common protocol version */
	TM_WERR_IDENTITY = 3,	/* proof does not verify, or another key than the pinned one */
	TM_WERR_POLICY = 4,	/* no such policy, or not authorized */
	TM_WERR_FENCED = 5,	/* fencing epoch is not the newest */
	TM_WERR_TARGET = 6,	/* target cannot go on: full, read-only, root missing */
	TM_WERR_BUSY = 7,	/* too many requests are waiting */
	TM_WERR_INTERNAL = 8,
};

struct tm_msg_text {
	uint32_t code;		/* tm_notice or tm_wire_error; else 0 */
	int32_t err;		/* errno behind it, or 0 */
	char text[TM_TEXT_LEN_MAX + 1];
};

/* ---- pairing ---- */

struct tm_msg_pair_request {
	uint8_t id[TM_POLICY_ID_LEN];
	uint8_t secret[TM_SECRET_LEN];	/* keys the preamble's MAC from now on */
	char name[TM_POLICY_NAME_MAX + 1];
	char source_dir[TM_PATH_LEN_MAX];
	char target_dir[TM_PATH_LEN_MAX];
	uint8_t continuous;
	uint64_t est_files;		/* 0: unknown */
	uint64_t est_bytes;
};

enum tm_pair_state {
	TM_PAIR_AWAITING = 1,
	TM_PAIR_ACCEPTED = 2,
	TM_PAIR_REJECTED = 3,
	TM_PAIR_DELETED = 4,
	TM_PAIR_REFUSED = 5,	/* request itself is no good: text says why */
};

struct tm_msg_pair_state {
	uint8_t state;			/* enum tm_pair_state */
	char text[TM_TEXT_LEN_MAX + 1];	/* reason, or "" */
};

/* ---- replication: session and batch ---- */

struct tm_msg_session {
	uint64_t fence;		/* fencing epoch: grows with every connection of the source */
	uint64_t source_dev;	/* of the policy root, for the record */
	struct tm_oid root;
};

struct tm_msg_ready {
	uint64_t last_seq;	/* last committed batch, 0: none ever */
	uint64_t objects;	/* in the identity table */
	uint8_t fresh;		/* 1: the table is empty or new: everything must be asserted */
};

enum tm_batch_flags {
	TM_BATCH_RECONCILE = 1 << 0,	/* part of a reconcile: listings of whole directories */
	/* last one of its change set: parked objects that nobody claimed are deleted */
	TM_BATCH_LAST = 1 << 1,
	/* unclean source boot: content sent after the last barrier is needed again */
	TM_BATCH_SUSPECT = 1 << 2,
	TM_BATCH_CONFIRMED = 1 << 3,	/* the admin confirmed: no deletion brake */
	/* only compare: nothing is changed or committed, ACK repeats the last number */
	TM_BATCH_LOOK = 1 << 4,
};

struct tm_msg_batch {
	uint64_t seq;		/* last_seq + 1, + 1 for each batch */
	uint64_t fence;
	uint32_t flags;		/* enum tm_batch_flags */
	/* wall clock of the source when its change set was taken: the recovery point */
	int64_t taken_ns;
};

/* ---- replication: assertions ---- */

enum tm_obj_kind {
	TM_KIND_REG = 1, TM_KIND_DIR = 2, TM_KIND_LNK = 3, TM_KIND_FIFO = 4,
	TM_KIND_SOCK = 5, TM_KIND_CHR = 6, TM_KIND_BLK = 7,
};

struct tm_attrs {
	uint8_t kind;		/* enum tm_obj_kind */
	uint32_t mode;		/* permission bits, 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;		/* as seen on the source; for directories 0 */
	uint64_t size;		/* regular files and symlinks; else 0 */
	uint64_t rdev;		/* CHR and BLK: makedev() */
	int64_t mtime_s;
	uint32_t mtime_ns;
	int64_t ctime_s;	/* of the source: a change stamp, never set on the target */
	uint32_t ctime_ns;
	uint64_t blocks;	/* st_blocks, so that sparse files can be noticed; informative */
};

enum tm_assert_type {
	TM_ASSERT_ENTRY = 1,	/* (parent, name) is oid with these attributes */
	TM_ASSERT_ABSENT = 2,	/* (parent, name) is nothing */
	TM_ASSERT_OBJECT = 3,	/* oid has these attributes, wherever it is */
	/* every entry of directory oid was asserted in this batch: others are nothing */
	TM_ASSERT_LISTED = 4,
};

enum tm_assert_flags {
	TM_AF_DATA = 1 << 0,	/* content changed in ranges known to the source: ask for DIRTY */
	TM_AF_WHOLE = 1 << 1,	/* content may differ anywhere: ask for WHOLE */
	TM_AF_ATTR = 1 << 2,	/* attributes (xattrs too) may differ even if ctime is equal */
	/* what is on the target's disk is to be compared, whatever its table says */
	TM_AF_COMPARE = 1 << 3,
};

struct tm_assert {
	uint8_t type;		/* enum tm_assert_type */
	uint32_t flags;		/* enum tm_assert_flags; ENTRY and OBJECT only */
	struct tm_oid parent;	/* ENTRY, ABSENT */
	const char *name;	/* ENTRY, ABSENT: borrowed, not terminated */
	uint32_t name_len;
	struct tm_oid oid;	/* ENTRY, OBJECT, LISTED */
	struct tm_attrs attrs;	/* ENTRY, OBJECT */
	const char *symlink;	/* ENTRY, OBJECT of kind LNK: its target, borrowed */
	uint32_t symlink_len;
};

enum tm_need_what {
	TM_NEED_LIST = 1,	/* directory unknown here: list it */
	TM_NEED_ATTR = 2,	/* attributes and xattrs */
	TM_NEED_DIRTY = 3,	/* the dirty ranges (and attributes) */
	TM_NEED_WHOLE = 4,	/* all content (and attributes) */
	TM_NEED_COMPARE = 5,	/* what differs from HASHES: never in a need record, HASHES says it */
};

/* Of two needs for one object the higher one serves both. */
static inline uint8_t tm_need_rank(uint8_t what)
{
	static const uint8_t rank[] = { 0, 1, 2, 3, 5, 4 };

	return what < sizeof(rank) ? rank[what] : 0;
}

struct tm_need {
	uint8_t what;
	struct tm_oid oid;
};

/* ---- replication: comparing ---- */

#define TM_HASH_LEN 32		/* SHA-256 */
#define TM_BLOCK_MIN ((uint32_t)4 << 10)
#define TM_BLOCK_MAX ((uint32_t)16 << 20)
#define TM_HASHES_MAX 4096	/* in one record */

enum tm_hashes_flags {
	/*
	 * By the table this content should be what the source asserted: a difference is damage, not a
	 * change on its way.
	 */
	TM_HF_SETTLED = 1 << 0,
};

/*
 * The file has these blocks on the target: hashes of n blocks from number first on, of a file of
 * size bytes, which are the last ones when they reach its end. Records of one file come in order.
 */
struct tm_hashes {
	struct tm_oid oid;
	uint32_t flags;		/* enum tm_hashes_flags */
	uint64_t size;
	uint32_t block;		/* bytes, a power of two; the last block may be shorter */
	uint64_t first;
	uint32_t n;
	const uint8_t *hash;	/* n times TM_HASH_LEN, borrowed */
};

enum tm_found_what {
	TM_FOUND_CONTENT = 1 << 0,	/* other content (of a symlink: another target) */
	TM_FOUND_ATTRS = 1 << 1,	/* other owner, mode, times or xattrs */
	TM_FOUND_MISSING = 1 << 2,	/* not there, or something else is */
	TM_FOUND_FOREIGN = 1 << 3,	/* only there: (parent, name) */
};

/* Something that should be equal was not; the batch repairs it unless it only looks. */
struct tm_found {
	uint8_t what;		/* enum tm_found_what */
	struct tm_oid oid;	/* none: FOREIGN */
	struct tm_oid parent;	/* FOREIGN */
	const char *name;	/* FOREIGN: borrowed */
	uint32_t name_len;
};

static inline uint64_t tm_blocks_of(uint64_t size, uint32_t block)
{
	return size / block + (size % block != 0);
}

/* ---- replication: content ---- */

enum tm_file_flags {
	TM_FF_WHOLE = 1 << 0,	/* the DATA and HOLE frames describe all of it up to attrs.size */
	TM_FF_ATTR_ONLY = 1 << 1,	/* no DATA or HOLE follows */
};

/*
 * xattrs: per attribute its name and its value as byte strings, up to the end; user.* and POSIX
 * ACLs.
 */
struct tm_msg_file {
	struct tm_oid oid;
	uint32_t flags;
	struct tm_attrs attrs;		/* read before the content: never newer than it */
	/* borrowed, encoded by tm_xattr_put, at most TM_XATTRS_MAX */
	const uint8_t *xattrs;
	uint32_t xattrs_len;
};

enum tm_verdict { TM_VERDICT_GOOD = 1, TM_VERDICT_TORN = 2, TM_VERDICT_SHORT = 3 };

enum tm_file_result {
	TM_FILE_OK = 1,		/* everything sent was good */
	/* it kept changing: keep what is there, it stays dirty on the source */
	TM_FILE_TORN = 2,
	TM_FILE_GONE = 3,	/* it vanished meanwhile: another change says where it went */
	TM_FILE_UNREADABLE = 4,	/* err says why: keep what is there; never a reason to delete */
};

struct tm_msg_file_end {
	uint8_t result;		/* enum tm_file_result */
	int32_t err;
};

/* Counters of one committed batch, as the target saw them. */
struct tm_msg_ack {
	uint64_t seq;
	uint64_t files;		/* objects created or whose content or attributes changed */
	uint64_t deleted;
	uint64_t renamed;
	uint64_t refused;	/* not allowed here: device nodes, setuid bits */
	uint64_t skipped;	/* TORN, GONE, UNREADABLE: not as asserted */
	uint64_t objects;	/* in the identity table afterwards */
};

struct tm_msg_stop {
	uint64_t deletes;	/* what the batch would have deleted */
	uint64_t objects;	/* of how many */
	char text[TM_TEXT_LEN_MAX + 1];
};

/* ---- encoders and decoders ---- */

void tm_msg_proof_put(struct tm_buf *b, const struct tm_msg_proof *m);
int tm_msg_proof_get(struct tm_rd *r, struct tm_msg_proof *m);
void tm_msg_hello_put(struct tm_buf *b, const struct tm_msg_hello *m);
int tm_msg_hello_get(struct tm_rd *r, struct tm_msg_hello *m);
void tm_msg_text_put(struct tm_buf *b, const struct tm_msg_text *m);
int tm_msg_text_get(struct tm_rd *r, struct tm_msg_text *m);
void tm_msg_pair_request_put(struct tm_buf *b, const struct tm_msg_pair_request *m);
int tm_msg_pair_request_get(struct tm_rd *r, struct tm_msg_pair_request *m);
void tm_msg_pair_state_put(struct tm_buf *b, const struct tm_msg_pair_state *m);
int tm_msg_pair_state_get(struct tm_rd *r, struct tm_msg_pair_state *m);
void tm_msg_session_put(struct tm_buf *b, const struct tm_msg_session *m);
int tm_msg_session_get(struct tm_rd *r, struct tm_msg_session *m);
void tm_msg_ready_put(struct tm_buf *b, const struct tm_msg_ready *m);
int tm_msg_ready_get(struct tm_rd *r, struct tm_msg_ready *m);
void tm_msg_batch_put(struct tm_buf *b, const struct tm_msg_batch *m);
int tm_msg_batch_get(struct tm_rd *r, struct tm_msg_batch *m);
void tm_msg_file_put(struct tm_buf *b, const struct tm_msg_file *m);
int tm_msg_file_get(struct tm_rd *r, struct tm_msg_file *m);
void tm_msg_file_end_put(struct tm_buf *b, const struct tm_msg_file_end *m);
int tm_msg_file_end_get(struct tm_rd *r, struct tm_msg_file_end *m);
void tm_msg_ack_put(struct tm_buf *b, const struct tm_msg_ack *m);
int tm_msg_ack_get(struct tm_rd *r, struct tm_msg_ack *m);
void tm_msg_stop_put(struct tm_buf *b, const struct tm_msg_stop *m);
int tm_msg_stop_get(struct tm_rd *r, struct tm_msg_stop *m);

/* Records: several in one frame of their name; get returns 0, or -ENODATA at the clean end. */
void tm_assert_put(struct tm_buf *b, const struct tm_assert *a);
int tm_assert_get(struct tm_rd *r, struct tm_assert *a);
void tm_need_put(struct tm_buf *b, const struct tm_need *n);
int tm_need_get(struct tm_rd *r, struct tm_need *n);

void tm_hashes_put(struct tm_buf *b, const struct tm_hashes *h);
int tm_hashes_get(struct tm_rd *r, struct tm_hashes *h);
void tm_found_put(struct tm_buf *b, const struct tm_found *f);
int tm_found_get(struct tm_rd *r, struct tm_found *f);

void tm_attrs_put(struct tm_buf *b, const struct tm_attrs *a);
int tm_attrs_get(struct tm_rd *r, struct tm_attrs *a);

/* One xattr in the list of a FILE message; get returns 0 or -ENODATA at the clean end. */
void tm_xattr_put(struct tm_buf *b, const char *name, const void *value, uint32_t value_len);
int tm_xattr_get(struct tm_rd *r, char name[256], const uint8_t **ret_value, uint32_t *ret_len);

#endif
