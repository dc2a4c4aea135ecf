/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf.h - the bpf backend's parts, as they see one another. Internal to this room.
 *
 *	bpf.c		the vtable; open and close
 *	bpf_hooks.c	the hook table: which program goes where, and why one may be missing
 *	bpf_btf.c	questions to the kernel's type information
 *	bpf_object.c	one loaded copy of the skeleton: programs chosen, maps shared
 *	bpf_pin.c	the pin directory: re-open, create, replace
 *	bpf_links.c	attached links: missing ones attached, misses polled, report
 *	bpf_fs.c	what must be known of a file system: device, hooks, btrfs offsets
 *	bpf_preempt.c	may programs be skipped on this kernel?
 *	bpf_guard.c	and what follows from that
 *	bpf_roots.c	root slots
 *	bpf_ring.c	the ring buffer's consumer
 *	bpf_take.c	what the ring says
 *	bpf_drain.c	epoch flip, delivery
 *	bpf_top.c	who writes
 *	bpf_health.c	what is checked when: misses, links, version sweep
 *	mapped.c	tmpfs files that are mapped
 *	canary.c	is tracing on, right now?
 *	selftest.c	does every hooked operation arrive?
 */
#ifndef TM_CAPTURE_BPF_H
#define TM_CAPTURE_BPF_H

#include <linux/types.h>

#include "capture/backend.h"
#include "lib/map.h"
#include "lib/version.h"
#include "tm_abi.h"

#define TM_BPF_LINKS_MAX 96
#define TM_BPF_NAME_MAX 40

/* ---- hooks */

enum tm_hook_need {
	TM_HOOK_MUST,		/* without it changes would be silent: refuse */
	TM_HOOK_IF_THERE,	/* exists only in some kernels; others do it elsewhere */
};

struct tm_hook {
	const char *prog;	/* program in the skeleton */
	const char *target;	/* kernel function or tracepoint */
	const char *fallback;	/* second choice, or NULL */
	enum tm_hook_need need;
	bool tracepoint;
	const char *if_missing;	/* what it means for the report */
};

struct tm_fs {
	const char *name;
	long magic;		/* statfs f_type */
	const char *module;	/* whose BTF holds the functions when they are not built in */
	const char *blind;	/* what cannot be seen on it, "" */
	struct tm_hook hooks[12];	/* ends with prog NULL */
};

extern const struct tm_hook tm_vfs_hooks[];	/* ends with prog NULL */
extern const struct tm_hook tm_guard_hooks[];
extern const struct tm_fs tm_fs_table[];	/* ends with name NULL */
const struct tm_fs *tm_fs_find(long magic);

/* ---- bpf_btf.c: questions to the kernel's BTF, loaded once and kept */

struct btf;
/* NULL: no BTF at all, or the module is not loaded (built in: the kernel's own). */
const struct btf *tm_btf_kernel(void);
const struct btf *tm_btf_module(const char *module);
/* The function @h is to be attached to on this kernel, or NULL if there is none. */
const char *tm_hook_resolve(const struct tm_hook *h, const char *module);
/* Byte offset of @member in struct @name, or -ENOENT. */
int tm_btf_offset(const struct btf *btf, const char *name, const char *member);
void tm_btf_forget(void);

/* ---- state */

enum tm_preempt {
	TM_PREEMPT_NO,		/* none, voluntary: no program is ever skipped */
	TM_PREEMPT_LAZY,	/* seldom */
	TM_PREEMPT_FULL,	/* often; PREEMPT_RT too */
};

enum tm_bpf_map {
	TM_MAP_CTL, TM_MAP_DIRTY_A, TM_MAP_DIRTY_B, TM_MAP_EVENTS, TM_MAP_VERSIONS,
	TM_MAP_ROOTS, TM_MAP_STATS, TM_MAP_SLOTS, TM_MAP_AIO, TM_MAP_HOT, TM_MAP_GUARDS,
	TM_MAP_WRITERS, TM_MAP_MAPPED,
	TM_MAPS,
};

/* Program, map and pin have the same name. */
extern const char *const tm_map_names[TM_MAPS];

