#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 50,000 operations from 4 threads, three seeds, kernel 6.12.
top=$(cd "$(dirname "$0")/../.." && pwd)
for n in 1 2 3; do
	seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
	"$top/scripts/vm" --kernel 6.12 --disk 2G:ext4 --disk 2G:ext4 --timeout 3600 -- \
		tests/guest/inside/continuous.sh 50000 "$seed" 4 | grep -v '^1\.\.'
done
