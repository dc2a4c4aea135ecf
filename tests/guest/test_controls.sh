#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Positive controls: builds that are wrong on purpose must be found out by the oracle.
O=${O:-$(cd "$(dirname "$0")/../.." && pwd)/build}
top=$(cd "$(dirname "$0")/../.." && pwd)
make -C "$top" --no-print-directory -j2 O="$O/faults" EXTRA_CPPFLAGS=-DTM_FAULTS all oracle > "$O/faults.log" 2>&1 || {
	tail -n 20 "$O/faults.log" | sed 's/^/# /'
	echo "not ok the build without defences compiles"
	exit 1
}
export O="$O/faults"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/powercut.sh"
in_guest 6.1 1G 900 controls.sh | grep -v '^1\.\.'

# after_cut FAULT WANTED: what the oracle says about acknowledged data after a power cut
after_cut()
{
	local out
	out=$(TM_FAULT=$1 power_cut 6.1 durable kept "$(fresh_seed)")
	if grep -q '^ok.*the power went' <<< "$out" && grep -q "^$2.*what was acknowledged" <<< "$out"; then
		echo "ok a power cut, $3"
	else
		sed 's/^/# /' <<< "$out"
		echo "not ok a power cut, $3"
	fi
}
after_cut "" ok "defences on: what was acknowledged is there"
after_cut fsync-off "not ok" "fsync-off: the oracle reports it"
