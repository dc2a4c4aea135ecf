#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of every process, once each, on a random one of the two kernels (soak: 20 each on both).
seed=${TM_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
kernel=$( ((seed % 2)) && echo 6.1 || echo 6.12)
echo "# kernel $kernel, seed $seed"
exec "$(dirname "$0")/../../scripts/vm" --kernel "$kernel" --disk 1G:ext4 --disk 1G:ext4 --timeout 900 -- \
	tests/guest/inside/kills.sh 4 "$seed"
