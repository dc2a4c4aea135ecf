/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen.h - the generator's parts and what they share.
 *
 *   gen_choose.c   (seed, thread, index) -> one operation; pure
 *   gen_names.c    the names operations collide on, hostile ones too; pure
 *   gen_data.c     the bytes an operation writes; pure
 *   gen_path.c     from a chosen path to a descriptor, never out of the root
 *   gen_files.c gen_space.c gen_tree.c gen_meta.c gen_patterns.c
 *                  carrying operations out, by what they touch
 *   gen_table.c    every kind with its name, weight and function
 *   gen_main.c     threads, stopping, pausing, counting
 *
 * A choice depends on nothing that happened: the list of operations of a
 * thread is the same in every run with the same options.
 */
#ifndef ORACLE_GEN_H
#define ORACLE_GEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define GEN_THREADS	16
#define GEN_FDS		8
#define GEN_BUFFER	(1 << 20)	/* an operation writes at most this at once */
#define GEN_DEPTH	3
#define GEN_DIRS	4		/* names of either sort at each place */
#define GEN_FILES	12
#define GEN_ERRNOS	136

enum gen_kind {
	GEN_CREATE, GEN_WRITE, GEN_WRITEV, GEN_APPEND, GEN_TRUNCATE, GEN_FTRUNCATE, GEN_O_TRUNC,
	GEN_FD_OPEN, GEN_FD_WRITE, GEN_FD_TRUNCATE, GEN_LINK_WRITE, GEN_MMAP,
	GEN_SPARSE, GEN_SEEK, GEN_FA_KEEP, GEN_FA_EXTEND, GEN_FA_PUNCH, GEN_FA_ZERO,
	GEN_FA_COLLAPSE, GEN_FA_INSERT, GEN_COPY_RANGE, GEN_SENDFILE, GEN_CLONE,
	GEN_MKDIR, GEN_RMDIR, GEN_RMTREE, GEN_FIFO, GEN_SOCKET, GEN_SYMLINK, GEN_LINK, GEN_UNLINK,
	GEN_RENAME, GEN_RENAME_NOREPLACE, GEN_RENAME_EXCHANGE, GEN_RENAME_DIR, GEN_RENAME_EMPTY,
	GEN_RENAME_OUT, GEN_RENAME_IN, GEN_LINK_OUT, GEN_WRITE_OUT, GEN_DEEP, GEN_PURGE,
	GEN_CHMOD, GEN_CHOWN, GEN_UTIMENS, GEN_SETXATTR, GEN_RMXATTR, GEN_ACL, GEN_ACL_DEFAULT,
	GEN_RMACL,
	GEN_OPEN_UNLINK, GEN_BURST, GEN_SQLITE, GEN_SAVE, GEN_TMPFILE, GEN_BIG,
	GEN_KINDS
};

enum gen_leaf { LEAF_FILE, LEAF_DIR, LEAF_HOSTILE, LEAF_LONG, LEAF_BIG };

struct gen_path {
	bool outside;			/* below --outside instead of --root */
	uint8_t depth;
	uint8_t dir[GEN_DEPTH];
	uint8_t leaf;			/* enum gen_leaf */
	uint16_t number;
};

struct gen_op {
	enum gen_kind kind;
	unsigned int thread;
	uint64_t index;
	struct gen_path a, b;
	bool parents;			/* make the directories above a and b first */
	uint64_t off;
	uint32_t len;
	uint32_t arg;
	uint64_t rng;			/* for choices inside the operation */
};

struct gen_config {
	int root;			/* descriptor */
	int outside;			/* descriptor or -1 */
	uint64_t seed;
	uint64_t ops;			/* of all threads together */
	unsigned int threads;
	uint64_t max_bytes;
	uint64_t big_bytes;
	bool falloc, mmap, suid, very_deep, hostile;
	FILE *log;
};

