/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/cli.h - the command line: one table of commands, one set of options.
 *
 * It speaks REST on the daemon's unix socket and nothing else: what it can do,
 * the page and scripts can do. stdout carries data, stderr talk.
 */
#ifndef TM_CLI_CLI_H
#define TM_CLI_CLI_H

#include <jansson.h>

#include "lib/base.h"

/* Documented exit codes; unknown ones are to be read as failures. */
enum tm_exit {
	TM_EXIT_OK = 0,
	TM_EXIT_FAILED = 1,
	TM_EXIT_USAGE = 2,
	TM_EXIT_UNHEALTHY = 3,
	TM_EXIT_NOT_FOUND = 4,
	TM_EXIT_DENIED = 5,
	TM_EXIT_NO_DAEMON = 6, /* always the local daemon */
	TM_EXIT_TIMEOUT = 7,
	TM_EXIT_CONFLICT = 8,
	TM_EXIT_INTERRUPTED = 130,
};

/* Which options a command takes (besides --socket, -j, --help). */
enum tm_opt_bit {
	OPT_CREATE = 1 << 0,  /* what is replicated, and to where */
	OPT_YES = 1 << 1,
	OPT_ACCEPT = 1 << 2,  /* --create-dir --allow-devices --allow-suid */
	OPT_REASON = 1 << 3,
	OPT_WAIT = 1 << 4,
	OPT_TIMEOUT = 1 << 5,
	OPT_WATCH = 1 << 6,
};

struct tm_cli {
	const char *socket;
	bool json;
	bool yes, create_dir, allow_devices, allow_suid, wait, watch;
	const char *source_dir, *target_dir, *target_address, *mode, *fingerprint, *reason;
	uint64_t target_port; /* 0: not given */
	uint64_t timeout_ms;  /* 0: not given */
	uint64_t watch_ms;
	const char *ref; /* NAME, or NULL */
};

struct tm_command {
	const char *noun;
	const char *verb;     /* NULL: the noun is the command */
	const char *args;     /* "NAME", "[NAME]" or "" */
	unsigned int options; /* enum tm_opt_bit */
	const char *help;
	int (*run)(struct tm_cli *c); /* exit code */
};

extern const struct tm_command tm_commands[];
extern const size_t tm_commands_n;

int cmd_policy_create(struct tm_cli *c);
int cmd_policy_list(struct tm_cli *c);
int cmd_policy_show(struct tm_cli *c);
int cmd_policy_accept(struct tm_cli *c);
int cmd_policy_reject(struct tm_cli *c);
int cmd_policy_replicate(struct tm_cli *c);
int cmd_policy_sync(struct tm_cli *c);
int cmd_policy_abort(struct tm_cli *c);
int cmd_policy_enable(struct tm_cli *c);
int cmd_policy_disable(struct tm_cli *c);
int cmd_policy_delete(struct tm_cli *c);
int cmd_policy_failures(struct tm_cli *c);
int cmd_policy_runs(struct tm_cli *c);
int cmd_status(struct tm_cli *c);
int cmd_probe(struct tm_cli *c);
int cmd_peers(struct tm_cli *c);
int cmd_audit(struct tm_cli *c);
int cmd_sysctl(struct tm_cli *c);
int cmd_version(struct tm_cli *c);

#endif
