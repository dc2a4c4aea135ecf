/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/tm_abi.h - what the kernel side and the capture room agree on.
 *
 * The only header both read. These records live in pinned maps and so outlive the
 * process that created them: any change of a layout or of a meaning needs a new
 * TM_ABI_VERSION, which makes the next start drop the old pins and begin a new
 * epoch (every root incomplete, healed by reconciling). They are neither the
 * journal's nor the wire's records.
 *
 * The includer provides __u8 .. __u64 (vmlinux.h or linux/types.h).
 */
#ifndef TM_ABI_H
#define TM_ABI_H

#define TM_ABI_MAGIC	0x746964656d61726bULL	/* "tidemark" */
#define TM_ABI_VERSION	2

#define TM_ROOTS	64	/* root slots: bits of a mask */
#define TM_SBS		16	/* superblocks with roots, at once */
#define TM_EXTENTS	8	/* ranges kept per inode in the kernel; more spill into the ring */
#define TM_VERSIONS	65536	/* version slots, a power of two */
#define TM_HOT		1024	/* slots of tm_hot, a power of two */
#define TM_NAME_SMALL	40	/* most names: a small ring record */
#define TM_NAME_LEN	255
#define TM_TO_EOF	(~0ULL)	/* end of an extent: to the end of the file */

/* Identity of an object on its device; the subvolume is 0 except on btrfs. */
struct tm_id {
	__u64 ino;
	__u32 gen;
	__u32 subvol;
};

/* Key of the dirty maps. @dev is the kernel's s_dev (major << 20 | minor), not st_dev. */
struct tm_dirty_key {
	struct tm_id id;
	__u32 dev;
	__u32 pad;
};

enum tm_dirty_flags {
	TM_D_DATA = 1 << 0,	/* the extents */
	TM_D_WHOLE = 1 << 1,	/* any byte: the extents say nothing */
	TM_D_SIZE = 1 << 2,	/* truncated, extended or shifted from an extent's start on */
	TM_D_ATTR = 1 << 3,	/* mode, owner, times, xattrs, ACL, flags */
	TM_D_MMAP = 1 << 4,	/* dirtied through a mapping */
	TM_D_DIR = 1 << 5,	/* directory: names were lost, list it */
	TM_D_SUBTREE = 1 << 6,	/* directory: came in from elsewhere, walk it */
	TM_D_MAYBE = 1 << 7,	/* the walk could not tell the roots: all of the superblock's */
	TM_D_WBERR = 1 << 8,	/* write-back failed: pages may have reverted */
};

struct tm_extent {
	__u64 start;
	__u64 end;		/* exclusive */
};

/*
 * Value of tm_dirty_a and tm_dirty_b. In the kernel it is preceded by nothing and starts with the
 * spin lock; @seq is odd while the extents are being rearranged, so that a reader without the
 * lock can tell.
 */
struct tm_dirty {
#ifdef __bpf__
	struct bpf_spin_lock lock;
#else
	__u32 lock;
#endif
	__u32 flags;		/* enum tm_dirty_flags */
	__u64 roots;		/* slots that see it */
	struct tm_id parent;	/* where it was when first marked; ino 0: unknown */
	__u32 seq;
	__u8 used;		/* bit i: ext[i] holds a range */
	__u8 hand;		/* next extent to spill */
	__u16 pad;
	struct tm_extent ext[TM_EXTENTS];
};

/* Records of the ring buffer tm_events. */
enum tm_event_op {
	TM_EV_DOORBELL = 1,	/* @obj became dirty in this epoch: here is its name */
	TM_EV_APPEAR = 2,	/* @name in @dir now means @obj */
	TM_EV_GONE = 3,		/* @name in @dir means nothing now */
	TM_EV_NAME = 4,		/* @name in @dir means something else or nothing */
	TM_EV_SUBTREE = 5,	/* directory @obj came in from outside the roots */
	TM_EV_RANGE = 6,	/* a range of @obj that no longer fitted: @start, @end */
};