struct tm_bpf_link {
	char name[TM_BPF_NAME_MAX];	/* "vfs-tm_unlink", "ext4-tm_write_in": also the pin */
	char target[TM_BPF_NAME_MAX];
	int fd;
	int prog_fd;
	uint32_t prog_id;
	uint64_t misses;		/* recursion_misses as last seen by this process */
};

/* Something that is blind now: since when, and when that was told last. 0: it sees. */
struct tm_blind {
	uint64_t since_ms, told_ms;
};

/* The last slot is that of the self-test's scratch directory; callers have those before it. */
#define TM_SELFTEST_SLOT (TM_ROOTS - 1)
_Static_assert(TM_CAPTURE_ROOTS_MAX == TM_SELFTEST_SLOT, "one slot is kept for the self-test");

/* The consumer's side of tm_events. */
struct tm_ring {
	uint64_t *consumer;		/* mapped, shared with the kernel */
	const uint64_t *producer;
	const uint8_t *data;		/* twice in a row, so records never wrap */
	size_t size;
	size_t map_bytes;
};

/*
 * Keys that are in a dirty map, learned from their doorbells, so that a map with three entries is not
 * walked through 65536 buckets. Trusted only when the kernel counts as many entries made since the map was
 * last empty.
 */
struct tm_keys {
	struct tm_dirty_key *v;		/* owned */
	size_t n, cap;
	uint64_t base;			/* tm_ctl.inserted when it was empty */
	uint64_t full;			/* tm_ctl.count.ring_full then; since, doorbells may lack */
	bool known;			/* it was, in this process */
};

struct last_names;

struct tm_kern {
	const struct tm_capture_opts *opts;
	int map_fd[TM_MAPS];
	struct tm_ctl *ctl;		/* mapped */
	struct tm_version *versions;	/* mapped */
	struct tm_hot *hot;		/* mapped */
	struct tm_ring ring;
	int sync_fd;			/* map of maps whose update waits for RCU */
	int sync_inner_fd;
	uint64_t code_id;
	bool created;			/* pins are new, or tracking was broken: no root is resumed */
	struct tm_bpf_link links[TM_BPF_LINKS_MAX];
	size_t n_links;
	uint64_t claimed;		/* slots added in this process */
	char *paths[TM_ROOTS];		/* owned: where a claimed root was, for the canary */
	const struct tm_fs *fs[TM_ROOTS];	/* of a claimed root */
	/* drain */
	struct tm_map *hints;		/* struct tm_dirty_key -> struct tm_hint */
	struct last_names *last;	/* while the ring is being taken */
	struct tm_keys keys[2];		/* of the dirty maps a and b */
	bool pending;			/* something is in the live dirty map */
	bool old_left;			/* the other dirty map may hold something */
	bool old_grace;			/* ... and programs may still write to it */
	bool busy;			/* records came since the last rest: do not arm */
	uint64_t flipped_ms;
	uint32_t flips;
	uint64_t retry_ms;		/* after an error: not before */
	uint64_t ring_full_seen;
	uint64_t delivered;		/* by this drain */
	const char *blind;		/* of the file systems in use, static */
	/* health */
	uint64_t canary_ms, misses_ms, sweep_ms, guard_ms;
	enum tm_preempt preempt;
	bool guard_failed;		/* they could not be attached: not tried again */
	bool guard_ready;		/* attached, or adopted */
	bool missed;			/* a program was skipped once */
	uint64_t guard_sweep_ms;
	struct tm_map *slow;		/* tid -> struct slow, bpf_guard.c */
	struct tm_blind blind_canary[TM_SBS], blind_tracing;
	bool tracing_off;
	uint64_t mapped_ms;		/* last pass over tm_mapped */
	bool mapped_gone;		/* within it: the key last seen is to go */
	bool links_changed;		/* told already */
	uint64_t missed_fs;		/* bits of tm_fs_table: misses not told yet */
	struct tm_selftest *selftest;
	uint64_t moves_seen[TM_SBS];
	struct tm_sweep *sweep;
};

/* ---- bpf_object.c */

