/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/selftest.h - the probes of the confinement (probes.c) and who runs them (selftest.c).
 */
#ifndef TM_WORKER_SELFTEST_H
#define TM_WORKER_SELFTEST_H

#include <fcntl.h>

#include "worker/confine.h"

#define KILLED 1000 /* expected instead of an errno: seccomp kills */
#define HOLDS  0    /* the probe itself says so */

struct room {
	struct tm_confine conf;
	const char *outside; /* a file next to the root, absolute path */
	int rootfd;
	struct file_handle *handle; /* of @outside, taken before */
};

#define SRC   (1u << 0)
#define TGT   (1u << 1)
#define PAIR  (1u << 2)
#define FILES (SRC | TGT)
#define ALL   (FILES | PAIR)

struct probe {
	const char *name;
	unsigned int roles;
	int (*run)(struct room *r); /* 0 it worked, or the errno it failed with */
	int want;		    /* KILLED, HOLDS or the errno expected */
};

extern const struct probe tm_probes[];
extern const size_t tm_n_probes;

#endif