struct tm_event {
	__u8 op;		/* enum tm_event_op */
	__u8 map;		/* doorbell: the dirty map it was rung for, 0 a, 1 b */
	__u16 name_len;
	__u32 dev;
	__u64 roots;
	struct tm_id dir;
	struct tm_id obj;
	union {
		char name[TM_NAME_LEN + 1];
		struct {
			__u64 start;
			__u64 end;
			__u32 flags;	/* enum tm_dirty_flags */
			__u32 pad2;
		} range;
	};
};

#define TM_EVENT_HEAD	48	/* bytes before the union */

/* Key and value of tm_roots: the inodes a walk must recognise. */
struct tm_root_key {
	__u64 ino;
	__u32 subvol;
	__u32 dev;
};

struct tm_root_val {
	__u64 roots;		/* slots whose root this is */
	__u64 reserved;		/* slots whose .tidemark directory this is */
	__u32 gen;
	__u32 pad;
};

/* One superblock that has roots. */
struct tm_sb {
	__u32 dev;		/* 0: slot unused */
	__u32 flags;		/* enum tm_sb_flags */
	__u64 bloom;		/* bit (ino & 63) of every key in tm_roots on this device */
	__u64 roots;		/* all slots on it; 0: nothing to track */
	__u64 canary_ino;	/* file whose writes only count */
	__u64 canary;		/* how often they did */
	__u64 moves_begun;	/* directory renames in flight = begun - ended */
	__u64 moves_ended;
	__s32 subvol_root;	/* btrfs: offset from a struct inode to its root pointer */
	__s32 subvol_id;	/* btrfs: offset from the root to its objectid */
	__u32 zero;		/* stays 0 */
	__u32 index;		/* of this in tm_ctl.sb */
};

enum tm_sb_flags {
	TM_SB_SUBVOL = 1 << 0,	/* inode numbers repeat per subvolume */
	TM_SB_GONE = 1 << 1,	/* it was unmounted: its roots' tracking ended */
	TM_SB_TMPFS = 1 << 2,	/* nothing protects mapped pages: tm_mapped */
};

/* One root slot, as user space keeps it across its own death. */
struct tm_root_slot {
	__u64 key;
	struct tm_id id;
	__u32 dev;
	__u32 active;
	__u64 overflow;		/* counted by the kernel: marks that found no room */
	__u64 overflow_told;	/* as last delivered by user space */
	struct tm_id reserved;	/* its .tidemark directory, ino 0: none */
	__u64 canary_ino;	/* the canary in there, 0: none */
};

/* Global counters, also shown by `bpftool map dump`. */
struct tm_counters {
	__u64 ring_full;	/* records that did not fit; the dirty map has it wider */
	__u64 map_full;		/* marks that did not fit: an overflow of their roots */
	__u64 maybe;		/* marks made for all roots of a superblock */
	__u64 spilled;		/* extents moved to the ring */
	__u64 widened;		/* extents joined for want of room */
	__u64 no_slot;		/* renames whose entry record was missing */
	__u64 wb_errors;	/* write-back errors seen */
	__u64 async_lost;	/* async writes whose completion could not be paired */
	__u64 recovered;	/* operations marked from their guard slot: the exit program was skipped */
};

/* The control block: the one value of the mappable array behind the variable tm_ctl. */
struct tm_ctl {
	__u64 magic;
	__u32 version;
	__u32 size;		/* sizeof(struct tm_ctl): with version, the layout */
	__u64 attach_id;	/* random, one per unbroken stretch of tracking */
	__u64 code_id;		/* hash of the object the links came from */
	__u64 misses_told;	/* sum of recursion_misses as last delivered */
	__u32 epoch;		/* bit 0 chooses the dirty map: 0 a, 1 b */
	__u32 armed;		/* 1: the next record wakes the reader */
	__u32 n_sbs;		/* sb[] slots ever used */
	__u32 n_links;		/* programs attached, as last counted by user space */
	__u64 inserted[2];	/* entries ever made in the dirty maps a and b */
	struct tm_sb sb[TM_SBS];
	struct tm_root_slot root[TM_ROOTS];
	struct tm_counters count;
};

