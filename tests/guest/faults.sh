# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced by the guest tests that need defences switched off: builds with -DTM_FAULTS into $O/faults and points $O there.

make -C "$GUEST_TOP" --no-print-directory -j2 O="$O/faults" EXTRA_CPPFLAGS=-DTM_FAULTS all oracle > "$O/faults.log" 2>&1 || {
	tail -n 20 "$O/faults.log" | sed 's/^/# /'
	echo "not ok the build without defences compiles"
	exit 1
}
export O="$O/faults"