/*
 * Load one copy of the skeleton with just the programs of @n hooks (resolved, targets
 * set), sharing the maps that are open already and creating the others into k->map_fd. Attach each, pin
 * the link as LINKDIR/PREFIX-PROG and add it to k->links. Returns 0 or -errno (tm_backend_why() says
 * more).
 */
struct tm_hook_choice {
	const char *prog;
	const char *target;
};
int tm_bpf_object_attach(struct tm_kern *k, const char *linkdir, const char *prefix,
			 const struct tm_hook_choice *choice, size_t n);
/* A hash of the object's bytes: pins made by another build are replaced. */
uint64_t tm_bpf_object_id(void);
/* Route libbpf's messages: the last warnings are kept for tm_backend_why(). */
void tm_bpf_messages_init(void);
const char *tm_bpf_messages(void);

/* ---- bpf_pin.c */

/* Open or create everything below the pin directory, base hooks attached. */
int tm_bpf_pins_open(struct tm_kern *k);
/* LINKDIR of this build, new string. */
char *tm_bpf_linkdir(const struct tm_kern *k);
/* Map ctl, versions and the ring of k->map_fd. */
int tm_bpf_map_all(struct tm_kern *k);
void tm_bpf_unmap_all(struct tm_kern *k);

/* ---- bpf_links.c */

/* Attach what @hooks want and is not there yet. *@ret_new: how many had to be attached. */
int tm_bpf_links_ensure(struct tm_kern *k, const char *linkdir, const char *prefix,
			const struct tm_hook *hooks, const char *module, unsigned int *ret_new);
/* Take over @link_fd (duplicated) as @name. */
int tm_bpf_links_add(struct tm_kern *k, const char *name, const char *target, int link_fd);
void tm_bpf_links_close(struct tm_kern *k);
bool tm_bpf_links_has(const struct tm_kern *k, const char *name);
/*
 * Sum of recursion_misses of all programs. *@ret_fs (may be NULL): bit i, programs of tm_fs_table[i] have
 * missed since the last call; all bits when one of the VFS's has.
 */
uint64_t tm_bpf_links_misses(struct tm_kern *k, uint64_t *ret_fs);
/* Are all links what they were: same program, still attached? */
bool tm_bpf_links_intact(const struct tm_kern *k);
/* Pin again what somebody unlinked; the links themselves are held open. */
void tm_bpf_links_repin(struct tm_kern *k);
char *tm_bpf_report(const void *b);
char *tm_bpf_probe(void);

/* ---- bpf_fs.c */

/* What a root's file system is to the kernel side. */
struct tm_fs_info {
	const struct tm_fs *fs;
	uint32_t dev;			/* kernel's s_dev */
	struct tm_id id;		/* the directory itself */
	int32_t subvol_root, subvol_id;	/* see struct tm_sb; 0 except on btrfs */
};

/* -EOPNOTSUPP with a reason when changes on it cannot be seen. */
int tm_fs_info_get(int rootfd, struct tm_fs_info *ret);

/* ---- bpf_preempt.c */

enum tm_preempt tm_preempt_mode(void);
bool tm_lsm_active(void);

/* ---- bpf_guard.c */

/*
 * Do what the kernel's preemption mode of this moment asks for: guard slots on or off, tm_hot on or
 * off. 0 or -errno.
 */
int tm_bpf_guard(struct tm_kern *k);
/*
 * Deliver operations whose exit program seems not to have run: slots open for a while, or with @all every
 * open one. Returns 0 or -errno.
 */
int tm_bpf_guard_sweep(struct tm_kern *k, bool all);
/* Is a skipped run of this program made good by its guard slot? */
bool tm_bpf_guard_covers(const struct tm_kern *k, const char *link);
void tm_bpf_guard_close(struct tm_kern *k);

/* ---- bpf_roots.c */

int tm_bpf_add_root(void *b, unsigned int slot, int rootfd, uint64_t key, bool *ret_resumed);
int tm_bpf_del_root(void *b, unsigned int slot);
/*
 * The reserved directory of the claimed root @slot, open; -ENOENT, -ESTALE: not there, or not ours
 * any more.
 */