/* Per CPU value of tm_stats, one per root slot. */
struct tm_stat {
	__u64 seen;
	__u64 queued;
	__u64 coalesced;
	__u64 dropped;
};

/* tm_slots: what an exit program needs from its entry program. */
struct tm_slot_key {
	__u32 tid;
	__u32 dev;
};

struct tm_slot {
	__u64 roots;
	struct tm_id dir;	/* old directory of a rename */
	__u32 is_dir;		/* the object is a directory */
	__u16 name_len;
	__u16 maybe;		/* roots is a guess */
	char name[TM_NAME_LEN + 1];
};

/* tm_writers: who made roots dirty. Which roots, and the process. */
struct tm_writer_key {
	__u64 roots;
	__u32 pid;
	__u32 pad;
};

/* Windows are CLOCK_MONOTONIC >> TM_WINDOW_SHIFT, about 4.6 minutes; the one before is kept. */
#define TM_WINDOW_SHIFT	38

struct tm_writer {
	char comm[16];
	__u32 uid;
	__u32 pad;
	__u64 cgroup;		/* id in the unified hierarchy */
	__u64 last_ns;
	struct tm_writer_sum {
		__u64 window;
		__u64 operations;	/* estimates: what only widens a mark is counted by samples */
		__u64 bytes;
	} sum[2];		/* odd and even windows */
};

#define TM_WRITERS	4096

/* Value of tm_guards, one per thread: the operation it is in. */
struct tm_guard {
	struct tm_dirty_key key;
	struct tm_id parent;
	__u64 roots;
	__u64 start;
	__u64 end;		/* 0: not known, the whole file */
	__u64 since_ns;		/* CLOCK_MONOTONIC */
	__u32 open;		/* 1: the exit program has not run yet */
	__u32 maybe;		/* roots is a guess */
};

#define TM_GUARDS	16384	/* threads */

/* Value of tm_mapped, keyed as the dirty maps: a file on tmpfs with shared writable mappings. */
struct tm_mapped {
	__u64 roots;
	struct tm_id parent;	/* ino 0: unknown */
	__u32 unmapped;		/* the last mapping went, and that was marked */
	__u32 pad;
};

/* Element of tm_versions: the same layout as struct tm_version of lib/version.h. */
struct tm_ver {
	__u64 begun;
	__u64 ended;
};

/*
 * tm_hot: what the last write to an inode found out, so that the next one need not. A slot counts only
 * while its @place (and for the range @cover too) is still the current one. Filled under @busy with both
 * addresses 0 meanwhile; @seq is odd then. See hot.bpf.h for why a reader without the lock is right.
 */
struct tm_hot_slot {
	__u64 place;		/* tm_hot.place when it was looked up */
	__u64 cover;
	__u64 out;		/* address of an inode below no root; 0: none */
	__u64 in;		/* address of an inode that the root of slot @stat alone sees; 0: none */
	__u64 start;		/* bytes of @in that the live dirty map has already */
	__u64 end;
	__u32 seq;
	__u32 busy;
	__u32 stat;
	__u32 pad;
};

struct tm_hot {
	__u64 place;		/* moves when anything may be elsewhere: rename, link, roots */
	__u64 cover;		/* moves when a range may not be in the live map any more: flip, spill */
	__u32 on;		/* 0: nothing is remembered, as a hook that must forget could be skipped */
	__u32 guard;		/* 1: guard slots are in use */
	__u32 pad[10];
	struct tm_hot_slot slot[TM_HOT];
};

#endif
