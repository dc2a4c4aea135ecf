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
in_guest 6.1 1G 900 controls.sh | grep -v '^1\.\.'
# fsync off: acknowledged data must be missing after a power cut.
. "$(dirname "$0")/powercut.sh"
out=$(TM_FAULT=fsync-off power_cut 6.1 durable kept 4711)
if grep -q '^ok.*the power went' <<< "$out" && grep -q '^not ok.*what was acknowledged' <<< "$out"; then
	echo "ok a power cut, fsync-off: the oracle reports it"
else
	sed 's/^/# /' <<< "$out"
	echo "not ok a power cut, fsync-off: the oracle reports it"
fi
