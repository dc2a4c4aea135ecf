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
