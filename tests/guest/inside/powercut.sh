#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest's half of the power cut tests. Both nodes and their state are on disks that stay; the
# host cuts the power (kills the emulator) when a file appears in the shared directory.
#
#	load SHARED SEED	continuous policy under the generator; says "now" in SHARED/cut while it runs
#	heal SHARED		after the reboot: Incomplete, heals, no difference
#	durable SHARED SEED	manual policy; sync returns; manifest to SHARED; cut at once
#	kept SHARED		after the reboot: the target is what was acknowledged

set -uo pipefail
STATE_a=/mnt/vda/state STATE_b=/mnt/vdb/state
. "$(dirname "$0")/common.sh"
mode=$1 SHARED=$2 SEED=${3:-1}

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

begin() { nodes_begin; node_start a || exit 1; node_start b || exit 1; }

case $mode in
load)
	begin
	make_policy p "$SRC" "$DST" --mode continuous || exit 1
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
	check "no difference" same
	check "one reconcile did it" test "$(field a p .totals.rescans)" -ge 1
	echo more > "$SRC/more"
	check "it goes on" tm a policy sync p --timeout 60
	check "no difference after that" same
	finish ;;
durable)
	begin
	make_policy p "$SRC" "$DST" --mode manual || exit 1
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
