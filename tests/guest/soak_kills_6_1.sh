#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of every process at 20 random moments each, kernel 6.1.
seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
exec "$(dirname "$0")/../../scripts/vm" --kernel 6.1 --disk 2G:ext4 --disk 2G:ext4 --timeout 7200 -- \
	tests/guest/inside/kills.sh 80 "$seed"
