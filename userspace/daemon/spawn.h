/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/spawn.h - one worker process: found, forked, executed with nothing but its socket.
 */
#ifndef TM_DAEMON_SPAWN_H
#define TM_DAEMON_SPAWN_H

#include "lib/base.h"

/*
 * Run tidemark-worker (beside our own executable, else in libexec) with descriptor 3 as its end of a new
 * SOCK_SEQPACKET pair. @role and @name only show in the process list. *@ret_sock: our end,
 * non-blocking. 0 or -errno.
 */
int tm_spawn_worker(const char *role, const char *name, pid_t *ret_pid, int *ret_pidfd,
		    int *ret_sock);

int tm_pidfd_kill(int pidfd);
/* A close-on-exec duplicate, or -errno. */
int tm_dup(int fd);

#endif
