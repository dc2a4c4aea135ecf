/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_preempt.c - can a task be preempted inside a tracing program here?
 *
 * Then other tasks' runs of the same program on that CPU are skipped meanwhile. The mode can change at run
 * time where the kernel is PREEMPT_DYNAMIC, so it is asked for again and again; debugfs tells it, mounted
 * or not.
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/fd.h"

/* A file of a kernel file system that may be mounted nowhere. Returns bytes read into @text, or -errno. */
static ssize_t kernel_file(const char *fs_name, const char *mounted, const char *name, char *text,
			   size_t size)
{
	_cleanup_close_ int fs = -EBADF, mnt = -EBADF, fd = open(mounted, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		fs = (int)syscall(SYS_fsopen, fs_name, FSOPEN_CLOEXEC);
		if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
			return -errno;
		mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (mnt < 0)
			return -errno;
		fd = openat(mnt, name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	n = read(fd, text, size - 1);
	text[TM_MAX(n, (ssize_t)0)] = '\0';
	return n < 0 ? -errno : n;
}

/* "none (voluntary) full": the one in parentheses. */
static enum tm_preempt mode_of(const char *text)
{
	if (strstr(text, "(none)") || strstr(text, "(voluntary)"))
		return TM_PREEMPT_NO;
	return strstr(text, "(lazy)") ? TM_PREEMPT_LAZY : TM_PREEMPT_FULL;
}

enum tm_preempt tm_preempt_mode(void)
{
	struct utsname u;
	char text[128];

	if (uname(&u))
		return TM_PREEMPT_FULL;
	if (strstr(u.version, "PREEMPT_RT"))
		return TM_PREEMPT_FULL;
	if (kernel_file("debugfs", "/sys/kernel/debug/sched/preempt", "sched/preempt", text, sizeof(text)) > 0)
		return mode_of(text);
	/* Built without the choice: the version says it. With it and untold, the worst is assumed. */
	return strstr(u.version, "PREEMPT") ? TM_PREEMPT_FULL : TM_PREEMPT_NO;
}

/* Programs of a module that is not in lsm= load, attach, and never run. */
bool tm_lsm_active(void)
{
	char text[512], *save = NULL;

	if (kernel_file("securityfs", "/sys/kernel/security/lsm", "lsm", text, sizeof(text)) <= 0)
		return false;
	for (char *w = strtok_r(text, ",\n", &save); w; w = strtok_r(NULL, ",\n", &save))
		if (tm_streq(w, "bpf"))
			return true;
	return false;
}
