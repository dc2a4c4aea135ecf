// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/options.c - the table of options.
 */
#include "cli/options.h"

/* clang-format off */
const struct tm_option tm_options[TM_O_MAX] = {
	[TM_O_JSON]	  = { "json", 'j', NULL, "the API's object instead of text", 0, NULL },
	[TM_O_PRETTY]	  = { "pretty", 'p', NULL, "JSON over several lines (implies -j)", 0, NULL },
	[TM_O_OUTPUT]	  = { "output", 'o', "COLS", "these columns, or fields of the API's object: name,status,progress.percent", TM_V_COLUMNS, NULL },
	[TM_O_NOHEADINGS] = { "noheadings", 'H', NULL, "no line of headings", 0, NULL },
	[TM_O_RAW]	  = { "raw", 0, NULL, "columns parted by one blank, blanks inside as \\x20", 0, NULL },
	[TM_O_BYTES]	  = { "bytes", 'b', NULL, "exact: bytes, counts and times as the API gives them", 0, NULL },
	[TM_O_WATCH]	  = { "watch", 'w', "[SEC]", "again whenever something changes, at least every SEC seconds; in a pipe JSON lines", 0, NULL },
	[TM_O_COLOR]	  = { "color", 0, "[WHEN]", "auto, always or never", TM_V_WORDS, "auto|always|never" },
	[TM_O_QUIET]	  = { "quiet", 'q', NULL, "no talk beside errors", 0, NULL },
	[TM_O_YES]	  = { "yes", 'y', NULL, "do not ask", 0, NULL },
	[TM_O_SOCKET]	  = { "socket", 0, "PATH", "tidemarkd's socket; also $TIDEMARK_SOCKET (default " TM_DEFAULT_SOCKET ")", TM_V_FILE, NULL },
	[TM_O_HELP]	  = { "help", 'h', NULL, "explain the command", 0, NULL },

	[TM_O_SOURCE_DIR]     = { "source-dir", 0, "DIR", "existing directory on this cluster", TM_V_DIR, NULL },
	[TM_O_TARGET_DIR]     = { "target-dir", 0, "DIR", "directory on the target cluster", TM_V_DIR, NULL },
	[TM_O_TARGET_ADDRESS] = { "target-address", 0, "ADDR", "address of a node of the target cluster", TM_V_HOST, NULL },
	[TM_O_TARGET_PORT]    = { "target-port", 0, "PORT", "its port, 3712 if not given", 0, NULL },
	[TM_O_MODE]	      = { "mode", 0, "MODE", "manual: when told to; continuous: as soon as something changes", TM_V_WORDS, "manual|continuous" },
	[TM_O_FINGERPRINT]    = { "target-fingerprint", 0, "F", "refuse any other key (64 hex digits)", 0, NULL },
	[TM_O_CREATE_DIR]     = { "create-dir", 0, NULL, "make the target directory", 0, NULL },
	[TM_O_ALLOW_DEVICES]  = { "allow-devices", 0, NULL, "let the source make device nodes here", 0, NULL },
	[TM_O_ALLOW_SUID]     = { "allow-suid", 0, NULL, "let the source set setuid, setgid and file capabilities here", 0, NULL },
	[TM_O_REASON]	      = { "reason", 0, "TEXT", "shown on the source", 0, NULL },
	[TM_O_WAIT]	      = { "wait", 0, NULL, "until the run is over, with progress; exit 1 unless it finished", 0, NULL },
	[TM_O_TIMEOUT]	      = { "timeout", 0, "TIME", "exit 7 after that; what was asked for goes on (30, 500ms, 2min)", 0, NULL },
	[TM_O_STATUS]	      = { "status", 0, "STATUS", "until the policy has this status", TM_V_WORDS, "Authorized|Finished|Rejected|Stopped|Failed|Disabled|Disconnected|Replicating|Incomplete" },
	[TM_O_NO_REPAIR]      = { "no-repair", 0, NULL, "only say what differs", 0, NULL },
	[TM_O_LIMIT]	      = { "limit", 0, "N", "at most so many, newest first", 0, NULL },
	[TM_O_BEFORE]	      = { "before", 0, "ID", "only those older than the row with this id", 0, NULL },
	[TM_O_DETAIL]	      = { "detail", 0, NULL, "with cause and cure", 0, NULL },
	[TM_O_POLICY]	      = { "policy", 0, "NAME", "only for this policy", TM_V_POLICY, NULL },
	[TM_O_FOLLOW]	      = { "follow", 'f', NULL, "go on with what happens from now", 0, NULL },
	[TM_O_SINCE]	      = { "since", 0, "N", "only what came after event N", 0, NULL },
	[TM_O_ALL]	      = { "all", 'a', NULL, "all settings (as without a KEY)", 0, NULL },
	[TM_O_WRITE]	      = { "write", 'w', NULL, "change what KEY=VALUE names, until the next start", 0, NULL },
	[TM_O_VALUES]	      = { "values", 'n', NULL, "only values", 0, NULL },
	[TM_O_NAMES]	      = { "names", 'N', NULL, "only names", 0, NULL },
	[TM_O_ORIGIN]	      = { "origin", 0, NULL, "where the value comes from: default, file:line, command line, runtime", 0, NULL },
	[TM_O_DESCRIBE]	      = { "describe", 0, NULL, "type, range, default and what it is for", 0, NULL },
	[TM_O_IGNORE]	      = { "ignore", 'e', NULL, "no error for a KEY that does not exist", 0, NULL },
	[TM_O_ROLE]	      = { "role", 0, "ROLE", "viewer (looks), operator (also replicates, aborts, enables, disables, verifies), admin (all)", TM_V_WORDS, "viewer|operator|admin" },
	[TM_O_STDIN]	      = { "stdin", 0, NULL, "read the password from standard input, one line", 0, NULL },
};
/* clang-format on */

#define BITS_COMMON ((1ULL << TM_O_COMMON_END) - 1)

bool tm_option_of(const struct tm_command *k, enum tm_option_id id)
{
	if (id == TM_O_WATCH)
		return (k->flags & TM_CMD_VIEW) || (k->options & TM_OPT(WAIT));
	return (k->options | BITS_COMMON) >> id & 1;
}

char tm_option_letter(const struct tm_command *k, enum tm_option_id id)
{
	char letter = tm_options[id].letter;

	/* A command's own meaning of a letter hides the common one: sysctl -w writes. */
	for (int i = TM_O_COMMON_END; letter && id < TM_O_COMMON_END && i < TM_O_MAX; i++)
		if (tm_options[i].letter == letter && tm_option_of(k, (enum tm_option_id)i))
			return 0;
	return letter;
}
