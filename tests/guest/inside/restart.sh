#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The source's daemon stops, properly or not, things change while nobody watches, it comes back: the pinned
# programs saw all of it, so nothing is scanned.

set -uo pipefail
. "$(dirname "$0")/common.sh"
mkdir "$SRC/dir"
head -c 300000 /dev/urandom > "$SRC/dir/file"
guest_policy p continuous
check "first sync" tm a policy sync p --timeout 120
for signal in TERM KILL; do
	before=$(field a p .totals.payload_bytes)
	node_kill a $signal
	dd if=/dev/urandom of="$SRC/dir/file" bs=4096 seek=9 count=1 conv=notrunc status=none
	echo "$signal" > "$SRC/new-$signal"
	mv "$SRC/dir" "$SRC/dir-$signal"
	mkdir "$SRC/dir"
	mv "$SRC/dir-$signal/file" "$SRC/dir/file"
	rmdir "$SRC/dir-$signal"
	check "it comes back after SIG$signal" node_start a
	check "policy sync" tm a policy sync p --timeout 60
	check "no difference" same
	check "no rescan was needed" test "$(field a p .totals.rescans)" = 0
	check "never incomplete" test "$(field a p .capture.incomplete)" = null
	payload=$(($(field a p .totals.payload_bytes) - before))
	echo "# $payload bytes of payload"
	check "only what changed was sent" test "$payload" -le 16384
done
finish
