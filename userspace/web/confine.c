// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/confine.c - see confine.h.
 *
 * Three answers of the filter, as in the workers: what the work needs is allowed; what could only
 * be the work of somebody who took over kills the process; everything else fails with EPERM.
 */
#include "web/confine.h"

#include "lib/log.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOFILE	   1024
#define DATA_BYTES ((rlim_t)768 << 20)

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ---- limits and capabilities */

static int limit(int what, rlim_t value)
{
	struct rlimit have, want;

	if (getrlimit(what, &have) < 0)
		return -errno;
	want.rlim_max = TM_MIN(have.rlim_max, value);
	want.rlim_cur = want.rlim_max;
	return setrlimit(what, &want) < 0 ? -errno : 0;
}

/* Asked first: where the unit has taken them already, it has taken capset(2) too. */
static int drop_caps(void)
{
	cap_t none = cap_init(), have = cap_get_proc();
	int r = none && have ? 0 : -ENOMEM;

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (r == 0 && cap_compare(none, have) != 0 && cap_set_proc(none) < 0)
		r = -errno;
	cap_free(none);
	cap_free(have);
	return r;
}

int tm_confine_early(void)
{
	int r;

	if (getuid() == 0 || geteuid() == 0) {
		tm_err("tidemark-web does not run as root: the network talks to it. Its unit runs it as the user "
		       "tidemark-web; the setting web.user names another one");
		return -EPERM;
	}
	r = drop_caps();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	/* (The search for leaks at the end looks into the process from outside.) */
	if (r == 0 && !SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, NOFILE);
	if (r == 0)
		r = limit(RLIMIT_MEMLOCK, 0);
	if (r == 0 && !SANITIZED)
		r = limit(RLIMIT_DATA, DATA_BYTES);
	if (r < 0)
		tm_err("privileges cannot be given up: %s", strerror(-r));
	return r;
}

/* ---- system calls */

static const char *const allowed[] = {
	/* descriptors and bytes */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"lseek",
	"close",
	"dup",
	"fcntl",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create1",
	"epoll_create",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	/* files: only to look (by_argument() says how they may be opened) */
	"fstat",
	"newfstatat",
	"stat",
	"lstat",
	"statx",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"getcwd",
	"statfs",
	"fstatfs",
	/* sockets that came in, and those to the daemon */
	"accept4",
	"accept",
	"connect",
	"recvmsg",
	"recvfrom",
	"sendmsg",
	"sendto",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	"shutdown",
	/* memory, threads that run already, the process itself */
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
	"signalfd4",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"nanosleep",
	"clock_nanosleep",
};

static const char *const deadly[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"kcmp",
	"pidfd_getfd",
	"pidfd_open",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsmount",
	"mount_setattr",
	"unshare",
	"setns",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"open_by_handle_at",
	"keyctl",
	"add_key",
	"request_key",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"iopl",
	"ioperm",
	"modify_ldt",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
	"capset",
	"bind",
	"listen",
};

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

/* Only the low 32 bits count where the kernel takes an int. */
static struct scmp_arg_cmp when(unsigned int arg, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};
}

static int by_argument(scmp_filter_ctx ctx)
{
	/* Nothing is written, made or cut. */
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	int r = 0;

	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, when(2, writing, O_RDONLY));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, when(1, writing, O_RDONLY));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			      when(0, 0xffffffff, AF_UNIX));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, when(2, PROT_EXEC, 0));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, when(2, PROT_EXEC, 0));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
			      when(0, 0xffffffff, PR_SET_NAME));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			      when(1, 0xffffffff, FIONREAD));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			      when(1, 0xffffffff, FIONBIO));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, when(1, 0xffffffff, TCGETS));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
			      when(0, 0xffffffff, (scmp_datum_t)getpid()));
	/* Reading own limits; never setting them. */
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, when(0, 0xffffffff, 0),
			      when(2, UINT64_MAX, 0));
	return r;
}

/*
 * openat2 takes its flags from memory, where a filter cannot look: it is for the development
 * directory only, and its user may write only what that user may write.
 */
static int development(scmp_filter_ctx ctx)
{
	return getenv("TIDEMARK_WEB_ASSETS")
		       ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat2), 0)
		       : 0;
}

int tm_confine_seccomp(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	/* The sanitizers' run time needs calls of its own. */
	if (SANITIZED) {
		seccomp_release(ctx);
		return 0;
	}
	if (!ctx)
		return -ENOMEM;
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* The threads are there already, and are confined like the rest. */
	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = rules(ctx, SCMP_ACT_KILL_PROCESS, deadly, TM_ARRAY_SIZE(deadly));
	if (!r)
		r = by_argument(ctx);
	if (!r)
		r = development(ctx);
	if (!r)
		r = rules(ctx, SCMP_ACT_ALLOW, allowed, TM_ARRAY_SIZE(allowed));
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	r = r < 0 ? r : r ? -EIO : 0;
	if (r < 0)
		tm_err("the system calls cannot be restricted: %s", strerror(-r));
	return r;
}
