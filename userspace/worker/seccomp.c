/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/seccomp.c - which system calls a confined worker may make.
 *
 * Three answers: what the work needs is allowed; what could undo the confinement kills the process,
 * because nothing in a sound worker ever asks for it; everything else fails with EPERM (libraries
 * probe a lot). Adding a call here needs a reason: what it can reach from inside an empty
 * namespace.
 */
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <asm/ioctls.h>
#include <unistd.h>

#include "worker/confine.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* By name: older libseccomp does not know every number, and then the call does not exist for us. */
static const char *const common_calls[] = {
	/* descriptors and bytes */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"lseek",
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"pipe2",
	"eventfd2",
	"sendfile",
	"splice",
	"tee",
	"copy_file_range",
	"fadvise64",
	"readahead",
	/* files: the namespace, Landlock and capabilities say which */
	"openat2",
	"openat",
	"open",
	"fstat",
	"newfstatat",
	"stat",
	"lstat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"getcwd",
	"chdir",
	"fchdir",
	"name_to_handle_at",
	"getxattr",
	"lgetxattr",
	"fgetxattr",
	"getxattrat",
	"listxattr",
	"llistxattr",
	"flistxattr",
	"listxattrat",
	"flock",
	"fsync",
	"fdatasync",
	"syncfs",
	"sync_file_range",
	"umask",
	/* sockets that were handed to us; never new ones */
	"recvmsg",
	"recvfrom",
	"sendmsg",
	"sendto",
	"getsockopt",
	"getsockname",
	"getpeername",
	"shutdown",
	/* memory and the process itself */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	"futex",
	"membarrier",
	"rseq",
	"set_robust_list",
	"getpid",
	"getppid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getgroups",
	"getresuid",
	"getresgid",
	"getrlimit",
	"getrusage",
	"times",
	"uname",
	"sysinfo",
	"sched_yield",
	"sched_getaffinity",
	"getcpu",
	"getrandom",
	"capget",
	"exit",
	"exit_group",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"sigaltstack",
	"pause",
	/* time */
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"nanosleep",
	"clock_nanosleep",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
};

static const char *const target_calls[] = {
	"ftruncate", "truncate", "fallocate", "creat", "mkdir", "mkdirat",
	"mknod", "mknodat", "link", "linkat", "symlink", "symlinkat",
	"unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2",
	"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown",
	"fchown", "fchownat", "utime", "utimes", "futimesat", "utimensat",
	"setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr",
	"fremovexattr", "removexattrat",
};

static const char *const deadly_calls[] = {
	"execve",
	"execveat",
	"socket",
	"socketpair",
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"open_tree_attr",
	"fsopen",
	"fsmount",
	"fsconfig",
	"fspick",
	"mount_setattr",
	"swapon",
	"swapoff",
	"quotactl",
	"quotactl_fd",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"kcmp",
	"pidfd_getfd",
	"pidfd_open",
	"bpf",
	"perf_event_open",
	"unshare",
	"setns",
	"open_by_handle_at",
	"fanotify_init",
	"fanotify_mark",
	"keyctl",
	"add_key",
	"request_key",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"iopl",
	"ioperm",
	"acct",
	"syslog",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"nfsservctl",
	"lookup_dcookie",
	"vhangup",
	"modify_ldt",
};

static const unsigned long namespace_flags[] = {
	CLONE_NEWNS,  CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET,
	CLONE_NEWIPC, CLONE_NEWUTS,  CLONE_NEWCGROUP,
};

/*
 * Of the object behind a descriptor: identity, flags, holes, reflinks, queue lengths. No device has
 * any.
 */
static const unsigned long ioctls[] = {
	FS_IOC_GETVERSION,
	FS_IOC_GETFLAGS,
	FS_IOC_FSGETXATTR,
	FICLONE,
	FICLONERANGE,
	0xc020660b /* FS_IOC_FIEMAP */,
	0x9408 /* BTRFS_IOC_SYNC */,
	TIOCOUTQ,
	FIONREAD,
	TCGETS /* isatty(3) in stdio */,
};

static const unsigned long target_ioctls[] = { FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR };

static int rules(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* Unknown to this library, or a pseudo number: not a call of this machine. */
		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		r = seccomp_rule_add(ctx, action, nr, 0);
	}
	return r;
}

/*
 * Only the low 32 bits count where the kernel takes an int: the rest is whatever was in the
 * register.
 */
static struct scmp_arg_cmp when(unsigned int arg, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};
}

static struct scmp_arg_cmp is(unsigned int arg, scmp_datum_t value)
{
	return when(arg, 0xffffffff, value);
}

static int allow_ioctls(scmp_filter_ctx ctx, const unsigned long *v, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, is(1, v[i]));
	return r;
}

/* Calls that are fine with some arguments only. */
static int by_argument(scmp_filter_ctx ctx)
{
	static const scmp_datum_t levels[] = { SOL_SOCKET, IPPROTO_TCP, SOL_TLS };
	static const scmp_datum_t prctls[] = { PR_SET_NAME, PR_CAPBSET_READ };
	int r = 0;

	/* No memory becomes executable any more. */
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, when(2, PROT_EXEC, 0));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, when(2, PROT_EXEC, 0));
	for (size_t i = 0; i < TM_ARRAY_SIZE(levels); i++)
		r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1,
				      is(1, levels[i]));
	for (size_t i = 0; i < TM_ARRAY_SIZE(prctls); i++)
		r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, is(0, prctls[i]));
	/* abort(3) */
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
			      is(0, (scmp_datum_t)getpid()));
	/* Reading own limits; never setting them. */
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, is(0, 0),
			      when(2, UINT64_MAX, 0));
	for (size_t i = 0; i < TM_ARRAY_SIZE(namespace_flags); i++)
		r |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
				      when(0, namespace_flags[i], namespace_flags[i]));
	return r;
}

int tm_confine_seccomp(enum tm_role role, bool allow_devices)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	(void)allow_devices; /* mknod without CAP_MKNOD makes FIFOs and sockets only */
	if (!ctx)
		return -ENOMEM;
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A binary tree instead of a list: it is walked at every call. */
	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = rules(ctx, SCMP_ACT_KILL_PROCESS, deadly_calls, TM_ARRAY_SIZE(deadly_calls));
	if (!r)
		r = by_argument(ctx);
	if (!r && !tm_confine_is_pair(role))
		r = allow_ioctls(ctx, ioctls, TM_ARRAY_SIZE(ioctls));
	if (!r)
		r = rules(ctx, SCMP_ACT_ALLOW, common_calls, TM_ARRAY_SIZE(common_calls));
	if (!r && role == TM_ROLE_TARGET)
		r = rules(ctx, SCMP_ACT_ALLOW, target_calls, TM_ARRAY_SIZE(target_calls));
	if (!r && role == TM_ROLE_TARGET)
		r = allow_ioctls(ctx, target_ioctls, TM_ARRAY_SIZE(target_ioctls));
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? r : r ? -EIO : 0;
}
