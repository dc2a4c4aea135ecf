#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 5,000 operations from 4 threads with a fresh seed, kernel 6.12.
seed=${TM_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
exec "$(dirname "$0")/../../scripts/vm" --kernel 6.12 --disk 1G:ext4 --disk 1G:ext4 --timeout 600 -- \
	tests/guest/inside/continuous.sh 5000 "$seed" 4
