#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs loss_test in guests: run.sh "NAME VM-OPTIONS..."... Prints one TAP stream.

set -uo pipefail
cd "$(dirname "$0")/../../.."
export O=${O:-$PWD/build}
bad=0

prog=$(tests/guest/loss/build.sh) || { echo "Bail out! loss_test does not compile"; exit 1; }

for one in "$@"; do
	name=${one%% *} options=${one#* }
	# shellcheck disable=SC2086
	out=$(scripts/vm $options --disk 1G:ext4 --disk 400M --timeout 1200 -- env TM_OVERFLOWS="${TM_OVERFLOWS:-200}" "$prog" /mnt/vda \
		| tee "$O/loss-$name.log"; exit "${PIPESTATUS[0]}")
	status=$?
	sed -n "s/^\(not ok\|ok\) [0-9]* \(.*\)/\1 - $name: \2/p; /^#/p" <<<"$out"
	want=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' <<<"$out")
	have=$(grep -cE '^(not )?ok ' <<<"$out")
	if [[ ${want:-0} -eq 0 || $have -ne $want ]]; then
		echo "not ok - $name: all ${want:-?} results are there ($have, exit status $status)"
		bad=1
	fi
	((status == 0)) || bad=1
done
exit "$bad"