int tm_bpf_reserved_open(const struct tm_kern *k, unsigned int slot);
/* Track @dirfd in the self-test's slot, and no more. */
int tm_bpf_scratch_on(struct tm_kern *k, int dirfd);
void tm_bpf_scratch_off(struct tm_kern *k);
/* Deliver ALL to claimed roots whose file system was unmounted and is back. */
int tm_bpf_remounted(struct tm_kern *k);

/* ---- bpf_ring.c */

int tm_ring_open(struct tm_ring *r, int map_fd);
void tm_ring_close(struct tm_ring *r);
/*
 * Hand each finished record to @fn and take it out once @fn returned 0. Stops at a record that is
 * still being written. Returns records taken, or @fn's error (that record stays).
 */
typedef int (*tm_ring_fn)(void *arg, const void *rec, size_t len, uint64_t at);
int tm_ring_consume(struct tm_ring *r, tm_ring_fn fn, void *arg);
/* Look at what is finished without taking it: @fn gets each record and its place. */
void tm_ring_peek(const struct tm_ring *r, tm_ring_fn fn, void *arg);
/* The record at @at, which tm_ring_peek() showed and nobody took yet. */
const void *tm_ring_at(const struct tm_ring *r, uint64_t at, size_t *ret_len);
bool tm_ring_empty(const struct tm_ring *r);

/* ---- bpf_take.c */

struct tm_hint {
	uint32_t flip;		/* k->flips when it came */
	uint16_t len;
	char name[];
};

/* Deliver what is in the ring, keep what belongs to entries of the dirty maps. Returns records or -errno. */
int tm_bpf_take(struct tm_kern *k);
/* The entry of @key was delivered: its name is of no use any more. */
void tm_bpf_hint_drop(struct tm_kern *k, const struct tm_dirty_key *key);
struct tm_oid tm_bpf_oid(const struct tm_id *id);
uint32_t tm_bpf_flags(uint32_t dirty);	/* enum tm_dirty_flags -> TM_CF_* */

/* ---- bpf_drain.c */

int tm_bpf_drain(void *b, bool barrier);
int tm_bpf_timeout_ms(const void *b);
/* Deliver everything that was marked before the call. For use from within a drain. 0 or -errno. */
int tm_bpf_take_all(struct tm_kern *k);
/* Wait until no program runs that began before. 0 or -errno. */
int tm_bpf_grace(struct tm_kern *k);
/* What writes have learned about where files are is void. */
void tm_bpf_forget_places(struct tm_kern *k);
/* Deliver ALL to every slot of @roots that is claimed, announced by @reason. */
int tm_bpf_deliver_all(struct tm_kern *k, uint64_t roots, const char *reason);
/*
 * One record to every claimed slot of @roots; unclaimed ones are noted for an ALL later.
 * Returns records or -errno.
 */
int tm_bpf_deliver(struct tm_kern *k, uint64_t roots, const struct tm_change *c);

/* ---- bpf_top.c */

int tm_bpf_top(const void *b, unsigned int slot, struct tm_capture_writer *ret, size_t max);

/* ---- canary.c */

/* Write the canaries; ALL for the roots of a file system whose marks do not come. */
int tm_bpf_canaries(struct tm_kern *k);
/* Is kernel.ftrace_enabled off? Then ALL for every root. */
int tm_bpf_tracing(struct tm_kern *k);

/* ---- mapped.c */

/* Deliver what is mapped for writing on tmpfs: at a @barrier, and when it is due. 0 or -errno. */
int tm_bpf_mapped(struct tm_kern *k, bool barrier);
/* Take in the shared writable mappings of @dev (kernel's number) that exist already, for @roots. */
void tm_bpf_mapped_before(struct tm_kern *k, uint32_t dev, uint64_t roots);

/* ---- bpf_health.c */

/* Checks due now; delivers ALL where something was missed. */
int tm_bpf_health(struct tm_kern *k);
int tm_bpf_health_open(struct tm_kern *k);
void tm_bpf_health_close(struct tm_kern *k);

#endif
