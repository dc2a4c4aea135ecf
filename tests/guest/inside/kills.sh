#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kill -9 of either daemon and either worker at random moments of a generator run, each proven to hit a batch that
# was not yet acknowledged; then restart, sync, and no difference, without any rescan.
# usage: kills.sh KILLS SEED	(KILLS: of each of the four)

set -uo pipefail
. "$(dirname "$0")/common.sh"
KILLS=$1 SEED=$2
RANDOM=$((SEED % 32768))
victims=(daemon-a daemon-b worker-a worker-b)
declare -A killed=([daemon-a]=0 [daemon-b]=0 [worker-a]=0 [worker-b]=0)
guest_policy p continuous
check "first sync" tm a policy sync p --timeout 120
oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$SEED" --ops 10000000 --threads 4 > "$W/gen.log" 2>&1 &
gen=$!

# Changes that were handed to the worker and that the target did not acknowledge.
in_flight() { field a p .in_flight 2>/dev/null || echo 0; }

# The proof: whoever could bring an acknowledgement home is stopped, what was on its way has arrived, and still
# something is in flight. So the kill hits a batch that is not acknowledged, whatever happens between.
hit() # VICTIM
{
	local try frozen n
	for ((try = 0; try < 150; try++)); do
		[[ $(in_flight) -gt 0 ]] || { sleep 0.05; continue; }
		sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
		case $1 in
		*-a) frozen=$(worker_pid a source) ;;
		*-b) frozen=$(worker_pid b target) ;;
		esac
		[[ -n $frozen ]] && kill -STOP "$frozen" 2>/dev/null || continue
		sleep 0.2
		n=$(in_flight)
		if [[ $n -gt 0 ]]; then
			case $1 in
			daemon-a) node_kill a KILL ;;
			daemon-b) node_kill b KILL ;;
			worker-*) kill -9 "$frozen" ;;
			esac
			kill -CONT "$frozen" 2>/dev/null
			killed[$1]=$((killed[$1] + 1))
			echo "# $1 killed for the ${killed[$1]}. time, $n changes in flight"
			return 0
		fi
		kill -CONT "$frozen" 2>/dev/null
	done
	return 1
}

for ((i = 0; i < KILLS * 4; i++)); do
	victim=${victims[i % 4]}
	kill -0 "$gen" 2>/dev/null || break
	# Not in a subshell, as check would: it starts and ends what the next one must know.
	hit "$victim" || echo "# kill $((i + 1)): nothing was in flight for long"
	case $victim in
	daemon-*) node_start "${victim#daemon-}" || break ;;
	esac
	sleep "0.$((RANDOM % 10))"
done
check "the generator was at work all the time" kill -TERM "$gen"
wait "$gen"
check "and ended well" test $? -eq 0
for victim in "${victims[@]}"; do
	check "kill -9 of $victim hit an unacknowledged batch $KILLS times" test "${killed[$victim]}" -eq "$KILLS"
done
grep -E '^[0-9]|ops|operations' "$W/gen.log" | tail -n 3 | sed 's/^/# generator: /'
check "policy sync" tm a policy sync p --timeout 600
check "no difference (seed $SEED)" same
check "no rescan was needed" test "$(field a p .totals.rescans)" = 0
check "seen = queued + coalesced + dropped" test "$(field a p '.capture.seen == .capture.queued + .capture.coalesced + .capture.dropped')" = true
finish
