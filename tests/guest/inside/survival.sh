#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The source's daemon dies, sleeps and is replaced by other builds while the generator works. With pins that fit
# nothing is scanned and nothing lost; with another map layout the root is incomplete, and healed.
# usage: survival.sh SECONDS SEED		SECONDS: how long it is dead, and how long it sleeps
# Needs a build with -DTM_FAULTS in $O: "other-build" and "other-layout" stand for other binaries.

set -uo pipefail
. "$(dirname "$0")/common.sh"
SECS=$1 SEED=$2
guest_policy p continuous
check "first sync" tm a policy sync p --timeout 300

loading() { oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$((SEED++))" --ops 1000000 --threads 4 > "$W/gen.log" 2>&1 & gen=$!; }
rest() { kill -TERM "$gen"; wait "$gen"; }

# What the source's daemon said of its tracking.
why() { grep -iE 'incomplete|tracking|compared|missed|detached|self-test|blind' "$W/a/log" | tail -n 20 | sed 's/^/# /'; }

# settled WHAT RESCANS: sync, no difference, as many rescans as that
settled()
{
	check "$1: policy sync" tm a policy sync p --timeout 600
	check "$1: no difference" same
	check "$1: rescans so far: $2" test "$(field a p .totals.rescans)" = "$2"
	[[ $(field a p .totals.rescans) = "$2" ]] || why
	check "$1: not incomplete" test "$(field a p .capture.incomplete)" = null
}

# pid of the daemon itself: what node_pid names is nsenter, which became it by exec
loading
sleep 2
node_kill a KILL
sleep "$SECS"
node_start a
sleep 2
rest
settled "kill -9 and $SECS s without a daemon under load" 0

loading
sleep 2
kill -STOP "$(node_pid a)"
sleep "$SECS"
kill -CONT "$(node_pid a)"
sleep 2
rest
settled "SIGSTOP for $SECS s under load" 0

loading
sleep 2
export TM_FAULT=other-build
node_restart a
sleep 2
rest
settled "another build over the same pins, under load" 0
check "the old build's links are gone" test "$(ls -d /sys/fs/bpf/tidemark/"$(node_instance a)"/v1/links-* | wc -l)" = 1

loading
sleep 1
export TM_FAULT=other-layout
node_restart a
unset TM_FAULT
sleep 2
rest
settled "another map layout, under load" 1
tm a policy show p -j | jq -c '{totals, capture}' | sed 's/^/# /'
finish
