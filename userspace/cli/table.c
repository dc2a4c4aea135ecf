// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/table.c - the commands that are not about one relationship, and all of them in groups.
 *
 * The texts are the help and the manual both.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/options.h"

static const struct tm_command glance[] = {
	{ .noun = "status",
	  .args = "",
	  .summary = "am I safe, how far behind, what should I do",
	  .text = "One screen: the answer first, then a line for each relationship, what to do with the commands "
		  "for it, and this cluster's name, key and capture. Exits 3 when something wants to be looked at. With -j the daemon's status object is printed "
		  "and the exit status does not judge it.\n",
	  .examples =
		  "tidemark status\n"
		  "# let a script look for trouble\n"
		  "tidemark status -q > /dev/null || logger -p user.warning \"tidemark wants to be looked at\"\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_list_columns,
	  .run = cmd_status },
	{ .noun = "where",
	  .args = "PATH",
	  .summary = "is this very file safe on the target",
	  .text = "When its last change was seen, and when one was last durable. For each relationship that holds PATH: safe, pending, in-flight, incomplete, failed or "
		  "unknown. Exits 0 only if it is safe everywhere, 3 if not yet, 4 if nothing replicates it.\n",
	  .examples = "tidemark where /srv/www/index.html\n"
		      "# wait until it is\n"
		      "until tidemark where -q /srv/www/index.html > /dev/null; do sleep 1; done\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_where_columns,
	  .run = cmd_where },
	{ .noun = "health",
	  .args = "",
	  .summary = "what is wrong, by stable codes",
	  .text = "Exits 3 if something is. The codes are explained in tidemark-health(7). Muted ones are listed and do not count.\n",
	  .examples = "tidemark health --detail\n",
	  .options = TM_OPT(DETAIL),
	  .flags = TM_CMD_VIEW,
	  .columns = tm_health_columns,
	  .run = cmd_health },
	{ .noun = "health",
	  .verb = "mute",
	  .args = "CODE DURATION",
	  .summary = "do not count this for a while",
	  .text = "It is counted again when the time is over, or with a DURATION of 0.\n",
	  .examples = "tidemark health mute PEER_UNREACHABLE 1h --policy web\n",
	  .options = TM_OPT(POLICY),
	  .run = cmd_health_mute },
	{ .noun = "events",
	  .args = "",
	  .summary = "what happened lately, and with -f what happens",
	  .text = "The daemon remembers the last 1,000; `resync` means that some were missed. With -j one object a "
		  "line.\n",
	  .examples = "tidemark events -f\n"
		      "tidemark events -f -j | jq -c 'select(.type == \"run\")'\n",
	  .options = TM_OPT(FOLLOW) | TM_OPT(SINCE),
	  .run = cmd_events },
	{ .noun = "top",
	  .args = "NAME",
	  .summary = "who writes below the root of a policy",
	  .text = "Processes by what they wrote since the time shown. Needs a capture that knows writers.\n",
	  .examples = "tidemark top web -w\n",
	  .flags = TM_CMD_VIEW | TM_CMD_SOURCE,
	  .columns = tm_top_columns,
	  .run = cmd_top },
};

