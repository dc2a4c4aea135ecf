#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest's half of the power cut tests. Both nodes and their state are on disks that stay; the
# host cuts the power (kills the emulator) when a file appears in the shared directory.
#
#	load SHARED SEED	continuous policy under the generator; asks for the cut while it runs
#	heal SHARED		after the reboot: Incomplete, heals, no difference
#	target SHARED		node b alone, in a guest that stays up: accepts, and compares when it is told to
#	durable SHARED SEED	manual policy; sync returns; manifest to SHARED; cut at once
#	kept SHARED		after the reboot: the target is what was acknowledged

set -uo pipefail
STATE_a=/mnt/vda/state STATE_b=/mnt/vdb/state
. "$(dirname "$0")/common.sh"
mode=$1 SHARED=$2 SEED=${3:-1}
# TWO=1: the other node is another guest. Then the guest's own network takes the place of the namespaces.
TWO=${TWO:-0}

cut() { touch "$SHARED/cut"; sleep 60; exit 1; }

wait_connected()
{
	local try
	for ((try = 0; try < 300; try++)); do
		[[ $(field a p .connected) = true ]] && return 0
		sleep 0.1
	done
	return 1
}

# Tracking broke with the power: was that told?
told_incomplete()
{
	local try
	for ((try = 0; try < 100; try++)); do
		[[ $(field a p '.capture.incomplete != null or .totals.rescans > 0') = true ]] && return 0
		sleep 0.1
	done
	return 1
}

alone()
{
	nodes_begin
	ip netns del "$NS_PREFIX$1"
	touch "/run/netns/$NS_PREFIX$1"
	mount --bind /proc/self/ns/net "/run/netns/$NS_PREFIX$1"
	address() { case $1 in a) echo 10.37.0.1 ;; *) echo 10.37.0.2 ;; esac; }
	node_start "$1" || exit 1
}

begin()
{
	if [[ $TWO = 1 ]]; then
		alone a
	else
		nodes_begin
		node_start a || exit 1
		node_start b || exit 1
	fi
}

policy()
{
	if [[ $TWO = 1 ]]; then
		tm a policy create p --source-dir "$SRC" --target-dir /mnt/vda/dst --target-address "$(address b)" --mode continuous &&
			wait_status a p Finished 120
	else
		make_policy p "$SRC" "$DST" --mode "$1"
	fi
}

appears() # FILE: in the shared directory, within ten minutes
{
	local try
	for ((try = 0; try < 1200; try++)); do
		[[ -e $SHARED/$1 ]] && return 0
		sleep 0.5
	done
	return 1
}

# With two guests the source's tree travels as a manifest.
compared()
{
	[[ $TWO = 1 ]] || { same; return; }
	oracle-manifest "$SRC" > "$SHARED/manifest"
	rm -f "$SHARED/verdict"
	touch "$SHARED/compare"
	appears verdict || return 1
	cat "$SHARED/verdict"
	grep -q '^equal$' "$SHARED/verdict"
}

case $mode in
load)
	begin
	policy continuous || exit 1
	oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$SEED" --ops 3000 --threads 4 > /dev/null
	tm a policy sync p --timeout 120 || exit 1
	oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$((SEED + 1))" --ops 1000000 --threads 4 > /dev/null &
	sleep "$((SEED % 6 + 2))"
	cut ;;
heal)
	begin
	check "the root is Incomplete after the reboot" told_incomplete
	check "policy sync" tm a policy sync p --timeout 300
	check "it healed" test "$(field a p .capture.incomplete)" = null
	check "no difference" compared
	check "one reconcile did it" test "$(field a p .totals.rescans)" -ge 1
	field a p '"# healing: \(.last_run.files) objects, \(.last_run.payload_bytes) bytes of payload"'
	echo more > "$SRC/more"
	check "it goes on" tm a policy sync p --timeout 60
	check "no difference after that" compared
	touch "$SHARED/end"
	finish ;;
target)
	mkdir -p /mnt/vda/dst
	alone b
	touch "$SHARED/ready"
	wait_status b p "Awaiting Authorization" 300 && tm b policy accept p --yes || exit 1
	while [[ ! -e $SHARED/end ]]; do
		if [[ -e $SHARED/compare ]]; then
			rm "$SHARED/compare"
			if oracle-prefix-check /mnt/vda/dst "$SHARED/manifest" > /tmp/verdict 2>&1; then
				echo equal >> /tmp/verdict
			else
				oracle-manifest /mnt/vda/dst | diff "$SHARED/manifest" - | head -n 20 >> /tmp/verdict
			fi
			cp /tmp/verdict "$SHARED/verdict.new"
			mv "$SHARED/verdict.new" "$SHARED/verdict"
		fi
		sleep 0.5
	done ;;
durable)
	begin
	policy manual || exit 1
	oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$SEED" --ops 1500 --threads 2 > /dev/null
	tm a policy sync p --timeout 120 || exit 1
	oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$((SEED + 1))" --ops 800 --threads 2 > /dev/null
	oracle-manifest "$SRC" > "$SHARED/manifest"
	tm a policy sync p --timeout 120 > "$SHARED/synced" && cut ;;
kept)
	begin
	check "the nodes meet again" wait_connected
	sleep 3
	check "the target is what was acknowledged before the power cut" oracle-prefix-check "$DST" "$SHARED/manifest"
	finish ;;
esac
