/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/commands.h - the functions behind the table, and the columns of what they show.
 *
 * Each returns an exit code, prints data to c->out and everything else through tm_error() and tm_hint().
 */
#ifndef TM_CLI_COMMANDS_H
#define TM_CLI_COMMANDS_H

#include "cli/output.h"

/* table_policy.c */
#define TM_POLICY_COMMANDS 18
extern const struct tm_command tm_policy_commands[TM_POLICY_COMMANDS];

int cmd_policy_create(struct tm_cli *c);
int cmd_policy_edit(struct tm_cli *c);
int cmd_policy_list(struct tm_cli *c);
int cmd_policy_show(struct tm_cli *c);
int cmd_policy_accept(struct tm_cli *c);
int cmd_policy_reject(struct tm_cli *c);
int cmd_policy_preview(struct tm_cli *c);
int cmd_policy_replicate(struct tm_cli *c);
int cmd_policy_verify(struct tm_cli *c);
int cmd_policy_sync(struct tm_cli *c);
int cmd_policy_wait(struct tm_cli *c);
int cmd_policy_abort(struct tm_cli *c);
int cmd_policy_enable(struct tm_cli *c);
int cmd_policy_disable(struct tm_cli *c);
int cmd_policy_delete(struct tm_cli *c);
int cmd_policy_failures(struct tm_cli *c);
int cmd_policy_runs(struct tm_cli *c);
int cmd_policy_series(struct tm_cli *c);

int cmd_status(struct tm_cli *c);
int cmd_where(struct tm_cli *c);
int cmd_health(struct tm_cli *c);
int cmd_health_mute(struct tm_cli *c);
int cmd_events(struct tm_cli *c);
int cmd_top(struct tm_cli *c);
int cmd_peer_list(struct tm_cli *c);
int cmd_peer_show(struct tm_cli *c);
int cmd_audit(struct tm_cli *c);
int cmd_sysctl(struct tm_cli *c);
int cmd_probe(struct tm_cli *c);
int cmd_capture(struct tm_cli *c);
int cmd_admin_list(struct tm_cli *c);
int cmd_admin_set_password(struct tm_cli *c);
int cmd_admin_role(struct tm_cli *c);
int cmd_admin_enable(struct tm_cli *c);
int cmd_admin_disable(struct tm_cli *c);
int cmd_admin_delete(struct tm_cli *c);
int cmd_bugtool(struct tm_cli *c);
int cmd_version(struct tm_cli *c);
int cmd_help(struct tm_cli *c);

extern const struct tm_column tm_series_columns[];
extern const struct tm_column tm_list_columns[], tm_run_columns[], tm_failure_columns[],
	tm_preview_columns[];
extern const struct tm_column tm_where_columns[], tm_health_columns[], tm_top_columns[],
	tm_peer_columns[];
extern const struct tm_column tm_audit_columns[], tm_sysctl_columns[], tm_probe_columns[];
extern const struct tm_column tm_hook_columns[], tm_user_columns[];

#endif
