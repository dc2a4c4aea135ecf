/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/maps.bpf.h - every map, declared once. maps.bpf.c owns them, all others see them as extern;
 * bpftool's linker joins the objects and refuses differing definitions.
 */
#ifndef TM_MAPS_BPF_H
#define TM_MAPS_BPF_H

#include "core_compat.bpf.h"
#include "tm_abi.h"

#ifndef TM_MAPS_OWNER
#define TM_MAP extern
#else
#define TM_MAP
#endif

/* Control block: mappable, so that user space flips the epoch by a store. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tm_ctl);
} tm_ctl SEC(".maps");

/*
 * The dirty set, one map per epoch. Preallocated and not LRU: an insert never allocates and an
 * entry never vanishes. max_entries is set by the loader.
 */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct tm_dirty_key);
	__type(value, struct tm_dirty);
} tm_dirty_a SEC(".maps"), tm_dirty_b SEC(".maps");

/* Doorbells, names, spilled ranges. Size is set by the loader. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} tm_events SEC(".maps");

/*
 * Variables rather than maps, because their address is then a constant of the program: these two are used by
 * every write of the machine. User space gives their sections maps with the same names (bpf_object.c).
 */
extern struct tm_ver tm_versions[TM_VERSIONS];
extern struct tm_hot tm_hot;

/* Inodes that end or colour a walk: policy roots and their reserved directories. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * TM_ROOTS);
	__type(key, struct tm_root_key);
	__type(value, struct tm_root_val);
} tm_roots SEC(".maps");

TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TM_ROOTS);
	__type(key, __u32);
	__type(value, struct tm_stat);
} tm_stats SEC(".maps");

/* From an entry program to its exit program, per thread. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tm_slot_key);
	__type(value, struct tm_slot);
} tm_slots SEC(".maps");

/* Attribution. The one LRU map here: what it forgets is only a statistic. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TM_WRITERS);
	__type(key, struct tm_writer_key);
	__type(value, struct tm_writer);
} tm_writers SEC(".maps");

/* Operations under way, per thread. Used where programs may be skipped. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_GUARDS);
	__type(key, __u32);
	__type(value, struct tm_guard);
} tm_guards SEC(".maps");

/* Asynchronous direct writes under way: kiocb -> inode number whose version is still open. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u64);
} tm_aio SEC(".maps");

/* Files on tmpfs with shared writable mappings. */
TM_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tm_dirty_key);
	__type(value, struct tm_mapped);
} tm_mapped SEC(".maps");

#endif
