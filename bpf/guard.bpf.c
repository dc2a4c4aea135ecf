// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/guard.bpf.c - opens guard slots, and recovers those whose exit program was skipped. Attached only
 * where the kernel preempts programs (bpf_guard.c).
 */
#include "guard.bpf.h"

#define MAY_WRITE 0x2

__noinline int tm_guard_recover(struct tm_guard *g)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_op op = {};
	struct tm_ver *v;

	if (!g || !ctl)
		return 0;
	op.key = g->key;
	op.parent = g->parent;
	op.roots = g->roots;
	op.flags = TM_D_DATA | (g->maybe ? TM_D_MAYBE : 0);
	op.start = g->start;
	op.end = g->end;
	if (!op.end)
		op.flags |= TM_D_WHOLE;
	__sync_fetch_and_add(&ctl->count.recovered, 1);
	tm_mark(&op);
	v = &tm_versions[tm_ver_slot(g->key.id.ino)];
	/* User space may have levelled it meanwhile: then nothing is begun that could end. */
	if (READ_ONCE(v->begun) != READ_ONCE(v->ended))
		__sync_fetch_and_add(&v->ended, 1);
	WRITE_ONCE(g->open, 0);
	return 0;
}

/* Before every operation that changes content through a file: write, splice, io_uring, fallocate, reflink. */
SEC("lsm/file_permission")
int BPF_PROG(tm_guard_op, struct file *file, int mask)
{
	if (mask & MAY_WRITE && tm_guarded())
		tm_guard_open(file);
	return 0;
}

/* A thread that ends begins no further operation. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(tm_guard_exit, struct task_struct *task)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct tm_guard *g = bpf_map_lookup_elem(&tm_guards, &tid);

	if (!g)
		return 0;
	if (READ_ONCE(g->open))
		tm_guard_recover(g);
	bpf_map_delete_elem(&tm_guards, &tid);
	return 0;
}
