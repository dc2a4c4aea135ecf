/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_server.c - writers inside the kernel: nfsd, overlayfs, core dumps, accounting, a
 * thread.
 *
 * nfsd runs without its user space: the caches that mountd would fill are filled here beforehand, and the
 * client is the same guest, over 127.0.0.1.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

#define NFS "/tmp/matrix-nfs"

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void nfs_end(void)
{
	/* The client says goodbye while somebody listens. */
	(void)sh("umount " NFS " || umount -l " NFS "; echo 0 > /proc/fs/nfsd/threads; "
		 "date +%%s > /proc/net/rpc/nfsd.export/flush; date +%%s > /proc/net/rpc/nfsd.fh/flush");
}

/* Export the parent of the row's directory by NFS 4.2 and mount it at NFS; once for all rows. */
static int nfs_mount(void)
{
	static bool up, broken;
	char line[5000], top[4200], *slash;

	if (broken)
		return na("NFS could not be mounted");
	if (up)
		return 0;
	broken = true;
	snprintf(top, sizeof(top), "%s", in(""));
	slash = strrchr(top, '/');
	DO(slash);
	*slash = '\0';
	if (sh("modprobe nfsd; modprobe nfsv4; mkdir -p " NFS "; mountpoint -q /proc/fs/nfsd || "
	       "mount -t nfsd nfsd /proc/fs/nfsd"))
		return na("no nfsd in this kernel");
	/* Version 4 alone needs no portmapper. */
	(void)put("/proc/fs/nfsd/versions", "-2 -3 +4 +4.1 +4.2\n");
	(void)put("/proc/fs/nfsd/nfsv4gracetime", "10");
	(void)put("/proc/fs/nfsd/nfsv4leasetime", "10");
	/* Read-write, no root squash, fsid 0: the pseudo root. */
	if (!put("/proc/net/rpc/auth.unix.ip/channel", "nfsd 127.0.0.1 2147483647 all\n"))
		return na("nfsd takes no clients");
	/* NFSEXP_INSECURE_PORT | NOSUBTREECHECK | NOAUTHNLM | FSID */
	snprintf(line, sizeof(line), "all %s 2147483647 %d 65534 65534 0\n", top, 0x2 | 0x400 | 0x200 | 0x2000);
	DO(put("/proc/net/rpc/nfsd.export/channel", line));
	snprintf(line, sizeof(line), "all 1 \\x00000000 2147483647 %s\n", top);
	DO(put("/proc/net/rpc/nfsd.fh/channel", line));
	if (!put("/proc/fs/nfsd/portlist", "tcp 2049\n") && errno != EADDRINUSE)
		(void)sh("echo 'tcp 2049' > /proc/fs/nfsd/portlist");
	DO(put("/proc/fs/nfsd/threads", "2\n"));
	atexit(nfs_end);
	/* Nobody has anything to reclaim. */
	(void)put("/proc/fs/nfsd/v4_end_grace", "Y");
	if (mount("127.0.0.1:/", NFS, "nfs4", 0,
		  "vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1,sec=sys,noac,soft,timeo=50,retrans=2")) {
		printf("# nfs: %m\n");
		return na("NFS cannot be mounted");
	}
	up = true;
	broken = false;
	return 0;
}

/* The row's directory as the client sees it; with a name in it. */
static const char *nfs(const char *name)
{
	static char text[2][600];
	static int which;
	const char *row = in("");

	which ^= 1;
	snprintf(text[which], sizeof(text[which]), NFS "%s/%s", strrchr(row, '/'), name);
	return text[which];
}

static int t66_run(int (*act)(int fd))
{
	int fd = file("f", 65536), r;

	DO(fd >= 0 && !fsync(fd));
	r = nfs_mount();
	if (!r)
		r = begin();
	return r ?: act(fd);
}

static int nfs_write(int fd)
{
	int n = keep(open(nfs("f"), O_RDWR));

	DO(n >= 0 && pwrite(n, fresh(5000), 5000, 700) == 5000 && !fsync(n));
	/* The client sends whole pages that it has. */
	cause_pages(fd, 700, 5700);
	closed(n);
	return 0;
}