struct gen_thread {
	const struct gen_config *cfg;
	unsigned int id;
	uint64_t next;			/* index of the next operation */
	uint64_t planned_bytes;		/* meant to be stored since the last purge */
	uint64_t planned_ops;
	int fd[GEN_FDS];		/* held open over many operations, or -1 */
	char *buf;			/* GEN_BUFFER bytes */
	uint64_t ok[GEN_KINDS], failed[GEN_KINDS];
	uint64_t errnos[GEN_ERRNOS];
	uint64_t unexpected;
};

struct gen_kind_info {
	const char *name;
	unsigned int weight;
	int (*run)(struct gen_thread *t, const struct gen_op *op);
};
extern const struct gen_kind_info gen_kinds[GEN_KINDS];

/* Random numbers: splitmix64, one stream per operation. */
struct gen_rng {
	uint64_t s;
};
uint64_t gen_mix(uint64_t v);
uint64_t gen_next(struct gen_rng *r);
uint32_t gen_below(struct gen_rng *r, uint32_t n);

/* Choose thread @t's next operation and step on. */
void gen_choose(struct gen_thread *t, struct gen_op *ret);

/* Names. A leaf takes at most 255 bytes, a text path far less than PATH_MAX. */
void gen_leaf_name(const struct gen_path *p, char ret[256]);
void gen_dir_name(unsigned int number, char ret[256]);
void gen_path_text(const struct gen_path *p, char ret[512]);
unsigned int gen_hostile_count(void);

/* Fill @buf with what operation @op puts at file offset @off. */
void gen_fill(char *buf, size_t len, uint64_t off, const struct gen_config *cfg,
	      const struct gen_op *op);

/* The parent directory (O_PATH) of @p: a descriptor or -errno. */
int gen_parent(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p);

/* A parent and its leaf's name, for the calls that take both. */
struct gen_at {
	int dir;
	char name[256];
	char proc[300];			/* /proc/self/fd/DIR/NAME */
};
int gen_at_open(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p,
		struct gen_at *ret);
void gen_at_close(struct gen_at *at);

/* Open a regular file; never follows a link, never blocks. fd or -errno. */
int gen_open(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p, int flags);

/* Write the operation's own bytes. Returns 0 or -errno. */
int gen_write(struct gen_thread *t, const struct gen_op *op, int fd, uint64_t off, uint32_t len);

/* Close @fd and return @ret, or -errno of the close. */
int gen_done(int fd, int ret);

/* Remove @name and all below it. Returns 0 or -errno. */
int gen_remove_tree(int dirfd, const char *name);

int gen_create(struct gen_thread *t, const struct gen_op *op);
int gen_data(struct gen_thread *t, const struct gen_op *op);
int gen_held(struct gen_thread *t, const struct gen_op *op);
int gen_link_write(struct gen_thread *t, const struct gen_op *op);
int gen_mmap(struct gen_thread *t, const struct gen_op *op);
int gen_sparse(struct gen_thread *t, const struct gen_op *op);
int gen_falloc(struct gen_thread *t, const struct gen_op *op);
int gen_copy(struct gen_thread *t, const struct gen_op *op);
int gen_make(struct gen_thread *t, const struct gen_op *op);
int gen_delete(struct gen_thread *t, const struct gen_op *op);
int gen_link(struct gen_thread *t, const struct gen_op *op);
int gen_rename(struct gen_thread *t, const struct gen_op *op);
int gen_deep(struct gen_thread *t, const struct gen_op *op);
int gen_purge(struct gen_thread *t, const struct gen_op *op);
int gen_inode_meta(struct gen_thread *t, const struct gen_op *op);
int gen_attr(struct gen_thread *t, const struct gen_op *op);
int gen_acl(struct gen_thread *t, const struct gen_op *op);
int gen_open_unlink(struct gen_thread *t, const struct gen_op *op);
int gen_burst(struct gen_thread *t, const struct gen_op *op);
int gen_sqlite(struct gen_thread *t, const struct gen_op *op);
int gen_save(struct gen_thread *t, const struct gen_op *op);
int gen_tmpfile(struct gen_thread *t, const struct gen_op *op);
int gen_big(struct gen_thread *t, const struct gen_op *op);

/* Open the descriptors held from the start. */
void gen_hold_some(struct gen_thread *t);

#endif
