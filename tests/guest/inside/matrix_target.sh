#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rows once more, below real policy roots: do the changes arrive? One policy per file system, all rows, then
# policy sync and the oracle's comparison.
# usage: matrix_target.sh PROGRAM FS...	(disks as in matrix.sh; the targets are on /mnt/vdd)

set -uo pipefail
. "$(dirname "$0")/common.sh"
prog=$1
shift

policy()
{
	tm a policy create "$1" --source-dir "$2" --target-dir "$3" --target-address "$(address b)" --mode continuous > /dev/null &&
		wait_status b "$1" "Awaiting Authorization" 20 &&
		tm b policy accept "$1" --yes --create-dir --allow-devices --allow-suid > /dev/null
}

declare -A place=([ext4]=/mnt/vda [xfs]=/mnt/vdb [btrfs]=/mnt/vdc [tmpfs]=/mnt/tm)
nodes_begin
node_start a || exit 1
node_start b || exit 1
for f; do
	base=${place[$f]}/e2e
	mkdir -p "$base/root" /mnt/vdd
	check "$f: create and accept" policy "m-$f" "$base/root" "/mnt/vdd/$f"
	check "$f: first sync" tm a policy sync "m-$f" --timeout 120
	check "$f: BPF sees it" test "$(field a "m-$f" .capture.backend)" = bpf
	"$prog" run "$base" "$TIDEMARK_VM" "$f" - > "$W/rows" 2>&1
	grep '^not ok' "$W/rows" | sed 's/^/# /'
	check "$f: all rows work ($(grep -c '^ok' "$W/rows") of them)" test "$(grep -c '^not ok' "$W/rows")" = 0
	check "$f: policy sync" tm a policy sync "m-$f" --timeout 300
	check "$f: every change arrived" equal "$base/root" "/mnt/vdd/$f"
	check "$f: no rescan was needed" test "$(field a "m-$f" .totals.rescans)" = 0
	check "$f: nothing failed" test "$(tm a policy failures "m-$f" -j | jq length)" = 0
done
finish