static int nfs_names(int fd)
{
	(void)fd;
	DO(!sh("cd %s && mkdir d && echo text > d/new && mv d/new moved && ln -s x sym && ln moved hard && "
	       "mkdir e && rmdir e && rm hard && sync", nfs("")));
	cause_name(dirfd_, "d");
	cause_name(dirfd_, "moved");
	cause_name(dirfd_, "sym");
	cause_name(dirfd_, "hard");
	cause_name(dirfd_, "e");
	cause_list(keep(openat(dirfd_, "d", O_RDONLY)));
	return 0;
}

static int nfs_meta(int fd)
{
	DO(!sh("cd %s && chmod 600 f && truncate -s 30000 f && touch -d @5 f && sync", nfs("")));
	cause_from(fd, 30000);
	return 0;
}

static int nfs_copy(int fd)
{
	int n = keep(open(nfs("f"), O_RDWR));
	loff_t a = 0, b = 32768;

	DO(n >= 0);
	/* A server-side copy or, where the file system can, a clone. */
	DO(copy_file_range(n, &a, n, &b, 16384, 0) == 16384 && !fsync(n));
	cause_data(fd, 32768, 49152);
	closed(n);
	return 0;
}

static int nfs_allocate(int fd)
{
	int n = keep(open(nfs("f"), O_RDWR));

	DO(n >= 0);
	if (fallocate(n, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 8192))
		return na("no DEALLOCATE");
	cause_data(fd, 8192, 16384);
	closed(n);
	return 0;
}

static int t66_write(void)
{
	return t66_run(nfs_write);
}

static int t66_names(void)
{
	return t66_run(nfs_names);
}

static int t66_meta(void)
{
	return t66_run(nfs_meta);
}

static int t66_copy(void)
{
	return t66_run(nfs_copy);
}

static int t66_allocate(void)
{
	return t66_run(nfs_allocate);
}

/* ---- overlayfs whose upper directory is below the root */

#define OVL "/tmp/matrix-ovl"

static int t68_run(int (*act)(void))
{
	int lower = file_at(outfd, "low", 65536), up, r;

	DO(lower >= 0 && !fsync(lower) && !mkdirat(dirfd_, "upper", 0755) && !mkdirat(dirfd_, "work", 0755));
	up = file("upper/up", 65536);
	DO(up >= 0 && !fsync(up));
	closed(up);
	if (sh("modprobe overlay; mkdir -p " OVL " && mount -t overlay -o 'lowerdir=%s,upperdir=%s,workdir=%s' ovl " OVL,
	       out(""), in("upper"), in("work")))
		return na("no overlayfs over this file system");
	r = begin();
	if (!r)
		r = act();
	(void)sh("umount -l " OVL);
	return r;
}

static int up_fd(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "upper/%s", name);
	return keep(openat(dirfd_, path, O_RDONLY));
}

static int ovl_write(void)
{
	int f = keep(open(OVL "/up", O_RDWR));

	DO(f >= 0 && pwrite(f, fresh(100), 100, 5000) == 100 && !ftruncate(f, 40000));
	cause_data(up_fd("up"), 5000, 5100);
	cause_from(up_fd("up"), 40000);
	closed(f);
	return 0;
}

static int ovl_mmap(void)
{
	int f = keep(open(OVL "/up", O_RDWR));
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);

	DO(f >= 0 && p != MAP_FAILED);
	p[5 * PAGE] ^= 1;
	DO(!step());
	p[5 * PAGE] ^= 2;
	cause_pages(up_fd("up"), 5 * PAGE, 5 * PAGE + 1);
	munmap(p, 65536);
	closed(f);
	return 0;
}

static int ovl_copy_up(void)
{
	int f = keep(open(OVL "/low", O_RDWR));

	DO(f >= 0 && pwrite(f, fresh(100), 100, 5000) == 100);
	cause_name(keep(openat(dirfd_, "upper", O_RDONLY)), "low");
	cause_list(keep(openat(dirfd_, "work/work", O_RDONLY)));
	cause_list(keep(openat(dirfd_, "work", O_RDONLY)));
	cause_attr(dirfd_, "upper");
	closed(f);
	return 0;
}

