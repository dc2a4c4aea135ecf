#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The oracle's positive controls: one defence off at a time (a build with -DTM_FAULTS), and the
# oracle must report the difference. A control that still compares equal is a failure.

set -uo pipefail
. "$(dirname "$0")/common.sh"
nodes_begin

wait_connected()
{
	local try
	for ((try = 0; try < 300; try++)); do
		[[ $(field a p .connected) = true ]] && return 0
		sleep 0.1
	done
	return 1
}

# one FAULT PREPARE CHANGE: after the first sync FAULT comes on; 1: CHANGE left a difference.
one()
{
	local fault=$1 prepare=$2 change=$3 status
	unset TM_FAULT
	rm -rf /mnt/vda/src /mnt/vdb/dst
	rm -rf "$W/a/state" "$W/b/state" "$W/a/run" "$W/b/run"
	mkdir -p /mnt/vda/src
	(cd /mnt/vda/src && eval "$prepare")
	node_start a && node_start b || return 9
	make_policy p "$SRC" "$DST" --mode continuous || return 9
	tm a policy sync p --timeout 60 || return 9
	equal "$SRC" "$DST" || return 9
	export TM_FAULT=$fault
	node_restart a && node_restart b || return 9
	wait_connected || return 9
	(cd /mnt/vda/src && eval "$change")
	tm a policy sync p --timeout 60 || return 9
	equal "$SRC" "$DST"
	status=$?
	tm a policy delete p --yes > /dev/null
	node_kill a; node_kill b
	unset TM_FAULT
	return $status
}

control()
{
	local fault=$1 what=$2
	shift 2
	check "$what, defences on: equal" one "" "$@"
	check "$what, $fault: the oracle reports it" exits 1 one "$fault" "$@"
}

control mark-dropped "4 KiB written" \
	"head -c 1000000 /dev/urandom > f" \
	"dd if=/dev/urandom of=f bs=4096 seek=7 count=1 conv=notrunc status=none"
control rename-ignored "a file renamed" "echo one > one" "mv one two"
control hole-skipped "a hole punched" \
	"head -c 1000000 /dev/urandom > f" "fallocate -p -o 65536 -l 131072 f"
control early-ack "a new file, the target dies after its acknowledgement" "echo one > one" "echo two > two"
finish
