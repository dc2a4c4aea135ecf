/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/privileges.c - another user, a few capabilities, limits; nothing inherited, nothing
 * regained.
 */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/confine.h"

#define NOFILE 4096

#define BIT(cap) ((uint64_t)1 << (cap))

uint64_t tm_confine_caps(enum tm_role role, bool allow_devices)
{
	uint64_t target = BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_CHOWN) |
			  BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETFCAP);

	switch (role) {
	case TM_ROLE_SOURCE: return BIT(CAP_DAC_READ_SEARCH);
	case TM_ROLE_TARGET: return target | (allow_devices ? BIT(CAP_MKNOD) : 0);
	default: return 0;
	}
}

/* Exactly @want, effective and permitted, nothing inheritable. */
static int keep_caps(uint64_t want, char why[TM_TEXT_LEN_MAX + 1])
{
	cap_t caps = cap_init();
	int r = caps ? 0 : -ENOMEM;

	for (cap_value_t cap = 0; !r && cap < 64; cap++) {
		if (!(want & BIT(cap)))
			continue;
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET) < 0 ||
		    cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET) < 0)
			r = -errno;
	}
	if (!r && cap_set_proc(caps) < 0) {
		r = -errno;
		snprintf(why, TM_TEXT_LEN_MAX + 1,
			 "the daemon lacks capabilities its worker needs (mask %#llx): %s",
			 (unsigned long long)want, strerror(errno));
	}
	cap_free(caps);
	return r;
}

/* Without CAP_SETPCAP the bounding set stays; no_new_privs and seccomp make exec useless anyway. */
static void drop_bounding_set(void)
{
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static void set_limits(void)
{
	struct rlimit core = { 0, 0 }, files = { NOFILE, NOFILE };

	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_NOFILE, &files);
}

int tm_confine_privileges(const struct tm_confine *c, char ret_why[TM_TEXT_LEN_MAX + 1])
{
	gid_t gid = (gid_t)c->uid;
	int r;

	if (!c->uid) {
		snprintf(ret_why, TM_TEXT_LEN_MAX + 1,
			 "a worker never runs as root: no user was given");
		return -EPERM;
	}
	set_limits();
	umask(0077);
	drop_bounding_set();
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(c->uid, c->uid, c->uid) < 0) {
		r = -errno;
		snprintf(ret_why, TM_TEXT_LEN_MAX + 1, "cannot become user %u: %s", c->uid,
			 strerror(-r));
		return r;
	}
	r = keep_caps(tm_confine_caps(c->role, c->allow_devices), ret_why);
	if (r < 0)
		return r;
	/* After the change of user, which clears both. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		r = -errno;
		snprintf(ret_why, TM_TEXT_LEN_MAX + 1, "prctl: %s", strerror(-r));
		return r;
	}
	return 0;
}
