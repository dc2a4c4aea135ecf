// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/table_policy.c - the commands about relationships: what they are called, take and say.
 *
 * In the order of a policy's life. The texts are the help and the manual both.
 */
#include "cli/commands.h"
#include "cli/options.h"

const struct tm_command tm_policy_commands[TM_POLICY_COMMANDS] = {
	{ .noun = "policy",
	  .verb = "list",
	  .args = "",
	  .summary = "all relationships of this cluster",
	  .text = "As source and as target. LAG is how old the newest state is that the target holds durably; a "
		  "dash where nothing was replicated yet. A request that waits for this side is pointed out.\n",
	  .examples = "tidemark policy list\n"
		      "# those behind, for a script\n"
		      "tidemark policy list -H --raw -o name,pending\n"
		      "# on one screen, redrawn when something changes\n"
		      "tidemark policy list -w\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_list_columns,
	  .run = cmd_policy_list },
	{ .noun = "policy",
	  .verb = "show",
	  .args = "NAME",
	  .summary = "everything about one",
	  .text = "For a request also who asks, with which key, for what. With -o only those fields, by the names "
		  "that -j shows.\n",
	  .examples = "tidemark policy show web\n"
		      "tidemark policy show web -H -o status,recovery_point\n"
		      "tidemark policy show web -j | jq .last_run\n",
	  .flags = TM_CMD_VIEW,
	  .run = cmd_policy_show },
	{ .noun = "policy",
	  .verb = "create",
	  .args = "NAME",
	  .summary = "ask a target cluster for a new relationship",
	  .text = "Nothing is stored if the target cannot be reached or refuses. Its key is pinned from then on and "
		  "its fingerprint printed: compare it with what `tidemark status` shows there. Nothing is "
		  "replicated before the target's admin accepted.\n"
		  "NAME is 1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or "
		  "digit.\n",
	  .examples = "tidemark policy create web --source-dir /srv/www --target-dir /backup/www "
		      "--target-address 192.0.2.7\n"
		      "# then, on the target\n"
		      "tidemark policy accept web\n",
	  .options = TM_OPT(SOURCE_DIR) | TM_OPT(TARGET_DIR) | TM_OPT(TARGET_ADDRESS) |
		     TM_OPT(TARGET_PORT) | TM_OPT(MODE) | TM_OPT(FINGERPRINT),
	  .run = cmd_policy_create },
	{ .noun = "policy",
	  .verb = "accept",
	  .args = "NAME",
	  .summary = "authorize a source cluster's request (target)",
	  .text = "A target directory that does not exist is a warning: create it and accept again, or say "
		  "--create-dir. One that is not empty wants --yes: what the source does not have is deleted "
		  "there; `tidemark policy preview` shows what that is. On a terminal both are asked.\n",
	  .examples = "tidemark policy show web\n"
		      "tidemark policy accept web --create-dir\n",
	  .options = TM_OPT(CREATE_DIR) | TM_OPT(ALLOW_DEVICES) | TM_OPT(ALLOW_SUID),
	  .flags = TM_CMD_TARGET | TM_CMD_REQUEST,
	  .run = cmd_policy_accept },
	{ .noun = "policy",
	  .verb = "reject",
	  .args = "NAME",
	  .summary = "refuse it (target)",
	  .text = "The source shows Rejected, and the reason if one is given.\n",
	  .examples = "tidemark policy reject web --reason \"ask storage@example.net first\"\n",
	  .options = TM_OPT(REASON),
	  .flags = TM_CMD_TARGET | TM_CMD_REQUEST,
	  .run = cmd_policy_reject },
	{ .noun = "policy",
	  .verb = "preview",
	  .args = "NAME",
	  .summary = "what accepting would replace or delete (target)",
	  .text = "What is in the target directory now: how much, how old, and the first names. Counting stops after "
		  "20,000 entries or a second and then says so. Only while the policy awaits authorization.\n",
	  .examples = "tidemark policy preview web\n",
	  .flags = TM_CMD_VIEW | TM_CMD_TARGET | TM_CMD_REQUEST,
	  .columns = tm_preview_columns,
	  .run = cmd_policy_preview },
	{ .noun = "policy",
	  .verb = "replicate",
	  .args = "NAME",
	  .summary = "start a run (source)",
	  .text = "Or join the one under way. The first run copies everything, later ones what changed. A policy that "
		  "is Stopped wants --yes, after a look at why.\n",
	  .examples = "tidemark policy replicate web --wait\n"
		      "# at most an hour; the run goes on after that\n"
		      "tidemark policy replicate web --wait --timeout 60min\n",
	  .options = TM_OPT(WAIT) | TM_OPT(TIMEOUT),
	  .flags = TM_CMD_SOURCE,
	  .run = cmd_policy_replicate },
	{ .noun = "policy",
	  .verb = "sync",
	  .args = "NAME",
	  .summary = "return when all written before now is durable",
	  .text = "On the target, that is; called on the source. Later writes do not prolong it. Works in both modes and starts a run if none is under way. Gives up "
		  "after 60 seconds if --timeout does not say otherwise.\n",
	  .examples =
		  "# a dump that must be on the other side before the script goes on\n"
		  "pg_dumpall > /srv/dumps/all.sql && tidemark policy sync dumps --timeout 10min\n",
	  .options = TM_OPT(TIMEOUT),
	  .flags = TM_CMD_SOURCE,
	  .run = cmd_policy_sync },
	{ .noun = "policy",
	  .verb = "wait",
	  .args = "NAME",
	  .summary = "return when a run is over or a status reached",
	  .text = "Exits 1 when the run did not finish. With --status it waits for that status, however long it takes "
		  "unless --timeout is given, and whatever happens in between.\n",
	  .examples = "tidemark policy wait web --status Authorized --timeout 1h && "
		      "tidemark policy replicate web\n",
	  .options = TM_OPT(STATUS) | TM_OPT(TIMEOUT),
	  .run = cmd_policy_wait },
	{ .noun = "policy",
	  .verb = "abort",
	  .args = "NAME",
	  .summary = "abort the run under way (source)",
	  .text = "What it did not get to stays pending.\n",
	  .examples = "tidemark policy abort web\n",
	  .flags = TM_CMD_SOURCE,
	  .run = cmd_policy_abort },
	{ .noun = "policy",
	  .verb = "disable",
	  .args = "NAME",
	  .summary = "replicate nothing; changes are still tracked",
	  .examples = "tidemark policy disable web\n",
	  .run = cmd_policy_disable },
	{ .noun = "policy",
	  .verb = "enable",
	  .args = "NAME",
	  .summary = "replicate again",
	  .examples = "tidemark policy enable web\n",
	  .run = cmd_policy_enable },
	{ .noun = "policy",
	  .verb = "edit",
	  .args = "NAME",
	  .summary = "change mode, target address or port (source)",
	  .text = "Directories and the pinned key cannot be changed: they are what the target's admin agreed to.\n",
	  .examples = "tidemark policy edit web --mode continuous\n"
		      "tidemark policy edit web --target-address 192.0.2.8 --target-port 3713\n",
	  .options = TM_OPT(MODE) | TM_OPT(TARGET_ADDRESS) | TM_OPT(TARGET_PORT),
	  .flags = TM_CMD_SOURCE,
	  .run = cmd_policy_edit },
	{ .noun = "policy",
	  .verb = "verify",
	  .args = "NAME",
	  .summary = "compare all content by hash, and repair (source)",
	  .text = "Reads every file on both sides. What differs is put right, unless --no-repair is given: then it "
		  "is listed by `tidemark policy failures`, and with --wait the exit status is 3.\n",
	  .examples = "tidemark policy verify web --wait\n",
	  .options = TM_OPT(WAIT) | TM_OPT(TIMEOUT) | TM_OPT(NO_REPAIR),
	  .flags = TM_CMD_SOURCE,
	  .run = cmd_policy_verify },
	{ .noun = "policy",
	  .verb = "runs",
	  .args = "NAME",
	  .summary = "history of runs, newest first",
	  .text = "PAYLOAD is file data, WIRE what went over the network.\n",
	  .examples = "tidemark policy runs web --limit 20\n"
		      "tidemark policy runs web -b -o id,result,took,payload\n",
	  .options = TM_OPT(LIMIT) | TM_OPT(BEFORE),
	  .flags = TM_CMD_VIEW,
	  .columns = tm_run_columns,
	  .run = cmd_policy_runs },
	{ .noun = "policy",
	  .verb = "failures",
	  .args = "NAME",
	  .summary = "files that could not be replicated, and why",
	  .text = "They do not stop the others. A device node or a setuid bit that the target refuses is one too.\n",
	  .examples = "tidemark policy failures web\n",
	  .options = TM_OPT(LIMIT) | TM_OPT(BEFORE),
	  .flags = TM_CMD_VIEW,
	  .columns = tm_failure_columns,
	  .run = cmd_policy_failures },
	{ .noun = "policy",
	  .verb = "series",
	  .args = "NAME",
	  .summary = "rate, lag and what is pending, over 15 minutes",
	  .text = "A sample every 5 seconds, oldest first: what the page draws.\n",
	  .examples = "tidemark policy series web --raw -b -H -o time,lag\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_series_columns,
	  .run = cmd_policy_series },
	{ .noun = "policy",
	  .verb = "delete",
	  .args = "NAME",
	  .summary = "end the relationship; the data stays",
	  .text = "On both sides. The other side is told. Asks for the name to be repeated, unless --yes is given.\n",
	  .examples = "tidemark policy delete web\n",
	  .run = cmd_policy_delete },
};
