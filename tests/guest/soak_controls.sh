#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The positive control of the power cut: with every sync left out acknowledged data must be missing afterwards.
. "$(dirname "$0")/guest.sh"
make -C "$GUEST_TOP" --no-print-directory -j2 O="$O/faults" EXTRA_CPPFLAGS=-DTM_FAULTS all oracle > "$O/faults.log" 2>&1 || exit 1
O=$O/faults
# fsync off: acknowledged data must be missing after a power cut.
. "$(dirname "$0")/powercut.sh"
out=$(TM_FAULT=fsync-off power_cut 6.1 durable kept 4711)
if grep -q '^ok.*the power went' <<< "$out" && grep -q '^not ok.*what was acknowledged' <<< "$out"; then
	echo "ok a power cut, fsync-off: the oracle reports it"
else
	sed 's/^/# /' <<< "$out"
	echo "not ok a power cut, fsync-off: the oracle reports it"
fi