static int ovl_names(void)
{
	int upper = keep(openat(dirfd_, "upper", O_RDONLY));

	DO(!sh("rm " OVL "/low && mkdir " OVL "/d && echo x > " OVL "/d/f && mv " OVL "/d/f " OVL "/g"));
	cause_name(upper, "low");
	cause_name(upper, "d");
	cause_name(upper, "g");
	cause_list(keep(openat(dirfd_, "upper/d", O_RDONLY)));
	cause_list(keep(openat(dirfd_, "work/work", O_RDONLY)));
	cause_list(keep(openat(dirfd_, "work", O_RDONLY)));
	return 0;
}

static int t68_write(void)
{
	return t68_run(ovl_write);
}

static int t68_mmap(void)
{
	return t68_run(ovl_mmap);
}

static int t68_copy_up(void)
{
	return t68_run(ovl_copy_up);
}

static int t68_names(void)
{
	return t68_run(ovl_names);
}

/* ---- others */

static int t70_coredump(void)
{
	char pattern[4200];
	int status;
	pid_t pid;

	DO(!begin());
	snprintf(pattern, sizeof(pattern), "%s", in("core"));
	/* The pattern holds 127 bytes. */
	DO(strlen(pattern) < 120 && put("/proc/sys/kernel/core_pattern", pattern));
	pid = fork();
	if (!pid) {
		struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

		(void)setrlimit(RLIMIT_CORE, &all);
		abort();
	}
	DO(waitpid(pid, &status, 0) == pid);
	DO(put("/proc/sys/kernel/core_pattern", "core"));
	if (!WCOREDUMP(status))
		return na("no core dumps");
	cause_name(dirfd_, "core");
	return 0;
}

static int t70_acct(void)
{
	struct stat before, after;
	int fd = file("acct", 100);

	DO(fd >= 0 && !begin() && !fstat(fd, &before));
	if (acct(in("acct")))
		return na("no process accounting");
	DO(!sh("true"));
	DO(!acct(NULL) && !fstat(fd, &after) && after.st_size > before.st_size);
	cause_data(fd, (uint64_t)before.st_size, (uint64_t)after.st_size);
	return 0;
}

static int t82_thread(void)
{
	const char *module = getenv("TM_TESTMOD");
	int fd = file("f", 5000);

	if (!module)
		return na("the test module is built for 6.1 only");
	DO(fd >= 0 && !begin());
	DO(!sh("insmod %s path=%s offset=123 text=hello && rmmod tm_testmod", module, in("f")));
	cause_data(fd, 123, 128);
	return 0;
}

static int t67_ksmbd(void)
{
	return na("ksmbd needs its user space, which is not in the guest; it writes by kernel_write, as T82 and T70 do");
}

static int t69_fuse(void)
{
	return na("passthrough needs a FUSE server; its writes reach the file system's write_iter as overlayfs' do: T68");
}

const struct row rows_server[] = {
	{ "T66", "nfsd: write", ALL_FS, "", ALONE, t66_write },
	{ "T66b", "nfsd: names", ALL_FS, "", ALONE, t66_names },
	{ "T66c", "nfsd: mode, size, times", ALL_FS, "", ALONE, t66_meta },
	{ "T66d", "nfsd: copy or clone on the server", ALL_FS, "", ALONE, t66_copy },
	{ "T66e", "nfsd: hole", ALL_FS, "", ALONE, t66_allocate },
	{ "T67", "ksmbd", ALL_FS, "", 0, t67_ksmbd },
	{ "T68", "overlayfs: write and truncate in upper", ALL_FS, "", 0, t68_write },
	{ "T68b", "overlayfs: mapping", ALL_FS, "", 0, t68_mmap },
	{ "T68c", "overlayfs: copy-up", ALL_FS, "", FOREIGN, t68_copy_up },
	{ "T68d", "overlayfs: whiteout, create, rename", ALL_FS, "", FOREIGN, t68_names },
	{ "T69", "FUSE passthrough", ALL_FS, "", 0, t69_fuse },
	{ "T70", "core dump", ALL_FS, "", 0, t70_coredump },
	{ "T70b", "process accounting", ALL_FS, "", 0, t70_acct },
	{ "T82", "a kernel thread", ALL_FS, "", 0, t82_thread },
	{ 0 },
};
