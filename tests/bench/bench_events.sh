#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 200 event streams and 50 policies: what the daemon takes of memory and CPU, idle and while all of them
# replicate, and how late an event is. Bounds are wide: they catch what grows, not what is slow today.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 300M
disk dst 300M
node_start a || exit 1
node_start b || exit 1
POLICIES=${POLICIES:-50} STREAMS=${STREAMS:-200}

make_policies()
{
	local i
	for ((i = 1; i <= POLICIES; i++)); do
		mkdir -p "$W/src/$i"
		echo "$i" > "$W/src/$i/file"
		tm a policy create "p$i" --source-dir "$W/src/$i" --target-dir "$W/dst/$i" --target-address "$(address b)" \
			--mode continuous > "$W/out" || return 1
		tm b policy accept "p$i" --create-dir > "$W/out" || return 1
	done
}
all_finished() { [[ $(tm a policy list -j | jq '[.[] | select(.status == "Finished")] | length') -eq $POLICIES ]]; }

check "$POLICIES policies are created and accepted" make_policies
for ((try = 0; try < 600; try++)); do all_finished && break; sleep 1; done
check "all of them are in sync" all_finished
python3 "$TOP/tests/bench/events.py" "$W/a/run/api.sock" "$(node_pid a)" "$STREAMS" "$W/src" "$POLICIES"
STATUS=$?
check "measured" test "$STATUS" -eq 0
finish
