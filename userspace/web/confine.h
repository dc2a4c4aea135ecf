/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/confine.h - what this process gives up for good, before it answers anybody.
 *
 * It is the one that everybody on the network may send bytes to. It starts without privileges;
 * here it loses what could bring some: no capability, no new privileges, no program to execute,
 * no process to start, no file to write, no socket but to unix ones and those that come in, no
 * memory that becomes executable, no core dump (there are passwords in it). What is left after
 * that to whoever takes it over: this process's own memory, reading what its user may read,
 * web.sock.
 */
#ifndef TM_WEB_CONFINE_H
#define TM_WEB_CONFINE_H

#include "lib/base.h"

/*
 * First of all: limits, no dumps. Logs. Returns 0; -EPERM when run as root or with capabilities
 * that stay; -errno.
 */
int tm_confine_early(void);
/* Last of all, every thread running: the system calls. Logs. Returns 0 or -errno. */
int tm_confine_seccomp(void);

#endif
