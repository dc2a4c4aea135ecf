#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole capture matrix on every file system with both kernels, and its control: without cleaning, stores are lost.
here=$(dirname "$0")
bad=0
"$here/matrix/run.sh" "6.1 ext4 xfs btrfs tmpfs target:ext4,xfs,btrfs,tmpfs" "6.12 ext4 xfs btrfs tmpfs target:ext4,xfs,btrfs,tmpfs" || bad=1
if TM_MATRIX_NO_CLEAN=1 "$here/matrix/run.sh" "6.1 ext4:T41,T42" > /dev/null; then
	echo "not ok - control: without cleaning the ranges that were stored through mappings, rows T41 and T42 fail"
	bad=1
else
	echo "ok - control: without cleaning the ranges that were stored through mappings, rows T41 and T42 fail"
fi
exit "$bad"