static const struct tm_command cluster[] = {
	{ .noun = "peer",
	  .verb = "list",
	  .args = "",
	  .summary = "other clusters and their keys",
	  .examples = "tidemark peer list\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_peer_columns,
	  .run = cmd_peer_list },
	{ .noun = "peer",
	  .verb = "show",
	  .args = "PEER",
	  .summary = "one of them, and what is shared with it",
	  .text = "PEER is its cluster's name or the beginning of its fingerprint.\n",
	  .examples = "tidemark peer show berlin\n",
	  .flags = TM_CMD_VIEW,
	  .run = cmd_peer_show },
	{ .noun = "audit",
	  .args = "",
	  .summary = "who did what, when; newest first",
	  .examples = "tidemark audit --limit 20\n",
	  .options = TM_OPT(LIMIT) | TM_OPT(BEFORE),
	  .flags = TM_CMD_VIEW,
	  .columns = tm_audit_columns,
	  .run = cmd_audit },
	{ .noun = "sysctl",
	  .args = "[KEY[=VALUE]]...",
	  .summary = "settings in force; with -w change them",
	  .text = "With the manners of sysctl(8): a KEY reads, KEY=VALUE changes until the next start (what is to stay "
		  "goes into /etc/tidemark.d, see tidemark.d(5)). Slashes may stand for dots. Not every setting can "
		  "be changed at run time; --describe says which.\n",
	  .examples = "tidemark sysctl --origin\n"
		      "tidemark sysctl -n batch.interval\n"
		      "tidemark sysctl -w log.level=debug\n",
	  .options = TM_OPT(ALL) | TM_OPT(WRITE) | TM_OPT(VALUES) | TM_OPT(NAMES) | TM_OPT(ORIGIN) |
		     TM_OPT(DESCRIBE) | TM_OPT(IGNORE),
	  .flags = TM_CMD_VIEW,
	  .columns = tm_sysctl_columns,
	  .run = cmd_sysctl },
	{ .noun = "probe",
	  .args = "",
	  .summary = "what this kernel allows and what is used",
	  .text = "Says why the BPF backend is not used where it is not.\n",
	  .examples = "tidemark probe\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_probe_columns,
	  .run = cmd_probe },
	{ .noun = "capture",
	  .args = "",
	  .summary = "how changes are seen: backend, hooks, counters",
	  .examples = "tidemark capture\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_hook_columns,
	  .run = cmd_capture },
	{ .noun = "bugtool",
	  .args = "",
	  .summary = "one JSON document for a bug report",
	  .text = "Names of clusters, policies, directories and users are in it; keys and passwords are not. Read it "
		  "before you send it.\n",
	  .examples = "tidemark bugtool > report.json\n",
	  .run = cmd_bugtool },
	{ .noun = "version",
	  .args = "",
	  .summary = "versions of this program and of the daemon",
	  .examples = "tidemark version\n",
	  .run = cmd_version },
	{ .noun = "help",
	  .args = "[NOUN] [VERB]",
	  .summary = "explain a command, as --help does",
	  .examples = "tidemark help policy accept\n",
	  .run = cmd_help },
};

static const struct tm_command people[] = {
	{ .noun = "admin",
	  .verb = "set-password",
	  .args = "[USER]",
	  .summary = "let somebody log in, or change a password",
	  .text = "USER is admin if not given. Asks twice on the terminal, or reads one line with --stdin. At least 10 "
		  "characters. Only a yescrypt hash of it leaves this command. The very first account is an admin; "
		  "every later one wants --role.\n",
	  .examples =
		  "tidemark admin set-password\n"
		  "pwgen 20 1 | tee /dev/tty | tidemark admin set-password watcher --role viewer --stdin\n",
	  .options = TM_OPT(ROLE) | TM_OPT(STDIN),
	  .run = cmd_admin_set_password },
	{ .noun = "admin",
	  .verb = "list",
	  .args = "",
	  .summary = "who may log in to the web page",
	  .examples = "tidemark admin list\n",
	  .flags = TM_CMD_VIEW,
	  .columns = tm_user_columns,
	  .run = cmd_admin_list },
	{ .noun = "admin",
	  .verb = "role",
	  .args = "USER ROLE",
	  .summary = "change what somebody may do there",
	  .text = "A viewer looks; an operator also replicates, aborts, enables, disables, syncs and verifies; an "
		  "admin does everything.\n",
	  .examples = "tidemark admin role alice operator\n",
	  .run = cmd_admin_role },
	{ .noun = "admin",
	  .verb = "disable",
	  .args = "USER",
	  .summary = "no more logging in, until enabled again",
	  .examples = "tidemark admin disable alice\n",
	  .run = cmd_admin_disable },
	{ .noun = "admin",
	  .verb = "enable",
	  .args = "USER",
	  .summary = "log in again, with the same password",
	  .examples = "tidemark admin enable alice\n",
	  .run = cmd_admin_enable },
	{ .noun = "admin",
	  .verb = "delete",
	  .args = "USER",
	  .summary = "forget an account",
	  .text = "Asks for the name to be repeated, unless --yes is given.\n",
	  .examples = "tidemark admin delete alice\n",
	  .run = cmd_admin_delete },
};

const struct tm_group tm_groups[] = {
	{ "At a glance", glance, TM_ARRAY_SIZE(glance) },
	{ "Relationships", tm_policy_commands, TM_POLICY_COMMANDS },
	{ "This cluster", cluster, TM_ARRAY_SIZE(cluster) },
	{ "Who may log in to the page", people, TM_ARRAY_SIZE(people) },
};
const size_t tm_groups_n = TM_ARRAY_SIZE(tm_groups);

const struct tm_command *tm_command_find(const char *noun, const char *verb)
{
	tm_command_foreach(k)
	{
		if (tm_streq(k->noun, noun) && !k->verb == !verb &&
		    (!verb || tm_streq(k->verb, verb)))
			return k;
	}
	return NULL;
}

void tm_command_name(const struct tm_command *k, char *dst, size_t cap)
{
	snprintf(dst, cap, "%s%s%s", k->noun, k->verb ? " " : "", k->verb ? k->verb : "");
}
