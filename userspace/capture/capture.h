/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/capture.h - seeing every change below the policy roots.
 *
 * One capture per daemon, one backend at a time: "bpf" (exact ranges; the
 * kernel side stays pinned, so it outlives this process) or "fanotify"
 * (whole files and names; blind to mmap stores and Linux AIO). It drains once for
 * all policies and yields change records per root.
 *
 * Threading: none. tm_capture_fd() is for the daemon's event loop; nothing
 * here blocks longer than one RCU grace period (8-20 ms).
 *
 * Loss is data: what may have been missed is reported as a SUBTREE or ALL
 * record together with on_incomplete(); counters hold seen = queued + coalesced + dropped.
 */
#ifndef TM_CAPTURE_CAPTURE_H
#define TM_CAPTURE_CAPTURE_H

#include "changes/change.h"

/* Roots known at once: bits of a mask in the kernel, of which the self-test uses one. */
#define TM_CAPTURE_ROOTS_MAX 63

enum tm_backend { TM_BACKEND_AUTO, TM_BACKEND_BPF, TM_BACKEND_FANOTIFY };

struct tm_capture;

struct tm_capture_stats {
	uint64_t seen;	    /* operations observed below the root */
	uint64_t queued;    /* new records made for them */
	uint64_t coalesced; /* merged into a record that was already there */
	uint64_t dropped;   /* not recorded: always together with on_incomplete() */
};

struct tm_capture_ops {
	/*
	 * One record for root @slot. Must make it durable against a crash of this
	 * process (a write to the runtime directory is enough) before it returns 0; the
	 * kernel's copy is dropped afterwards. An error stops the drain: nothing
	 * is lost, it is delivered again.
	 */
	int (*on_change)(void *arg, unsigned int slot, const struct tm_change *c);
	/*
	 * Tracking of root @slot may have missed something; @reason is a short stable
	 * word ("ring-full", "map-full", "detached", "queue-overflow", ...), @scope "root" or a path.
	 * Comes before the SUBTREE/ALL record that heals it.
	 */
	void (*on_incomplete)(void *arg, unsigned int slot, const char *reason, const char *scope);
	void *arg;
};

struct tm_capture_opts {
	size_t sz; /* sizeof this struct */
	enum tm_backend backend;
	const char *runtime_dir; /* e.g. /run/tidemark */
	const char *pin_dir;	 /* e.g. /sys/fs/bpf/tidemark/INSTANCE/v1 */
	uint32_t dirty_entries;	 /* size of each dirty map; 0: 65536 */
	uint32_t ring_bytes;	 /* power of two; 0: 4 MiB */
	struct tm_capture_ops ops;
	uint32_t reconcile_interval_ms; /* fanotify: metadata pass (an ALL record); 0: 60 s */
	bool no_guards; /* bpf: leave skipped programs to healing even where the kernel preempts (tests) */
	size_t : 0;
};

/*
 * Load (or re-open what is pinned) and attach. Slow (seconds under emulation): called after
 * the REST socket answers. With backend AUTO falls back to fanotify when the kernel refuses
 * tracing programs. Returns 0; -EPERM, -EOPNOTSUPP when the backend asked for cannot work here
 * (tm_capture_why() explains); other -errno. *@ret_c is owned by the caller.
 */
int tm_capture_open(const struct tm_capture_opts *opts, struct tm_capture **ret_c);
/* Why the last tm_capture_open() failed, or why AUTO fell back; static string, never NULL. */
const char *tm_capture_why(void);
/* Close descriptors. Pinned kernel state stays (that is the point). */
void tm_capture_close(struct tm_capture *c);
/* Remove the pins of this instance: tracking ends. */
void tm_capture_unpin(const char *pin_dir);

enum tm_backend tm_capture_backend(const struct tm_capture *c);
const char *tm_backend_name(enum tm_backend b); /* "bpf", "fanotify", "auto" */
/* What this backend cannot see, as one sentence for the status; "" if nothing. */
const char *tm_capture_blind_spots(const struct tm_capture *c);

/*
 * Track the directory behind @rootfd (borrowed, may be closed afterwards) in @slot
 * (0..TM_CAPTURE_ROOTS_MAX-1, chosen by the caller, stable across restarts). @key: the policy
 * root's key, kept with the pins: when the pinned slot already tracks this
 * same root unbroken, *@ret_resumed is true and nothing needs to be scanned; otherwise tracking
 * starts now and the caller must reconcile the root (ALL).
 */
int tm_capture_add_root(struct tm_capture *c, unsigned int slot, int rootfd, uint64_t key,
			bool *ret_resumed);
int tm_capture_del_root(struct tm_capture *c, unsigned int slot);

/* Becomes readable when there may be something to drain. */
int tm_capture_fd(const struct tm_capture *c);
/* When to call tm_capture_drain() even if the fd stays silent, in ms (canary, sweeps). */
int tm_capture_timeout_ms(const struct tm_capture *c);

/*
 * Deliver what was captured. With @barrier: everything that took effect before the call
 * is delivered before it returns (for policy sync). Returns records delivered, or -errno.
 */
int tm_capture_drain(struct tm_capture *c, bool barrier);

void tm_capture_stats_get(const struct tm_capture *c, unsigned int slot,
			  struct tm_capture_stats *ret);

/* One process that made a root dirty. */
struct tm_capture_writer {
	char comm[16];		/* as the kernel has it: 15 bytes of any kind, NUL-terminated */
	uint32_t pid;
	uint32_t uid;
	uint64_t cgroup;	/* id; tm_capture_cgroup() has the path */
	uint64_t operations;	/* that made something dirty; estimated where they only widened it */
	uint64_t bytes;		/* that they made dirty */
	uint64_t last_ms;	/* CLOCK_MONOTONIC */
};

/*
 * Who made root @slot dirty in the last 5 to 9 minutes, most bytes first, then most operations. Returns how
 * many of
 * @max were filled, -EOPNOTSUPP (fanotify) or other -errno.
 */
int tm_capture_top(const struct tm_capture *c, unsigned int slot, struct tm_capture_writer *ret, size_t max);
/*
 * Path of a cgroup below /sys/fs/cgroup, new string ("/system.slice/x.service"); NULL: gone, or not to
 * be seen.
 */
char *tm_capture_cgroup(uint64_t id);

/*
 * Version counters for torn-read detection (bpf only): a read-only mapping of
 * struct tm_version[n] (lib/version.h), n a power of two. The descriptor returned is for
 * passing to a worker, which maps it PROT_READ and closes it. -EOPNOTSUPP with fanotify.
 */
int tm_capture_version_fd(const struct tm_capture *c, uint32_t *ret_n);

/*
 * The kernel's report: one line per hook or mark (wanted, attached, fallback, why), as text
 * lines "name\tstate\tdetail". New string.
 */
char *tm_capture_report(const struct tm_capture *c);
/* The same question without a running capture: may this kernel load what each backend needs? */
char *tm_capture_probe(void);

#endif
