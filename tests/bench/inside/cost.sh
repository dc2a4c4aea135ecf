#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Inside the guest (--icount): cost.sh SCALE TRACKER... prints "TRACKER PLACE OPERATION INSTRUCTIONS".
# TRACKER: none, inotify, fanotify, tidemark. tidemark must be the last: its programs stay.

set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../guest/inside/common.sh"
scale=$1
shift
read -ra ops <<< "${OPS:-pwrite4k-hot pwrite4k-on pwrite4k-walk pwrite64-hot pwrite64-on pwrite64-walk create+unlink}"

# The file system's own housekeeping would be noise.
echo 0 > /proc/sys/vm/dirty_writeback_centisecs
mount -o remount,commit=600,noinit_itable,nodiscard /mnt/vda
mkdir -p "$SRC/d" /mnt/vda/outside/d

# run TRACKER PLACE DIR
run()
{
	"$O/tests/bench/cost" "$3" "$scale" "${ops[@]}" | sed "s/^/$1 $2 /"
}

with()
{
	local tracker=$1 pid
	shift
	"$@" > /dev/null 2>&1 &
	pid=$!
	sleep 3
	kill -0 "$pid" || { echo "$tracker did not start: $*"; exit 1; }
	run "$tracker" inside "$SRC/d"
	kill "$pid"
	wait "$pid" 2>/dev/null
}

# Authorized, replicated once and then disabled: tracking goes on, nothing is sent.
tidemark_policy()
{
	nodes_begin
	# A target elsewhere has programs of its own; here they would count twice.
	node_start a || return 1
	BACKEND=fanotify node_start b || return 1
	made() { make_policy p "$SRC" "$DST" --mode manual; }
	# Its clock runs ahead of the emulator: an answer may come "too late".
	made || made || made || return 1
	tm a policy replicate p --wait > /dev/null || return 1
	tm a policy disable p > /dev/null
	[[ $(field a p .status) == Disabled ]]
}

for t in "$@"; do
	case $t in
	none) run none inside "$SRC/d"; run none outside /mnt/vda/outside/d ;;
	inotify) with inotify inotifywait -m -r -q "$SRC" ;;
	fanotify) (cd /mnt/vda && with fanotify fatrace -c) ;;
	tidemark)
			tidemark_policy || { echo "tidemark does not track"; exit 1; }
		sleep 2
		run tidemark outside /mnt/vda/outside/d
		run tidemark inside "$SRC/d"
		tm a policy show p -j | jq -c .capture | sed 's/^/# /' ;;
	esac
done
exit 0
