#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writers against epoch flips on every kernel, and on kernels that preempt programs: 16 writers on 2 CPUs lose
# nothing with guard slots, and without them the loss is told. Prints one TAP stream.

set -uo pipefail
cd "$(dirname "$0")/../.."
export O=${O:-$PWD/build}
bad=0

prog=$(tests/guest/capture/build.sh race_test) || { echo "Bail out! race_test does not compile"; exit 1; }

# round NAME KERNEL APPEND VARIABLE... [PATTERN]: the results of one boot
round()
{
	local name=$1 kernel=$2 append=$3 out status want have
	shift 3
	echo "# $name"
	out=$(scripts/vm --kernel "$kernel" --append "$append" --disk 400M:ext4 --timeout 900 -- env "$@")
	status=$?
	sed -n "s/^\(not ok\|ok\) [0-9]* \(.*\)/\1 - $name: \2/p; /^#/p; /^Bail/p" <<< "$out"
	want=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' <<< "$out" | paste -sd+ | sed 's/^$/0/')
	want=$((want))
	have=$(grep -cE '^(not )?ok ' <<< "$out")
	if [[ ${want:-0} -eq 0 || $have -ne $want ]]; then
		echo "not ok - $name: all ${want:-?} results are there ($have, exit status $status)"
		bad=1
	fi
	((status == 0)) || bad=1
}

for k in ${KERNELS:-6.1 6.12}; do
	round "$k" "$k" "" "TM_FLIPS=${TM_FLIPS:-2000}" "$prog" /mnt/vda
done
# Both in one boot: first with guard slots, then without.
both="TM_FLIPS=100 $prog /mnt/vda; r=\$?; TM_NO_GUARDS=1 $prog /mnt/vda sixteen || r=1; exit \$r"
round "6.12 preempt=full" 6.12 preempt=full TM_PREEMPT=1 bash -c "$both"
round "6.12 RT" 6.12-rt "" TM_PREEMPT=1 bash -c "$both"
exit "$bad"
