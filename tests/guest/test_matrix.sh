#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The capture matrix: all rows on ext4 with both kernels, a sample of each kind on the other file systems.
sample=T02,T07,T08b,T09,T12b,T13,T23,T25,T27,T30,T36,T37,T40,T41,T43,T44,T49,T51,T52,T56,T58,T59,T60,T61d,T66,T68,T71,N06b,N09d,N10,N12d,N12f,N13b,N20,M04,M05
exec "$(dirname "$0")/matrix/run.sh" "6.1 ext4 xfs:$sample btrfs:$sample tmpfs:$sample target:ext4" \
	"6.12 ext4 xfs:$sample btrfs:$sample tmpfs:$sample"
