/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_hooks.c - the hook table. bpf/README.md explains it; the two are kept in step.
 *
 * File system operations are attached by name per file system. Which function stands behind an operation
 * moved between kernels (tmpfs), so some rows have a second choice.
 */
#include <linux/magic.h>

#include "capture/bpf.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

#define MUST(p, t) { .prog = p, .target = t, .need = TM_HOOK_MUST }
#define OR(p, t, f) { .prog = p, .target = t, .fallback = f, .need = TM_HOOK_MUST }
#define MAYBE(p, t, why) { .prog = p, .target = t, .need = TM_HOOK_IF_THERE, .if_missing = why }

const struct tm_hook tm_vfs_hooks[] = {
	MUST("tm_create", "d_instantiate"),
	MUST("tm_create_new", "d_instantiate_new"),
	MUST("tm_unlink", "vfs_unlink"),
	MUST("tm_rmdir", "vfs_rmdir"),
	MUST("tm_rename_in", "vfs_rename"),
	MUST("tm_rename_out", "vfs_rename"),
	MUST("tm_setattr_in", "notify_change"),
	MUST("tm_setattr_out", "notify_change"),
	MUST("tm_setxattr", "__vfs_setxattr_noperm"),
	MUST("tm_rmxattr", "__vfs_removexattr_locked"),
	MAYBE("tm_setacl", "vfs_set_acl", "ACLs pass the xattr functions here"),
	MAYBE("tm_rmacl", "vfs_remove_acl", "ACLs pass the xattr functions here"),
	MUST("tm_fileattr", "vfs_fileattr_set"),
	{ .prog = "tm_wb_err", .target = "filemap_set_wb_err", .need = TM_HOOK_IF_THERE, .tracepoint = true,
	  .if_missing = "failed write-back is not noticed" },
	MUST("tm_umount", "generic_shutdown_super"),
	MAYBE("tm_inode_free", "security_inode_free", "every write is looked up anew"),
	MUST("tm_fault", "fault_dirty_shared_page"),
	{ .prog = "tm_dirty_folio", .target = "writeback_dirty_folio", .need = TM_HOOK_IF_THERE, .tracepoint = true,
	  .if_missing = "what devices write into mapped pages is not seen" },
	MAYBE("tm_dax_fault", "dax_iomap_fault", "this kernel has no DAX"),
	MAYBE("tm_mkwrite", "do_page_mkwrite", "a read racing a first store may be shipped once too early"),
	MAYBE("tm_dio_done", "kiocb_invalidate_post_direct_write", "asynchronous direct writes are not seen"),
	MAYBE("tm_dio_fail", "iomap_dio_complete", "failed asynchronous direct writes are not seen"),
	{ .prog = NULL },
};

/* Only where programs may be skipped. LSM programs never are. */
const struct tm_hook tm_guard_hooks[] = {
	{ .prog = "tm_guard_op", .target = "bpf_lsm_file_permission", .need = TM_HOOK_MUST },
	{ .prog = "tm_guard_exit", .target = "sched_process_exit", .need = TM_HOOK_MUST, .tracepoint = true },
	{ .prog = NULL },
};

const struct tm_fs tm_fs_table[] = {
	{ "ext4", EXT4_SUPER_MAGIC, "ext4", "", {
		MUST("tm_write_in", "ext4_file_write_iter"), MUST("tm_write_out", "ext4_file_write_iter"),
		MUST("tm_falloc_in", "ext4_fallocate"), MUST("tm_falloc_out", "ext4_fallocate"),
		MUST("tm_ioctl_in", "ext4_ioctl"), MUST("tm_ioctl_out", "ext4_ioctl"),
		MAYBE("tm_move_ext", "ext4_move_extents", "the donor of EXT4_IOC_MOVE_EXT is not seen"),
	} },
	{ "xfs", XFS_SUPER_MAGIC, "xfs", "", {
		MUST("tm_write_in", "xfs_file_write_iter"), MUST("tm_write_out", "xfs_file_write_iter"),
		MUST("tm_falloc_in", "xfs_file_fallocate"), MUST("tm_falloc_out", "xfs_file_fallocate"),
		MUST("tm_remap_in", "xfs_file_remap_range"), MUST("tm_remap_out", "xfs_file_remap_range"),
		MUST("tm_ioctl_in", "xfs_file_ioctl"), MUST("tm_ioctl_out", "xfs_file_ioctl"),
		MAYBE("tm_swap_ext", "xfs_swap_extents", "the second file of XFS_IOC_SWAPEXT is not seen"),
		MAYBE("tm_exchange", "xfs_exchange_range", "this kernel cannot exchange ranges"),
	} },
	{ "btrfs", BTRFS_SUPER_MAGIC, "btrfs", "", {
		MUST("tm_write3_in", "btrfs_do_write_iter"), MUST("tm_write3_out", "btrfs_do_write_iter"),
		MUST("tm_falloc_in", "btrfs_fallocate"), MUST("tm_falloc_out", "btrfs_fallocate"),
		MUST("tm_remap_in", "btrfs_remap_file_range"), MUST("tm_remap_out", "btrfs_remap_file_range"),
		MUST("tm_ioctl_in", "btrfs_ioctl"), MUST("tm_ioctl_out", "btrfs_ioctl"),
	} },
	{ "tmpfs", TMPFS_MAGIC, NULL,
	  "files on tmpfs that are mapped shared and writable are sent whole, at each sync and every 30 s", {
		OR("tm_write_in", "shmem_file_write_iter", "generic_file_write_iter"),
		OR("tm_write_out", "shmem_file_write_iter", "generic_file_write_iter"),
		MUST("tm_falloc_in", "shmem_fallocate"), MUST("tm_falloc_out", "shmem_fallocate"),
		MUST("tm_map_in", "mmap_region"), MUST("tm_map_real", "shmem_mmap"), MUST("tm_map_out", "__fput"),
	} },
	{ .name = NULL },
};

const struct tm_fs *tm_fs_find(long magic)
{
	for (const struct tm_fs *f = tm_fs_table; f->name; f++)
		if (f->magic == magic)
			return f;
	return NULL;
}
