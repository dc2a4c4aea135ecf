#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kill -9 of either daemon and either worker at random moments of a generator run, each proven to hit a batch that
# was not yet acknowledged; then restart, sync, and no difference, without any rescan.
# usage: kills.sh KILLS SEED

set -uo pipefail
. "$(dirname "$0")/common.sh"
KILLS=$1 SEED=$2
RANDOM=$((SEED % 32768))
guest_policy p continuous
check "first sync" tm a policy sync p --timeout 120
oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$SEED" --ops 1000000 --threads 4 > "$W/gen.log" 2>&1 &
gen=$!
victims=(daemon-a daemon-b worker-a worker-b)

# A batch is under way on the source: changes were handed over and not acknowledged.
busy() { [[ $(field a p '.in_flight > 0' 2>/dev/null) = true ]]; }

hit() # VICTIM: kill it while a batch is not acknowledged; 0 if that was so
{
	local try pid
	for ((try = 0; try < 60; try++)); do
		if busy; then
			sleep "0.0$((RANDOM % 10))"
			case $1 in
			daemon-a) kill -STOP "$(node_pid a)" ;;
			esac
			case $1 in
			daemon-a | worker-a) proof=$(unacknowledged a) ;;
			*) proof=$(busy && echo 1 || echo 0) ;;
			esac
			if [[ ${proof:-0} -gt 0 ]]; then
				case $1 in
				daemon-a) node_kill a KILL; node_start a ;;
				daemon-b) node_kill b KILL; node_start b ;;
				worker-a) pid=$(worker_pid a source) && kill -9 "$pid" ;;
				worker-b) pid=$(worker_pid b target) && kill -9 "$pid" ;;
				esac && return 0
			fi
			[[ $1 = daemon-a ]] && kill -CONT "$(node_pid a)"
		fi
		sleep 0.02
	done
	return 1
}

# Records in the journal that the target did not acknowledge yet, counted from outside.
unacknowledged()
{
	local size=0 f
	for f in "$W/$1"/run/policies/*/changes; do
		[[ -s $f ]] && size=$((size + $(stat -c %s "$f")))
	done
	echo "$size"
}

for ((i = 0; i < KILLS; i++)); do
	victim=${victims[i % 4]}
	kill -0 "$gen" 2>/dev/null || break
	check "kill $((i + 1)): -9 of $victim hits an unacknowledged batch" hit "$victim"
	sleep "0.$((RANDOM % 9 + 1))"
done
kill -TERM "$gen"
wait "$gen"
check "the generator ended well" test $? -eq 0
check "policy sync" tm a policy sync p --timeout 600
check "no difference (seed $SEED)" same
check "no rescan was needed" test "$(field a p .totals.rescans)" = 0
finish
